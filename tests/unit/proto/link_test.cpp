// SPDX-License-Identifier: BSD-3-Clause
// Does a link open its session, number, acknowledge and repeat as it should?
#include "proto/link.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "proto/wire/icrc.h"
#include "tests/sim/lone_link.h"
#include "tests/sim/pair.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using wire::CtlOsType;

constexpr Vc kVc{0}, kOther{1}, kBestEffort{2};

std::vector<std::byte> bytes_of(const SimFrame& frame) {
    return {frame.bytes().begin(), frame.bytes().end()};
}

TEST(Link, OpensWithInitAndRepeatsItUntilTheEcho) {
    LoneLink lone(silent_profile(), {.epoch = 5, .init_seq = 77});

    // 1. INIT at once, with our epoch; we know none of the neighbour.
    const Said first = lone.turn_sets();
    ASSERT_TRUE(first.find(CtlOsType::kInit));
    EXPECT_EQ(first.find(CtlOsType::kInit)->value, 77u);
    EXPECT_EQ(first.find(CtlOsType::kInit)->arg, 5);
    EXPECT_EQ(first.tx_epoch, 5);
    EXPECT_EQ(first.rx_epoch, 0);
    EXPECT_FALSE(first.find(CtlOsType::kAck));
    EXPECT_FALSE(lone.link.is_up());

    // 2. Again after an interval, not before.
    EXPECT_FALSE(lone.turn_sets(9us).find(CtlOsType::kInit));
    EXPECT_TRUE(lone.turn_sets(1us).find(CtlOsType::kInit));

    // 3. No longer once it is echoed.
    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 77, .arg = 5}});
    EXPECT_TRUE(lone.link.is_up());
    EXPECT_FALSE(lone.turn_sets(100us).find(CtlOsType::kInit));
    EXPECT_EQ(lone.count(LinkStat::kLlrTxInitCtlOs), 2u);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxInitEchoCtlOs), 1u);
}

TEST(Link, EchoesEachInitOnce) {
    LoneLink lone(silent_profile());
    lone.turn();
    const wire::CtlOs init{.type = CtlOsType::kInit, .value = 500, .arg = LoneLink::kTheirEpoch};
    for (int i = 0; i < 3; ++i) {
        lone.hear_sets({init});
        const Said said = lone.turn_sets();
        ASSERT_EQ(said.count(CtlOsType::kInitEcho), 1u);
        EXPECT_EQ(said.find(CtlOsType::kInitEcho)->value, 500u);
        EXPECT_EQ(said.find(CtlOsType::kInitEcho)->arg, LoneLink::kTheirEpoch);
        EXPECT_EQ(said.rx_epoch, LoneLink::kTheirEpoch);
        EXPECT_FALSE(lone.turn_sets(5us).find(CtlOsType::kInitEcho));
    }
}

TEST(Link, AnEchoThatDoesNotMatchIsCounted) {
    LoneLink lone(silent_profile(), {.epoch = 5, .init_seq = 77});
    lone.turn();
    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 77, .arg = 6}});
    EXPECT_EQ(lone.count(LinkStat::kLlrInitEchoMismatch), 1u);
    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 78, .arg = 5}});
    EXPECT_EQ(lone.count(LinkStat::kLlrInitEchoMismatch), 2u);
    EXPECT_FALSE(lone.link.is_up());
    // A second copy of the right one is no mismatch.
    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 77, .arg = 5}});
    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 77, .arg = 5}});
    EXPECT_EQ(lone.count(LinkStat::kLlrInitEchoMismatch), 2u);
    EXPECT_TRUE(lone.link.is_up());
}

TEST(Link, TheFirstFrameOfASessionIsACcUpdate) {
    LoneLink lone(silent_profile(), {.epoch = 0x45, .init_seq = 77});
    lone.turn();
    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 77, .arg = 0x45}});
    const auto frames = lone.turn();
    ASSERT_FALSE(frames.empty());
    EXPECT_TRUE(is_cc_update(frames[0].bytes()));
    const wire::LinkWord word = word_of(frames[0]);
    EXPECT_TRUE(word.eligible);
    EXPECT_EQ(word.sequence, 77u);
    EXPECT_EQ(word.session, 0x45 & 31);
    // ... and nothing else goes on a VC with credits before the neighbour has said what is free.
    EXPECT_FALSE(lone.link.can_send(kVc, 60));
    lone.hear_sets({{.type = CtlOsType::kCfUpdate, .value = 0, .arg = kVc.value}});
    EXPECT_TRUE(lone.link.can_send(kVc, 60));
    EXPECT_FALSE(lone.link.can_send(kOther, 60));
}

