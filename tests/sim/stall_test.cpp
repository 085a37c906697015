// SPDX-License-Identifier: BSD-3-Clause
// Poll loops that are not scheduled for seconds: a lossless fabric is slow then, and loses nothing.
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/rack.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using control::TrafficPattern;
using control::Workload;

/// Four GPUs on one switch. Timers as shipped: what they stand for are real machines. Where loops
/// stall the watchdog would, by its own time, look twice.
std::string rack(int workers) {
    return "fabric: stall\n"
           "topology: {kind: single-rack, gpus: 4, tracks: 1, workers: " +
           std::to_string(workers) +
           "}\n"
           "profiles: {default: {watchdog: {detection_time_ms: 400}}}\n";
}

/// More than credits and windows let out while nobody takes anything.
Workload steady() {
    return {.pattern = TrafficPattern::kAllToAll,
            .vcs = {Vc{0}, Vc{2}},
            .sizes = {64, 1518},
            .frames_per_second = 20'000};
}

class Stall : public testing::TestWithParam<int> {
protected:
    /// A millisecond of real time takes a few turns only: nothing here depends on how many.
    void run_for(Duration time) {
        for (const Time end = fabric.now + time; fabric.now < end;) fabric.step(50us);
    }
    void begin() {
        fabric.publish_tables();
        run_for(5ms);
        fabric.send(true);
        run_for(50ms);
        ASSERT_GT(fabric.sum(PktgenStat::kReceivedFrames), 1000u);
    }
    /// All that was sent has come, once, and no link knows that anything happened.
    void expect_nothing_lost() {
        fabric.send(false);
        run_for(500ms);
        EXPECT_EQ(fabric.sum(PktgenStat::kReceivedFrames), fabric.sum(PktgenStat::kSentFrames));
        EXPECT_EQ(fabric.sum(PktgenStat::kInOrder), fabric.sum(PktgenStat::kSentFrames));
        EXPECT_EQ(fabric.sum(LinkStat::kLlrTxFlush), 0u);
        EXPECT_EQ(fabric.sum(LinkStat::kLlrTxDiscard), 0u);
        for (std::size_t i = 0; i < kDropCount; ++i) {
            EXPECT_EQ(fabric.drops(static_cast<Drop>(i)), 0u) << name(static_cast<Drop>(i));
        }
        bool rests = false;  // Between two CC_Updates.
        for (int i = 0; i < 1000 && !rests; ++i) {
            fabric.step(50us);
            rests = fabric.is_at_rest();
        }
        EXPECT_TRUE(rests) << "credits or frames are not back";
        EXPECT_EQ(fabric.frames_leaked(), 0u);
    }

    Rack fabric{rack(GetParam()), steady(), 1};
};

TEST_P(Stall, OfOneLoopLosesNothing) {
    begin();
    for (std::size_t loop = 0; loop < fabric.loop_count(); ++loop) {
        fabric.freeze(loop);
        run_for(loop == 0 ? 4s : 1500ms);
        fabric.thaw();
        run_for(20ms);
    }
    expect_nothing_lost();
}

TEST_P(Stall, OfTheWholeProcessLosesNothing) {
    begin();
    for (const Duration pause : {300ms, 1500ms, 4000ms}) {
        fabric.step(pause);
        run_for(3ms);
    }
    expect_nothing_lost();
}

TEST_P(Stall, OfLoopsThatGetATurnNowAndThenLosesNothing) {
    begin();
    for (int i = 0; i < 300; ++i) {
        fabric.freeze(static_cast<std::size_t>(i) % fabric.loop_count());
        run_for(20ms);
        fabric.thaw();
        fabric.step(50us);
    }
    expect_nothing_lost();
}

TEST_P(Stall, DoesNotWasteTheTurnsOfOthersWithReplays) {
    begin();
    const std::uint64_t before = fabric.sum(LinkStat::kLlrTxReplayed);
    fabric.freeze(0);
    run_for(2s);
    fabric.thaw();
    run_for(20ms);
    // In the few milliseconds until it is known that nobody is there.
    EXPECT_LT(fabric.sum(LinkStat::kLlrTxReplayed) - before, 5000u);
    expect_nothing_lost();
}

INSTANTIATE_TEST_SUITE_P(Workers, Stall, testing::Values(1, 2));

TEST(Silence, OfACableIsJudgedAsEver) {
    // Both loops turn, and yet nothing comes: that is a dead cable, given up after a second.
    Rack fabric{rack(1), steady(), 1};
    const auto run_for = [&](Duration time) {
        for (const Time end = fabric.now + time; fabric.now < end;) fabric.step(50us);
    };
    fabric.publish_tables();
    run_for(5ms);
    fabric.send(true);
    run_for(50ms);
    fabric.wire(0).set_up(false);
    run_for(150ms);
    EXPECT_GE(fabric.sum(LinkStat::kLlrTxFlush), 2u);
}

}  // namespace
}  // namespace ethlink::sim
