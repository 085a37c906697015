// SPDX-License-Identifier: BSD-3-Clause
// Does the CBFC sender send only what the neighbour has room for, whatever it is told?
#include "proto/cbfc_sender.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

constexpr Vc kVc{0}, kOther{1};

LinkProfile two_vcs(std::uint32_t credits = 10) {
    LinkProfile profile;
    profile.vc_count = 2;
    profile.vcs[0].reserved = profile.vcs[1].reserved = Credits{credits};
    return profile;
}

TEST(CbfcSender, AVcThatIsUnheardOfIsFull) {
    const LinkProfile profile = two_vcs();
    CbfcSender sender(profile);
    EXPECT_FALSE(sender.can_send(kVc, Credits{1}));
    EXPECT_EQ(sender.on_cf_update(kVc, CreditCounter(0)), CfVerdict::kAccepted);
    EXPECT_TRUE(sender.can_send(kVc, Credits{10}));
    EXPECT_FALSE(sender.can_send(kVc, Credits{11}));
    EXPECT_FALSE(sender.can_send(kOther, Credits{1}));
    EXPECT_FALSE(sender.heard(kOther));
}

TEST(CbfcSender, WhatAnEarlierSessionLeftInTheBufferIsNotForgotten) {
    // The neighbour rebased R_CC to our S_CC = 0 and still holds 7: R_CF = -7.
    const LinkProfile profile = two_vcs();
    CbfcSender sender(profile);
    EXPECT_EQ(sender.on_cf_update(kVc, CreditCounter(0) - 7), CfVerdict::kAccepted);
    EXPECT_EQ(sender.in_use(kVc), Credits{7});
    EXPECT_TRUE(sender.can_send(kVc, Credits{3}));
    EXPECT_FALSE(sender.can_send(kVc, Credits{4}));
    // More than it can ever hold is absurd: still unheard of.
    EXPECT_EQ(sender.on_cf_update(kOther, CreditCounter(0) - 11), CfVerdict::kRefused);
    EXPECT_FALSE(sender.can_send(kOther, Credits{1}));
}

TEST(CbfcSender, CountsWhatIsSentAndWhatComesBack) {
    const LinkProfile profile = two_vcs();
    CbfcSender sender(profile);
    sender.on_cf_update(kVc, CreditCounter(0));
    sender.on_sent(kVc, Credits{6});
    EXPECT_EQ(sender.in_use(kVc), Credits{6});
    EXPECT_FALSE(sender.can_send(kVc, Credits{5}));
    EXPECT_EQ(sender.on_cf_update(kVc, CreditCounter(2)), CfVerdict::kAccepted);
    EXPECT_EQ(sender.in_use(kVc), Credits{4});
    EXPECT_TRUE(sender.can_send(kVc, Credits{6}));
    EXPECT_EQ(sender.consumed(kVc), CreditCounter(6));
    EXPECT_EQ(sender.freed(kVc), CreditCounter(2));
    EXPECT_EQ(sender.limit(kVc), Credits{10});
}

TEST(CbfcSender, AbsurdUpdatesCreateNoCredits) {
    // C6: every value that would make S_CU negative or more than is in use now.
    const LinkProfile profile = two_vcs();
    CbfcSender sender(profile);
    sender.on_cf_update(kVc, CreditCounter(0));
    sender.on_sent(kVc, Credits{8});
    sender.on_cf_update(kVc, CreditCounter(3));
    for (std::uint32_t value = 0; value < CreditCounter::kModulus; ++value) {
        if (value >= 3 && value <= 8) continue;
        ASSERT_EQ(sender.on_cf_update(kVc, CreditCounter(value)), CfVerdict::kRefused) << value;
        ASSERT_EQ(sender.in_use(kVc), Credits{5});
    }
}

TEST(CbfcSender, RepeatedAndLateUpdatesChangeNothing) {
    // C4: the last word decides, in whatever order the words came.
    const LinkProfile profile = two_vcs(100);
    CbfcSender sender(profile);
    sender.on_cf_update(kVc, CreditCounter(0));
    sender.on_sent(kVc, Credits{50});
    for (const std::uint32_t freed : {10u, 30u, 20u, 10u, 30u, 30u, 0u, 49u, 30u}) {
        (void)sender.on_cf_update(kVc, CreditCounter(freed));
    }
    EXPECT_EQ(sender.freed(kVc), CreditCounter(49));
    EXPECT_EQ(sender.in_use(kVc), Credits{1});
}

TEST(CbfcSender, WrapsWithoutNotice) {
    const LinkProfile profile = two_vcs(64);
    CbfcSender sender(profile);
    sender.on_cf_update(kVc, CreditCounter(0));
    std::uint64_t total = 0;
    for (int i = 0; i < 100'000; ++i) {
        while (sender.can_send(kVc, Credits{24})) {
            sender.on_sent(kVc, Credits{24});
            total += 24;
        }
        ASSERT_LE(sender.in_use(kVc), Credits{64});
        ASSERT_EQ(sender.on_cf_update(kVc, sender.consumed(kVc) - 1), CfVerdict::kAccepted);
        ASSERT_EQ(sender.in_use(kVc), Credits{1});
    }
    EXPECT_GT(total, std::uint64_t{4} * CreditCounter::kModulus);
    EXPECT_EQ(sender.consumed(kVc).value(), total % CreditCounter::kModulus);
}

TEST(CbfcSender, ResetForgetsTheSession) {
    const LinkProfile profile = two_vcs();
    CbfcSender sender(profile);
    sender.on_cf_update(kVc, CreditCounter(0));
    sender.on_sent(kVc, Credits{8});
    sender.reset();
    EXPECT_EQ(sender.consumed(kVc), CreditCounter(0));
    EXPECT_FALSE(sender.heard(kVc));
    EXPECT_FALSE(sender.can_send(kVc, Credits{1}));
}

}  // namespace
}  // namespace ethlink
