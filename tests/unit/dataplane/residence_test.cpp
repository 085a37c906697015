// SPDX-License-Identifier: BSD-3-Clause
// Is the residence time of a frame never too short, and at most one turn too long?
#include "dataplane/residence.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace ethlink {
namespace {

using namespace std::chrono_literals;

TEST(Residence, CountsUntilTheTurnAfterItLeft) {
    Residence residence;
    Time now{1s};
    residence.turn(now);
    const std::uint8_t sample = residence.entered();
    ASSERT_NE(sample, 0);
    EXPECT_EQ(residence.entered(), 0);  // One of each turn.
    residence.turn(now += 300ns);
    residence.left(sample);
    EXPECT_TRUE(residence.histogram().snapshot().empty());
    residence.turn(now += 200ns);
    EXPECT_EQ(residence.histogram().snapshot().count(), 1u);
    EXPECT_EQ(residence.histogram().snapshot().max(), 500u);
}

TEST(Residence, InAndOutInOneTurnTakesThatTurn) {
    Residence residence;
    residence.turn(Time{1s});
    residence.left(residence.entered());
    residence.turn(Time{1s} + 50ns);
    EXPECT_EQ(residence.histogram().snapshot().min(), 50u);
}

TEST(Residence, FollowsSixtyFourAtOnceAndThenWaits) {
    Residence residence;
    Time now{1s};
    std::set<std::uint8_t> samples;
    for (int i = 0; i < 64; ++i) {
        residence.turn(now += 1us);
        const std::uint8_t sample = residence.entered();
        EXPECT_NE(sample, 0);
        EXPECT_TRUE(samples.insert(sample).second) << "the number is in use";
    }
    residence.turn(now += 1us);
    EXPECT_EQ(residence.entered(), 0);
    for (const std::uint8_t sample : samples) residence.left(sample);
    residence.turn(now += 1us);
    EXPECT_EQ(residence.histogram().snapshot().count(), 64u);
    EXPECT_EQ(residence.histogram().snapshot().max(), 65'000u);
}

}  // namespace
}  // namespace ethlink
