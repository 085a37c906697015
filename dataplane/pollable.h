// SPDX-License-Identifier: BSD-3-Clause
// What a poll-mode core turns: anything that can be asked to do its due work now.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/time.h"

namespace ethlink {

/// What a turn found to do, least first.
enum class Turn : std::uint8_t {
    kIdle,    // nothing
    kUpkeep,  // only what links say to each other, all the time: acknowledgements, credits, hellos
    kBusy,    // frames of somebody
};
constexpr Turn& operator|=(Turn& turn, Turn other) {
    return turn = std::max(turn, other);
}
constexpr Turn busy_if(bool busy) {
    return busy ? Turn::kBusy : Turn::kIdle;
}

/// Polled by exactly one core, again and again; it never blocks, sleeps or takes a lock.
class Pollable {
public:
    Pollable() = default;
    Pollable(const Pollable&) = delete;
    Pollable& operator=(const Pollable&) = delete;
    virtual ~Pollable() = default;

    /// One turn. `now` never goes back.
    virtual Turn poll_once(Time now) = 0;
};

}  // namespace ethlink
