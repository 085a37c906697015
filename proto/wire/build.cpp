// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/build.h"

#include <algorithm>
#include <limits>

#include "proto/byte_order.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "proto/wire/oefh.h"

namespace ethlink::wire {

std::size_t DataFrame::total_length() const {
    return kMinTotalLength + payload.size();
}

std::size_t DataFrame::size() const {
    return std::max(total_length() + (vlan ? VlanTag::kSize : 0), kEthernetMin);
}

std::size_t DataFrame::emit(std::span<std::byte> out) const {
    if (out.size() < size()) return 0;
    if (total_length() > std::numeric_limits<std::uint16_t>::max()) return 0;
    const auto length = static_cast<std::uint16_t>(total_length());
    const std::span<std::byte> frame = out.first(size());

    Oefh{.dst = dst, .src = src, .total_length = length, .entropy = entropy}.emit(
        frame.first<Oefh::kSize>());
    std::span<std::byte> rest = frame.subspan(kEtherTypeOffset);
    if (vlan) {
        vlan->emit(rest.first<VlanTag::kSize>());
        rest = rest.subspan(VlanTag::kSize);
        store_be16(rest.data(), kEtherTypeData);
    }
    rest = rest.subspan(kOefhSize - kEtherTypeOffset);
    store_be16(rest.data(), net.encode());
    rest = rest.subspan(NetHeader::kSize);
    txn.emit(rest.first<TxnHeader::kSize>());
    rest = rest.subspan(TxnHeader::kSize);
    std::copy(payload.begin(), payload.end(), rest.begin());
    rest = rest.subspan(payload.size());
    std::fill(rest.begin(), rest.end(), std::byte{0});  // the pad, and the ICRC for now

    const auto view = parse(frame);
    if (!view) return 0;
    store_be32(rest.data(), compute_icrc(*view));
    return frame.size();
}

Expected<DataFrame, Drop> read_data_frame(std::span<const std::byte> bytes) {
    const auto view = parse(bytes);
    if (!view) return Unexpected<Drop>(view.error());
    if (view->is_control()) return Unexpected<Drop>(Drop::kUnknownEtherType);
    const auto txn = TxnView::parse(view->txn_bytes());
    if (!txn) return Unexpected<Drop>(txn.error());
    DataFrame frame;
    frame.dst = view->dst();
    frame.src = view->src();
    frame.entropy = view->entropy();
    if (view->is_tagged()) frame.vlan = view->vlan_tag();
    frame.net = view->net();
    frame.txn = txn->repr();
    frame.payload = txn->payload();
    return frame;
}

}  // namespace ethlink::wire
