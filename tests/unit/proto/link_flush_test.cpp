// SPDX-License-Identifier: BSD-3-Clause
// When the neighbour is dead, deaf or new: does a link give up in time, and begin again cleanly?
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include "tests/sim/lone_link.h"
#include "tests/sim/pair.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using wire::CtlOsType;

constexpr Vc kVc{0}, kOther{1}, kBestEffort{2};

/// FLUSH is where it stays.
LinkProfile silent() {
    LinkProfile profile = silent_profile();
    profile.llr.re_init_on_flush = false;
    return profile;
}

/// A link whose three frames nobody has acknowledged until it gave up.
struct Flushed {
    explicit Flushed(const LinkProfile& profile, const LinkEnd& end = {}) : lone(profile, end) {
        lone.come_up();
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(lone.send(kVc));
        for (int i = 0; i < 1000 && lone.count(LinkStat::kLlrTxFlush) == 0; ++i) {
            lone.turn(1us);
            waited += 1us;
        }
    }
    LoneLink lone;
    Duration waited{0};
};

TEST(LinkFlush, ComesAfterReplayCountTimesTimer) {
    // L7: three replays, 40 us each, and the last wait.
    Flushed dead(silent());
    EXPECT_GE(dead.waited, 160us);
    EXPECT_LE(dead.waited, 170us);
    EXPECT_EQ(dead.lone.link.llr_tx().state(), LlrTxState::kFlush);
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxReplay), 3u);
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxReplayed), 9u);
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxFlushedFrames), 3u);
    EXPECT_EQ(dead.lone.link.frames_held(), 0u);
    EXPECT_EQ(dead.lone.pool.in_use(), 0u);
    EXPECT_FALSE(dead.lone.link.is_up());
    dead.lone.turn(10ms);
    EXPECT_EQ(dead.lone.link.llr_tx().state(), LlrTxState::kFlush);  // Until management acts.
}

TEST(LinkFlush, CountsFramesAndNotTheCcUpdatesAmongThem) {
    LinkProfile profile = silent();
    profile.cbfc_profile.cc_message_timer = 15us;
    Flushed dead(profile);
    EXPECT_GT(dead.lone.count(LinkStat::kCbfcNumCcUpdateMessagesTx), 2u);
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxFlushedFrames), 3u);
    EXPECT_EQ(dead.lone.pool.in_use(), 0u);
}

TEST(LinkFlush, ActionBlock) {
    Flushed dead(silent());
    EXPECT_FALSE(dead.lone.link.can_send(kVc, 60));
    EXPECT_FALSE(dead.lone.link.can_send(kOther, 60));
    EXPECT_TRUE(dead.lone.link.can_send(kBestEffort, 60));  // Not LLR-desired.
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxDiscard), 0u);
}

TEST(LinkFlush, ActionDiscard) {
    LinkProfile profile = silent();
    profile.llr.flush_action = FrameAction::kDiscard;
    Flushed dead(profile);
    // More than there are credits: what dies here takes none.
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(dead.lone.link.can_send(kVc, 1000));
        EXPECT_FALSE(dead.lone.send(kVc, 1000));
    }
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxDiscard), 100u);
    EXPECT_EQ(dead.lone.link.stats().vcs[0].tx_frames.read(), 3u);
    EXPECT_EQ(dead.lone.pool.in_use(), 0u);
}

TEST(LinkFlush, ActionBestEffort) {
    LinkProfile profile = silent();
    profile.llr.flush_action = FrameAction::kBestEffort;
    Flushed dead(profile);
    const SimFrame frame = dead.lone.send(kVc);
    ASSERT_TRUE(frame);
    EXPECT_FALSE(word_of(frame).eligible);
    EXPECT_EQ(dead.lone.link.frames_held(), 0u);
}

TEST(LinkFlush, ReInitBeginsTheNextSession) {
    LinkProfile profile = silent();
    profile.llr.re_init_on_flush = true;
    Flushed dead(profile, {.epoch = 31, .init_seq = 5});
    EXPECT_EQ(dead.lone.link.llr_tx().state(), LlrTxState::kInit);
    EXPECT_EQ(dead.lone.link.llr_tx().epoch(), 33);  // 32 has no session bits.
    EXPECT_EQ(dead.lone.link.llr_tx().init_seq(), Cyclic<20>(9));
    EXPECT_EQ(dead.lone.link.cbfc_sender().consumed(kVc), CreditCounter(0));
    const auto init = dead.lone.turn_sets(10us).find(CtlOsType::kInit);
    ASSERT_TRUE(init);
    EXPECT_EQ(init->value, 9u);
    EXPECT_EQ(init->arg, 33);

    // What the neighbour still says of the old session means nothing.
    dead.lone.hear_sets({{.type = CtlOsType::kAck, .value = 8}}, 31);
    dead.lone.hear_sets({{.type = CtlOsType::kCfUpdate, .value = 0, .arg = 0}}, 31);
    dead.lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 5, .arg = 31}}, 31);
    EXPECT_EQ(dead.lone.link.llr_tx().state(), LlrTxState::kInit);
    EXPECT_FALSE(dead.lone.link.cbfc_sender().heard(kVc));
}

