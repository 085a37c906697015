// SPDX-License-Identifier: BSD-3-Clause
// The only reader of time: the CPU's time stamp counter as nanoseconds since the clock's start.
#pragma once

#include <cstdint>

#include <rte_cycles.h>

#include "proto/time.h"

namespace ethlink::dpdk {

/// A value: copies of one clock agree with each other on every core (invariant TSC).
class TscClock {
public:
    /// Measures the TSC's rate against CLOCK_MONOTONIC for about 20 ms. DPDK's own figure is
    /// rounded (2,600 MHz for 2,596.1), which is 1.5 ms of error in each second.
    static TscClock calibrate();

    /// Cycles since boot, raw.
    static std::uint64_t cycles() { return rte_rdtsc(); }

    Time now() const { return at(cycles()); }

    /// The time of an earlier or later cycles(). Before the clock's start: the start.
    Time at(std::uint64_t cycles) const {
        const std::uint64_t since = cycles > start_cycles_ ? cycles - start_cycles_ : 0;
        const Wide scaled = (static_cast<Wide>(since) * nanoseconds_per_cycle_) >> kShift;
        return Time(Duration(static_cast<Duration::rep>(scaled)));
    }

    double hz() const { return hz_; }

private:
    __extension__ using Wide = unsigned __int128;
    static constexpr unsigned kShift = 40;

    TscClock(std::uint64_t start_cycles, double hz);

    std::uint64_t start_cycles_;
    std::uint64_t nanoseconds_per_cycle_;  // fixed point, kShift fractional bits
    double hz_;
};

}  // namespace ethlink::dpdk
