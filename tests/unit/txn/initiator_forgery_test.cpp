// SPDX-License-Identifier: BSD-3-Clause
// T5: a response that does not fit what was asked changes nothing, and has a name.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/txn/initiator_rig.h"

namespace ethlink::txn::test {
namespace {

using wire::kItemError;
using wire::kItemLast;
using wire::TxnStatus;

/// Two of each kind of request under way, and what memory they have lent.
struct Asked : InitiatorRig {
    Asked() {
        store(8);
        load(100);
        add(1);
        add(1, 4);
        read(part + 10);
        fence();
        deliver();
        for (std::size_t i = 1; i <= submitted; ++i) before.push_back(local(i));
    }
    /// Refused, and nothing has changed.
    void refuses(const Items& items, Drop with = Drop::kTxnMalformed) {
        refuses_at(items, responses, with);
    }
    void refuses_at(const Items& items, Psn first, Drop with) {
        const std::size_t known = done().size();
        ASSERT_EQ(respond_at(items, first), with) << "T5";
        ASSERT_EQ(done().size(), known) << "T5: nothing has ended";
        for (std::size_t i = 1; i <= submitted; ++i) {
            ASSERT_EQ(local(i), before[i - 1]) << "T5: not a byte";
        }
        ASSERT_EQ(out().header.ack, responses.value) << "T5: the number is not taken";
    }
    /// Answers the first `n` requests well.
    void answer(std::size_t n) {
        const Items good[] = {Items().done(1), Items().value(pattern(100)), Items().value(Bytes(8)),
                              Items().value(Bytes(4))};
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(respond(good[i]), Drop::kCount);
        for (std::size_t i = 1; i <= submitted; ++i) before[i - 1] = local(i);
    }

