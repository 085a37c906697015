// SPDX-License-Identifier: BSD-3-Clause
// Text to frames, through the writers that switch and endpoint use.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "proto/byte_order.h"
#include "proto/txn/open_body.h"
#include "proto/wire/build.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/fcs.h"
#include "proto/wire/link_word.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_item.h"
#include "tests/differential/codec.h"
#include "tests/differential/words.h"

namespace ethlink::differential {

namespace {

using txn::OpenBody;
using wire::ItemOpcode;
using wire::LinkWord;
using wire::Opcode;
using wire::TxnStatus;

// The number whose name() is this word, of an enum in a byte.
template <class Enum>
Enum named(std::string_view word) {
    for (int n = 0; n < 256; ++n) {
        if (name(static_cast<Enum>(n)) == word) return static_cast<Enum>(n);
    }
    std::abort();  // Our own test wrote the word.
}

std::uint8_t part_flags(const Group& group) {
    const unsigned last = group.get<bool>("last") ? wire::kItemLast : 0u;
    return static_cast<std::uint8_t>(last | (group.has("immediate") ? wire::kItemImmediate : 0u));
}

std::uint8_t item_flags(ItemOpcode opcode, const Group& group) {
    if (opcode == ItemOpcode::kAtomic) {
        const auto* at = std::find(kAtomics.begin(), kAtomics.end(), group.text("operation"));
        return static_cast<std::uint8_t>(at - kAtomics.begin());
    }
    if (opcode == ItemOpcode::kDone) {
        return static_cast<std::uint8_t>(named<TxnStatus>(group.text("status")));
    }
    if (opcode == ItemOpcode::kReadData) {
        return static_cast<std::uint8_t>((group.get<bool>("last") ? wire::kItemLast : 0u) |
                                         (group.get<bool>("error") ? wire::kItemError : 0u));
    }
    return group.has("last") ? part_flags(group) : std::uint8_t{0};
}

void append_item(Bytes& payload, const Group& group) {
    const auto opcode = named<ItemOpcode>(group.word());
    const Bytes data = group.has("data") ? from_hex(group.text("data")) : Bytes();
    std::uint32_t length = static_cast<std::uint32_t>(data.size());
    if (group.has("length")) length = group.get<std::uint32_t>("length");
    if (group.has("count")) length = group.get<std::uint32_t>("count");
    const std::uint8_t flags = item_flags(opcode, group);
    const std::size_t before = payload.size();
    payload.resize(before + wire::item_size(opcode, flags, length));
    std::byte* at = wire::put_head(&payload[before], opcode, flags, length);
    if (group.has("key")) {
        at = wire::put_where(at, group.get("key"), group.get("address"));
    }
    for (const std::string_view key : {"operand", "compare"}) {
        if (!group.has(key)) continue;
        store_be64(at, group.get(key));
        at += 8;
    }
    if (group.has("total")) store_be32(at, group.get<std::uint32_t>("total"));
    at = std::copy(data.begin(), data.end(), at);
    if (group.has("immediate")) store_be64(at, group.get("immediate"));
}

Bytes encode_opening(const Group& group) {
    const OpenBody body{.nonce = group.get("nonce"),
                        .kind = group.get<txn::ChannelClass>("class"),
                        .transactions = group.get<std::uint16_t>("transactions_max"),
                        .response_bytes = group.get<std::uint32_t>("response_bytes_max"),
                        .epoch = group.has("epoch64") ? group.get("epoch64") : 0};
    Bytes payload(OpenBody::kOpenedSize);
    body.emit(std::span(payload).first<OpenBody::kOpenedSize>());
    if (!group.has("epoch64")) payload.resize(OpenBody::kOpenSize);
    return payload;
}

Bytes encode_payload(std::span<const Group> groups) {
    Bytes payload;
    for (const Group& group : groups) {
        if (group.word() == "opening") {
            payload = encode_opening(group);
        } else if (group.word() == "reason") {
            payload.push_back(group.get<std::byte>("value"));
        } else if (group.word() == "payload") {
            payload = from_hex(group.text("data"));
        } else {
            append_item(payload, group);
        }
    }
    return payload;
}

std::uint32_t link_word(const Group& group) {
    return LinkWord{.eligible = group.get<bool>("eligible"),
                    .poisoned = group.get<bool>("poisoned"),
                    .vc = Vc{group.get<std::uint8_t>("vc")},
                    .session = group.get<std::uint8_t>("session"),
                    .sequence = group.get<std::uint32_t>("sequence")}
        .encode();
}

Bytes encode_data(std::span<const Group> groups) {
    wire::DataFrame frame;
    std::uint32_t link = 0;
    std::size_t i = 0;
    for (bool headers = true; headers; ++i) {
        const Group& group = groups[i];
        if (group.word() == "frame") {
            frame.dst = {group.get<std::uint16_t>("dst")};
            frame.src = {group.get<std::uint16_t>("src")};
            frame.entropy = group.get<std::uint16_t>("entropy");
        } else if (group.word() == "tag") {
            frame.vlan = wire::VlanTag{.pcp = group.get<std::uint8_t>("pcp"),
                                       .dei = group.get<bool>("dei"),
                                       .vid = group.get<std::uint16_t>("vid")};
        } else if (group.word() == "link") {
            link = link_word(group);
        } else if (group.word() == "net") {
            frame.net = {.ar = group.get<bool>("ar"),
                         .reserved = group.get<std::uint8_t>("reserved"),
                         .ttl = group.get<std::uint8_t>("ttl"),
                         .dscp = group.get<std::uint8_t>("dscp"),
                         .ecn = group.get<std::uint8_t>("ecn")};
        } else {
            frame.txn = {named<Opcode>(group.word()), group.get<std::uint8_t>("flags"),
                         group.get<std::uint16_t>("channel"), group.get<std::uint32_t>("psn"),
                         group.get<std::uint32_t>("ack")};
            headers = false;
        }
    }
    const Bytes payload = encode_payload(groups.subspan(i));
    frame.payload = payload;
    Bytes bytes(frame.size(), std::byte{0xA5});
    bytes.resize(frame.emit(bytes));
    if (!bytes.empty()) wire::store_link_word(bytes.data(), link);
    return bytes;
}

wire::Hello hello_of(const Group& group) {
    wire::Hello hello;
    hello.digest = group.get("digest");
    hello.self = {group.get<std::uint32_t>("node"), group.get<std::uint16_t>("port"),
                  group.get<std::uint32_t>("incarnation")};
    hello.heard = {group.get<std::uint32_t>("heard_node"), group.get<std::uint16_t>("heard_port"),
                   group.get<std::uint32_t>("heard_incarnation")};
    hello.hold_ms = group.get<std::uint16_t>("hold_ms");
    hello.sequence = group.get<std::uint32_t>("sequence");
    return hello;
}

wire::LinkAdvert advert_of(const Group& group) {
    return {.node = group.get<std::uint32_t>("node"),
            .part = group.get<std::uint16_t>("part"),
            .flags = group.get<std::uint16_t>("flags"),
            .version = group.get("version"),
            .dead = group.get("dead"),
            .drained = group.get("drained")};
}

Bytes encode_control(std::span<const Group> groups) {
    const auto tx_epoch = groups[0].get<std::uint16_t>("tx_epoch");
    const auto rx_epoch = groups[0].get<std::uint16_t>("rx_epoch");
    Bytes bytes(wire::kMaxControlFrame, std::byte{0xA5});
    wire::ControlFrameWriter writer(bytes);
    writer.begin(tx_epoch, rx_epoch);
    std::vector<std::uint32_t> consumed;
    std::optional<wire::Hello> hello;
    std::uint32_t link = 0;
    for (const Group& group : groups.subspan(1)) {
        if (group.word() == "link") {
            link = link_word(group);
        } else if (group.word() == "hello") {
            hello = hello_of(group);
        } else if (group.word() == "advert") {
            if (hello->is_full()) return {};
            hello->add(advert_of(group));
        } else if (group.word() == "s_cc") {
            consumed.push_back(group.get<std::uint32_t>("value"));
        } else {
            const auto* word = std::find_if(kSets.begin(), kSets.end(), [&](const SetWord& one) {
                return one.word == group.word();
            });
            if (!writer.add({.type = word->type,
                             .value = group.get<std::uint32_t>("value"),
                             .arg = group.get<std::uint16_t>("arg")})) {
                return {};
            }
        }
    }
    if (hello) {
        bytes.resize(wire::emit_hello(bytes, tx_epoch, rx_epoch, *hello));
    } else if (consumed.empty()) {
        bytes.resize(writer.finish());
    } else {
        bytes.resize(wire::emit_cc_update(bytes, tx_epoch, rx_epoch, consumed));
    }
    if (!bytes.empty()) wire::store_link_word(bytes.data(), link);
    return bytes;
}

}  // namespace

Bytes encode(Groups groups) {
    const bool with_fcs = groups.back().word() == "fcs";
    if (with_fcs) groups.pop_back();
    const bool control = groups.front().word() == "control";
    Bytes bytes = control ? encode_control(groups) : encode_data(groups);
    if (with_fcs && !bytes.empty()) {
        bytes.resize(bytes.size() + wire::kFcsSize);
        wire::write_fcs(bytes);
    }
    return bytes;
}

}  // namespace ethlink::differential
