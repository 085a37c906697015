// SPDX-License-Identifier: BSD-3-Clause
// Does every cycle of a measured turn belong to the stage that took it, and to no other?
#include "dataplane/cycle_meter.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

std::uint64_t cycles_now = 0;
std::uint64_t read_fake() {
    return cycles_now;
}

/// One turn: 100 cycles of link, in them 30 for a frame; then 20 for requests, 50 to send, 7 to
/// transmit.
void turn(CycleMeter& meter, bool busy) {
    meter.begin_turn();
    cycles_now += 40;
    if (busy) {
        const std::uint64_t entered = meter.enter();
        cycles_now += 30;
        meter.leave(CycleStage::kReceive, entered);
    }
    cycles_now += 30;
    meter.lap(CycleStage::kLinkReceive, meter.had_nested());
    cycles_now += 20;
    meter.lap(CycleStage::kRequests, busy);
    cycles_now += 50;
    meter.lap(CycleStage::kSend, busy);
    cycles_now += 7;
    meter.lap(CycleStage::kLinkTransmit, busy);
}

TEST(CycleMeter, GivesEachStageItsOwnCyclesOfTheMeasuredTurns) {
    CycleMeter meter(&read_fake);
    constexpr std::uint64_t kTurns = CycleMeter::kSample * 10;
    for (std::uint64_t i = 0; i < kTurns; ++i) turn(meter, true);
    EXPECT_EQ(meter.cycles(CycleStage::kLinkReceive), kTurns * 70);
    EXPECT_EQ(meter.cycles(CycleStage::kReceive), kTurns * 30);
    EXPECT_EQ(meter.cycles(CycleStage::kRequests), kTurns * 20);
    EXPECT_EQ(meter.cycles(CycleStage::kSend), kTurns * 50);
    EXPECT_EQ(meter.cycles(CycleStage::kLinkTransmit), kTurns * 7);
}

TEST(CycleMeter, DoesNotCountTurnsInWhichNothingHappened) {
    CycleMeter meter(&read_fake);
    for (std::uint32_t i = 0; i < CycleMeter::kSample * 2; ++i) turn(meter, false);
    for (std::size_t i = 0; i < static_cast<std::size_t>(CycleStage::kCount); ++i) {
        EXPECT_EQ(meter.cycles(static_cast<CycleStage>(i)), 0u);
    }
}

TEST(CycleMeter, NeverMeasuresWithoutAClock) {
    CycleMeter meter(nullptr);
    for (std::uint32_t i = 0; i < CycleMeter::kSample * 2; ++i) turn(meter, true);
    EXPECT_EQ(meter.cycles(CycleStage::kSend), 0u);
}

}  // namespace
}  // namespace ethlink
