// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/tsc_clock.h"

#include <atomic>
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
}

TEST(TscClock, TwoClocksAgreeWhereverTheyWereMade) {
    TscClock one = TscClock::calibrate();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    TscClock other = TscClock::calibrate();
    one.follow_kernel();
    for (int i = 0; i < 20; ++i) {
        const std::uint64_t cycles = TscClock::cycles();
        const Duration apart = one.at(cycles) - other.at(cycles);
        EXPECT_LT(std::abs(apart.count()), 5'000);  // ns; what cannot be less in a virtual machine
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        one.follow_kernel();
        if (i % 3 == 0) other.follow_kernel();
    }
}

TEST(TscClock, TellsTheTimeOfEarlierCycles) {
    const TscClock clock = TscClock::calibrate();
    const std::uint64_t now = TscClock::cycles();
    const auto second = static_cast<std::uint64_t>(clock.hz());
    const double ago =
        std::chrono::duration<double>(clock.at(now) - clock.at(now - second)).count();
    EXPECT_NEAR(ago, 1, 1e-6);
}

TEST(TscClock, IsReadWholeWhileItMoves) {
    TscClock clock = TscClock::calibrate();
    std::atomic<bool> done{false};
    std::thread mover([&] {
        while (!done.load()) clock.follow_kernel();
    });
    Time last = clock.now();
    for (int i = 0; i < 1'000'000; ++i) {
        const Time now = clock.now();
        ASSERT_GT(now, last - std::chrono::milliseconds(1));
        ASSERT_LT(now, last + std::chrono::seconds(1));
        last = now;
    }
    done.store(true);
    mover.join();
}

}  // namespace
}  // namespace ethlink::dpdk