TEST(LinkFlush, WithoutReInitTheLinkGoesOnAsBestEffort) {
    LinkProfile profile = quick_profile();
    profile.llr.re_init_on_flush = false;
    profile.llr.flush_action = FrameAction::kBestEffort;
    PairOptions options;
    options.profile = profile;
    Pair pair(options);
    ASSERT_TRUE(pair.come_up());

    // 1. b hears nothing until a gives up.
    FaultOptions cut;
    cut.loss = 1;
    pair.a.line().set(cut);
    for (int i = 0; i < 5; ++i) pair.a.offer(kVc, 60);
    ASSERT_TRUE(
        pair.run_until([&] { return pair.a.link().llr_tx().state() == LlrTxState::kFlush; }, 10ms));
    EXPECT_GE(pair.a.link().stats().read(LinkStat::kLlrTxFlushedFrames), 5u);

    // 2. Healed: frames go without numbers, the CC_Update without a session ends b's, and squares
    // the credits of the five that were given up.
    pair.a.line().set({});
    pair.b.expect_gap();
    for (int i = 0; i < 200; ++i) pair.a.offer(kVc, 60);
    EXPECT_TRUE(pair.run_until([&] { return pair.b.received(kVc) == 205; }, 10ms));
    pair.run_for(200us);
    EXPECT_EQ(pair.b.out_of_order(), 0u);
    EXPECT_EQ(pair.b.link().llr_rx().epoch(), 0);
    EXPECT_EQ(pair.a.link().stats().read(LinkStat::kLlrTxIneligible), 200u);
    EXPECT_EQ(pair.credits_leaked(), 0u);
}

TEST(LinkFlush, AfterReInitNothingOfTheOldSessionIsDelivered) {
    // C8, L7: both sides converge to the limit; frames of the old session are recognised.
    PairOptions options;
    options.profile = quick_profile();
    options.a_to_b.delay = 300us;  // Longer than the sender's patience.
    options.profile.llr.max_replay_timer = 20us;
    Pair pair(options);
    pair.run_for(5ms);
    pair.a.line().set({});
    ASSERT_TRUE(pair.come_up());
    pair.run_for(1ms);
    pair.b.expect_gap();
    for (int i = 0; i < 100; ++i) pair.a.offer(kVc, 60);
    EXPECT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 5ms));
    pair.run_for(200us);
    EXPECT_EQ(pair.b.received(kVc), 100u);
    EXPECT_EQ(pair.b.out_of_order(), 0u);
    EXPECT_EQ(pair.credits_leaked(), 0u);
    EXPECT_GT(pair.a.link().stats().read(LinkStat::kLlrTxFlush), 0u);
}

TEST(LinkFlush, PcsLost) {
    LoneLink lone(silent());
    lone.come_up();
    (void)lone.send(kVc);
    lone.hear_sets({{.type = CtlOsType::kAck, .value = 1}});

    // 1. Back in time: nothing happens.
    lone.link.on_pcs_status(false, lone.now);
    lone.turn(99us);
    lone.link.on_pcs_status(true, lone.now);
    lone.turn(200us);
    EXPECT_TRUE(lone.link.is_up());

    // 2. Said twice it counts from the first time; FLUSH after the timeout though all is ACKed.
    lone.link.on_pcs_status(false, lone.now);
    lone.turn(60us);
    lone.link.on_pcs_status(false, lone.now);
    lone.turn(39us);
    EXPECT_TRUE(lone.link.is_up());
    lone.turn(1us);
    EXPECT_EQ(lone.link.llr_tx().state(), LlrTxState::kFlush);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxFlush), 1u);
    lone.turn(1ms);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxFlush), 1u);
}

