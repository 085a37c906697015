// SPDX-License-Identifier: BSD-3-Clause
// Down at once, up after a while, and no storm from a cable that flaps.
#include "control/steady_links.h"

#include <chrono>

#include <gtest/gtest.h>

namespace ethlink::control::test {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1s};

TEST(SteadyLinks, ALinkThatIsBeingStartedIsTakenForUp) {
    SteadyLinks links(2, kStart);
    EXPECT_TRUE(links.observe(0, false, kStart));
    EXPECT_TRUE(links.observe(0, false, kStart + SteadyLinks::kStartGrace - 1ns));
    EXPECT_FALSE(links.observe(0, false, kStart + SteadyLinks::kStartGrace));
    EXPECT_FALSE(links.is_up(0));
    EXPECT_TRUE(links.is_up(1));
}

TEST(SteadyLinks, DownCountsAtOnceAndUpAfterTheHoldTime) {
    SteadyLinks links(1, kStart);
    EXPECT_TRUE(links.observe(0, true, kStart));
    Time now = kStart + SteadyLinks::kCalm;
    EXPECT_FALSE(links.observe(0, false, now));
    EXPECT_EQ(links.hold(0), SteadyLinks::kUpHoldMin);
    now += 1s;
    EXPECT_FALSE(links.observe(0, true, now));
    EXPECT_FALSE(links.observe(0, true, now + SteadyLinks::kUpHoldMin - 1ns));
    EXPECT_TRUE(links.observe(0, true, now + SteadyLinks::kUpHoldMin));
}

TEST(SteadyLinks, ABreakWhileItIsHeldBeginsTheTimeAgain) {
    SteadyLinks links(1, kStart);
    links.observe(0, true, kStart);
    Time now = kStart + SteadyLinks::kCalm;
    links.observe(0, false, now);
    for (int i = 0; i < 10; ++i) {
        now += SteadyLinks::kUpHoldMin;
        EXPECT_FALSE(links.observe(0, true, now - 1ns));
        EXPECT_FALSE(links.observe(0, false, now));
    }
    EXPECT_EQ(links.hold(0), SteadyLinks::kUpHoldMin) << "nothing was changed because of these";
}

TEST(SteadyLinks, AFlappingCableChangesLittle) {
    // Up and down every 200 ms for ten minutes, looked at every 20 ms.
    SteadyLinks links(1, kStart);
    links.observe(0, true, kStart);
    int changes = 0;
    bool before = true;
    for (Duration t{}; t < 10min; t += 20ms) {
        const bool up = links.observe(0, t / 200ms % 2 == 0, kStart + t);
        changes += up != before ? 1 : 0;
        before = up;
    }
    EXPECT_LE(changes, 4);
    // Slower: up for 3 s, down for 1 s. The hold time grows until it is not believed any more.
    changes = 0;
    for (Duration t = 10min; t < 20min; t += 20ms) {
        const bool up = links.observe(0, t / 1s % 4 != 3, kStart + t);
        changes += up != before ? 1 : 0;
        before = up;
    }
    EXPECT_LE(changes, 14);
    EXPECT_LE(links.hold(0), SteadyLinks::kUpHoldMax);
}

TEST(SteadyLinks, CalmIsForgiven) {
    SteadyLinks links(1, kStart);
    Time now = kStart;
    links.observe(0, true, now);
    for (int i = 0; i < 3; ++i) {
        links.observe(0, false, now += 1s);
        links.observe(0, true, now += 1s);
        ASSERT_TRUE(links.observe(0, true, now += SteadyLinks::kUpHoldMax));
    }
    EXPECT_GT(links.hold(0), SteadyLinks::kUpHoldMin);
    links.observe(0, false, now += SteadyLinks::kCalm);
    EXPECT_EQ(links.hold(0), SteadyLinks::kUpHoldMin);
}

}  // namespace
}  // namespace ethlink::control::test
