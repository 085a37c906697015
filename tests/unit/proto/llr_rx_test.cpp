// SPDX-License-Identifier: BSD-3-Clause
// Does the LLR receiver take each frame once and in order, and answer as its states say?
#include "proto/llr_rx.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

using Seq = Cyclic<20>;
using enum FrameCheck;
using enum LlrRxVerdict;

constexpr std::uint8_t kSession = 3;

/// A receiver in session 0x63 whose next frame is number 10.
LlrRx receiver() {
    LlrRx rx;
    rx.start();
    EXPECT_TRUE(rx.on_init(Seq(10), 0x60 | kSession));
    return rx;
}

LlrRxVerdict hear(LlrRx& rx, std::uint32_t seq, FrameCheck check = kGood) {
    return rx.on_frame(kSession, Seq(seq), check);
}

TEST(LlrRx, IsOffUntilItIsStarted) {
    LlrRx rx;
    EXPECT_FALSE(rx.on_init(Seq(1), 5));
    for (std::uint8_t session = 0; session < 32; ++session) {
        for (const FrameCheck check : {kGood, kPoisoned, kBad}) {
            for (std::uint32_t seq = 0; seq < 4; ++seq) {
                EXPECT_EQ(rx.on_frame(session, Seq(seq), check), kNoSession);
            }
        }
    }
    EXPECT_EQ(rx.state(), LlrRxState::kOff);
    EXPECT_FALSE(rx.has_answer());
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);
}

TEST(LlrRx, WithoutASessionNoFrameIsAccepted) {
    // Session bits 0 mean "none": a neighbour that sends them has no session either.
    LlrRx rx;
    rx.start();
    for (std::uint8_t session = 0; session < 32; ++session) {
        for (const FrameCheck check : {kGood, kPoisoned, kBad}) {
            EXPECT_EQ(rx.on_frame(session, Seq(0), check), kNoSession);
            EXPECT_EQ(rx.on_frame(session, Seq(9), check), kNoSession);
        }
    }
    EXPECT_EQ(rx.state(), LlrRxState::kSendAcks);
    EXPECT_FALSE(rx.has_answer());
}

TEST(LlrRx, RefusesASessionWithoutBits) {
    LlrRx rx;
    rx.start();
    EXPECT_FALSE(rx.on_init(Seq(1), 0));
    EXPECT_FALSE(rx.on_init(Seq(1), 0x20));  // Its low five bits are 0.
    EXPECT_EQ(rx.epoch(), 0);
}

TEST(LlrRx, AcceptsInOrderAndAcknowledges) {
    LlrRx rx = receiver();
    EXPECT_FALSE(rx.has_answer());
    EXPECT_EQ(hear(rx, 10), kAccept);
    EXPECT_EQ(hear(rx, 11), kAccept);
    EXPECT_TRUE(rx.has_answer());
    EXPECT_FALSE(rx.is_urgent());
    EXPECT_EQ(rx.answer_seq(), Seq(11));
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);
}

TEST(LlrRx, AGapIsNackedOnce) {
    LlrRx rx = receiver();
    EXPECT_EQ(hear(rx, 10), kAccept);

    // 1. SEND_ACKS -> SEND_NACK on a missing frame.
    EXPECT_EQ(hear(rx, 12), kMissing);
    EXPECT_EQ(rx.state(), LlrRxState::kSendNack);
    EXPECT_TRUE(rx.is_urgent());
    EXPECT_EQ(rx.answer_seq(), Seq(10));

    // 2. SEND_NACK -> NACK_SENT when it goes out, then silence.
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNack);
    EXPECT_EQ(rx.state(), LlrRxState::kNackSent);
    for (std::uint32_t seq = 13; seq < 30; ++seq) {
        EXPECT_EQ(hear(rx, seq, seq % 2 == 0 ? kGood : kBad), kMissing);
        EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);
    }
    EXPECT_EQ(hear(rx, 11, kBad), kExpectedBad);  // The replay's first frame is hit again.
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);
    EXPECT_EQ(rx.replays_seen(), 0u);

    // 3. NACK_SENT -> SEND_ACKS when the expected frame arrives good.
    EXPECT_EQ(hear(rx, 11), kAccept);
    EXPECT_EQ(rx.state(), LlrRxState::kSendAcks);
    EXPECT_EQ(rx.replays_seen(), 1u);
    EXPECT_EQ(hear(rx, 12), kAccept);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_EQ(rx.answer_seq(), Seq(12));
}