TEST(Link, NumbersEligibleFramesAndLeavesTheRestAlone) {
    LoneLink lone(silent_profile(), {.epoch = 0x45, .init_seq = 0xF'FFFE});
    lone.come_up();
    for (std::uint32_t i = 0; i < 3; ++i) {  // Through the end of the circle.
        const SimFrame frame = lone.send(kOther);
        ASSERT_TRUE(frame);
        const wire::LinkWord word = word_of(frame);
        EXPECT_TRUE(word.eligible);
        EXPECT_FALSE(word.poisoned);
        EXPECT_EQ(word.vc, kOther);
        EXPECT_EQ(word.session, 5);
        EXPECT_EQ(word.sequence, (0xF'FFFF + i) & 0xF'FFFF);
        // L12: what goes without a number takes none.
        const wire::LinkWord plain = word_of(lone.send(kBestEffort));
        EXPECT_FALSE(plain.eligible);
        EXPECT_EQ(plain.vc, kBestEffort);
    }
    EXPECT_EQ(lone.link.frames_held(), 3u);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxIneligible), 3u);
    EXPECT_TRUE(word_of(lone.send(kVc, 60, true)).poisoned);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxPoisoned), 1u);
}

TEST(Link, DeliversWithAClearedLinkWord) {
    LoneLink lone(silent_profile());
    lone.come_up();
    SimFrame frame = make_ghost(lone.pool, {.vc = kVc, .number = 42}, 100);
    wire::store_link_word(frame.bytes().data(), lone.next_word(kVc).encode());
    const auto view = wire::parse(frame.bytes());
    ASSERT_TRUE(view);
    const RxOutcome outcome = lone.link.on_rx(frame, *view);
    EXPECT_EQ(outcome.verdict, RxOutcome::Verdict::kDeliver);
    EXPECT_EQ(outcome.vc, kVc);
    EXPECT_EQ(outcome.credits, Credits{2});
    EXPECT_EQ(view->link_word_raw(), 0u);
    EXPECT_TRUE(wire::check_icrc(*view));  // S12: end to end the word is zero.
    EXPECT_EQ(read_ghost(frame)->number, 42u);
}

TEST(Link, StopsAtTheWindowInFramesAndInBytes) {
    // L2
    LinkProfile profile = silent_profile();
    profile.vcs[0].reserved = Credits{10'000};
    LoneLink frames(profile);
    frames.come_up();
    std::uint32_t n = 0;
    while (frames.send(kVc)) ++n;
    EXPECT_EQ(n, 64u);
    EXPECT_TRUE(frames.link.can_send(kBestEffort, 60));  // It needs no number.
    frames.hear_sets({{.type = CtlOsType::kAck, .value = frames.link.llr_tx().oldest().value()}});
    EXPECT_TRUE(frames.send(kVc));
    EXPECT_FALSE(frames.send(kVc));

    profile.llr.max_outstanding_bytes = 10'000;
    LoneLink bytes(profile);
    bytes.come_up();
    for (n = 0; bytes.send(kVc, 1500); ++n) {
    }
    EXPECT_EQ(n, 6u);
    EXPECT_TRUE(bytes.send(kVc, 1000));
    EXPECT_FALSE(bytes.send(kVc, 60));
}

TEST(Link, ReplaysTheSameBytes) {
    LoneLink lone(silent_profile());
    lone.come_up();
    std::vector<std::vector<std::byte>> sent;
    for (std::uint32_t i = 0; i < 4; ++i) sent.push_back(bytes_of(lone.send(kVc, 60 + i)));
    const std::uint32_t first = word_of(lone.send(kBestEffort)).sequence;
    EXPECT_EQ(first, 0u);

    // A NACK that names number 1 (0 is the CC_Update) frees it and repeats the three behind it.
    lone.hear_sets({{.type = CtlOsType::kNack, .value = 1}});
    EXPECT_FALSE(lone.link.can_send(kVc, 60));  // Nothing new overtakes a replay.
    const auto again = lone.turn();
    ASSERT_EQ(again.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(bytes_of(again[i]), sent[i + 1]);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxReplayed), 3u);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxReplay), 1u);
    EXPECT_EQ(lone.count(LinkStat::kLlrTxOk), 8u);  // 1 CC_Update, 4 frames, 3 again.
    // Credits were spent once.
    EXPECT_EQ(lone.link.cbfc_sender().consumed(kVc), CreditCounter(4));
}

