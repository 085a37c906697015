// SPDX-License-Identifier: BSD-3-Clause
// Messages of several parts: whole, broken, too long, with nowhere to go.
#include <gtest/gtest.h>

#include "tests/unit/txn/target_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::TxnStatus;

Bytes joined(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

TEST(TargetMessage, AMessageOfManyPartsArrivesWhole) {
    TargetRig rig;
    rig.receives.post(300);
    EXPECT_EQ(rig.request(Items(kKey).send(pattern(100), false)), Drop::kCount);
    EXPECT_TRUE(rig.answers().empty()) << "E9: not before the last part";
    EXPECT_EQ(rig.receives.delivered, 0u) << "E9";
    EXPECT_EQ(rig.request(Items(kKey).send(pattern(100, 2), false)), Drop::kCount);
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(100, 3), true, 42)), TxnStatus::kOk);
    ASSERT_EQ(rig.receives.messages.size(), 1u);
    const auto& message = rig.receives.messages[0];
    EXPECT_EQ(message.bytes, joined(joined(pattern(100), pattern(100, 2)), pattern(100, 3)));
    EXPECT_EQ(message.received.status, TxnStatus::kOk);
    EXPECT_EQ(message.received.from, kPeer);
    EXPECT_TRUE(message.received.has_immediate);
    EXPECT_EQ(message.received.immediate, 42u);
    EXPECT_FALSE(message.received.is_write);
}

TEST(TargetMessage, EachMessageTakesTheNextBuffer) {
    TargetRig rig;
    for (int i = 0; i < 3; ++i) rig.receives.post(16);
    EXPECT_EQ(rig.request(Items(kKey).send(pattern(4)).send({}).send(pattern(16, 9))),
              Drop::kCount);
    const auto all = rig.answers();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].view.length, 3) << "T11: each last ends one message";
    ASSERT_EQ(rig.receives.messages.size(), 3u);
    EXPECT_EQ(rig.receives.messages[0].bytes, pattern(4));
    EXPECT_TRUE(rig.receives.messages[1].bytes.empty());
    EXPECT_EQ(rig.receives.messages[2].bytes, pattern(16, 9));
}

TEST(TargetMessage, WithoutABufferItWaitsAndIsNackedAtAPace) {
    TargetRig rig;
    const Items send = Items(kKey).send(pattern(8));
    EXPECT_EQ(rig.request(send), Drop::kTxnNoRoom);
    const Frame nack = fill(rig.target, rig.now);
    EXPECT_EQ(nack.header.opcode, wire::Opcode::kNack);
    EXPECT_EQ(nack.header.ack, rig.psn.value) << "not taken";
    EXPECT_EQ(nack.payload[0], static_cast<std::byte>(wire::NackReason::kNoReceive));
    EXPECT_EQ(rig.request(send), Drop::kTxnNoRoom);
    EXPECT_FALSE(rig.target.wants_to_send(rig.now)) << "one NACK each retry_min";
    rig.now += rig.profile.retry_min;
    EXPECT_EQ(rig.request(send), Drop::kTxnNoRoom);
    EXPECT_TRUE(rig.target.wants_to_send(rig.now));
    rig.receives.post(8);
    EXPECT_EQ(rig.request(send), Drop::kCount);
    EXPECT_EQ(rig.receives.delivered, 1u) << "E2";
}

TEST(TargetMessage, WhatStandsBehindAMessageWithoutABufferIsNotDone) {
    TargetRig rig(64);
    EXPECT_EQ(rig.request(Items(kKey).write(0, pattern(4)).send(pattern(8)).write(8, pattern(4))),
              Drop::kTxnNoRoom);
    Bytes wanted(64);
    std::ranges::copy(pattern(4), wanted.begin());
    EXPECT_EQ(rig.bytes(), wanted) << "E8";
}

