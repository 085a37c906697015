// SPDX-License-Identifier: BSD-3-Clause
// Does the LLR sender keep its window, believe only possible ACKs, and give up when it should?
#include "proto/llr_tx.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

using namespace std::chrono_literals;

LlrProfile small() {
    LlrProfile profile;
    profile.max_outstanding_frames = 8;
    profile.max_replay_timer = 100us;
    profile.max_replay_count = 3;
    profile.data_age_timeout = 1ms;
    profile.init_interval = 10us;
    return profile;
}

/// A sender that runs, and the time that it is told.
template <class Seq = Cyclic<20>>
struct Running {
    explicit Running(std::uint32_t first = 0, const LlrProfile& wanted = small())
        : profile(wanted), tx(profile) {
        tx.begin_init(Seq(first), 1, now);
        EXPECT_TRUE(tx.on_init_echo(Seq(first), 1));
    }
    void send(std::uint32_t frames) {
        for (; frames > 0; --frames) {
            ASSERT_TRUE(tx.can_send());
            (void)tx.on_sent(now);
        }
    }
    /// Sends again what a replay asks for; how many frames.
    std::uint32_t replay() {
        std::uint32_t n = 0;
        for (; tx.is_replaying(); ++n) tx.on_replayed(now);
        return n;
    }
    LlrTxEvent wait(Duration time) {
        now += time;
        return tx.on_time(now, now);
    }

    LlrProfile profile;
    BasicLlrTx<Seq> tx;
    Time now{1s};
};

TEST(LlrTx, IsOffUntilItIsStarted) {
    const LlrProfile profile = small();
    LlrTx tx(profile);
    EXPECT_EQ(tx.state(), LlrTxState::kOff);
    EXPECT_FALSE(tx.can_send());
    EXPECT_FALSE(tx.next_init(Time{1s}));
    EXPECT_EQ(tx.deadline(), kNever);
    EXPECT_EQ(tx.on_ack(Cyclic<20>(0), Time{1s}).verdict, AckVerdict::kIgnored);
    EXPECT_EQ(tx.on_nack(Cyclic<20>(0), Time{1s}).verdict, AckVerdict::kIgnored);
    EXPECT_EQ(tx.on_time(Time{1s}, Time{}), LlrTxEvent::kNone);
}

TEST(LlrTx, RepeatsInitUntilTheMatchingEcho) {
    const LlrProfile profile = small();
    LlrTx tx(profile);
    const Time start{1s};
    tx.begin_init(Cyclic<20>(7), 33, start);

    // 1. INIT at once, then once every interval.
    EXPECT_EQ(tx.deadline(), start);
    EXPECT_TRUE(tx.next_init(start));
    EXPECT_FALSE(tx.next_init(start));
    EXPECT_FALSE(tx.next_init(start + 9us));
    EXPECT_EQ(tx.deadline(), start + 10us);
    EXPECT_TRUE(tx.next_init(start + 10us));

    // 2. Echoes that do not match change nothing.
    EXPECT_FALSE(tx.on_init_echo(Cyclic<20>(8), 33));
    EXPECT_FALSE(tx.on_init_echo(Cyclic<20>(7), 34));
    EXPECT_EQ(tx.state(), LlrTxState::kInit);
    EXPECT_FALSE(tx.can_send());

    // 3. The matching one opens the session, once.
    EXPECT_TRUE(tx.on_init_echo(Cyclic<20>(7), 33));
    EXPECT_EQ(tx.state(), LlrTxState::kAdvance);
    EXPECT_FALSE(tx.on_init_echo(Cyclic<20>(7), 33));
    EXPECT_FALSE(tx.next_init(start + 1s));
    EXPECT_EQ(tx.on_sent(start), Cyclic<20>(7));
}

TEST(LlrTx, StopsAtTheWindow) {
    Running run;
    run.send(8);
    EXPECT_FALSE(run.tx.can_send());
    EXPECT_EQ(run.tx.outstanding(), 8u);

    // One ACK opens it by as much as it releases.
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(2), run.now).released, 3u);
    EXPECT_EQ(run.tx.outstanding(), 5u);
    run.send(3);
    EXPECT_FALSE(run.tx.can_send());
}

