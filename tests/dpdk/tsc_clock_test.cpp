// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/tsc_clock.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

namespace ethlink::dpdk {
namespace {

TEST(TscClock, NeverGoesBack) {
    const TscClock clock = TscClock::calibrate();
    Time last = clock.now();
    for (int i = 0; i < 100'000; ++i) {
        const Time now = clock.now();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(TscClock, AgreesWithTheKernel) {
    const TscClock clock = TscClock::calibrate();
    const auto kernel_before = std::chrono::steady_clock::now();
    const Time before = clock.now();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const auto kernel_after = std::chrono::steady_clock::now();
    const Time after = clock.now();
    const double ours = std::chrono::duration<double>(after - before).count();
    const double kernels = std::chrono::duration<double>(kernel_after - kernel_before).count();
    EXPECT_LT(std::abs(ours / kernels - 1), 0.05);  // Preempted between two readings at worst.
}

TEST(TscClock, ScalesWithoutOverflowForCenturies) {
    const TscClock clock = TscClock::calibrate();
    const auto year = static_cast<std::uint64_t>(clock.hz() * 86'400 * 365);
    const std::uint64_t start = TscClock::cycles();
    const double hours = std::chrono::duration<double, std::ratio<3600>>(
                             clock.at(start + 100 * year) - clock.at(start))
                             .count();
    EXPECT_NEAR(hours, 100.0 * 365 * 24, 1);
    EXPECT_EQ(clock.at(0), Time{});
}

}  // namespace
}  // namespace ethlink::dpdk
