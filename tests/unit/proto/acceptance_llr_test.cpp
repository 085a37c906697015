// SPDX-License-Identifier: BSD-3-Clause
// Does LLR pass the rows of the interop test plan that need no hardware? See acceptance.h.
#include <algorithm>

#include "tests/unit/proto/acceptance.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

TEST(Acceptance, LLR_01) {
    // 1000 x 64 B eligible, line rate: TX_OK = RX_OK = 1000, ACKs > 0, NACK = 0.
    Bench bench(line_options(0us));
    bench.send(1000, k64);
    EXPECT_TRUE(bench.finish());
    EXPECT_EQ(bench.a(LinkStat::kLlrTxOk), 1000u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxOk), 1000u);
    EXPECT_GT(bench.b(LinkStat::kLlrTxAckCtlOs), 0u);
    EXPECT_EQ(bench.b(LinkStat::kLlrTxAckCtlOs), bench.a(LinkStat::kLlrRxAckCtlOs));
    EXPECT_EQ(bench.b(LinkStat::kLlrTxNackCtlOs), 0u);
    EXPECT_EQ(bench.lost(), 0u);
}

/// What LLR-02 and LLR-03 expect after the 901st of 1000 frames has been hit.
void expect_one_replay(Bench& bench) {
    EXPECT_EQ(bench.nacks, std::vector{900u});
    EXPECT_EQ(bench.b(LinkStat::kLlrTxNackCtlOs), 1u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxReplay), 1u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxExpectedSeqGood), 1000u);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxReplay), 1u);
    EXPECT_EQ(bench.pair.a.link().llr_tx().state(), LlrTxState::kAdvance);
    EXPECT_EQ(bench.pair.b.link().llr_rx().state(), LlrRxState::kSendAcks);
    EXPECT_EQ(bench.lost(), 0u);
    EXPECT_EQ(bench.pair.b.out_of_order(), 0u);
}

TEST(Acceptance, LLR_02) {
    // init_seq 1, skip seq 901: one NACK with seq 900, RX_REPLAY 1, EXPECTED_SEQ_GOOD 1000, states
    // back to ADVANCE / SEND_ACKS, no loss.
    Bench bench(plan_options());
    bench.send(1000, k64);
    bool skipped = false;
    bench.pair.b.tap = [&](SimFrame& frame) {
        const bool skip = !skipped && word_of(frame).eligible && word_of(frame).sequence == 901;
        skipped |= skip;
        return !skip;
    };
    EXPECT_TRUE(bench.finish());
    EXPECT_TRUE(skipped);
    expect_one_replay(bench);
    EXPECT_GT(bench.b(LinkStat::kLlrRxMissingSeq), 0u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxBad), 0u);
}

TEST(Acceptance, LLR_03) {
    // Bad CRC on the 901st: one NACK seq 900, EXPECTED_SEQ_BAD 1 (the plan prints 1000: a typing
    // error), no loss.
    Bench bench(plan_options());
    bench.send(1000, k64);
    bool damaged = false;
    bench.pair.b.tap = [&](SimFrame& frame) {
        if (!damaged && word_of(frame).eligible && word_of(frame).sequence == 901) {
            damaged = true;
            frame.bytes()[40] ^= std::byte{0x10};
        }
        return true;
    };
    EXPECT_TRUE(bench.finish());
    EXPECT_TRUE(damaged);
    expect_one_replay(bench);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxExpectedSeqBad), 1u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxBad), 1u);
}