    static inline const std::uint32_t part = part_bytes(TxnProfile{});
    std::vector<Bytes> before;
};

TEST(InitiatorForgery, AnAnswerMustFitTheOldestRequest) {
    Asked rig;
    rig.refuses(Items().value(Bytes(8)));  // data for a store
    rig.refuses(Items().read_data(Bytes(8), kItemLast));
    rig.answer(1);
    rig.refuses(Items().done(1));  // done, ok: but where are the load's data?
    rig.refuses(Items().value(Bytes(99)));
    rig.refuses(Items().value(Bytes(101)));
    rig.refuses(Items().value(Bytes(8)));
    rig.refuses(Items().read_data(Bytes(100), kItemLast));
    rig.answer(0);
    rig.respond(Items().value(pattern(100)));
    rig.before[1] = pattern(100);
    rig.refuses(Items().value(Bytes(4)));  // of another atomic
    rig.refuses(Items().done(1));
    rig.respond(Items().value(Bytes(8)));
    rig.refuses(Items().value(Bytes(8)));
    rig.respond(Items().value(Bytes(4)));
    rig.refuses(Items().value(pattern(100)));  // plain data for a read
    rig.refuses(Items().done(1));
    EXPECT_EQ(rig.done().size(), 4u);
}

TEST(InitiatorForgery, ARequestIsNoAnswer) {
    Asked rig;
    rig.refuses(Items().load(0, 8));
    rig.refuses(Items().store(0, Bytes(8)));
    rig.refuses(Items().atomic(wire::AtomicOp::kSwap, 0, 8, 1));
    rig.refuses(Items().write(0, Bytes(8)));
    rig.refuses(Items().read(0, 8));
    rig.refuses(Items().send(Bytes(8)));
    rig.refuses(Items().raw(Bytes(4)));
    rig.refuses(Items());
}

TEST(InitiatorForgery, OneBadItemSpoilsTheGoodOnesOfItsFrame) {
    Asked rig;
    rig.refuses(Items().done(1).value(pattern(100)).value(Bytes(7)));
    rig.refuses(Items().done(1).value(pattern(100)).raw(Bytes(2)));
    rig.refuses(Items().done(1).value(pattern(100)).done(1));
}

TEST(InitiatorForgery, NobodyAnswersMoreThanWasAsked) {
    Asked rig;
    rig.refuses(Items().done(2));
    rig.refuses(Items().done(6, TxnStatus::kRemoteAccess));
    rig.refuses(Items().done(65535, TxnStatus::kRemoteAccess));
    EXPECT_EQ(rig.respond(Items().done(5, TxnStatus::kRemoteAccess)), Drop::kCount);
    EXPECT_EQ(rig.done().size(), 6u) << "five requests and the fence";
    EXPECT_EQ(rig.respond(Items().done(1)), Drop::kTxnMalformed) << "T5: unknown";
    EXPECT_EQ(rig.done().size(), 6u);
}

TEST(InitiatorForgery, NobodyAnswersWhatHeHasNotAcknowledged) {
    InitiatorRig rig;
    rig.store(1);
    rig.write(3 * part_bytes(rig.profile));
    rig.sent();
    EXPECT_EQ(rig.respond(Items().done(1)), Drop::kTxnMalformed) << "T5: before its ACK";
    rig.ack(2);
    EXPECT_EQ(rig.respond(Items().done(2)), Drop::kTxnMalformed) << "T5: one of three parts";
    EXPECT_EQ(rig.respond(Items().done(1)), Drop::kCount);
    rig.ack(3);
    EXPECT_EQ(rig.respond(Items().done(1)), Drop::kTxnMalformed) << "T5: two of three parts";
    rig.ack(4);
    EXPECT_EQ(rig.respond(Items().done(1)), Drop::kCount);
    EXPECT_EQ(rig.done().size(), 2u);
}

TEST(InitiatorForgery, NobodyAnswersWhatHasNotBeenSent) {
    InitiatorRig rig({}, {.transactions = 1, .response_bytes = 0});
    rig.store(1);
    rig.store(2);
    rig.deliver();
    EXPECT_EQ(rig.respond(Items().done(2)), Drop::kTxnMalformed) << "T5";
    EXPECT_EQ(rig.ack(2), Drop::kTxnStale) << "T4: an ACK of what was never sent";
    EXPECT_TRUE(rig.done().empty());
}

TEST(InitiatorForgery, PartsOfAReadMustAddUp) {
    Asked rig;
    rig.answer(4);
    const auto part = Asked::part;
    rig.refuses(Items().read_data(Bytes(part), kItemLast));  // last too early
    rig.refuses(Items().read_data(Bytes(part - 1), 0));
    rig.refuses(Items().read_data(Bytes(10), kItemLast));  // the second one first
    rig.refuses(Items().read_data(Bytes(part), 0).read_data(Bytes(part), 0));  // too many
    rig.refuses(Items().read_data({}, kItemError | kItemLast));
    rig.refuses(Items().done(1));
    EXPECT_EQ(rig.respond(Items().read_data(pattern(part), 0)), Drop::kCount);
    std::ranges::copy(pattern(part), rig.before[4].begin());
    rig.refuses(Items().read_data(Bytes(10), 0));  // where is the end?
    rig.refuses(Items().read_data(Bytes(11), kItemLast));
    rig.refuses(Items().read_data(Bytes(9), kItemLast));
    rig.refuses(Items().read_data(Bytes(part), kItemLast));
    rig.refuses(Items().done(1));
    rig.refuses(Items().done(1, TxnStatus::kRemoteAccess));  // an error in its middle
    rig.refuses(Items().read_data({}, kItemError));
    EXPECT_EQ(rig.respond(Items().read_data(pattern(10), kItemLast)), Drop::kCount);
    EXPECT_EQ(rig.done().size(), 6u);
}

TEST(InitiatorForgery, DuplicatesAreAcknowledgedAndThatIsAll) {
    Asked rig;
    const Psn first = rig.responses;
    rig.answer(3);
    rig.refuses_at(Items().done(1), first, Drop::kTxnDuplicate);
    rig.refuses_at(Items().done(1).value(Bytes(100)).value(Bytes(8)), first, Drop::kTxnDuplicate);
    rig.frame({.opcode = wire::Opcode::kResponse, .psn = first.value, .ack = rig.acked.value},
              Items().done(1).bytes());
    EXPECT_TRUE(rig.initiator.wants_to_send(rig.now)) << "its sender has not heard our ACK";
}

TEST(InitiatorForgery, AnOverlappingFrameCountsFromItsFirstNewItemOn) {
    Asked rig;
    const Psn first = rig.responses;
    rig.answer(2);
    EXPECT_EQ(rig.respond_at(Items().done(9).value(Bytes(77)).value(Bytes(8)), first), Drop::kCount)
        << "what was taken before is not looked at";
    EXPECT_EQ(rig.done().size(), 3u);
    EXPECT_EQ(rig.local(2), pattern(100));
}

TEST(InitiatorForgery, AGapIsNackedAndNothingTaken) {
    Asked rig;
    ASSERT_EQ(rig.respond_at(Items().done(1), rig.responses + 1), Drop::kTxnGap) << "T5: late";
    EXPECT_TRUE(rig.done().empty());
    const Frame nack = rig.out();
    EXPECT_EQ(nack.header.opcode, wire::Opcode::kNack);
    EXPECT_EQ(nack.header.ack, rig.responses.value);
}

TEST(InitiatorForgery, NumbersFromElsewhereChangeNothing) {
    Asked rig;
    rig.refuses_at(Items().done(1), rig.responses + (1u << 31), Drop::kTxnStale);
    rig.refuses_at(Items().done(1), rig.responses + (1u << 30), Drop::kTxnStale);
    rig.acked = rig.acked + 1;  // which was never sent
    rig.refuses_at(Items().done(1), rig.responses, Drop::kTxnStale);
}

/// Whatever it says, a frame from the peer ends at most what is outstanding, and in order.
RC_GTEST_PROP(InitiatorForgeryProperty, AnyItemsEndEachRequestAtMostOnce,
              (std::vector<std::pair<std::uint8_t, std::uint16_t>> words)) {
    Asked rig;
    for (const auto& [kind, word] : words) {
        const Psn first = rig.responses + (kind % 16 == 0 ? word % 4u : 0u);
        static constexpr std::uint32_t kSizes[] = {1, 4, 8, 99, 100, 101, 10, 1984};
        const Bytes data(kSizes[word % 8]);
        Items items;
        for (int i = 0; i <= kind / 64; ++i) {
            switch ((kind + i) % 4) {
                case 0: items.done(1u + word % 3, static_cast<TxnStatus>(word / 8 % 3)); break;
                case 1:
                    items.value(Bytes(data.begin(), data.begin() + std::min<std::ptrdiff_t>(
                                                                       256, std::ssize(data))));
                    break;
                case 2: items.read_data(data, word / 8 % 2); break;
                default: items.read_data({}, static_cast<std::uint8_t>(kItemError | word / 8 % 2));
            }
        }
        if (rig.respond_at(items, first) == Drop::kCount) {
            rig.responses = Psn{rig.out().header.ack};
        }
    }
    RC_ASSERT(rig.done().size() <= 6u);
    for (std::size_t i = 0; i < rig.done().size(); ++i) RC_ASSERT(rig.done()[i].cookie == i + 1);
}

}  // namespace
}  // namespace ethlink::txn::test