TEST(TargetMessage, AMessageLongerThanItsBufferIsTooLong) {
    for (const bool in_parts : {false, true}) {
        TargetRig rig;
        rig.receives.post(10);
        if (in_parts) {
            rig.request(Items(kKey).send(pattern(8), false));
            rig.request(Items(kKey).send(pattern(8), false));
            EXPECT_EQ(rig.status(Items(kKey).send(pattern(1))), TxnStatus::kTooLong)
                << "T11: what fits again behind it is not put there";
        } else {
            EXPECT_EQ(rig.status(Items(kKey).send(pattern(11))), TxnStatus::kTooLong) << "T11";
        }
        ASSERT_EQ(rig.receives.messages.size(), 1u) << "the buffer comes back";
        EXPECT_EQ(rig.receives.messages[0].received.status, TxnStatus::kTooLong);
        EXPECT_EQ(rig.receives.messages[0].received.length, in_parts ? 8u : 0u);
        rig.receives.post(10);
        EXPECT_EQ(rig.status(Items(kKey).send(pattern(10))), TxnStatus::kOk) << "the next is good";
    }
}

TEST(TargetMessage, AWriteIsBadFromItsFirstBadPartOn) {
    TargetRig rig(64);
    rig.request(Items(kKey).write(0, pattern(4), false));
    rig.request(Items(kKey + 16).write(4, pattern(4), false));
    rig.request(Items(kKey).write(8, pattern(4), false));
    EXPECT_EQ(rig.status(Items(kKey).write(12, pattern(4))), TxnStatus::kRemoteAccess) << "T11";
    Bytes wanted(64);
    std::ranges::copy(pattern(4), wanted.begin());
    EXPECT_EQ(rig.bytes(), wanted) << "T11, E9: nothing behind the bad part";
    EXPECT_EQ(rig.target.keys().errors(), 1u) << "one guess";
    EXPECT_EQ(rig.status(Items(kKey).write(12, pattern(4))), TxnStatus::kOk) << "the next is good";
}

TEST(TargetMessage, PartsOfAWriteMayStandAnywhereInsideAndNowhereElse) {
    TargetRig rig(64);
    rig.request(Items(kKey).write(40, pattern(24), false).write(30, pattern(20, 5), false));
    EXPECT_EQ(rig.status(Items(kKey).write(60, pattern(5))), TxnStatus::kRemoteAccess)
        << "T11: beyond the end";
    Bytes wanted(64);
    std::ranges::copy(pattern(24), wanted.begin() + 40);
    std::ranges::copy(pattern(20, 5), wanted.begin() + 30);
    EXPECT_EQ(rig.bytes(), wanted) << "T11: overlap is as it came";
}

TEST(TargetMessage, AnImmediateTellsTheProgramWhenAllOfTheWriteIsThere) {
    TargetRig rig(64);
    rig.receives.post(4);
    rig.request(Items(kKey).write(0, pattern(8), false));
    EXPECT_EQ(rig.receives.claimed(), 0u);
    EXPECT_EQ(rig.status(Items(kKey).write(8, pattern(8), true, 7)), TxnStatus::kOk);
    ASSERT_EQ(rig.receives.messages.size(), 1u);
    const Received& received = rig.receives.messages[0].received;
    EXPECT_TRUE(received.is_write);
    EXPECT_TRUE(received.has_immediate);
    EXPECT_EQ(received.immediate, 7u);
    EXPECT_EQ(received.length, 16u);
}

TEST(TargetMessage, AnImmediateWithoutABufferWaits) {
    TargetRig rig(64);
    const Items write = Items(kKey).write(0, pattern(8), true, 7);
    EXPECT_EQ(rig.request(write), Drop::kTxnNoRoom);
    const Frame nack = fill(rig.target, rig.now);
    EXPECT_EQ(nack.payload[0], static_cast<std::byte>(wire::NackReason::kNoReceive));
    EXPECT_EQ(rig.bytes(), Bytes(64)) << "E9: not before it is taken";
    rig.receives.post(0);
    EXPECT_EQ(rig.status(write), TxnStatus::kOk);
    EXPECT_EQ(rig.receives.delivered, 1u) << "E2";
    EXPECT_EQ(rig.status(Items(kKey).write(60, pattern(8), true, 7)), TxnStatus::kRemoteAccess);
    EXPECT_EQ(rig.receives.claimed(), 1u) << "a bad write takes nobody's buffer";
}

