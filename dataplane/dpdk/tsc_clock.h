// SPDX-License-Identifier: BSD-3-Clause
// The only reader of time: the CPU's time stamp counter, as nanoseconds of the kernel's clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include <rte_cycles.h>

#include "proto/time.h"

namespace ethlink::dpdk {

/// The TSC read as CLOCK_MONOTONIC_RAW: its origin is the machine's, so two processes agree. Copies
/// are one clock, on every core (invariant TSC).
///
/// A rate measured in 20 ms is off by some 10^-7, which would part two processes by a millisecond
/// in some hours. So follow_kernel() takes the kernel's time again and again: they never part by
/// more than what a reading of both clocks is off, some 100 ns.
class TscClock {
public:
    /// Measures the TSC's rate for about 20 ms. DPDK's own figure is rounded (2,600 MHz for
    /// 2,596.1), which is 1.5 ms of error in each second.
    static TscClock calibrate();

    /// To be called about every 100 ms, by one thread. Time may jump by some 100 ns, also back.
    void follow_kernel();

    /// Cycles since boot, raw.
    static std::uint64_t cycles() { return rte_rdtsc(); }

    Time now() const { return at(cycles()); }

    /// The time of an earlier or later cycles().
    Time at(std::uint64_t cycles) const { return state_->read().at(cycles); }

    double hz() const;

private:
    __extension__ using Wide = __int128;
    static constexpr unsigned kShift = 40;

    struct Reading {
        std::uint64_t cycles;
        std::int64_t nanoseconds;
    };
    struct Anchor {
        Reading reading;
        std::uint64_t nanoseconds_per_cycle;  // fixed point, kShift fractional bits

        Time at(std::uint64_t cycles) const {
            const auto since = static_cast<std::int64_t>(cycles - reading.cycles);
            const auto scaled =
                (static_cast<Wide>(since) * static_cast<Wide>(nanoseconds_per_cycle)) >> kShift;
            return Time(Duration(reading.nanoseconds + static_cast<std::int64_t>(scaled)));
        }
    };

    /// An anchor that one thread changes while others read it. The order of the data's own loads
    /// and stores does what fences would do, which race detectors do not understand.
    class State {
    public:
        State(const Reading& first, const Reading& second) : first_(first) { move_to(second); }
        void move_to(const Reading& reading);
        Anchor read() const {
            for (;;) {
                const std::uint32_t version = version_.load(std::memory_order_acquire);
                const Anchor anchor{{cycles_.load(std::memory_order_acquire),
                                     nanoseconds_.load(std::memory_order_acquire)},
                                    nanoseconds_per_cycle_.load(std::memory_order_acquire)};
                const bool moved = version_.load(std::memory_order_relaxed) != version;
                if (!moved && version % 2 == 0) [[likely]]
                    return anchor;
            }
        }

    private:
        const Reading first_;                    // the rate is measured from here
        std::atomic<std::uint32_t> version_{0};  // odd while the rest changes
        std::atomic<std::uint64_t> cycles_{0};
        std::atomic<std::int64_t> nanoseconds_{0};
        std::atomic<std::uint64_t> nanoseconds_per_cycle_{0};
    };

    explicit TscClock(std::shared_ptr<State> state) : state_(std::move(state)) {}
    static std::int64_t kernel_time();
    static Reading read_both();

    std::shared_ptr<State> state_;
};

}  // namespace ethlink::dpdk