TEST(LlrRx, TheExpectedFrameDamagedIsNacked) {
    LlrRx rx = receiver();
    EXPECT_EQ(hear(rx, 10, kBad), kExpectedBad);
    EXPECT_EQ(rx.state(), LlrRxState::kSendNack);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNack);
    EXPECT_EQ(rx.answer_seq(), Seq(9));
}

TEST(LlrRx, AFrameThatComesBeforeTheNackIsOutEndsTheGap) {
    LlrRx rx = receiver();
    EXPECT_EQ(hear(rx, 11), kMissing);
    EXPECT_EQ(hear(rx, 10), kAccept);  // It was late, not lost.
    EXPECT_EQ(rx.state(), LlrRxState::kSendAcks);
    EXPECT_EQ(rx.replays_seen(), 0u);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
}

TEST(LlrRx, APoisonedFrameTakesItsNumber) {
    // L10: the sequence advances, nothing is NACKed.
    LlrRx rx = receiver();
    EXPECT_EQ(hear(rx, 10, kPoisoned), kAccept);
    EXPECT_EQ(hear(rx, 11), kAccept);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_EQ(rx.answer_seq(), Seq(11));
}

TEST(LlrRx, AGoodDuplicateIsAcknowledged) {
    // L6: it changes neither the expected number nor what is delivered, but it is answered.
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_EQ(hear(rx, 10), kDuplicate);
    EXPECT_TRUE(rx.is_urgent());
    EXPECT_EQ(rx.expected(), Seq(11));
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_FALSE(rx.is_urgent());
}

TEST(LlrRx, ADamagedDuplicateIsNotAnswered) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_EQ(hear(rx, 10, kBad), kDuplicate);
    EXPECT_EQ(rx.state(), LlrRxState::kSendAcks);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);
}

TEST(LlrRx, AGoodDuplicateEndsNackSent) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_EQ(hear(rx, 12), kMissing);
    ASSERT_EQ(rx.next_answer(), LlrAnswer::kNack);

    // 1. A damaged duplicate proves nothing: still silent.
    EXPECT_EQ(hear(rx, 9, kBad), kDuplicate);
    EXPECT_EQ(rx.state(), LlrRxState::kNackSent);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);

    // 2. A good one proves that a replay runs: an ACK, and the next gap may be NACKed.
    EXPECT_EQ(hear(rx, 10), kDuplicate);
    EXPECT_EQ(rx.state(), LlrRxState::kSendAcks);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
    EXPECT_EQ(rx.answer_seq(), Seq(10));
    EXPECT_EQ(hear(rx, 13), kMissing);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNack);
}

TEST(LlrRx, ADuplicateDoesNotSwallowAWaitingNack) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_EQ(hear(rx, 12), kMissing);
    EXPECT_EQ(hear(rx, 10), kDuplicate);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNack);  // It acknowledges 10 as well.
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNothing);
}

TEST(LlrRx, HalfTheCircleAheadIsMissingTheOtherHalfIsDuplicate) {
    using Small = Cyclic<4>;
    for (std::uint32_t expected = 0; expected < 16; ++expected) {
        for (std::uint32_t ahead = 0; ahead < 16; ++ahead) {
            BasicLlrRx<Small> rx;
            rx.start();
            ASSERT_TRUE(rx.on_init(Small(expected), 1));
            const LlrRxVerdict verdict = rx.on_frame(1, Small(expected + ahead), kGood);
            EXPECT_EQ(verdict, ahead == 0 ? kAccept : ahead < 8 ? kMissing : kDuplicate);
            EXPECT_EQ(rx.expected(), Small(expected + (ahead == 0 ? 1 : 0)));
        }
    }
}