/// L2, L3: the largest window and every start where bits carry.
class LlrTxWrap : public testing::TestWithParam<std::uint32_t> {};

TEST_P(LlrTxWrap, CountsThroughTheEndOfTheCircle) {
    LlrProfile profile = small();
    profile.max_outstanding_frames = LlrProfile::kOutstandingFramesCap;
    Running run(GetParam(), profile);

    // 1. Half the circle is outstanding, and no more.
    run.send(LlrProfile::kOutstandingFramesCap);
    EXPECT_FALSE(run.tx.can_send());
    EXPECT_EQ(run.tx.outstanding(), 524'288u);

    // 2. An ACK for the last one releases all of them.
    const Cyclic<20> first(GetParam());
    const AckResult all = run.tx.on_ack(first + 524'287, run.now);
    EXPECT_EQ(all.verdict, AckVerdict::kAccepted);
    EXPECT_EQ(all.released, 524'288u);

    // 3. Round the rest of the circle in small steps, with a replay now and then.
    for (std::uint32_t i = 0; i < 140'000; ++i) {
        run.send(4);
        ASSERT_EQ(run.tx.on_ack(run.tx.oldest() + 1, run.now).released, 2u);
        if (i % 1000 == 0) {
            ASSERT_EQ(run.tx.on_nack(run.tx.oldest(), run.now).released, 1u);
            ASSERT_EQ(run.replay(), 1u);
        }
        ASSERT_EQ(run.tx.on_ack(run.tx.next().previous(), run.now).verdict, AckVerdict::kAccepted);
        ASSERT_EQ(run.tx.outstanding(), 0u);
    }
    EXPECT_EQ(run.tx.next(), first + 524'288 + 560'000);
}

INSTANTIATE_TEST_SUITE_P(FirstNumber, LlrTxWrap,
                         testing::Values(0u, 524'287u, 524'288u, 1'048'575u));

TEST(LlrTx, BelievesOnlyAcksOfWhatIsOutstanding) {
    // L8, for every position on a circle of 16 and every number that a message can carry.
    for (std::uint32_t first = 0; first < 16; ++first) {
        for (std::uint32_t sent = 0; sent <= 7; ++sent) {
            for (std::uint32_t seq = 0; seq < 16; ++seq) {
                for (const bool nack : {false, true}) {
                    Running<Cyclic<4>> run(first);
                    run.send(sent);
                    const Cyclic<4> last_good(seq);
                    const AckResult result = nack ? run.tx.on_nack(last_good, run.now)
                                                  : run.tx.on_ack(last_good, run.now);
                    const std::uint32_t names = last_good.distance_from(Cyclic<4>(first) - 1);
                    if (names > sent) {
                        EXPECT_EQ(result.verdict, AckVerdict::kSeqError);
                        EXPECT_EQ(run.tx.outstanding(), sent);
                        EXPECT_EQ(run.tx.state(), LlrTxState::kAdvance);
                    } else {
                        EXPECT_EQ(result.verdict, AckVerdict::kAccepted);
                        EXPECT_EQ(result.released, names);
                        EXPECT_EQ(run.tx.outstanding(), sent - names);
                        EXPECT_EQ(run.tx.is_replaying(), nack && names < sent);
                    }
                }
            }
        }
    }
}

TEST(LlrTx, NackReplaysFromTheNextFrameOn) {
    Running run(100);
    run.send(6);  // 100 .. 105
    const AckResult result = run.tx.on_nack(Cyclic<20>(102), run.now);
    EXPECT_EQ(result.released, 3u);
    EXPECT_TRUE(run.tx.is_replaying());
    EXPECT_FALSE(run.tx.can_send());  // Nothing new overtakes a replay.
    EXPECT_EQ(run.tx.replay_cursor(), Cyclic<20>(103));
    EXPECT_EQ(run.replay(), 3u);
    EXPECT_EQ(run.tx.state(), LlrTxState::kAdvance);
    EXPECT_TRUE(run.tx.can_send());
}

TEST(LlrTx, NackOfNothingOutstandingStartsNothing) {
    Running run(100);
    run.send(2);
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(101), run.now).released, 2u);
    EXPECT_FALSE(run.tx.is_replaying());
    EXPECT_EQ(run.tx.replay_count(), 0);
}

TEST(LlrTx, CopiesOfANackStartOneReplay) {
    Running run;
    run.send(6);

    // 1. K1: copies of the NACK during and right after the replay are counted, not obeyed.
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(1), run.now).verdict, AckVerdict::kAccepted);
    run.tx.on_replayed(run.now);
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(1), run.now).verdict, AckVerdict::kSuppressed);
    EXPECT_EQ(run.tx.replay_cursor(), Cyclic<20>(3));
    EXPECT_EQ(run.replay(), 3u);
    run.now += 24us;
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(1), run.now).verdict, AckVerdict::kSuppressed);
    EXPECT_EQ(run.tx.state(), LlrTxState::kAdvance);

    // 2. After a quarter of the replay timer it is a new one.
    run.now += 1us;
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(1), run.now).verdict, AckVerdict::kAccepted);
    EXPECT_EQ(run.replay(), 4u);

    // 3. A NACK that releases frames is about another gap and is obeyed at once.
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(3), run.now).verdict, AckVerdict::kAccepted);
    EXPECT_EQ(run.replay(), 2u);
}

