// SPDX-License-Identifier: BSD-3-Clause
// The sending half of delivery: which ACKs it believes, when it goes back, and how long it waits.
#include "proto/txn/delivery_tx.h"

#include <cstdint>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ethlink::txn {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1s};
constexpr Psn kNearWrap{0xFFFF'FFFA};

TxnProfile profile() {
    TxnProfile p;
    p.items_max = 16;
    p.ack_delay = 20us;
    p.retry_min = 1ms;
    p.retry_max = 10ms;
    return p;
}

const TxnProfile kProfile = profile();

TEST(DeliveryTx, AnAckOfWhatIsOutstandingFreesItAcrossTheWrap) {
    DeliveryTx tx(kProfile, kNearWrap);
    EXPECT_TRUE(tx.idle());
    EXPECT_EQ(tx.room(), 16u);
    tx.on_sent(10, kStart);
    EXPECT_EQ(tx.cursor(), Psn{4}) << "10 items from 2^32 - 6 on";
    EXPECT_EQ(tx.room(), 6u);
    EXPECT_EQ(tx.on_ack(Psn{1}, kStart + 5us), DeliveryAck::kAccepted);
    EXPECT_EQ(tx.oldest(), Psn{1});
    EXPECT_EQ(tx.room(), 13u);
    EXPECT_EQ(tx.on_ack(Psn{4}, kStart + 6us), DeliveryAck::kAccepted);
    EXPECT_TRUE(tx.idle());
    EXPECT_EQ(tx.deadline(), kNever);
}

TEST(DeliveryTx, OldAndInvalidAcksChangeNothing) {
    DeliveryTx tx(kProfile, Psn{100});
    tx.on_sent(8, kStart);
    tx.on_ack(Psn{104}, kStart + 5us);
    const Time deadline = tx.deadline();
    const auto unchanged = [&] {
        EXPECT_EQ(tx.oldest(), Psn{104});
        EXPECT_EQ(tx.cursor(), Psn{108});
        EXPECT_EQ(tx.sent(), Psn{108});
        EXPECT_EQ(tx.deadline(), deadline) << "no progress, no new timer";
    };
    EXPECT_EQ(tx.on_ack(Psn{104}, kStart + 9us), DeliveryAck::kOld);
    EXPECT_EQ(tx.on_ack(Psn{100}, kStart + 9us), DeliveryAck::kOld);
    unchanged();
    EXPECT_EQ(tx.on_ack(Psn{99}, kStart + 9us), DeliveryAck::kInvalid) << "before the first one";
    EXPECT_EQ(tx.on_ack(Psn{104 - (1u << 30)}, kStart + 9us), DeliveryAck::kInvalid) << "D10";
    EXPECT_EQ(tx.on_ack(Psn{109}, kStart + 9us), DeliveryAck::kInvalid) << "T4: never sent";
    EXPECT_EQ(tx.on_ack(Psn{104 + (1u << 31)}, kStart + 9us), DeliveryAck::kInvalid) << "T4";
    EXPECT_EQ(tx.on_ack(Psn{104 - (1u << 30) - 1}, kStart + 9us), DeliveryAck::kInvalid) << "T4";
    unchanged();
    EXPECT_EQ(tx.on_nack(Psn{109}, kStart + 9us), DeliveryAck::kInvalid) << "T4";
    EXPECT_EQ(tx.on_nack(Psn{100}, kStart + 9us), DeliveryAck::kOld) << "of what is acknowledged";
    unchanged();
}

TEST(DeliveryTx, ANackRewindsToWhatIsMissing) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(8, kStart);
    EXPECT_EQ(tx.on_nack(Psn{3}, kStart + 30us), DeliveryAck::kAccepted);
    EXPECT_EQ(tx.oldest(), Psn{3});
    EXPECT_EQ(tx.cursor(), Psn{3}) << "item 3 goes again";
    EXPECT_EQ(tx.sent(), Psn{8});
    EXPECT_EQ(tx.room(), 16u) << "what goes again takes room as it goes";
    tx.on_sent(2, kStart + 31us);
    EXPECT_EQ(tx.sent(), Psn{8}) << "it was sent before";
}

TEST(DeliveryTx, CopiesOfANackStartOneRetryOnly) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(8, kStart);
    tx.on_nack(Psn{0}, kStart + 30us);
    tx.on_sent(8, kStart + 30us);
    tx.on_nack(Psn{0}, kStart + 31us);
    EXPECT_EQ(tx.cursor(), Psn{8}) << "a copy";
    tx.on_nack(Psn{0}, kStart + 30us + 20us);
    EXPECT_EQ(tx.cursor(), Psn{0}) << "after ack_delay it is a new one";
}