TEST(LinkFlush, PcsLostWithoutPatience) {
    LinkProfile profile = silent();
    profile.llr.pcs_lost_timeout = 0s;
    LoneLink lone(profile);
    lone.link.on_pcs_status(false, lone.now);  // Nothing runs yet.
    lone.turn();
    EXPECT_EQ(lone.count(LinkStat::kLlrTxFlush), 0u);
    lone.link.on_pcs_status(true, lone.now);
    lone.come_up();
    lone.link.on_pcs_status(false, lone.now);
    lone.turn();
    EXPECT_EQ(lone.link.llr_tx().state(), LlrTxState::kFlush);
}

TEST(LinkFlush, DataTooOld) {
    LinkProfile profile = silent();
    profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    profile.llr.data_age_timeout = 500us;
    LoneLink lone(profile);
    lone.come_up();
    lone.turn(50ms);  // Idle, nothing ages.
    (void)lone.send(kVc);
    const Time sent_at = lone.now;
    while (lone.link.is_up() && lone.now < sent_at + 1ms) lone.turn(1us);
    EXPECT_GE(lone.now - sent_at, 499us);
    EXPECT_LE(lone.now - sent_at, 503us);
    EXPECT_EQ(lone.link.llr_tx().state(), LlrTxState::kFlush);
}

TEST(LinkFlush, WhatWaitsForADeadNeighbourTooLongIsDiscarded) {
    // Otherwise one dead endpoint would hold the buffers of the whole fabric (S9).
    LinkProfile profile = silent();
    profile.llr.re_init_on_flush = true;
    profile.llr.data_age_timeout = 1ms;
    Flushed dead(profile);
    EXPECT_FALSE(dead.lone.link.can_send(kVc, 60));
    dead.lone.turn(990us);
    EXPECT_FALSE(dead.lone.link.can_send(kVc, 60));
    dead.lone.turn(20us);
    ASSERT_TRUE(dead.lone.link.can_send(kVc, 60));
    EXPECT_FALSE(dead.lone.send(kVc, 60));
    EXPECT_EQ(dead.lone.count(LinkStat::kLlrTxDiscard), 1u);
    EXPECT_EQ(dead.lone.link.llr_tx().state(), LlrTxState::kInit);
}

/// b forgets everything, as a process that is killed and started again; its new epoch is `epoch`.
void restart_b(std::uint16_t epoch, bool idle, Duration cc_timer) {
    SCOPED_TRACE(testing::Message() << "epoch " << epoch << (idle ? ", idle" : ", busy"));
    PairOptions options;
    options.profile = quick_profile();
    options.profile.cbfc_profile.cc_message_timer = cc_timer;
    options.a = {.software_fcs = true, .epoch = 1, .init_seq = 1000};
    options.b = {.software_fcs = true, .epoch = 1, .init_seq = 2000};
    Pair pair(options);
    ASSERT_TRUE(pair.come_up());
    for (int i = 0; i < 200; ++i) {
        pair.a.offer(kVc, 60);
        pair.b.offer(kOther, 60);
    }
    if (idle) {
        ASSERT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 5ms));
        pair.run_for(500us);
    } else {
        pair.run_for(3us);
        ASSERT_GT(pair.a.link().frames_held(), 0u);
    }
    const std::uint64_t flushes = pair.a.link().stats().read(LinkStat::kLlrTxFlush);
    pair.b.restart({.software_fcs = true, .epoch = epoch, .init_seq = 1000}, pair.now);
    pair.a.expect_gap();
    pair.b.expect_gap();

    // 1. a learns that its session is gone, and only then.
    ASSERT_TRUE(pair.run_until(
        [&] { return pair.a.link().stats().read(LinkStat::kLlrTxFlush) > flushes; }, 5ms));
    EXPECT_EQ(pair.a.link().stats().read(LinkStat::kLlrNeighbourLost), 1u);
    ASSERT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 50ms));
    // 2. Then all is as after the first start; what comes now comes once and in order.
    const std::uint64_t before = pair.b.received(kVc);
    for (int i = 0; i < 100; ++i) {
        pair.a.offer(kVc, 100);
        pair.b.offer(kVc, 100);
    }
    EXPECT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 5ms));
    pair.run_for(500us);
    EXPECT_GE(pair.b.received(kVc), before + 100);
    EXPECT_EQ(pair.b.received(kVc), pair.a.offered(kVc));
    EXPECT_EQ(pair.a.received(kVc), 100u);
    EXPECT_EQ(pair.b.out_of_order(), 0u);
    EXPECT_EQ(pair.a.out_of_order(), 0u);
    EXPECT_EQ(pair.credits_leaked(), 0u);
    EXPECT_TRUE(pair.a.link().is_up() && pair.b.link().is_up());
}

