// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/tsc_clock.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>
#include <thread>

namespace ethlink::dpdk {
namespace {

constexpr auto kMeasureFor = std::chrono::milliseconds(20);
constexpr int kReadings = 16;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

/// RAW: no NTP changes its rate, so a rate measured once stays right.
std::int64_t TscClock::kernel_time() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

/// Both clocks at one instant: of several tries the one that was interrupted least.
TscClock::Reading TscClock::read_both() {
    Reading best{};
    std::uint64_t best_width = std::numeric_limits<std::uint64_t>::max();
    for (int i = 0; i < kReadings; ++i) {
        const std::uint64_t before = cycles();
        const std::int64_t time = kernel_time();
        const std::uint64_t width = cycles() - before;
        if (width >= best_width) continue;
        best_width = width;
        best = {before + width / 2, time};
    }
    return best;
}

TscClock TscClock::calibrate() {
    const Reading first = read_both();
    std::this_thread::sleep_for(kMeasureFor);
    return TscClock(std::make_shared<State>(first, read_both()));
}

void TscClock::follow_kernel() {
    state_->move_to(read_both());
}

double TscClock::hz() const {
    return std::ldexp(1e9 / static_cast<double>(state_->read().nanoseconds_per_cycle), kShift);
}

void TscClock::State::move_to(const Reading& reading) {
    const auto cycles = static_cast<double>(reading.cycles - first_.cycles);
    const auto nanoseconds = static_cast<double>(reading.nanoseconds - first_.nanoseconds);
    const std::uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    cycles_.store(reading.cycles, std::memory_order_release);
    nanoseconds_.store(reading.nanoseconds, std::memory_order_release);
    nanoseconds_per_cycle_.store(
        static_cast<std::uint64_t>(std::ldexp(nanoseconds / cycles, kShift)),
        std::memory_order_release);
    version_.store(version + 2, std::memory_order_release);
}

}  // namespace ethlink::dpdk
