// SPDX-License-Identifier: BSD-3-Clause
// The Ethernet FCS in software, for media that check none (`fcs: software`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/byte_order.h"
#include "proto/wire/crc32.h"

namespace ethlink::wire {

inline constexpr std::size_t kFcsSize = 4;

/// The FCS of a frame without one, pad included.
inline std::uint32_t fcs(std::span<const std::byte> frame) {
    return crc32(frame);
}

/// Writes the FCS into the last four bytes of `frame`, which has at least so many.
inline void write_fcs(std::span<std::byte> frame) {
    const std::size_t end = frame.size() - kFcsSize;
    // IEEE 802.3 3.2.9 sends the register so that in bytes its least significant one goes first.
    store_le32(frame.data() + end, fcs(frame.first(end)));
}

/// Whether the last four bytes are the FCS of those before them. False if there are none before.
[[nodiscard]] inline bool fcs_good(std::span<const std::byte> frame_with_fcs) {
    if (frame_with_fcs.size() <= kFcsSize) return false;
    const std::size_t end = frame_with_fcs.size() - kFcsSize;
    return fcs(frame_with_fcs.first(end)) == load_le32(frame_with_fcs.data() + end);
}

}  // namespace ethlink::wire