TEST(LinkRestart, NeighbourForgetsWhileIdle) {
    for (const auto epoch : std::to_array<std::uint16_t>({1, 2, 33, 77})) {
        restart_b(epoch, true, 0s);
        restart_b(epoch, true, 50us);
    }
}

TEST(LinkRestart, NeighbourForgetsWhileFramesAreOutstanding) {
    for (const auto epoch : std::to_array<std::uint16_t>({1, 2, 33, 77})) {
        restart_b(epoch, false, 0s);
        restart_b(epoch, false, 50us);
    }
}

TEST(LinkRestart, OneStaleControlFrameEndsNothing) {
    LoneLink lone(silent());
    lone.come_up();
    for (int round = 0; round < 10; ++round) {
        // Two in a row that know another session, then one that knows ours.
        lone.hear_sets({{.type = CtlOsType::kAck, .value = 7}}, 99);
        lone.hear_sets({{.type = CtlOsType::kAck, .value = 7}}, 0);
        lone.hear_sets({{.type = CtlOsType::kCfUpdate, .value = 0, .arg = 0}});
    }
    EXPECT_TRUE(lone.link.is_up());
    EXPECT_EQ(lone.count(LinkStat::kLlrNeighbourLost), 0u);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxOtherEpoch), 20u);
    for (int i = 0; i < 3; ++i) lone.hear_sets({{.type = CtlOsType::kAck, .value = 7}}, 99);
    EXPECT_FALSE(lone.link.is_up());
    EXPECT_EQ(lone.count(LinkStat::kLlrNeighbourLost), 1u);
}

TEST(LinkRestart, WhatWasUnderWayBeforeTheSessionDoesNotEndIt) {
    LoneLink lone(silent());
    lone.turn();
    const std::uint16_t epoch = lone.link.llr_tx().epoch();
    // The echo, and behind it, in the same burst, what was said before it of an older session.
    lone.hear_sets({{.type = CtlOsType::kInitEcho,
                     .value = lone.link.llr_tx().init_seq().value(),
                     .arg = epoch}},
                   99);
    for (int i = 0; i < 10; ++i) lone.hear_sets({{.type = CtlOsType::kAck, .value = 7}}, 99);
    EXPECT_TRUE(lone.link.is_up());
    lone.turn();
    EXPECT_TRUE(lone.link.is_up());
    EXPECT_EQ(lone.link.llr_tx().epoch(), epoch);
    EXPECT_EQ(lone.count(LinkStat::kLlrNeighbourLost), 0u);
}

TEST(LinkRestart, ALinkComesUpWhoseRoundTripIsLongerThanItsReplayTimer) {
    PairOptions options;
    options.profile = quick_profile();
    options.profile.llr.max_replay_count = 200;
    options.a_to_b.delay = options.b_to_a.delay = 5 * options.profile.llr.max_replay_timer;
    Pair<> pair(options);
    pair.run_for(20ms);
    for (auto* end : {&pair.a, &pair.b}) {
        EXPECT_TRUE(end->link().is_up());
        EXPECT_EQ(end->link().stats().read(LinkStat::kLlrNeighbourLost), 0u);
        EXPECT_EQ(end->link().stats().read(LinkStat::kLlrTxFlush), 0u);
    }
    for (int i = 0; i < 100; ++i) pair.a.offer(kVc, 100);
    // A CC_Update is always under way, so no end is ever idle.
    EXPECT_TRUE(pair.run_until([&] { return pair.b.received(kVc) == 100; }, 100ms));
    EXPECT_EQ(pair.b.out_of_order(), 0u);
    EXPECT_EQ(pair.a.link().stats().read(LinkStat::kLlrTxFlush), 0u);
}

TEST(LinkRestart, ANeighbourThatForgetsBeforeItNamedTheSessionIsNoticed) {
    LinkProfile profile = silent();
    profile.llr.max_replay_count = 255;  // never by itself
    LoneLink lone(profile);
    lone.turn();
    lone.hear_sets({{.type = CtlOsType::kInitEcho,
                     .value = lone.link.llr_tx().init_seq().value(),
                     .arg = lone.link.llr_tx().epoch()}},
                   99);
    int turns = 0;
    for (; turns < 1000 && lone.link.is_up(); ++turns) {
        lone.turn(profile.llr.max_replay_timer);
        lone.hear_sets({{.type = CtlOsType::kCfUpdate, .value = 0, .arg = 0}}, 99);
    }
    EXPECT_EQ(lone.count(LinkStat::kLlrNeighbourLost), 1u);
    EXPECT_GE(turns, 32);
    EXPECT_LE(turns, 130);
}

}  // namespace
}  // namespace ethlink::sim
