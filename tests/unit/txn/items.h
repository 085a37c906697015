// SPDX-License-Identifier: BSD-3-Clause
// Items and frames as a test writes them, and as it reads what came back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/byte_order.h"
#include "proto/txn/psn.h"
#include "proto/wire/frame.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_item.h"
#include "proto/wire/txn_writer.h"

namespace ethlink::txn::test {

using Bytes = std::vector<std::byte>;

inline Bytes pattern(std::size_t n, std::uint8_t seed = 1) {
    Bytes bytes(n);
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(seed + 7 * i);
    return bytes;
}

/// A payload under construction, item by item; says what it is told, sound or not.
class Items {
public:
    explicit Items(std::uint64_t key = 0) : key_(key) {}
    Items& with_key(std::uint64_t key) {
        key_ = key;
        return *this;
    }

    Items& load(std::uint64_t address, std::uint32_t n) {
        return head(wire::ItemOpcode::kLoad, 0, n).where(address);
    }
    Items& store(std::uint64_t address, const Bytes& data) {
        return head(wire::ItemOpcode::kStore, 0, data.size()).where(address).data(data);
    }
    Items& atomic(wire::AtomicOp op, std::uint64_t address, std::uint32_t n, std::uint64_t operand,
                  std::uint64_t compare = 0) {
        head(wire::ItemOpcode::kAtomic, static_cast<std::uint8_t>(op), n).where(address);
        be64(operand);
        return op == wire::AtomicOp::kCompareSwap ? be64(compare) : *this;
    }
    Items& write(std::uint64_t address, const Bytes& data, bool last = true,
                 std::optional<std::uint64_t> immediate = {}) {
        head(wire::ItemOpcode::kWrite, message_flags(last, immediate), data.size());
        where(address).data(data);
        return immediate ? be64(*immediate) : *this;
    }
    Items& read(std::uint64_t address, std::uint32_t total) {
        head(wire::ItemOpcode::kRead, 0, 0).where(address);
        std::byte bytes[4];
        store_be32(bytes, total);
        bytes_.insert(bytes_.end(), bytes, bytes + 4);
        return *this;
    }
    Items& send(const Bytes& data, bool last = true, std::optional<std::uint64_t> immediate = {}) {
        head(wire::ItemOpcode::kSend, message_flags(last, immediate), data.size()).data(data);
        return immediate ? be64(*immediate) : *this;
    }
    Items& done(std::uint32_t n, wire::TxnStatus status = wire::TxnStatus::kOk) {
        return head(wire::ItemOpcode::kDone, static_cast<std::uint8_t>(status), n);
    }
    Items& value(const Bytes& bytes) {
        return head(wire::ItemOpcode::kData, 0, bytes.size()).data(bytes);
    }
    Items& read_data(const Bytes& bytes, std::uint8_t flags) {
        return head(wire::ItemOpcode::kReadData, flags, bytes.size()).data(bytes);
    }
    Items& raw(const Bytes& bytes) { return data(bytes); }

    const Bytes& bytes() const { return bytes_; }
    std::uint32_t count() const { return wire::count_items(bytes_).value_or(0); }

private:
    static std::uint8_t message_flags(bool last, const std::optional<std::uint64_t>& immediate) {
        return static_cast<std::uint8_t>((last ? wire::kItemLast : 0) |
                                         (immediate ? wire::kItemImmediate : 0));
    }
    Items& head(wire::ItemOpcode opcode, std::uint8_t flags, std::size_t length) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + wire::kItemHeadSize);
        wire::put_head(&bytes_[at], opcode, flags, static_cast<std::uint32_t>(length));
        return *this;
    }
    Items& where(std::uint64_t address) { return be64(key_).be64(address); }
    Items& be64(std::uint64_t value) {
        std::byte bytes[8];
        store_be64(bytes, value);
        bytes_.insert(bytes_.end(), bytes, bytes + 8);
        return *this;
    }
    Items& data(const Bytes& data) {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        return *this;
    }

    std::uint64_t key_;
    Bytes bytes_;
};

/// An item that outlives its frame.
struct Item {
    wire::ItemView view;
    Bytes data;
};

/// A frame that a half of a channel wrote.
struct Frame {
    wire::TxnHeader header;
    Bytes payload;
    std::vector<Item> items;
};

/// What `half` writes into one frame of at most `bytes`.
template <class Half>
Frame fill(Half& half, Time now, std::size_t bytes = 2048) {
    Bytes buffer(bytes);
    wire::TxnWriter writer(buffer, Tenant{});
    const wire::TxnHeader header = half.fill(writer, 1, now);
    const std::size_t size = writer.finish({}, header);
    const auto view = wire::parse(std::span(buffer).first(size));
    const auto txn = wire::TxnView::parse(view->txn_bytes());
    Frame frame{header, {txn->payload().begin(), txn->payload().end()}, {}};
    if (header.opcode != wire::Opcode::kRequest && header.opcode != wire::Opcode::kResponse) {
        return frame;
    }
    wire::ItemReader reader(frame.payload);
    while (const auto item = reader.next()) {
        frame.items.push_back({*item, {item->data.begin(), item->data.end()}});
    }
    return frame;
}

/// The bytes of a frame as TxnView takes them.
inline Bytes txn_bytes(const wire::TxnHeader& header, const Bytes& payload) {
    Bytes bytes(wire::TxnHeader::kSize);
    header.emit(std::span(bytes).first<wire::TxnHeader::kSize>());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
}

}  // namespace ethlink::txn::test
