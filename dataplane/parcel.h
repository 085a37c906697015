// SPDX-License-Identifier: BSD-3-Clause
// A frame on its way through a node, with what must not be forgotten about where it came from.
#pragma once

#include <cstdint>

#include "proto/frame.h"
#include "proto/ids.h"

namespace ethlink {

/// The ingress of a frame that this node made itself: nobody gets credits back.
inline constexpr PortId kNoPort{0xFFFF};

template <FrameHandle F>
struct Parcel {
    F frame;
    std::uint16_t bytes = 0;      // of the frame, FCS not counted
    std::uint16_t credits = 0;    // to return to the ingress when the frame has left
    PortId ingress = kNoPort;
    Vc vc{};                      // the same in and out
    std::uint8_t sample = 0;      // not 0: its time in this node is measured
};

}  // namespace ethlink
