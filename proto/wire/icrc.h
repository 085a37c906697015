// SPDX-License-Identifier: BSD-3-Clause
// The ICRC: an end-to-end check of a frame that lets every hop change what hops must change.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/byte_order.h"
#include "proto/wire/crc32.h"
#include "proto/wire/frame.h"

namespace ethlink::wire {

/// The "tie-1" mask: Reserved, TTL, DSCP and ECN of the network header count as ones; AR counts as
/// it is, so a switch must not change it.
inline constexpr std::uint16_t kIcrcNetMask = 0x7FFF;

namespace detail {

/// OEFH and network header as the ICRC takes them: without the VLAN tag, with the tie-1 mask.
inline CrcHead icrc_head(const FrameView& frame) {
    static_assert(kOefhSize + NetHeader::kSize == std::tuple_size_v<CrcHead>);
    CrcHead head;
    std::copy_n(frame.data(), kEtherTypeOffset, head.begin());
    store_be16(&head[kEtherTypeOffset], kEtherTypeData);
    store_be16(&head[kOefhSize], frame.net_raw() | kIcrcNetMask);
    return head;
}

}  // namespace detail

/// The ICRC that this data frame ought to carry. The link word counts as it is: it is zero in a
/// frame that is not on the wire of a link (link_word.h).
inline std::uint32_t compute_icrc(const FrameView& frame) {
    return crc32_with_head(detail::icrc_head(frame), frame.bytes().first(frame.icrc_offset()),
                           frame.txn_offset());
}

/// The same with the link word taken as zero: for a frame captured on the wire of a link.
inline std::uint32_t compute_icrc_without_link_word(const FrameView& frame) {
    CrcHead head = detail::icrc_head(frame);
    store_be32(&head[kLinkWordOffset], 0);
    return crc32_with_head(head, frame.bytes().first(frame.icrc_offset()), frame.txn_offset());
}

[[nodiscard]] inline bool check_icrc(const FrameView& frame) {
    return compute_icrc(frame) == frame.icrc();
}

}  // namespace ethlink::wire