TEST(LlrTx, AckDuringAReplaySkipsWhatIsAcknowledged) {
    Running run;
    run.send(6);  // 0 .. 5
    ASSERT_EQ(run.tx.on_nack(Cyclic<20>(0), run.now).released, 1u);
    run.tx.on_replayed(run.now);  // 1

    // 1. Behind the cursor: the cursor stays.
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(1), run.now).released, 1u);
    EXPECT_EQ(run.tx.replay_cursor(), Cyclic<20>(2));
    // 2. Ahead of it: the replay goes on behind what is acknowledged.
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(3), run.now).released, 2u);
    EXPECT_EQ(run.tx.replay_cursor(), Cyclic<20>(4));
    EXPECT_TRUE(run.tx.is_replaying());
    // 3. Of everything: the replay is over.
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(5), run.now).released, 2u);
    EXPECT_EQ(run.tx.state(), LlrTxState::kAdvance);
    EXPECT_EQ(run.tx.deadline(), kNever);
}

TEST(LlrTx, TimerRunsFromTheOldestFrameAndAnewWithProgress) {
    Running run;
    EXPECT_EQ(run.tx.deadline(), kNever);
    run.send(1);
    const Time first = run.now;
    EXPECT_EQ(run.tx.deadline(), first + 100us);

    // 1. Later frames do not move it.
    run.now += 60us;
    run.send(2);
    EXPECT_EQ(run.tx.deadline(), first + 100us);
    // 2. Progress does; an ACK without progress does not.
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(0), run.now).released, 1u);
    EXPECT_EQ(run.tx.deadline(), run.now + 100us);
    run.now += 50us;
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(0), run.now).verdict, AckVerdict::kAccepted);
    EXPECT_EQ(run.tx.deadline(), run.now + 50us);
    // 3. It expires at its time, not before, and rests while the replay goes out.
    EXPECT_EQ(run.wait(50us - 1ns), LlrTxEvent::kNone);
    EXPECT_EQ(run.wait(1ns), LlrTxEvent::kReplayStarted);
    EXPECT_EQ(run.tx.deadline(), kNever);
    EXPECT_EQ(run.wait(900us), LlrTxEvent::kNone);
    EXPECT_EQ(run.replay(), 2u);
    EXPECT_EQ(run.tx.deadline(), run.now + 100us);
}

