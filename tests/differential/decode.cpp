// SPDX-License-Identifier: BSD-3-Clause
// Frames to text, through the doors and views that switch and endpoint use.
#include <algorithm>
#include <array>
#include <string_view>

#include "proto/txn/open_body.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/ctl_os.h"
#include "proto/wire/fcs.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "proto/wire/link_word.h"
#include "proto/wire/print.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_item.h"
#include "tests/differential/codec.h"
#include "tests/differential/words.h"

namespace ethlink::differential {

namespace {

using Span = std::span<const std::byte>;
using txn::OpenBody;
using wire::AtomicOp;
using wire::CtlOs;
using wire::ItemOpcode;
using wire::ItemView;
using wire::LinkWord;
using wire::Opcode;

std::uint64_t as_number(bool bit) {
    return bit ? 1 : 0;
}

void add_link(Groups& groups, std::uint32_t raw) {
    if (raw == 0) return;
    const LinkWord word = LinkWord::decode(raw);
    groups.push_back(Group("link")
                         .add("eligible", as_number(word.eligible))
                         .add("poisoned", as_number(word.poisoned))
                         .add("vc", word.vc.value)
                         .add("session", word.session)
                         .add("sequence", word.sequence));
}

void add_pad(Groups& groups, std::size_t size, std::size_t end) {
    if (size == std::max(end, wire::kEthernetMin)) return;
    groups.push_back(Group("pad").add("bytes", size - end));
}

Group& add_where(Group& group, const ItemView& item) {
    return group.add_wide("key", item.key).add_wide("address", item.address);
}

Group& add_part(Group& group, const ItemView& item) {
    group.add("data", item.data);
    return item.has_immediate() ? group.add_wide("immediate", item.immediate) : group;
}

Group item_group(const ItemView& item) {
    Group group(name(item.opcode));
    switch (item.opcode) {
        case ItemOpcode::kInvalid: break;
        case ItemOpcode::kLoad: add_where(group.add("length", item.length), item); break;
        case ItemOpcode::kStore: add_where(group, item).add("data", item.data); break;
        case ItemOpcode::kAtomic:
            group.add("operation", kAtomics[static_cast<std::size_t>(item.atomic())]);
            add_where(group.add("length", item.length), item).add_wide("operand", item.operand);
            if (item.atomic() == AtomicOp::kCompareSwap) group.add_wide("compare", item.compare);
            break;
        case ItemOpcode::kWrite:
            add_part(add_where(group, item).add("last", as_number(item.is_last())), item);
            break;
        case ItemOpcode::kRead: add_where(group, item).add("total", item.operand); break;
        case ItemOpcode::kSend: add_part(group.add("last", as_number(item.is_last())), item); break;
        case ItemOpcode::kDone:
            group.add("count", item.length).add("status", name(item.status()));
            break;
        case ItemOpcode::kData: group.add("data", item.data); break;
        case ItemOpcode::kReadData:
            group.add("last", as_number(item.is_last()))
                .add("error", as_number(item.is_error()))
                .add("data", item.data);
            break;
    }
    return group;
}

bool add_items(Groups& groups, Span payload) {
    const auto count = wire::count_items(payload);
    if (!count || *count == 0) return false;
    for (wire::ItemReader reader(payload); !reader.done();) {
        const auto item = reader.next();
        if (!item) return false;
        groups.push_back(item_group(*item));
    }
    return true;
}

bool add_opening(Groups& groups, Span payload, std::size_t size) {
    const auto body = OpenBody::parse(payload, size);
    if (!body) return false;
    Group group("opening");
    group.add_wide("nonce", body->nonce)
        .add("class", static_cast<std::uint64_t>(body->kind))
        .add("flags", std::to_integer<std::uint64_t>(payload[9]))
        .add("transactions_max", body->transactions)
        .add("response_bytes_max", body->response_bytes);
    if (size == OpenBody::kOpenedSize) group.add_wide("epoch64", body->epoch);
    groups.push_back(group);
    return true;
}

void add_reason(Groups& groups, Span payload) {
    groups.push_back(Group("reason").add("value", std::to_integer<std::uint64_t>(payload[0])));
}

bool add_payload(Groups& groups, const wire::TxnView& txn) {
    const Span payload = txn.payload();
    switch (txn.opcode()) {
        case Opcode::kRequest:
        case Opcode::kResponse: return add_items(groups, payload);
        case Opcode::kAck: return true;
        case Opcode::kNack:
        case Opcode::kReset: add_reason(groups, payload); return true;
        case Opcode::kOpen: return add_opening(groups, payload, OpenBody::kOpenSize);
        case Opcode::kOpened: return add_opening(groups, payload, OpenBody::kOpenedSize);
        case Opcode::kTest: groups.push_back(Group("payload").add("data", payload)); return true;
        case Opcode::kInvalid: break;
    }
    return false;
}

// The line of text that users see is one more reader of the same bytes.
bool printed_as_malformed(Span bytes) {
    std::array<char, wire::kPrintMax> text;
    const std::size_t size = wire::print(bytes, text);
    return std::string_view(text.data(), size).find(name(Drop::kTxnMalformed)) !=
           std::string_view::npos;
}

Expected<Groups, Drop> decode_data(const wire::FrameView& arrived) {
    // As the receiving link does: the word says what it has to say, and is cleared.
    Bytes bytes(arrived.bytes().begin(), arrived.bytes().end());
    wire::store_link_word(bytes.data(), 0);
    const auto view = wire::parse(bytes);
    if (!view) return Unexpected<Drop>(view.error());
    if (!wire::check_icrc(*view)) return Unexpected<Drop>(Drop::kBadIcrc);
    const auto txn = wire::TxnView::parse(view->txn_bytes());
    if (!txn) return Unexpected<Drop>(txn.error());

    Groups groups;
    groups.push_back(Group("frame")
                         .add("dst", view->dst().value)
                         .add("src", view->src().value)
                         .add("entropy", view->entropy()));
    if (view->is_tagged()) {
        const wire::VlanTag tag = view->vlan_tag();
        groups.push_back(
            Group("tag").add("pcp", tag.pcp).add("dei", as_number(tag.dei)).add("vid", tag.vid));
    }
    add_link(groups, arrived.link_word_raw());
    const wire::NetHeader net = view->net();
    groups.push_back(Group("net")
                         .add("ar", as_number(net.ar))
                         .add("reserved", net.reserved)
                         .add("ttl", net.ttl)
                         .add("dscp", net.dscp)
                         .add("ecn", net.ecn));
    groups.push_back(Group(name(txn->opcode()))
                         .add("flags", txn->flags())
                         .add("channel", txn->channel())
                         .add("psn", txn->psn())
                         .add("ack", txn->ack()));
    const bool good = add_payload(groups, *txn);
    if (printed_as_malformed(bytes) == good) return Unexpected<Drop>(Drop::kCount);  // "none"
    if (!good) return Unexpected<Drop>(Drop::kTxnMalformed);
    add_pad(groups, view->size(), view->end_offset());
    return groups;
}

void add_hello(Groups& groups, const wire::Hello& hello) {
    groups.push_back(Group("hello")
                         .add_wide("digest", hello.digest)
                         .add("node", hello.self.node)
                         .add("port", hello.self.port)
                         .add("hold_ms", hello.hold_ms)
                         .add("incarnation", hello.self.incarnation)
                         .add("sequence", hello.sequence)
                         .add("heard_node", hello.heard.node)
                         .add("heard_port", hello.heard.port)
                         .add("heard_incarnation", hello.heard.incarnation));
    for (const wire::LinkAdvert& advert : hello.list()) {
        groups.push_back(Group("advert")
                             .add("node", advert.node)
                             .add("part", advert.part)
                             .add("flags", advert.flags)
                             .add_wide("version", advert.version)
                             .add_wide("dead", advert.dead)
                             .add_wide("drained", advert.drained));
    }
}

Expected<Groups, Drop> decode_control(Span bytes) {
    const auto view = wire::parse_control(bytes);
    if (!view) return Unexpected<Drop>(view.error());
    const bool sets = view->kind() == wire::ControlKind::kOrderedSets;
    const bool hello = view->kind() == wire::ControlKind::kHello;
    Groups groups;
    groups.push_back(Group("control")
                         .add("kind", std::string_view(sets    ? "sets"
                                                       : hello ? "hello"
                                                               : "cc_update"))
                         .add("tx_epoch", view->tx_epoch())
                         .add("rx_epoch", view->rx_epoch()));
    add_link(groups, wire::load_link_word(bytes.data()));
    if (hello) {
        add_hello(groups, view->hello());
        add_pad(groups, bytes.size(),
                wire::kControlBodyOffset + view->hello().body_size() + wire::kControlCrcSize);
        return groups;
    }
    for (std::size_t i = 0; i < view->count(); ++i) {
        if (!sets) {
            groups.push_back(Group("s_cc").add("vc", i).add("value", view->cc(i)));
            continue;
        }
        const CtlOs set = view->ctl_os(i);
        const auto* word = std::find_if(kSets.begin(), kSets.end(),
                                        [&](const SetWord& one) { return one.type == set.type; });
        groups.push_back(Group(word->word).add("value", set.value).add("arg", set.arg));
    }
    const std::size_t element = sets ? CtlOs::kSize : wire::kCcSize;
    add_pad(groups, bytes.size(),
            wire::kControlBodyOffset + view->count() * element + wire::kControlCrcSize);
    return groups;
}

}  // namespace

Expected<Groups, Drop> decode(Span bytes, bool with_fcs) {
    if (with_fcs) {
        if (!wire::fcs_good(bytes)) return Unexpected<Drop>(Drop::kBadFcs);
        auto groups = decode(bytes.first(bytes.size() - wire::kFcsSize), false);
        if (groups) groups->push_back(Group("fcs"));
        return groups;
    }
    const auto view = wire::parse(bytes);
    if (!view) return Unexpected<Drop>(view.error());
    return view->is_control() ? decode_control(bytes) : decode_data(*view);
}

}  // namespace ethlink::differential