TEST(Acceptance, LLR_05) {
    // ACKs blocked, REPLAY_COUNT_MAX 3, RE_INIT false, 1000 frames: TX_OK 4000, TX_REPLAY 3, then
    // FLUSH.
    PairOptions options = plan_options();
    options.profile.llr.max_replay_count = 3;
    options.profile.llr.re_init_on_flush = false;
    Bench bench(options);
    bench.acks_blocked = true;
    bench.send(1000, k64);
    EXPECT_TRUE(bench.pair.run_until(
        [&] { return bench.pair.a.link().llr_tx().state() == LlrTxState::kFlush; }, 20ms));
    EXPECT_EQ(bench.a(LinkStat::kLlrTxOk), 4000u);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxReplay), 3u);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxFlush), 1u);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxFlushedFrames), 1000u);
    // Every copy had arrived: 1000 new ones, 3000 duplicates.
    EXPECT_EQ(bench.b(LinkStat::kLlrRxOk), 4000u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxDuplicateSeq), 3000u);
    EXPECT_EQ(bench.lost(), 0u);
    bench.pair.run_for(5ms);
    EXPECT_EQ(bench.pair.a.link().llr_tx().state(), LlrTxState::kFlush);
}

TEST(Acceptance, LLR_06) {
    // 1000 poisoned: RX_POISONED 1000, NACK 0, replays 0.
    Bench bench(plan_options());
    bench.pair.a.poison = true;
    bench.send(1000, k64);
    EXPECT_TRUE(bench.finish());
    EXPECT_EQ(bench.a(LinkStat::kLlrTxPoisoned), 1000u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxPoisoned), 1000u);
    EXPECT_EQ(bench.b(LinkStat::kLlrRxExpectedSeqPoisoned), 1000u);
    EXPECT_EQ(bench.b(LinkStat::kLlrTxNackCtlOs), 0u);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxReplay), 0u);
    // They go no further, and give their credits back.
    EXPECT_EQ(bench.pair.b.received(kVc), 0u);
    EXPECT_EQ(bench.pair.b.refused(Drop::kPoisoned), 1000u);
    bench.pair.run_for(100us);
    EXPECT_EQ(bench.pair.credits_leaked(), 0u);
}

TEST(Acceptance, LLR_08) {
    // RTT of 500 m (about 5 us), 64 B: > 99 % line rate, no replay.
    Bench bench(line_options(kHalfOf500m));
    bench.send(40'000, k64);
    bench.pair.run_for(100us);
    EXPECT_GT(share_of_line(bench, 2ms), 0.99);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxReplay), 0u);
    EXPECT_TRUE(bench.finish());
    EXPECT_EQ(bench.lost(), 0u);
}

TEST(Acceptance, LLR_08_with_too_small_a_window) {
    // The other side of the row: a window below RTT x rate must show, or the row proves nothing.
    PairOptions options = line_options(kHalfOf500m);
    options.profile.llr.max_outstanding_frames = 37;  // Half of the 75 frames of 5 us.
    Bench bench(options);
    bench.send(40'000, k64);
    bench.pair.run_for(100us);
    EXPECT_LT(share_of_line(bench, 500us), 0.6);
    EXPECT_EQ(bench.a(LinkStat::kLlrTxReplay), 0u);
}

TEST(Acceptance, LLR_10) {
    // Sizes 64..max, +-1: no loss, consistent latency.
    PairOptions options = plan_options();
    options.step = 100ns;
    options.a_to_b.delay = 2us;
    Bench bench(options);
    Time sent_at{};
    Duration least = 1s, most{0};
    std::uint64_t arrived = 0;
    bench.pair.b.on_delivery = [&](const Ghost&, Time now) {
        ++arrived;
        least = std::min(least, now - sent_at);
        most = std::max(most, now - sent_at);
    };
    std::uint64_t frames = 0;
    for (std::uint32_t bytes = k64; bytes <= 2048; ++bytes, ++frames) {
        sent_at = bench.pair.now;
        bench.send(1, bytes);
        ASSERT_TRUE(bench.pair.run_until([&] { return arrived > frames; }, 20us)) << bytes;
    }
    EXPECT_LE(most - least, options.step);
    EXPECT_TRUE(bench.finish());
    EXPECT_EQ(bench.a(LinkStat::kLlrTxOk), frames);
    EXPECT_EQ(bench.lost(), 0u);
    EXPECT_EQ(bench.pair.b.out_of_order(), 0u);
}

}  // namespace
}  // namespace ethlink::sim