TEST(DeliveryTx, TheNackGuardFollowsTheRoundTrip) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(1, kStart);
    tx.on_ack(Psn{1}, kStart + 200us);
    EXPECT_EQ(tx.rtt(), 200us);
    tx.on_sent(4, kStart + 300us);
    tx.on_nack(Psn{1}, kStart + 400us);
    tx.on_sent(4, kStart + 400us);
    tx.on_nack(Psn{1}, kStart + 499us);
    EXPECT_EQ(tx.cursor(), Psn{5}) << "within half a round trip: a copy";
    tx.on_nack(Psn{1}, kStart + 500us);
    EXPECT_EQ(tx.cursor(), Psn{1});
}

TEST(DeliveryTx, ANackWithNothingOutstandingIsAnAck) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(2, kStart);
    EXPECT_EQ(tx.on_nack(Psn{2}, kStart + 30us), DeliveryAck::kAccepted);
    EXPECT_TRUE(tx.idle());
    EXPECT_EQ(tx.cursor(), Psn{2});
}

TEST(DeliveryTx, AnAckInTheMiddleOfARetryMovesTheCursorAlong) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(8, kStart);
    tx.rewind(kStart + 1us);
    tx.on_sent(2, kStart + 1us);
    EXPECT_EQ(tx.on_ack(Psn{6}, kStart + 2us), DeliveryAck::kAccepted) << "of the first copies";
    EXPECT_EQ(tx.cursor(), Psn{6}) << "what has arrived does not go again";
    tx.rewind(kStart + 3us);
    tx.on_sent(2, kStart + 3us);
    EXPECT_EQ(tx.on_ack(Psn{7}, kStart + 4us), DeliveryAck::kAccepted);
    EXPECT_EQ(tx.cursor(), Psn{8}) << "nor does the cursor go back";
}

TEST(DeliveryTx, TheTimerRewindsAndBacksOff) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(4, kStart);
    EXPECT_EQ(tx.deadline(), kStart + 1ms);
    EXPECT_FALSE(tx.on_time(kStart + 1ms - 1ns));
    Time now = kStart;
    for (const Duration wait : {Duration(1ms), Duration(2ms), Duration(4ms), Duration(8ms),
                                Duration(10ms), Duration(10ms)}) {
        EXPECT_EQ(tx.deadline(), now + wait);
        now = tx.deadline();
        ASSERT_TRUE(tx.on_time(now));
        EXPECT_EQ(tx.cursor(), Psn{0});
        tx.on_sent(4, now);
        EXPECT_FALSE(tx.on_time(now)) << "once";
    }
    EXPECT_EQ(tx.retries(), 6u);
    tx.on_ack(Psn{1}, now);
    EXPECT_EQ(tx.retries(), 0u) << "progress";
    EXPECT_EQ(tx.deadline(), now + 1ms) << "the timer runs anew, and short again";
}

TEST(DeliveryTx, AThousandRetriesWaitRetryMax) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(1, kStart);
    for (int i = 0; i < 1000; ++i) {
        const Time at = tx.deadline();
        ASSERT_TRUE(tx.on_time(at));
        ASSERT_LE(tx.deadline() - at, 10ms);
        tx.on_sent(1, at);
    }
}

TEST(DeliveryTx, NothingOutstandingNeedsNoTimer) {
    DeliveryTx tx(kProfile, Psn{0});
    EXPECT_FALSE(tx.on_time(kNever - 1ns));
    tx.on_sent(1, kStart);
    tx.on_ack(Psn{1}, kStart + 1us);
    EXPECT_FALSE(tx.on_time(kStart + 10s));
    tx.on_sent(1, kStart + 20s);
    EXPECT_EQ(tx.deadline(), kStart + 20s + 1ms) << "from the first item, not from long ago";
}

TEST(DeliveryTx, WhatWentTwiceIsNoSample) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(4, kStart);
    ASSERT_TRUE(tx.on_time(kStart + 1ms));
    tx.on_sent(4, kStart + 1ms);
    tx.on_ack(Psn{4}, kStart + 1ms + 1us);
    EXPECT_EQ(tx.rtt(), Duration{}) << "Karn: whose ACK was it?";
    tx.on_sent(1, kStart + 2ms);
    tx.on_ack(Psn{5}, kStart + 2ms + 50us);
    EXPECT_EQ(tx.rtt(), 50us);
}