TEST(Link, KeepsAShareOrACopyAsThePortAsks) {
    for (const Keep keep : {Keep::kShare, Keep::kCopy}) {
        LoneLink lone(silent_profile(), {.keep = keep});
        lone.come_up();
        const std::size_t before = lone.pool.in_use();
        const SimFrame frame = lone.send(kVc);
        EXPECT_EQ(lone.pool.in_use() - before, keep == Keep::kShare ? 1u : 2u);
        lone.hear_sets({{.type = CtlOsType::kAck, .value = 1}});
        EXPECT_EQ(lone.link.frames_held(), 0u);
        EXPECT_EQ(lone.pool.in_use() - before, 1u);
    }
}

TEST(Link, LendsOnlyFramesThatAreLongEnough) {
    LoneLink lone(silent_profile(), {.keep = Keep::kLend});
    lone.come_up();
    const std::size_t before = lone.pool.in_use();
    const SimFrame copied = lone.send(kVc, 511);
    EXPECT_EQ(lone.pool.in_use() - before, 2u);
    const SimFrame lent = lone.send(kVc, 512);
    EXPECT_EQ(lone.pool.in_use() - before, 3u);
}

TEST(Link, WithAnFcsOfItsOwnNothingIsLent) {
    LoneLink lone(silent_profile(), {.keep = Keep::kLend, .software_fcs = true});
    lone.come_up();
    const std::size_t before = lone.pool.in_use();
    const SimFrame copied = lone.send(kVc, 1000);
    EXPECT_EQ(lone.pool.in_use() - before, 2u);
}

TEST(Link, WhatTheNeighbourDidToALentFrameIsNotInItsReplay) {
    LoneLink lone(silent_profile(), {.keep = Keep::kLend});
    lone.come_up();
    SimFrame frame = lone.send(kVc, 1000);
    const std::vector<std::byte> sent = bytes_of(frame);
    // A switch takes the link word off, counts the hop, marks congestion, puts a word of its own.
    for (std::size_t i = kSentHeadOffset; i < kSentHeadOffset + kSentHeadSize; ++i) {
        frame.bytes()[i] ^= std::byte{0xA5};
    }
    frame.append(4);  // ... or the FCS of a port behind it.

    lone.hear_sets({{.type = CtlOsType::kNack, .value = 0}});
    const auto again = lone.turn();
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(bytes_of(again[0]), sent);
}

TEST(Link, WithoutABufferForTheCopyTheFrameGoesLater) {
    LoneLink lone(silent_profile(), {}, 8);
    lone.come_up();
    std::vector<SimFrame> hoard;
    while (lone.pool.in_use() < 7) hoard.push_back(lone.pool.allocate(60));
    EXPECT_FALSE(lone.send(kVc));  // The frame itself takes the last buffer.
    EXPECT_EQ(lone.link.frames_held(), 1u);
    EXPECT_EQ(lone.count(LinkStat::kTxNoBuffer), 1u);

    // A replay that finds no buffer waits for one.
    EXPECT_TRUE(lone.turn(40us).empty());
    EXPECT_TRUE(lone.link.llr_tx().is_replaying());
    hoard.clear();
    const auto frames = lone.turn(1us);
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(word_of(frames.back()).sequence, 1u);
    EXPECT_EQ(lone.link.llr_tx().state(), LlrTxState::kAdvance);
}

