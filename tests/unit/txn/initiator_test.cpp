// SPDX-License-Identifier: BSD-3-Clause
// Requests go out in order and within limits, and each ends once.
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/txn/initiator_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::ItemOpcode;
using wire::Opcode;
using wire::TxnStatus;

TEST(Initiator, SaysWhatWasAsked) {
    InitiatorRig rig;
    rig.load(77, 5);
    rig.store(9, 6);
    rig.submit({.operation = Operation::kAtomic,
                .atomic = wire::AtomicOp::kCompareSwap,
                .length = 4,
                .address = 8,
                .operand = 11,
                .compare = 12});
    rig.submit({.operation = Operation::kRead, .length = 5000, .address = 9});
    rig.submit({.operation = Operation::kWrite,
                .has_immediate = true,
                .length = 3,
                .address = 10,
                .immediate = 13});
    rig.submit({.operation = Operation::kSend, .has_immediate = true, .immediate = 14});
    const Frame frame = rig.out();
    EXPECT_EQ(frame.header.opcode, Opcode::kRequest);
    EXPECT_EQ(frame.header.psn, rig.psn.value);
    EXPECT_EQ(frame.header.ack, rig.responses.value);
    ASSERT_EQ(frame.items.size(), 6u);
    EXPECT_EQ(frame.items[0].view.opcode, ItemOpcode::kLoad);
    EXPECT_EQ(frame.items[0].view.length, 77);
    EXPECT_EQ(frame.items[0].view.address, 5u);
    EXPECT_EQ(frame.items[0].view.key, kRemoteKey);
    EXPECT_EQ(frame.items[1].data, rig.local(2));
    EXPECT_EQ(frame.items[2].view.atomic(), wire::AtomicOp::kCompareSwap);
    EXPECT_EQ(frame.items[2].view.operand, 11u);
    EXPECT_EQ(frame.items[2].view.compare, 12u);
    EXPECT_EQ(frame.items[3].view.operand, 5000u) << "the total of a read";
    EXPECT_TRUE(frame.items[4].view.is_last());
    EXPECT_EQ(frame.items[4].view.immediate, 13u);
    EXPECT_EQ(frame.items[5].view.opcode, ItemOpcode::kSend);
    EXPECT_EQ(frame.items[5].view.immediate, 14u);
}

TEST(Initiator, RefusesARequestThatContradictsItself) {
    InitiatorRig rig;
    EXPECT_FALSE(rig.load(0));
    EXPECT_FALSE(rig.load(257));
    EXPECT_FALSE(rig.store(0));
    EXPECT_FALSE(rig.store(257));
    EXPECT_FALSE(rig.add(1, 2));
    EXPECT_FALSE(rig.add(1, 16));
    EXPECT_FALSE(rig.submit(
        {.operation = Operation::kAtomic, .atomic = wire::AtomicOp::kCount, .length = 8}));
    EXPECT_FALSE(rig.read(0));
    std::byte byte{};
    for (const Operation operation : {Operation::kRead, Operation::kWrite, Operation::kSend}) {
        const Request request{.operation = operation, .length = (1u << 30) + 1, .local = &byte};
        EXPECT_FALSE(rig.initiator.submit(request, rig.now));
    }
    EXPECT_FALSE(rig.initiator.submit({.operation = Operation::kCount}, rig.now));
    EXPECT_EQ(rig.initiator.outstanding(), 0u);
    EXPECT_TRUE(rig.initiator.is_idle());
}