TEST(DeliveryTx, ASampleEndsWithTheAckOfItsOwnItem) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(1, kStart);
    tx.on_sent(3, kStart + 10us);
    tx.on_ack(Psn{4}, kStart + 40us);
    EXPECT_EQ(tx.rtt(), 40us) << "from the first of the samples under way";
    DeliveryTx other(kProfile, Psn{0});
    other.on_sent(4, kStart);
    other.on_ack(Psn{2}, kStart + 10us);
    EXPECT_EQ(other.rtt(), Duration{}) << "not all that was timed";
    other.on_ack(Psn{4}, kStart + 80us);
    EXPECT_EQ(other.rtt(), 80us);
}

TEST(DeliveryTx, TheTimeoutFollowsTheRoundTrip) {
    DeliveryTx tx(kProfile, Psn{0});
    tx.on_sent(1, kStart);
    tx.on_ack(Psn{1}, kStart + 2ms);
    tx.on_sent(1, kStart + 3ms);
    EXPECT_EQ(tx.deadline(), kStart + 3ms + 6ms) << "srtt + 4 * srtt / 2 (RFC 6298)";
    tx.on_ack(Psn{2}, kStart + 3ms + 2ms);
    EXPECT_EQ(tx.rtt(), 2ms);
    tx.on_sent(1, kStart + 10ms);
    EXPECT_EQ(tx.deadline(), kStart + 10ms + 5ms) << "the variation has shrunk by a quarter";
    tx.on_ack(Psn{3}, kStart + 10ms + 10ms);
    EXPECT_EQ(tx.rtt(), 3ms) << "an eighth of the difference";
}

TEST(DeliveryTx, RoomEndsAtItemsMax) {
    DeliveryTx tx(kProfile, kNearWrap);
    tx.on_sent(16, kStart);
    EXPECT_EQ(tx.room(), 0u) << "E10";
    tx.on_ack(kNearWrap + 1, kStart);
    EXPECT_EQ(tx.room(), 1u);
}

// Any history: the three numbers keep their order, and only an ACK of what is outstanding frees.
RC_GTEST_PROP(DeliveryTxProperty, OldestCursorAndSentKeepTheirOrder,
              (std::uint32_t first, std::vector<std::uint32_t> words)) {
    DeliveryTx tx(kProfile, Psn{first});
    std::uint64_t oldest = 0, cursor = 0, sent = 0;  // items since the start: they never wrap
    Time now = kStart;
    for (const std::uint32_t word : words) {
        now += Duration(word % 300'000);
        const auto ack = static_cast<std::int64_t>(oldest) - 3 + (word >> 8) % 24;
        const bool fits =
            ack >= static_cast<std::int64_t>(oldest) && ack <= static_cast<std::int64_t>(sent);
        const Psn psn{first + static_cast<std::uint32_t>(ack)};
        const bool nack = word % 4 == 2;
        switch (word % 4) {
            case 0: {
                const std::uint32_t n = std::min(tx.room(), (word >> 4) % 8);
                if (n == 0) break;
                tx.on_sent(n, now);
                cursor += n;
                sent = std::max(sent, cursor);
                break;
            }
            case 1:
            case 2: {
                const DeliveryAck verdict = nack ? tx.on_nack(psn, now) : tx.on_ack(psn, now);
                RC_ASSERT((verdict == DeliveryAck::kAccepted) ==
                          (fits && ack > static_cast<std::int64_t>(oldest)));
                RC_ASSERT((verdict == DeliveryAck::kInvalid) ==
                          (ack > static_cast<std::int64_t>(sent) || ack < 0));
                if (fits) oldest = static_cast<std::uint64_t>(ack);
                cursor = std::max(cursor, oldest);
                // A NACK may rewind, or be a copy.
                if (nack && fits && tx.cursor() == tx.oldest()) cursor = oldest;
                break;
            }
            default:
                if (tx.on_time(now)) cursor = oldest;
        }
        RC_ASSERT(tx.oldest().value == static_cast<std::uint32_t>(first + oldest));
        RC_ASSERT(tx.cursor().value == static_cast<std::uint32_t>(first + cursor));
        RC_ASSERT(tx.sent().value == static_cast<std::uint32_t>(first + sent));
        RC_ASSERT(tx.room() == 16 - (cursor - oldest));
        RC_ASSERT((tx.deadline() == kNever) == (oldest == sent));
    }
}

}  // namespace
}  // namespace ethlink::txn