TEST(Link, DeadlineSaysWhenItWantsATurn) {
    // Two links, one turned every microsecond, one only at its deadlines: they say the same.
    LinkProfile profile = quick_profile();
    profile.llr.data_age_timeout = 0s;
    LoneLink often(profile), seldom(profile);
    int said_often = 0, said_seldom = 0, turns = 0;
    for (LoneLink* lone : {&often, &seldom}) {
        lone->come_up();
        lone->turn(2us);
    }
    const Time end = often.now + 1ms;
    const auto hear_and_ack = [](LoneLink& lone, std::vector<SimFrame> frames) {
        for (const SimFrame& frame : frames) {
            if (!word_of(frame).eligible) continue;
            lone.hear_sets({{.type = CtlOsType::kAck, .value = word_of(frame).sequence}});
        }
        return static_cast<int>(frames.size());
    };
    while (often.now < end) said_often += hear_and_ack(often, often.turn(1us));
    while (seldom.link.deadline() <= end) {
        ASSERT_GT(seldom.link.deadline(), seldom.now) << "an idle link must not spin";
        said_seldom += hear_and_ack(seldom, seldom.turn(seldom.link.deadline() - seldom.now));
        ++turns;
    }
    EXPECT_EQ(said_often, said_seldom);
    EXPECT_GT(said_seldom, 50);
    EXPECT_LE(turns, said_seldom);
}

TEST(Link, PublishesItsState) {
    LoneLink lone(silent_profile(), {.epoch = 3});
    lone.come_up();
    (void)lone.send(kVc, 100);
    lone.hear_next(kVc);
    lone.link.publish();
    const LinkStatus& status = lone.link.stats().status;
    EXPECT_EQ(status.llr_tx_state.read(), static_cast<std::uint64_t>(LlrTxState::kAdvance));
    EXPECT_EQ(status.llr_rx_state.read(), static_cast<std::uint64_t>(LlrRxState::kSendAcks));
    EXPECT_EQ(status.outstanding_frames.read(), 1u);
    EXPECT_EQ(status.outstanding_bytes.read(), 100u);
    EXPECT_EQ(status.tx_epoch.read(), 3u);
    EXPECT_EQ(status.rx_epoch.read(), LoneLink::kTheirEpoch);
    EXPECT_EQ(status.vcs[0].sender_credits_used.read(), 2u);
    EXPECT_EQ(status.vcs[0].sender_credits_consumed.read(), 2u);
    EXPECT_EQ(status.vcs[0].sender_credits_freed.read(), 0u);
    EXPECT_EQ(status.vcs[0].receiver_credits_consumed.read(), 1u);
    EXPECT_EQ(status.vcs[0].receiver_credits_freed.read(), 0u);
    const VcStats& vc = lone.link.stats().vcs[0];
    EXPECT_EQ(vc.tx_frames.read(), 1u);
    EXPECT_EQ(vc.tx_bytes.read(), 100u);
    EXPECT_EQ(vc.rx_frames.read(), 1u);
    EXPECT_EQ(vc.rx_bytes.read(), 60u);
    EXPECT_EQ(vc.sender_credits_used_watermark.read(), 2u);
}

TEST(Link, MeasuresTheRoundTrip) {
    LoneLink lone(silent_profile());
    lone.come_up();
    (void)lone.send(kVc);
    lone.turn(5us);
    lone.hear_sets({{.type = CtlOsType::kAck, .value = 1}});
    lone.link.publish();
    EXPECT_EQ(lone.link.stats().status.rtt_ns.read(), 5000u);
    (void)lone.send(kVc);
    lone.turn(13us);
    lone.hear_sets({{.type = CtlOsType::kAck, .value = 2}});
    lone.link.publish();
    EXPECT_EQ(lone.link.stats().status.rtt_ns.read(), 6000u);
}

TEST(Link, WithoutLlrCreditsAloneRun) {
    LinkProfile profile = quick_profile();
    profile.llr_local = profile.llr_remote = false;
    PairOptions options;
    options.profile = profile;
    Pair pair(options);
    EXPECT_TRUE(pair.a.link().is_up());
    ASSERT_TRUE(pair.come_up());
    for (int i = 0; i < 500; ++i) pair.a.offer(kVc, 60);
    EXPECT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 1ms));
    pair.run_for(100us);
    EXPECT_EQ(pair.b.received(kVc), 500u);
    EXPECT_EQ(pair.b.out_of_order(), 0u);
    EXPECT_EQ(pair.credits_leaked(), 0u);
    EXPECT_EQ(pair.a.link().stats().read(LinkStat::kLlrTxOk), 0u);
    EXPECT_EQ(pair.a.link().frames_held(), 0u);
}