TEST(Initiator, CompletesInTheOrderOfSubmission) {
    InitiatorRig rig;
    rig.store(8);
    rig.add(5);
    rig.load(3);
    rig.write(10);
    rig.read(4);
    rig.send(2);
    rig.deliver();
    EXPECT_TRUE(rig.done().empty()) << "E1: acknowledged is not done";
    Bytes old(8);
    old[7] = std::byte{41};
    EXPECT_EQ(rig.respond(Items().done(1).value(old).value(pattern(3, 9)).done(1)), Drop::kCount);
    EXPECT_EQ(
        rig.respond(Items().read_data(pattern(4, 8), wire::kItemLast).done(1, TxnStatus::kTooLong)),
        Drop::kCount);
    ASSERT_EQ(rig.done().size(), 6u) << "E1";
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(rig.done()[i].cookie, i + 1) << "E8";
    EXPECT_EQ(rig.done()[1].value, 41u);
    std::uint64_t value = 0;
    std::memcpy(&value, pattern(3, 9).data(), 3);
    EXPECT_EQ(rig.done()[2].value, value);
    EXPECT_EQ(rig.local(3), pattern(3, 9));
    EXPECT_EQ(rig.local(5), pattern(4, 8));
    EXPECT_EQ(rig.done()[4].length, 4u);
    EXPECT_EQ(rig.done()[5].status, TxnStatus::kTooLong);
    EXPECT_EQ(rig.done()[5].length, 0u);
}

TEST(Initiator, AMessageGoesOutInParts) {
    for (const std::uint32_t frame_bytes : {512u, 2048u, 9000u}) {
        TxnProfile profile;
        profile.frame_bytes_max = frame_bytes;
        const std::uint32_t part = part_bytes(profile);
        for (const std::uint32_t n : {0u, 1u, part - 1, part, part + 1, 3 * part, 3 * part + 7}) {
            InitiatorRig rig(profile);
            rig.write(n);
            const auto items = rig.sent();
            Bytes all;
            for (const Item& item : items) {
                EXPECT_EQ(item.view.address, all.size()) << "E9: no hole";
                all.insert(all.end(), item.data.begin(), item.data.end());
                EXPECT_EQ(item.view.is_last(), &item == &items.back()) << "E9, T11";
            }
            EXPECT_EQ(all, rig.local(1)) << "E9: " << n << " bytes in frames of " << frame_bytes;
        }
    }
}

TEST(Initiator, AReadComesInPartsAndOnlyItsOwn) {
    InitiatorRig rig;
    const std::uint32_t part = part_bytes(rig.profile);
    rig.read(2 * part + 5);
    rig.store(1);
    rig.deliver();
    EXPECT_EQ(rig.respond(Items().read_data(pattern(part, 1), 0)), Drop::kCount);
    EXPECT_EQ(rig.respond(Items().read_data(pattern(part, 2), 0)), Drop::kCount);
    EXPECT_TRUE(rig.done().empty()) << "E9: not before the last part";
    EXPECT_EQ(rig.respond(Items().read_data(pattern(5, 3), wire::kItemLast).done(1)), Drop::kCount);
    ASSERT_EQ(rig.done().size(), 2u);
    Bytes wanted = pattern(part, 1);
    for (const Bytes& more : {pattern(part, 2), pattern(5, 3)}) {
        wanted.insert(wanted.end(), more.begin(), more.end());
    }
    EXPECT_EQ(rig.local(1), wanted) << "E9";
}

TEST(Initiator, AReadWithALostWindowEndsInAnErrorAfterItsLastPart) {
    InitiatorRig rig;
    const std::uint32_t part = part_bytes(rig.profile);
    rig.read(2 * part);
    rig.deliver();
    EXPECT_EQ(rig.respond(Items().read_data({}, wire::kItemError)), Drop::kCount);
    EXPECT_TRUE(rig.done().empty());
    EXPECT_EQ(rig.respond(Items().read_data(pattern(part), wire::kItemLast)), Drop::kCount);
    ASSERT_EQ(rig.done().size(), 1u);
    EXPECT_EQ(rig.done()[0].status, TxnStatus::kRemoteAccess) << "E6";
}

// Fences.

