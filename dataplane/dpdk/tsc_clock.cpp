// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/tsc_clock.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>

namespace ethlink::dpdk {
namespace {

using Monotonic = std::chrono::steady_clock;

constexpr auto kMeasureFor = std::chrono::milliseconds(20);
constexpr int kReadings = 16;

struct Reading {
    std::uint64_t cycles;
    Monotonic::time_point time;
};

/// Both clocks at one instant: of several tries the one that was interrupted least.
Reading read_both() {
    Reading best{};
    std::uint64_t best_width = std::numeric_limits<std::uint64_t>::max();
    for (int i = 0; i < kReadings; ++i) {
        const std::uint64_t before = TscClock::cycles();
        const Monotonic::time_point time = Monotonic::now();
        const std::uint64_t width = TscClock::cycles() - before;
        if (width >= best_width) continue;
        best_width = width;
        best = {before + width / 2, time};
    }
    return best;
}

}  // namespace

TscClock TscClock::calibrate() {
    const Reading first = read_both();
    std::this_thread::sleep_for(kMeasureFor);
    const Reading second = read_both();
    const std::chrono::duration<double> seconds = second.time - first.time;
    return TscClock(first.cycles,
                    static_cast<double>(second.cycles - first.cycles) / seconds.count());
}

TscClock::TscClock(std::uint64_t start_cycles, double hz)
    : start_cycles_(start_cycles),
      nanoseconds_per_cycle_(static_cast<std::uint64_t>(std::ldexp(1e9 / hz, kShift))),
      hz_(hz) {}

}  // namespace ethlink::dpdk