TEST(LlrTx, GivesUpAfterReplayCount) {
    // L7: FLUSH at replay_count_max x replay_timer after the last progress, not before.
    Running run;
    run.send(2);
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(run.wait(100us), LlrTxEvent::kReplayStarted);
        EXPECT_EQ(run.tx.replay_count(), i);
        EXPECT_EQ(run.replay(), 2u);
    }
    EXPECT_EQ(run.wait(100us - 1ns), LlrTxEvent::kNone);
    EXPECT_EQ(run.wait(1ns), LlrTxEvent::kFlushed);
    EXPECT_EQ(run.tx.state(), LlrTxState::kFlush);
    EXPECT_EQ(run.tx.outstanding(), 0u);
    EXPECT_EQ(run.tx.epoch(), 0);
    EXPECT_FALSE(run.tx.can_send());
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(0), run.now).verdict, AckVerdict::kIgnored);
    EXPECT_EQ(run.wait(1s), LlrTxEvent::kNone);
}

TEST(LlrTx, ProgressForgivesEarlierReplays) {
    Running run;
    run.send(3);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(run.wait(100us), LlrTxEvent::kReplayStarted);
        run.replay();
        if (run.tx.replay_count() < 3) continue;
        EXPECT_EQ(run.tx.on_ack(run.tx.oldest(), run.now).released, 1u);
        EXPECT_EQ(run.tx.replay_count(), 0);
        run.send(1);
    }
}

TEST(LlrTx, WithoutALimitItNeverGivesUp) {
    LlrProfile profile = small();
    profile.max_replay_count = LlrProfile::kReplayForEver;
    Running run(0, profile);
    run.send(1);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(run.wait(100us), LlrTxEvent::kReplayStarted);
        ASSERT_EQ(run.replay(), 1u);
    }
    EXPECT_EQ(run.tx.replay_count(), 255);  // Saturates: it must not come back to 0.
}

TEST(LlrTx, GivesUpWhenTheOldestFrameIsTooOld) {
    Running run;
    run.send(1);
    const Time sent_at = run.now;
    EXPECT_EQ(run.tx.on_time(sent_at + 1ms, sent_at), LlrTxEvent::kReplayStarted);
    EXPECT_EQ(run.tx.on_time(sent_at + 1ms + 1ns, sent_at), LlrTxEvent::kFlushed);

    LlrProfile ageless = small();
    ageless.data_age_timeout = 0ns;
    Running old(0, ageless);
    old.send(1);
    EXPECT_EQ(old.tx.on_time(old.now + 1h, old.now), LlrTxEvent::kReplayStarted);
}

TEST(LlrTx, SpuriousCallsAreHarmless) {
    Running run;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(run.wait(1s), LlrTxEvent::kNone);
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(0xF'FFFF), run.now).released, 0u);
    EXPECT_EQ(run.tx.on_nack(Cyclic<20>(0xF'FFFF), run.now).released, 0u);
    EXPECT_EQ(run.tx.state(), LlrTxState::kAdvance);
    EXPECT_FALSE(run.tx.next_init(run.now));
}

TEST(LlrTx, ANewSessionAfterFlushStartsClean) {
    Running run;
    run.send(5);
    run.tx.flush();
    const Cyclic<20> next = run.tx.next();
    run.tx.begin_init(next, 2, run.now);
    EXPECT_EQ(run.tx.state(), LlrTxState::kInit);
    EXPECT_EQ(run.tx.epoch(), 2);
    EXPECT_EQ(run.tx.replay_count(), 0);
    EXPECT_FALSE(run.tx.on_init_echo(next, 1));  // Of the session before.
    EXPECT_TRUE(run.tx.on_init_echo(next, 2));
    EXPECT_EQ(run.tx.on_sent(run.now), Cyclic<20>(5));
    // An ACK of the old session's numbers releases nothing here.
    EXPECT_EQ(run.tx.on_ack(Cyclic<20>(3), run.now).verdict, AckVerdict::kSeqError);
}

TEST(LlrTx, StopForgetsEverything) {
    Running run;
    run.send(3);
    run.tx.stop();
    EXPECT_EQ(run.tx.state(), LlrTxState::kOff);
    EXPECT_EQ(run.tx.outstanding(), 0u);
    EXPECT_EQ(run.tx.epoch(), 0);
    EXPECT_EQ(run.wait(1s), LlrTxEvent::kNone);
}

}  // namespace
}  // namespace ethlink
