// SPDX-License-Identifier: BSD-3-Clause
// The door: bytes become a FrameView that cannot fail, or a reason to drop them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/expected.h"
#include "proto/ids.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/link_word.h"
#include "proto/wire/net_header.h"
#include "proto/wire/oefh.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/vlan.h"

namespace ethlink::wire {

inline constexpr std::size_t kIcrcSize = 4;

/// The least Total Length: headers and ICRC around an empty payload.
inline constexpr std::size_t kMinTotalLength =
    kOefhSize + NetHeader::kSize + TxnHeader::kSize + kIcrcSize;

/// A frame that passed the door, in somebody else's bytes: valid as long as they are.
///
/// Fields that are checked there are kept, the rest is read when asked for. Of a control frame only
/// is_control(), data(), size(), bytes() and link_word_raw() mean something.
class FrameView {
public:
    bool is_control() const { return control_; }
    const std::byte* data() const { return data_; }
    /// Bytes that arrived, with the pad.
    std::uint32_t size() const { return size_; }
    std::span<const std::byte> bytes() const { return {data_, size_}; }

    std::uint32_t link_word_raw() const { return load_link_word(data_); }

    /// Bytes from Dst to the end of the ICRC, the VLAN tag not counted.
    std::uint16_t total_length() const { return total_length_; }
    GpuId dst() const { return {load_be16(data_ + kDstOffset)}; }
    GpuId src() const { return {load_be16(data_ + kSrcOffset)}; }
    std::uint16_t entropy() const { return load_be16(data_ + kEntropyOffset); }

    bool is_tagged() const { return tag_size_ != 0; }
    /// The VLAN ID; 0 if untagged, or tagged with a priority only.
    Tenant tenant() const { return {static_cast<std::uint16_t>(tci_ & 0x0FFF)}; }
    /// PCP 3 | DEI 1; 0 if untagged.
    std::uint8_t pcp_dei() const { return static_cast<std::uint8_t>(tci_ >> 12); }
    VlanTag vlan_tag() const { return VlanTag::decode(tci_); }

    /// Where the network header stands, for decrement_ttl(): 14, or 18 behind a tag.
    std::size_t net_offset() const { return kOefhSize + tag_size_; }
    std::uint16_t net_raw() const { return load_be16(data_ + net_offset()); }
    NetHeader net() const { return NetHeader::decode(net_raw()); }
    std::uint8_t ttl() const { return net().ttl; }
    bool ar() const { return net().ar; }
    std::uint8_t dscp() const { return net().dscp; }

    std::size_t txn_offset() const { return net_offset() + NetHeader::kSize; }
    /// From the transaction header to the end of the payload: at least a base header.
    std::span<const std::byte> txn_bytes() const {
        return {data_ + txn_offset(), icrc_offset() - txn_offset()};
    }

    std::size_t icrc_offset() const { return end_offset() - kIcrcSize; }
    std::uint32_t icrc() const { return load_be32(data_ + icrc_offset()); }
    /// Behind the ICRC; the pad starts here.
    std::size_t end_offset() const { return std::size_t{total_length_} + tag_size_; }

private:
    friend Expected<FrameView, Drop> parse(std::span<const std::byte> bytes);

    explicit FrameView(std::span<const std::byte> bytes)
        : data_(bytes.data()), size_(static_cast<std::uint32_t>(bytes.size())) {}

    const std::byte* data_;
    std::uint32_t size_;
    std::uint16_t total_length_ = 0;
    std::uint16_t tci_ = 0;
    std::uint8_t tag_size_ = 0;
    bool control_ = false;
};

/// Checks what every frame must have: kRunt, kUnknownEtherType, kLengthMismatch. The port's own
/// maximum (kOversize) and a software FCS are dealt with before. Control frames are only told apart
/// here: their own door is parse_control(view.bytes()).
[[nodiscard]] inline Expected<FrameView, Drop> parse(std::span<const std::byte> bytes) {
    if (bytes.size() < kMinTotalLength) [[unlikely]]
        return Unexpected<Drop>(Drop::kRunt);
    FrameView view(bytes);
    std::uint16_t ether_type = load_be16(view.data_ + kEtherTypeOffset);
    if (ether_type == kEtherTypeVlan) {
        if (bytes.size() < kMinTotalLength + VlanTag::kSize) return Unexpected<Drop>(Drop::kRunt);
        view.tci_ = load_be16(view.data_ + kEtherTypeOffset + 2);
        view.tag_size_ = VlanTag::kSize;
        ether_type = load_be16(view.data_ + kEtherTypeOffset + VlanTag::kSize);
    }
    if (ether_type != kEtherTypeData) [[unlikely]] {
        view.control_ = true;
        if (ether_type == kEtherTypeControl && !view.is_tagged()) return view;
        return Unexpected<Drop>(Drop::kUnknownEtherType);
    }
    view.total_length_ = load_be16(view.data_ + kTotalLengthOffset);
    // A pad fills up to the Ethernet minimum and no more; a tag may have come into a padded frame.
    const std::size_t size_max =
        std::max<std::size_t>(view.total_length_, kEthernetMin) + view.tag_size_;
    if (view.total_length_ < kMinTotalLength || view.end_offset() > bytes.size() ||
        bytes.size() > size_max) [[unlikely]] {
        return Unexpected<Drop>(Drop::kLengthMismatch);
    }
    return view;
}

}  // namespace ethlink::wire
