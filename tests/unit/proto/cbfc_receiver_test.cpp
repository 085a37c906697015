// SPDX-License-Identifier: BSD-3-Clause
// Does the CBFC receiver know what its buffer holds, and shift its counters with a CC_Update?
#include "proto/cbfc_receiver.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

constexpr Vc kVc{0};

LinkProfile one_vc() {
    LinkProfile profile;
    profile.vc_count = 1;
    profile.vcs[0].reserved = Credits{10};
    return profile;
}

TEST(CbfcReceiver, HoldsWhatHasComeAndNotGone) {
    CbfcReceiver receiver(one_vc());
    EXPECT_TRUE(receiver.fits(kVc, Credits{10}));
    receiver.on_frame(kVc, Credits{6});
    receiver.on_frame(kVc, Credits{4});
    EXPECT_FALSE(receiver.fits(kVc, Credits{1}));
    receiver.on_drained(kVc, Credits{6});
    EXPECT_EQ(receiver.held(kVc), Credits{4});
    EXPECT_EQ(receiver.consumed(kVc), CreditCounter(10));
    EXPECT_EQ(receiver.freed(kVc), CreditCounter(6));
    EXPECT_EQ(receiver.limit(kVc), Credits{10});
}

TEST(CbfcReceiver, ACcUpdateReturnsWhatTheWireLost) {
    // UEC 5.2.2 rule 6: R_CF += S_CC - R_CC; R_CC = S_CC.
    CbfcReceiver receiver(one_vc());
    receiver.on_frame(kVc, Credits{5});

    // 1. In step: nothing moves.
    EXPECT_EQ(receiver.on_cc_update(kVc, CreditCounter(5)), 0u);
    // 2. The sender spent 8: 3 credits were lost and count as freed. The buffer holds what it held.
    EXPECT_EQ(receiver.on_cc_update(kVc, CreditCounter(8)), 3u);
    EXPECT_EQ(receiver.consumed(kVc), CreditCounter(8));
    EXPECT_EQ(receiver.freed(kVc), CreditCounter(3));
    EXPECT_EQ(receiver.held(kVc), Credits{5});
    // 3. Said again: nothing.
    EXPECT_EQ(receiver.on_cc_update(kVc, CreditCounter(8)), 0u);
    // 4. After the drain both ends agree.
    receiver.on_drained(kVc, Credits{5});
    EXPECT_EQ(receiver.freed(kVc), receiver.consumed(kVc));
}

TEST(CbfcReceiver, AnySccLeavesTheBufferAsItIs) {
    // K4: an absurd CC_Update (or a new session's) creates no room that is not there.
    for (std::uint32_t i = 0; i < 1000; ++i) {
        CbfcReceiver receiver(one_vc());
        receiver.on_frame(kVc, Credits{7});
        (void)receiver.on_cc_update(kVc, CreditCounter(i * 1049 + (i % 3)));
        ASSERT_EQ(receiver.held(kVc), Credits{7});
        ASSERT_TRUE(receiver.fits(kVc, Credits{3}));
        ASSERT_FALSE(receiver.fits(kVc, Credits{4}));
        receiver.on_drained(kVc, Credits{7});
        ASSERT_EQ(receiver.held(kVc), Credits{0});
    }
}

TEST(CbfcReceiver, ANewSessionRebasesBackwardsToo) {
    CbfcReceiver receiver(one_vc());
    for (int i = 0; i < 100; ++i) {
        receiver.on_frame(kVc, Credits{9});
        receiver.on_drained(kVc, Credits{9});
    }
    receiver.on_frame(kVc, Credits{4});
    EXPECT_EQ(receiver.on_cc_update(kVc, CreditCounter(0)), CreditCounter::kModulus - 904);
    EXPECT_EQ(receiver.freed(kVc), CreditCounter(0) - 4);
    EXPECT_EQ(receiver.held(kVc), Credits{4});
}

}  // namespace
}  // namespace ethlink
