// SPDX-License-Identifier: BSD-3-Clause
// A frame on its way through a node, with what must not be forgotten about where it came from.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proto/frame.h"
#include "proto/ids.h"

namespace ethlink {

/// The ingress of a frame that this node made itself: nobody gets credits back.
inline constexpr PortId kNoPort{0xFFFF};

template <FrameHandle F>
struct Parcel {
    F frame;
    std::uint16_t bytes = 0;    // of the frame, FCS not counted
    std::uint16_t credits = 0;  // to return to the ingress when the frame has left
    PortId ingress = kNoPort;
    Vc vc{};                  // the same in and out
    std::uint8_t sample = 0;  // not 0: its time in this node is measured

    /// Fills an empty parcel where it lies.
    void put(F&& what, std::uint16_t size, std::uint16_t due, PortId from, Vc on,
             std::uint8_t measured) {
        std::construct_at(&frame, std::move(what));  // Over an empty handle.
        bytes = size;
        credits = due;
        ingress = from;
        vc = on;
        sample = measured;
    }
};

}  // namespace ethlink
