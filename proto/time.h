// SPDX-License-Identifier: BSD-3-Clause
// Time as an argument: the type of every `now` and every deadline.
#pragma once

#include <chrono>

namespace ethlink {

/// The clock that links are told about: nanoseconds since an arbitrary start.
/// It has no now(): only the thread that turns the poll loop reads a clock.
struct LinkClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<LinkClock>;
    static constexpr bool is_steady = true;
};

using Time = LinkClock::time_point;
using Duration = LinkClock::duration;

/// The deadline of something that awaits nothing.
inline constexpr Time kNever = Time::max();

}  // namespace ethlink