TEST(Initiator, NothingBehindAFenceGoesOutEarly) {
    InitiatorRig rig;
    rig.store(1);
    rig.store(2);
    rig.fence();
    rig.store(3);
    EXPECT_EQ(rig.sent().size(), 2u) << "E8";
    rig.ack(2);
    EXPECT_TRUE(rig.sent().empty()) << "E8: acknowledged is not done";
    rig.respond(Items().done(1));
    EXPECT_TRUE(rig.sent().empty()) << "E8: one of the two is still under way";
    rig.respond(Items().done(1));
    ASSERT_EQ(rig.done().size(), 3u) << "the fence ends with what stands before it";
    EXPECT_EQ(rig.done()[2].operation, Operation::kFence);
    const auto items = rig.sent();
    ASSERT_EQ(items.size(), 1u);
    EXPECT_EQ(items[0].data.size(), 3u);
}

TEST(Initiator, AFenceWithNothingBeforeItEndsWithTheTimer) {
    InitiatorRig rig;
    rig.fence();
    rig.fence();
    rig.store(1);
    EXPECT_EQ(rig.initiator.on_time(rig.now, rig.sink), TimeEvent::kNone);
    EXPECT_EQ(rig.done().size(), 2u);
    EXPECT_EQ(rig.sent().size(), 1u);
}

TEST(Initiator, TrailingAndConsecutiveFencesEndWithTheLastAnswer) {
    InitiatorRig rig;
    rig.store(1);
    rig.fence();
    rig.fence();
    rig.store(2);
    rig.fence();
    rig.fence();
    rig.deliver();
    rig.respond(Items().done(1));
    ASSERT_EQ(rig.done().size(), 3u);
    rig.deliver();
    rig.respond(Items().done(1));
    ASSERT_EQ(rig.done().size(), 6u);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(rig.done()[i].cookie, i + 1) << "E8";
    EXPECT_EQ(rig.initiator.outstanding(), 0u);
    rig.initiator.say_alive(rig.now);
    rig.sent();
    EXPECT_TRUE(rig.initiator.is_idle());
    rig.store(4);
    EXPECT_EQ(rig.sent().size(), 1u) << "life goes on behind them";
}

TEST(Initiator, ARewindOverFencesSendsTheSameItemsAgain) {
    // Fences everywhere; the rewind goes to each place where an ACK can be.
    for (std::uint32_t acked = 0; acked <= 3; ++acked) {
        InitiatorRig rig;
        rig.fence();
        rig.initiator.on_time(rig.now, rig.sink);
        for (std::uint32_t i = 1; i <= 3; ++i) rig.store(i);
        rig.fence();
        rig.fence();
        rig.store(4);
        EXPECT_EQ(rig.sent().size(), 3u);
        rig.ack(acked, Opcode::kNack);
        const auto again = rig.sent();
        ASSERT_EQ(again.size(), 3 - acked) << "E8: from " << acked << " on, up to the fence";
        for (std::uint32_t i = 0; i < again.size(); ++i) {
            EXPECT_EQ(again[i].data.size(), acked + 1 + i) << "a PSN keeps its item";
        }
        rig.ack(3);
        EXPECT_EQ(rig.respond(Items().done(3)), Drop::kCount);
        EXPECT_EQ(rig.done().size(), 6u);
        const auto behind = rig.sent();
        ASSERT_EQ(behind.size(), 1u);
        EXPECT_EQ(behind[0].data.size(), 4u);
        rig.now += 1s;
        rig.initiator.on_new_path(rig.now);
        const auto twice = rig.sent();
        ASSERT_EQ(twice.size(), 1u);
        EXPECT_EQ(twice[0].data.size(), 4u);
    }
}

TEST(Initiator, ARewindIntoTheMiddleOfAMessageSendsThePartsThatAreMissing) {
    InitiatorRig rig;
    const std::uint32_t part = part_bytes(rig.profile);
    rig.store(1);
    rig.write(4 * part);
    EXPECT_EQ(rig.sent().size(), 5u);
    rig.ack(3, Opcode::kNack);
    const auto again = rig.sent();
    ASSERT_EQ(again.size(), 2u);
    EXPECT_EQ(again[0].view.address, 2 * part) << "E9";
    EXPECT_TRUE(again[1].view.is_last());
    EXPECT_EQ(rig.last.psn, (rig.psn + 4).value);
}

