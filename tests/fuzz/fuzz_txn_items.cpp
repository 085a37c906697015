// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a transaction: header, items, open body, test payload. What is read lies inside and
// is written again byte for byte (T11, D4).
#include "dataplane/test_payload.h"
#include "proto/txn/open_body.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_item.h"
#include "tests/fuzz/input.h"
#include "tests/unit/txn/items.h"

namespace ethlink::fuzz {
namespace {

using txn::test::Items;
using wire::ItemOpcode;
using wire::ItemView;

Bytes data_of(const ItemView& item) {
    return {item.data.begin(), item.data.end()};
}

/// The item once more, by the writer that tests have.
void write(Items& items, const ItemView& item) {
    std::optional<std::uint64_t> immediate;
    if (item.has_immediate()) immediate = item.immediate;
    items.with_key(item.key);
    switch (item.opcode) {
        case ItemOpcode::kLoad: items.load(item.address, item.length); return;
        case ItemOpcode::kStore: items.store(item.address, data_of(item)); return;
        case ItemOpcode::kAtomic:
            items.atomic(item.atomic(), item.address, item.length, item.operand, item.compare);
            return;
        case ItemOpcode::kWrite:
            items.write(item.address, data_of(item), item.is_last(), immediate);
            return;
        case ItemOpcode::kRead:
            items.read(item.address, static_cast<std::uint32_t>(item.operand));
            return;
        case ItemOpcode::kSend: items.send(data_of(item), item.is_last(), immediate); return;
        case ItemOpcode::kDone: items.done(item.length, item.status()); return;
        case ItemOpcode::kData: items.value(data_of(item)); return;
        case ItemOpcode::kReadData: items.read_data(data_of(item), item.flags); return;
        case ItemOpcode::kInvalid: break;
    }
    must(false, "an item of no kind was read");
}

void check_item(const ItemView& item, std::span<const std::byte> payload) {
    const std::byte* const end = payload.data() + payload.size();
    must(item.data.empty() ||
             (item.data.data() >= payload.data() && item.data.data() + item.data.size() <= end),
         "the data of an item lie in its frame");
    must(item.opcode != ItemOpcode::kAtomic || item.atomic() < wire::AtomicOp::kCount,
         "an atomic that exists");
    must(item.opcode != ItemOpcode::kDone || item.status() < wire::TxnStatus::kCount,
         "a status that exists");
    must(item.opcode != ItemOpcode::kRead ||
             (item.operand >= 1 && item.operand <= wire::kMessageMax),
         "a read of some bytes, and not too many");
}

void read_items(const Bytes& payload) {
    Items again;
    std::uint32_t count = 0;
    wire::ItemReader reader(payload), skipper(payload);
    ItemView item;
    while (reader.read(item)) {
        must(skipper.skip(), "skipping and reading see the same items");
        check_item(item, payload);
        write(again, item);
        ++count;
        // Written so far = read so far.
        must(again.bytes().size() <= payload.size() &&
                 std::equal(again.bytes().begin(), again.bytes().end(), payload.begin()),
             "an item is written as it was read");
        item = {};
    }
    const auto counted = wire::count_items(payload);
    must(counted.has_value() == reader.done(), "a payload is whole or it is not");
    must(!counted || *counted == count, "items are counted as they are read");
    must(!reader.done() || again.bytes().size() == payload.size(), "nothing was passed over");
}

void read_open(const Bytes& bytes) {
    for (const std::size_t size : {txn::OpenBody::kOpenSize, txn::OpenBody::kOpenedSize}) {
        const auto body = txn::OpenBody::parse(bytes, size);
        must(!body || bytes.size() == size, "an open body has one length");
        if (!body) continue;
        std::array<std::byte, txn::OpenBody::kOpenedSize> out{};
        body->emit(out);
        Bytes expected = bytes;
        expected[9] = std::byte{0};  // flags: none are defined
        must(std::equal(expected.begin(), expected.end(), out.begin()), "an open body round trip");
    }
}

void read_test(const Bytes& bytes) {
    const auto payload = TestPayload::parse(bytes);
    if (!payload) return;
    Bytes out(TestPayload::kSize);
    payload->emit(out);
    must(std::equal(out.begin(), out.end(), bytes.begin()), "a test payload round trip");
}

}  // namespace

void run(Input& input) {
    const Bytes bytes = input.rest();
    const auto view = wire::TxnView::parse(bytes);
    if (view) {
        must(view->payload().size() + wire::TxnHeader::kSize == bytes.size(), "all of it");
        std::array<std::byte, wire::TxnHeader::kSize> out{};
        view->repr().emit(out);
        must(std::equal(out.begin(), out.end(), bytes.begin()), "a header round trip");
    } else {
        must(view.error() == Drop::kTxnMalformed || view.error() == Drop::kUnknownVersion ||
                 view.error() == Drop::kUnknownOpcode,
             "the transaction door's own reasons");
    }
    const std::size_t head = std::min(bytes.size(), wire::TxnHeader::kSize);
    const Bytes payload(bytes.begin() + static_cast<std::ptrdiff_t>(head), bytes.end());
    read_items(payload);
    read_open(payload);
    read_test(payload);
}

}  // namespace ethlink::fuzz