TEST(LlrRx, AStaleInitChangesNothing) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_EQ(hear(rx, 11), kAccept);

    // 1. Our echo was lost, or a copy is late: the same session, even if its number is not.
    EXPECT_TRUE(rx.on_init(Seq(10), 0x60 | kSession));
    EXPECT_TRUE(rx.on_init(Seq(77), 0x60 | kSession));
    EXPECT_EQ(rx.expected(), Seq(12));

    // 2. A copy of an older session's INIT is only a proposal: the running one goes on.
    EXPECT_TRUE(rx.on_init(Seq(500), 0x60 | (kSession - 1)));
    EXPECT_EQ(rx.epoch(), 0x60 | kSession);
    EXPECT_EQ(hear(rx, 12), kAccept);
    EXPECT_EQ(rx.sessions(), 1u);
}

TEST(LlrRx, TheFirstFrameOfANewSessionMakesItSo) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_TRUE(rx.on_init(Seq(500), 0x64));

    // 1. A damaged frame is not believed.
    EXPECT_EQ(rx.on_frame(4, Seq(500), kBad), kNoSession);
    EXPECT_EQ(rx.epoch(), 0x63);
    // 2. Of a session that nobody proposed: neither.
    EXPECT_EQ(rx.on_frame(5, Seq(500), kGood), kNoSession);
    // 3. A good one is, and is taken at once.
    EXPECT_EQ(rx.on_frame(4, Seq(500), kGood), kAccept);
    EXPECT_EQ(rx.epoch(), 0x64);
    EXPECT_EQ(rx.sessions(), 2u);
    // 4. A frame of the session before is recognised, whatever its number.
    EXPECT_EQ(hear(rx, 501), kNoSession);
    EXPECT_EQ(rx.on_frame(4, Seq(501), kGood), kAccept);
}

TEST(LlrRx, ANewSessionWhoseFirstFrameIsLostIsTakenAndNacked) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    ASSERT_TRUE(rx.on_init(Seq(500), 0x64));
    EXPECT_EQ(rx.on_frame(4, Seq(501), kGood), kMissing);
    EXPECT_EQ(rx.epoch(), 0x64);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kNack);
    EXPECT_EQ(rx.answer_seq(), Seq(499));
}

TEST(LlrRx, ANewSessionEndsTheSilenceOfTheOldOne) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 12), kMissing);
    ASSERT_EQ(rx.next_answer(), LlrAnswer::kNack);
    ASSERT_TRUE(rx.on_init(Seq(500), 0x64));
    EXPECT_EQ(rx.on_frame(4, Seq(500), kPoisoned), kAccept);
    EXPECT_EQ(rx.state(), LlrRxState::kSendAcks);
    EXPECT_EQ(rx.replays_seen(), 0u);
    EXPECT_EQ(rx.next_answer(), LlrAnswer::kAck);
}

TEST(LlrRx, EqualLowBitsCannotBeToldApartSoTheInitDecides) {
    // A restarted neighbour draws a random epoch: one in 31 has the bits of the session before.
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    EXPECT_TRUE(rx.on_init(Seq(900), 0xA0 | kSession));
    EXPECT_EQ(rx.epoch(), 0xA0 | kSession);
    EXPECT_EQ(hear(rx, 900), kAccept);
}

TEST(LlrRx, EndOfSessionAndStop) {
    LlrRx rx = receiver();
    ASSERT_EQ(hear(rx, 10), kAccept);
    rx.end_session();
    EXPECT_EQ(rx.epoch(), 0);
    EXPECT_EQ(hear(rx, 11), kNoSession);
    EXPECT_TRUE(rx.on_init(Seq(3), 0x63));  // The same epoch opens anew: nothing runs.
    EXPECT_EQ(hear(rx, 3), kAccept);
    rx.stop();
    EXPECT_EQ(rx.state(), LlrRxState::kOff);
    EXPECT_EQ(hear(rx, 4), kNoSession);
}

}  // namespace
}  // namespace ethlink