// Limits.

TEST(Initiator, KeepsWithinTheTransactionsOfTheTarget) {
    InitiatorRig rig({}, {.transactions = 3, .response_bytes = 0});
    for (int i = 0; i < 5; ++i) rig.store(1);
    EXPECT_EQ(rig.sent().size(), 3u) << "E10";
    rig.ack(3);
    EXPECT_TRUE(rig.sent().empty()) << "E10: acknowledged, but kept until answered";
    rig.respond(Items().done(2));
    EXPECT_EQ(rig.sent().size(), 2u) << "E10";
}

TEST(Initiator, KeepsWithinTheBytesOfTheTarget) {
    InitiatorRig rig({}, {.transactions = 100, .response_bytes = 256 + 16});
    rig.load(8);
    rig.load(250);  // 256 kept
    rig.load(8);    // of 8 bytes nothing is kept
    rig.load(9);    // 16 kept
    rig.load(9);
    rig.load(8);
    EXPECT_EQ(rig.sent().size(), 4u) << "T6, E10";
    rig.ack(2, Opcode::kNack);
    EXPECT_EQ(rig.sent().size(), 2u) << "what goes again was counted before";
    rig.ack(4);
    rig.respond(Items().value(Bytes(8)).value(Bytes(250)));
    EXPECT_EQ(rig.sent().size(), 2u) << "E10: room again";
    rig.ack(6);
    rig.respond(Items().value(Bytes(8)).value(Bytes(9)).value(Bytes(9)).value(Bytes(8)));
    EXPECT_EQ(rig.done().size(), 6u);
    rig.load(250);
    rig.load(9);
    EXPECT_EQ(rig.sent().size(), 2u) << "all of it came back";
}

TEST(Initiator, KeepsWithinItsRingAndItsWindow) {
    TxnProfile profile;
    profile.transactions_max = 8;
    profile.items_max = 4;
    InitiatorRig rig(profile);
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(rig.initiator.has_room() && rig.store(1));
    EXPECT_FALSE(rig.initiator.has_room()) << "E10";
    EXPECT_EQ(rig.sent().size(), 4u) << "E10: items_max";
    rig.ack(1);
    EXPECT_EQ(rig.sent().size(), 1u);
    rig.respond(Items().done(1));
    EXPECT_TRUE(rig.initiator.has_room());
}

// Time.

TEST(Initiator, GivesUpAfterSoLongWithoutProgress) {
    InitiatorRig rig;
    const auto until_failure = [&] {
        const Time start = rig.now;
        for (; rig.now - start <= 10s; rig.now += 10ms) {
            if (rig.initiator.on_time(rig.now, rig.sink) == TimeEvent::kFailed) break;
            rig.sent();
        }
        return rig.now - start;
    };
    rig.store(1);
    EXPECT_EQ(until_failure(), rig.profile.give_up_after) << "E1";
    EXPECT_EQ(rig.initiator.failure(), TxnStatus::kTimeout);
    rig.ack(1);
    EXPECT_EQ(until_failure(), rig.profile.give_up_after) << "E1: an ACK is progress";
    rig.respond(Items().done(1));
    rig.now += 10s;
    rig.store(1);
    EXPECT_EQ(until_failure(), rig.profile.give_up_after) << "E1: time before it does not count";
}

TEST(Initiator, TheTargetsLastWordWasThatItHasNoBuffer) {
    InitiatorRig rig;
    rig.send(1);
    rig.send(1);
    rig.sent();
    rig.ack(0, Opcode::kNack, wire::NackReason::kNoReceive);
    EXPECT_EQ(rig.initiator.failure(), TxnStatus::kNoReceive);
    rig.ack(0, Opcode::kNack, wire::NackReason::kGap);
    EXPECT_EQ(rig.initiator.failure(), TxnStatus::kNoReceive) << "the gap behind it";
    rig.ack(0);
    EXPECT_EQ(rig.initiator.failure(), TxnStatus::kNoReceive) << "no news";
    rig.ack(1);
    EXPECT_EQ(rig.initiator.failure(), TxnStatus::kTimeout) << "it has one now";
}