TEST(Link, WithoutCreditsLlrAloneRuns) {
    LinkProfile profile = quick_profile();
    profile.cbfc = false;
    PairOptions options;
    options.profile = profile;
    options.a_to_b.loss = 0.1;
    Pair pair(options);
    ASSERT_TRUE(pair.come_up());
    EXPECT_FALSE(pair.a.link().is_lossless(kVc));
    for (int i = 0; i < 500; ++i) pair.a.offer(kVc, 60);
    EXPECT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 50ms));
    EXPECT_EQ(pair.b.received(kVc), 500u);
    EXPECT_EQ(pair.b.out_of_order(), 0u);
}

TEST(Link, InInitOnlyWhatTheProfileAllowsGoesOut) {
    for (const FrameAction action :
         {FrameAction::kBlock, FrameAction::kDiscard, FrameAction::kBestEffort}) {
        LinkProfile profile = silent_profile();
        profile.vcs[2].llr_desired = true;  // Desired, but without credits.
        profile.llr.init_action = action;
        LoneLink lone(profile);
        lone.turn();
        ASSERT_EQ(lone.link.llr_tx().state(), LlrTxState::kInit);
        const SimFrame frame = lone.send(kBestEffort);
        EXPECT_EQ(static_cast<bool>(frame), action == FrameAction::kBestEffort);
        if (frame) {
            EXPECT_FALSE(word_of(frame).eligible);
        }
        EXPECT_EQ(lone.count(LinkStat::kLlrTxDiscard), action == FrameAction::kDiscard ? 1u : 0u);
        EXPECT_EQ(lone.link.can_send(kBestEffort, 60), action != FrameAction::kBlock);
        // With credits nothing is known of the neighbour's buffer yet; to discard needs none.
        EXPECT_EQ(lone.link.can_send(kVc, 60), action == FrameAction::kDiscard);
    }
}

TEST(Link, ANeighbourWithoutLlrLocalNeverEchoes) {
    PairOptions options;
    options.profile = quick_profile();
    LinkProfile deaf = options.profile;
    deaf.llr_local = false;
    LoneLink lone(deaf);
    lone.turn();
    lone.hear_sets({{.type = CtlOsType::kInit, .value = 1, .arg = 1}});
    EXPECT_FALSE(lone.turn_sets(10us).find(CtlOsType::kInitEcho));
    EXPECT_EQ(lone.count(LinkStat::kLlrInitInvalid), 1u);
    EXPECT_EQ(lone.hear_data({.eligible = true, .vc = kVc, .session = 1, .sequence = 1}).verdict,
              RxOutcome::Verdict::kConsumed);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxNoSession), 1u);
}

/// L3: through the end of the circle and half of it, with losses both ways.
class LinkWrap : public testing::TestWithParam<std::uint32_t> {};

TEST_P(LinkWrap, LosesNothing) {
    PairOptions options;
    options.profile = quick_profile();
    options.profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    options.profile.llr.data_age_timeout = 0s;
    options.a.init_seq = options.b.init_seq = GetParam() - 150;
    options.a_to_b = {.loss = 0.05, .bit_error = 0.02, .duplicate = 0.05, .seed = GetParam()};
    options.b_to_a = {.loss = 0.05, .bit_error = 0.02, .duplicate = 0.05, .seed = GetParam() + 1};
    Pair pair(options);
    for (int i = 0; i < 300; ++i) {
        pair.a.offer(kVc, 60);
        pair.b.offer(kOther, 200);
    }
    EXPECT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 100ms));
    EXPECT_EQ(pair.b.received(kVc), 300u);
    EXPECT_EQ(pair.a.received(kOther), 300u);
    EXPECT_EQ(pair.a.out_of_order() + pair.b.out_of_order(), 0u);
}

INSTANTIATE_TEST_SUITE_P(MiddleNumber, LinkWrap,
                         testing::Values(0u, 524'287u, 524'288u, 1'048'575u));

}  // namespace
}  // namespace ethlink::sim
