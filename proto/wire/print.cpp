// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/print.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/ctl_os.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "proto/wire/link_word.h"
#include "proto/wire/net_header.h"
#include "proto/wire/oefh.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_item.h"
#include "proto/wire/vlan.h"

namespace ethlink::wire {

namespace {

using Bytes = std::span<const std::byte>;

// Text that grows in somebody else's characters, and stops growing at their end.
class Line {
public:
    explicit Line(std::span<char> out) : out_(out) {
        if (!out_.empty()) out_[0] = '\0';
    }

    [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) {
        if (size_ + 1 >= out_.size()) return;
        va_list arguments;
        va_start(arguments, format);
        const int wanted = std::vsnprintf(&out_[size_], out_.size() - size_, format, arguments);
        va_end(arguments);
        if (wanted > 0) {
            size_ = std::min(size_ + static_cast<std::size_t>(wanted), out_.size() - 1);
        }
    }

    void add(std::string_view text) {
        if (!text.empty()) add("%.*s", static_cast<int>(text.size()), text.data());
    }

    std::size_t size() const { return size_; }

private:
    std::span<char> out_;
    std::size_t size_ = 0;
};

// What is left of `bytes` behind `offset`; empty if nothing is.
Bytes behind(Bytes bytes, std::size_t offset) {
    return bytes.subspan(std::min(offset, bytes.size()));
}

unsigned byte_at(Bytes bytes, std::size_t offset) {
    return std::to_integer<unsigned>(bytes[offset]);
}

void add_hex(Line& line, Bytes bytes) {
    for (const std::byte byte : bytes) line.add("%02x", std::to_integer<unsigned>(byte));
}

void add_link_word(Line& line, std::uint32_t raw) {
    if (raw == 0) return;
    const LinkWord word = LinkWord::decode(raw);
    line.add(" | link vc %u", unsigned{word.vc.value});
    if (word.eligible) {
        line.add(" session %u seq %u", unsigned{word.session}, word.sequence);
    } else if (word.session != 0 || word.sequence != 0) {
        line.add(" not eligible but 0x%08x", raw);
    }
    if (word.poisoned) line.add(" poisoned");
}

void add_oefh(Line& line, Bytes frame) {
    const auto view = OefhView::parse(frame);
    if (!view) return;
    const Oefh oefh = view->repr();
    line.add("%u > %u length %u entropy %u", unsigned{oefh.src.value}, unsigned{oefh.dst.value},
             unsigned{oefh.total_length}, unsigned{oefh.entropy});
}

void add_vlan(Line& line, const VlanTag& tag) {
    line.add(" vlan %u pcp %u%s", unsigned{tag.vid}, unsigned{tag.pcp}, tag.dei ? " dei" : "");
}

void add_net(Line& line, Bytes bytes) {
    if (bytes.size() < NetHeader::kSize) return;
    const NetHeader net = NetHeader::decode(load_be16(bytes.data()));
    line.add(" |%s ttl %u dscp %u", net.ar ? " ar" : "", unsigned{net.ttl}, unsigned{net.dscp});
    if (net.ecn != 0) line.add(" ecn %u", unsigned{net.ecn});
    if (net.reserved != 0) line.add(" reserved %u", unsigned{net.reserved});
}

std::string_view name(AtomicOp op) {
    switch (op) {
        case AtomicOp::kFetchAdd: return "fetch_add";
        case AtomicOp::kSwap: return "swap";
        case AtomicOp::kCompareSwap: return "compare_swap";
        case AtomicOp::kFetchAnd: return "fetch_and";
        case AtomicOp::kFetchOr: return "fetch_or";
        case AtomicOp::kFetchXor: return "fetch_xor";
        case AtomicOp::kCount: break;
    }
    return {};
}

// `bytes` ends where the payload does, if that is known.
void add_txn(Line& line, Bytes bytes) {
    if (bytes.size() < TxnHeader::kSize) return;
    const unsigned opcode = byte_at(bytes, TxnHeader::kOpcodeOffset);
    const unsigned flags = byte_at(bytes, TxnHeader::kFlagsOffset);
    const std::string_view text = name(static_cast<Opcode>(opcode));
    line.add(" | ");
    if (const auto txn = TxnView::parse(bytes); !txn) {
        line.add(name(txn.error()));
        line.add(": ");
    }
    if (text.empty()) {
        line.add("opcode 0x%02x", opcode);
    } else {
        line.add(text);
    }
    if (flags >> TxnHeader::kVersionShift != 0) {
        line.add(" version %u", flags >> TxnHeader::kVersionShift);
    }
    line.add(" channel %u psn %u ack %u", unsigned{load_be16(&bytes[TxnHeader::kChannelOffset])},
             load_be32(&bytes[TxnHeader::kPsnOffset]), load_be32(&bytes[TxnHeader::kAckOffset]));
    if ((flags & TxnHeader::kFromTarget) != 0) line.add(" from_target");
    const unsigned other_flags = flags & TxnHeader::kFlagsMask & ~unsigned{TxnHeader::kFromTarget};
    if (other_flags != 0) line.add(" flags 0x%02x", other_flags);
    line.add(" payload %zu", bytes.size() - TxnHeader::kSize);
}

void add_malformed(Line& line) {
    line.add(" | ");
    line.add(name(Drop::kTxnMalformed));
}

void add_where(Line& line, const ItemView& item) {
    line.add(" at 0x%" PRIx64 " key 0x%" PRIx64, item.address, item.key);
}

void add_message_end(Line& line, const ItemView& item) {
    if (item.is_last()) line.add(" last");
    if (item.has_immediate()) line.add(" immediate 0x%" PRIx64, item.immediate);
}

void add_atomic(Line& line, const ItemView& item) {
    line.add(" ");
    line.add(name(item.atomic()));
    line.add(" %u", unsigned{item.length});
    add_where(line, item);
    line.add(" operand 0x%" PRIx64, item.operand);
    if (item.atomic() == AtomicOp::kCompareSwap) line.add(" compare 0x%" PRIx64, item.compare);
}

void add_item(Line& line, const ItemView& item) {
    line.add(" | ");
    line.add(name(item.opcode));
    switch (item.opcode) {
        case ItemOpcode::kInvalid: return;
        case ItemOpcode::kLoad:
        case ItemOpcode::kStore:
            line.add(" %u", unsigned{item.length});
            add_where(line, item);
            return;
        case ItemOpcode::kAtomic: add_atomic(line, item); return;
        case ItemOpcode::kWrite:
            line.add(" %u", unsigned{item.length});
            add_where(line, item);
            add_message_end(line, item);
            return;
        case ItemOpcode::kRead:
            line.add(" %" PRIu64, item.operand);
            add_where(line, item);
            return;
        case ItemOpcode::kSend:
            line.add(" %u", unsigned{item.length});
            add_message_end(line, item);
            return;
        case ItemOpcode::kDone:
            line.add(" %u ", unsigned{item.length});
            line.add(name(item.status()));
            return;
        case ItemOpcode::kData: line.add(" %u", unsigned{item.length}); return;
        case ItemOpcode::kReadData:
            line.add(" %u%s%s", unsigned{item.length}, item.is_last() ? " last" : "",
                     item.is_error() ? " error" : "");
            return;
    }
}

// The first few in full, how many more there are, and from where on there is nonsense. No item at
// all is nonsense, too.
void add_items(Line& line, Bytes payload) {
    constexpr std::size_t kInFull = 4;
    std::size_t count = 0;
    ItemReader reader(payload);
    bool good = !reader.done();
    while (good && !reader.done()) {
        const auto item = reader.next();
        good = item.has_value();
        if (good && ++count <= kInFull) add_item(line, *item);
    }
    if (count > kInFull) line.add(" | +%zu more", count - kInFull);
    if (good) return;
    add_malformed(line);
    line.add(": item %zu", count + 1);
}

// The payloads of frames without items stand in docs/protocol.md.

void add_open(Line& line, Bytes payload) {
    const unsigned channel_class = byte_at(payload, 8);
    const unsigned flags = byte_at(payload, 9);
    line.add(" | nonce 0x%016" PRIx64, load_be64(&payload[0]));
    if (channel_class <= 1) {
        line.add(channel_class == 0 ? " load_store" : " rdma");
    } else {
        line.add(" class %u", channel_class);
    }
    if (flags != 0) line.add(" flags 0x%02x", flags);
    line.add(" transactions %u response_bytes %u", unsigned{load_be16(&payload[10])},
             load_be32(&payload[12]));
    if (payload.size() > kOpenSize)
        line.add(" epoch 0x%016" PRIx64, load_be64(&payload[kOpenSize]));
    if (channel_class > 1) add_malformed(line);
}

std::string_view name(NackReason reason) {
    switch (reason) {
        case NackReason::kGap: return "gap";
        case NackReason::kNoReceive: return "no_receive";
        case NackReason::kNoRoom: return "no_room";
    }
    return {};
}

std::string_view name(ResetReason reason) {
    switch (reason) {
        case ResetReason::kUnknownChannel: return "unknown_channel";
        case ResetReason::kNoRoom: return "no_room";
        case ResetReason::kClosed: return "closed";
    }
    return {};
}

template <class Reason>
void add_reason(Line& line, Bytes payload) {
    const std::string_view text = name(static_cast<Reason>(payload[0]));
    line.add(" | ");
    if (text.empty()) {
        line.add("reason %u", byte_at(payload, 0));
    } else {
        line.add(text);
    }
}

void add_payload(Line& line, const TxnView& txn) {
    const Bytes payload = txn.payload();
    switch (txn.opcode()) {
        case Opcode::kRequest:
        case Opcode::kResponse: add_items(line, payload); return;
        case Opcode::kNack: add_reason<NackReason>(line, payload); return;
        case Opcode::kOpen:
        case Opcode::kOpened: add_open(line, payload); return;
        case Opcode::kReset: add_reason<ResetReason>(line, payload); return;
        case Opcode::kAck:
        case Opcode::kInvalid:
        case Opcode::kTest: return;
    }
}

void print_data(Line& line, const FrameView& frame) {
    add_oefh(line, frame.bytes());
    if (frame.is_tagged()) add_vlan(line, frame.vlan_tag());
    add_link_word(line, frame.link_word_raw());
    add_net(line, frame.bytes().subspan(frame.net_offset()));
    add_txn(line, frame.txn_bytes());
    if (const auto txn = TxnView::parse(frame.txn_bytes())) add_payload(line, *txn);
    const std::uint32_t computed = compute_icrc_without_link_word(frame);
    line.add(" | icrc 0x%08x ", frame.icrc());
    if (computed == frame.icrc()) {
        line.add("good");
    } else {
        line.add("bad, should be 0x%08x", computed);
    }
    const std::size_t pad = frame.size() - frame.end_offset();
    if (pad != 0) line.add(" | pad %zu", pad);
}

void add_ctl_os(Line& line, Bytes bytes) {
    const auto raw = bytes.first<CtlOs::kSize>();
    const auto set = CtlOs::parse(raw);
    if (!set) {
        line.add(" | bad set ");
        add_hex(line, raw);
        return;
    }
    line.add(" | ");
    line.add(name(set->type));
    switch (set->type) {
        case CtlOsType::kAck:
        case CtlOsType::kNack: line.add(" seq %u", set->value); return;
        case CtlOsType::kInit:
        case CtlOsType::kInitEcho:
            line.add(" seq %u epoch %u", set->value, unsigned{set->arg});
            return;
        case CtlOsType::kCfUpdate:
            line.add(" vc %u freed %u", unsigned{set->vc().value}, set->value);
            return;
    }
}

void add_end(Line& line, const char* word, const HelloEnd& end) {
    line.add(" %s %u:%u incarnation %08x", word, end.node, unsigned{end.port}, end.incarnation);
}

void add_hello(Line& line, std::size_t count, Bytes body) {
    if (body.size() < Hello::kHeadSize) return;
    const std::size_t whole = (body.size() - Hello::kHeadSize) / LinkAdvert::kSize;
    count = std::min({count, Hello::kMaxAdverts, whole});
    const Hello hello = Hello::decode(body, static_cast<std::uint8_t>(count));
    line.add(" | hello %u fabric %016llx", hello.sequence,
             static_cast<unsigned long long>(hello.digest));
    add_end(line, "from", hello.self);
    if (hello.heard.incarnation != 0) add_end(line, "hears", hello.heard);
    line.add(" hold %u ms", unsigned{hello.hold_ms});
    for (const LinkAdvert& advert : hello.list()) {
        line.add(" | node %u part %u version %llu flags %04x dead %016llx drained %016llx",
                 advert.node, unsigned{advert.part},
                 static_cast<unsigned long long>(advert.version), unsigned{advert.flags},
                 static_cast<unsigned long long>(advert.dead),
                 static_cast<unsigned long long>(advert.drained));
    }
}

// As many elements as the count says and the bytes give.
void add_control_body(Line& line, ControlKind kind, std::size_t count, Bytes body) {
    switch (kind) {
        case ControlKind::kOrderedSets:
            count = std::min({count, kMaxControlSets, body.size() / CtlOs::kSize});
            for (; count > 0; --count, body = body.subspan(CtlOs::kSize)) add_ctl_os(line, body);
            return;
        case ControlKind::kCcUpdate:
            count = std::min({count, kMaxVcs, body.size() / kCcSize});
            line.add(" | CC_Update consumed");
            for (; count > 0; --count, body = body.subspan(kCcSize)) {
                line.add(" %u", unsigned{load_be16(&body[0])} << 4 | byte_at(body, 2) >> 4);
            }
            return;
        case ControlKind::kHello: add_hello(line, count, body); return;
    }
}

void print_control(Line& line, Bytes frame) {
    if (const auto control = parse_control(frame); !control) {
        line.add(name(control.error()));
        line.add(", %zu bytes: ", frame.size());
    }
    line.add("control");
    if (frame.size() < kControlBodyOffset) return;
    const unsigned version_kind = byte_at(frame, kControlVersionOffset);
    const unsigned count = byte_at(frame, kControlCountOffset);
    line.add(" version %u kind %u count %u tx_epoch %u rx_epoch %u", version_kind >> 4,
             version_kind & 0xF, count, unsigned{load_be16(&frame[kTxEpochOffset])},
             unsigned{load_be16(&frame[kRxEpochOffset])});
    add_link_word(line, load_link_word(frame.data()));
    add_control_body(line, static_cast<ControlKind>(version_kind & 0xF), count,
                     frame.subspan(kControlBodyOffset));
}

// A frame that the door refused: all of our fields that it is long enough to have.
void print_refused(Line& line, Bytes frame, Drop reason) {
    line.add(name(reason));
    line.add(", %zu bytes", frame.size());
    if (frame.size() < kOefhSize) {
        line.add(frame.empty() ? "" : ": ");
        add_hex(line, frame);
        return;
    }
    line.add(": ");
    add_oefh(line, frame);
    std::size_t net_offset = kOefhSize;
    std::uint16_t ether_type = load_be16(&frame[kEtherTypeOffset]);
    if (ether_type == kEtherTypeVlan && frame.size() >= kOefhSize + VlanTag::kSize) {
        add_vlan(line, VlanTag::decode(load_be16(&frame[kOefhSize])));
        net_offset += VlanTag::kSize;
        ether_type = load_be16(&frame[net_offset - 2]);
    }
    line.add(" type 0x%04x", unsigned{ether_type});
    if (ether_type != kEtherTypeData) return;
    add_link_word(line, load_link_word(frame.data()));
    add_net(line, behind(frame, net_offset));
    add_txn(line, behind(frame, net_offset + NetHeader::kSize));
}

}  // namespace

std::size_t print(std::span<const std::byte> frame, std::span<char> out) {
    Line line(out);
    const auto view = parse(frame);
    if (!view) {
        print_refused(line, frame, view.error());
    } else if (view->is_control()) {
        print_control(line, frame);
    } else {
        print_data(line, *view);
    }
    return line.size();
}

}  // namespace ethlink::wire
