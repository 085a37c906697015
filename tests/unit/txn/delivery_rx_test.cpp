// SPDX-License-Identifier: BSD-3-Clause
// The receiving half of delivery: new, overlapping, old, missing, absurd; and when to answer.
#include "proto/txn/delivery_rx.h"

#include <gtest/gtest.h>

namespace ethlink::txn {
namespace {

using namespace std::chrono_literals;
using Verdict = DeliveryRx::Verdict;

constexpr Time kStart{1s};

TxnProfile profile() {
    TxnProfile p;
    p.items_max = 64;
    p.ack_delay = 20us;
    p.retry_min = 1ms;
    return p;
}

const TxnProfile kProfile = profile();

TEST(DeliveryRx, JudgesByTheNumberThatIsExpected) {
    const DeliveryRx rx(kProfile, Psn{1000});
    EXPECT_EQ(rx.judge(Psn{1000}, 1), Verdict::kNew);
    EXPECT_EQ(rx.judge(Psn{1001}, 1), Verdict::kGap);
    EXPECT_EQ(rx.judge(Psn{999}, 1), Verdict::kDuplicate) << "E2";
    EXPECT_EQ(rx.judge(Psn{990}, 10), Verdict::kDuplicate) << "E2: the last of them is 999";
    EXPECT_EQ(rx.judge(Psn{990}, 11), Verdict::kNew) << "1000 is the last of them";
    EXPECT_EQ(rx.skip(Psn{990}), 10u);
    EXPECT_EQ(rx.skip(Psn{1000}), 0u);
}

TEST(DeliveryRx, FarIsNeitherAheadNorBehind) {
    const DeliveryRx rx(kProfile, Psn{5});
    constexpr std::uint32_t kFar = 1u << 30;
    EXPECT_EQ(rx.judge(Psn{5 + kFar - 1}, 1), Verdict::kGap);
    EXPECT_EQ(rx.judge(Psn{5 + kFar}, 1), Verdict::kFar) << "T4";
    EXPECT_EQ(rx.judge(Psn{5 + (1u << 31)}, 1), Verdict::kFar) << "T4";
    EXPECT_EQ(rx.judge(Psn{5 - kFar}, 1), Verdict::kFar) << "T4";
    EXPECT_EQ(rx.judge(Psn{5 - kFar + 1}, 1), Verdict::kDuplicate);
}

TEST(DeliveryRx, CountsOnAcrossTheWrap) {
    DeliveryRx rx(kProfile, Psn{0xFFFF'FFFE});
    EXPECT_EQ(rx.judge(Psn{0xFFFF'FFFE}, 4), Verdict::kNew);
    rx.take(4, kStart);
    EXPECT_EQ(rx.expected(), Psn{2});
    EXPECT_EQ(rx.judge(Psn{0xFFFF'FFFE}, 4), Verdict::kDuplicate) << "E2";
    EXPECT_EQ(rx.judge(Psn{0xFFFF'FFFE}, 5), Verdict::kNew);
    EXPECT_EQ(rx.skip(Psn{0xFFFF'FFFE}), 4u);
    EXPECT_EQ(rx.judge(Psn{3}, 1), Verdict::kGap);
}

TEST(DeliveryRx, AnAckWaitsForCompanyButNotLong) {
    DeliveryRx rx(kProfile, Psn{0});
    EXPECT_FALSE(rx.ack_due(kNever - 1ns)) << "nothing came";
    rx.take(1, kStart);
    EXPECT_EQ(rx.deadline(), kStart + 20us);
    rx.take(1, kStart + 10us);
    EXPECT_EQ(rx.deadline(), kStart + 20us) << "the first one's time counts";
    EXPECT_FALSE(rx.ack_due(kStart + 20us - 1ns));
    EXPECT_TRUE(rx.ack_due(kStart + 20us));
    rx.on_acked();
    EXPECT_FALSE(rx.ack_due(kStart + 1s));
    EXPECT_EQ(rx.deadline(), kNever);
}

TEST(DeliveryRx, ManyItemsAreAcknowledgedAtOnce) {
    DeliveryRx rx(kProfile, Psn{0});
    rx.take(15, kStart);
    EXPECT_FALSE(rx.ack_due(kStart));
    rx.take(1, kStart);
    EXPECT_TRUE(rx.ack_due(kStart)) << "a quarter of items_max";
    rx.on_acked();
    rx.take(15, kStart);
    EXPECT_FALSE(rx.ack_due(kStart)) << "counted anew";
}

TEST(DeliveryRx, ADuplicateIsAcknowledgedAtOnce) {
    DeliveryRx rx(kProfile, Psn{0});
    rx.on_duplicate(kStart);
    EXPECT_TRUE(rx.ack_due(kStart)) << "its sender has not heard our last ACK";
}

TEST(DeliveryRx, AGapIsNackedOnceAndAgainWhileItLasts) {
    DeliveryRx rx(kProfile, Psn{0});
    EXPECT_TRUE(rx.on_gap(kStart));
    EXPECT_FALSE(rx.on_gap(kStart + 1us));
    EXPECT_FALSE(rx.on_gap(kStart + 1ms - 1ns));
    EXPECT_TRUE(rx.on_gap(kStart + 1ms));
    EXPECT_FALSE(rx.on_gap(kStart + 2ms - 1ns));
    rx.take(1, kStart + 2ms - 1ns);
    EXPECT_TRUE(rx.on_gap(kStart + 2ms - 1ns)) << "another gap";
}

}  // namespace
}  // namespace ethlink::txn