TEST(Initiator, TellsWhatWasSentFromWhatWasNot) {
    InitiatorRig rig;
    const std::uint32_t part = part_bytes(rig.profile);
    rig.store(1);
    rig.fence();
    rig.write(3 * part);
    rig.fence();
    rig.store(2);
    rig.deliver();
    rig.respond(Items().done(1));
    rig.out();  // the first part only
    rig.initiator.fail(TxnStatus::kTimeout, TxnStatus::kUnreachable, rig.sink);
    ASSERT_EQ(rig.done().size(), 5u) << "E1";
    EXPECT_EQ(rig.done()[0].status, TxnStatus::kOk);
    EXPECT_EQ(rig.done()[2].status, TxnStatus::kTimeout) << "E2: unknown";
    EXPECT_EQ(rig.done()[3].status, TxnStatus::kUnreachable);
    EXPECT_EQ(rig.done()[4].status, TxnStatus::kUnreachable) << "E2: certainly not done";
    EXPECT_EQ(rig.initiator.outstanding(), 0u);
}

TEST(Initiator, WhatWentBeforeARewindCountsAsSent) {
    InitiatorRig rig;
    rig.add(1);
    rig.add(2);
    rig.sent();
    rig.add(3);
    rig.initiator.on_new_path(rig.now);
    rig.initiator.fail(TxnStatus::kPeerRestarted, TxnStatus::kUnreachable, rig.sink);
    ASSERT_EQ(rig.done().size(), 3u);
    EXPECT_EQ(rig.done()[0].status, TxnStatus::kPeerRestarted) << "E2: it may have arrived";
    EXPECT_EQ(rig.done()[1].status, TxnStatus::kPeerRestarted) << "E2: it may have arrived";
    EXPECT_EQ(rig.done()[2].status, TxnStatus::kUnreachable);
}

TEST(Initiator, ANewLifeKnowsNothingOfTheOldOne) {
    InitiatorRig rig({}, {.transactions = 4, .response_bytes = 256});
    rig.load(250);
    rig.sent();
    rig.initiator.fail(TxnStatus::kTimeout, TxnStatus::kUnreachable, rig.sink);
    rig.initiator.start(Psn{7}, Psn{8}, {4, 256}, rig.now);
    EXPECT_TRUE(rig.initiator.is_idle());
    EXPECT_TRUE(rig.initiator.has_sent(Psn{7}));
    EXPECT_FALSE(rig.initiator.has_sent(rig.psn));
    rig.load(250);
    const Frame frame = rig.out();
    ASSERT_EQ(frame.items.size(), 1u) << "the bytes of the old life are free";
    EXPECT_EQ(frame.header.psn, 7u);
    EXPECT_EQ(frame.header.ack, 8u);
}

TEST(Initiator, KnowsWhichNumbersAreUnderWay) {
    InitiatorRig rig;
    for (int i = 0; i < 5; ++i) rig.store(1);
    rig.sent();
    rig.ack(2);
    EXPECT_FALSE(rig.initiator.has_sent(rig.psn + 1)) << "T4";
    EXPECT_TRUE(rig.initiator.has_sent(rig.psn + 2));
    EXPECT_TRUE(rig.initiator.has_sent(rig.psn + 5)) << "an ACK bears the next number";
    EXPECT_FALSE(rig.initiator.has_sent(rig.psn + 6)) << "T4";
    rig.initiator.on_new_path(rig.now);
    EXPECT_TRUE(rig.initiator.has_sent(rig.psn + 5)) << "still";
}

}  // namespace
}  // namespace ethlink::txn::test