TEST(TargetMessage, ABufferTakenAwayInTheMiddleEndsTheMessage) {
    TargetRig rig;
    rig.receives.post(100);
    rig.receives.post(100);
    rig.request(Items(kKey).send(pattern(10), false));
    ASSERT_TRUE(rig.target.receive());
    rig.target.drop_receive();
    ASSERT_EQ(rig.receives.messages.size(), 1u);
    EXPECT_EQ(rig.receives.messages[0].received.status, TxnStatus::kCancelled);
    rig.request(Items(kKey).send(pattern(10), false));
    EXPECT_EQ(rig.receives.claimed(), 1u) << "the rest goes nowhere";
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(10))), TxnStatus::kNoReceive);
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(10))), TxnStatus::kOk) << "the next is good";
    EXPECT_EQ(rig.receives.delivered, 2u);
}

TEST(TargetMessage, AnEndedChannelGivesItsBufferBackOnce) {
    TargetRig rig;
    rig.receives.post(100);
    rig.request(Items(kKey).send(pattern(10), false));
    rig.target.stop();
    EXPECT_EQ(rig.receives.delivered, 1u) << "T11: reclaimed";
    rig.target.stop();
    rig.target.start({kPeer, kTenant}, Psn{5}, Psn{900}, rig.now);
    EXPECT_EQ(rig.receives.delivered, 1u) << "once";
    EXPECT_FALSE(rig.target.receive());
    rig.receives.post(100);
    rig.psn = Psn{5};
    rig.ack = Psn{900};
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(3))), TxnStatus::kOk);
    EXPECT_EQ(rig.receives.messages[1].bytes, pattern(3)) << "from the beginning";
}

// A message ends with its last part. One of the other kind in its middle makes both nothing.

TEST(TargetMessage, ASendInTheMiddleOfAWriteTouchesNoBuffer) {
    TargetRig rig(4096);
    rig.receives.post(16);  // less than the write has brought: E3
    rig.request(Items(kKey).write(0, pattern(100), false));
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(8))), TxnStatus::kInvalid) << "T11";
    EXPECT_EQ(rig.receives.delivered, rig.receives.claimed());
    rig.request(Items(kKey).write(0, pattern(100), false));
    rig.request(Items(kKey).send(pattern(8), false));
    EXPECT_EQ(rig.status(Items(kKey).write(0, pattern(8))), TxnStatus::kInvalid) << "T11";
    EXPECT_EQ(rig.receives.delivered, rig.receives.claimed());
}

TEST(TargetMessage, AWriteInTheMiddleOfASendGivesTheBufferBack) {
    TargetRig rig(64);
    rig.receives.post(100);
    rig.request(Items(kKey).send(pattern(10), false));
    EXPECT_EQ(rig.status(Items(kKey).write(0, pattern(8))), TxnStatus::kInvalid) << "T11";
    EXPECT_EQ(rig.bytes(), Bytes(64)) << "T11";
    ASSERT_EQ(rig.receives.messages.size(), 1u) << "T11: the buffer comes back";
    EXPECT_EQ(rig.receives.messages[0].received.status, TxnStatus::kInvalid);
    rig.receives.post(100);
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(3))), TxnStatus::kOk);
    EXPECT_EQ(rig.receives.messages[1].bytes, pattern(3)) << "from the beginning";
}

TEST(TargetMessage, LoadsAndStoresInTheMiddleOfAMessageAreNoPartOfIt) {
    TargetRig rig(64);
    rig.receives.post(100);
    rig.request(Items(kKey).send(pattern(10), false));
    EXPECT_EQ(rig.status(Items(kKey).store(0, pattern(8))), TxnStatus::kOk);
    EXPECT_EQ(rig.ask(Items(kKey).load(0, 8)).data, pattern(8));
    EXPECT_EQ(rig.status(Items(kKey).send(pattern(10, 3))), TxnStatus::kOk);
    EXPECT_EQ(rig.receives.messages[0].bytes, joined(pattern(10), pattern(10, 3)));
}

TEST(TargetMessage, AMessageWithoutAnEndIsNoMessage) {
    TargetRig rig(64);
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(rig.request(Items(kKey).write(0, pattern(64), false)), Drop::kCount);
    }
    EXPECT_TRUE(rig.answers().empty()) << "T11";
    EXPECT_EQ(rig.target.pending(), 0u) << "T11: it holds nothing";
}

}  // namespace
}  // namespace ethlink::txn::test
