// SPDX-License-Identifier: BSD-3-Clause
// Does a port give each VC its reserved credits, and the shared ones only within their thresholds?
#include "proto/credit_pool.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ethlink {
namespace {

constexpr Vc kA{0}, kB{1}, kC{2};

/// Three VCs: 10, 10 and 5 credits of their own, and 20 that they share.
LinkProfile shared(ThresholdMode mode) {
    LinkProfile profile;
    profile.vc_count = 3;
    profile.cbfc_profile.shared_size = Credits{20};
    const std::array<std::uint32_t, 3> reserved{10, 10, 5};
    for (std::size_t i = 0; i < 3; ++i) {
        profile.vcs[i].reserved = Credits{reserved[i]};
        profile.vcs[i].threshold_mode = mode;
    }
    return profile;
}

TEST(CreditPool, ReservedCreditsAreAlwaysThere) {
    CreditPool pool(shared(ThresholdMode::kNone));
    EXPECT_EQ(pool.limit(kA), Credits{10});
    EXPECT_TRUE(pool.fits(kA, Credits{10}));
    EXPECT_FALSE(pool.fits(kA, Credits{11}));
    pool.consume(kA, Credits{10});
    EXPECT_FALSE(pool.fits(kA, Credits{1}));
    EXPECT_TRUE(pool.fits(kB, Credits{10}));  // C7: a full VC takes nothing from another.
    EXPECT_EQ(pool.shared_held(), Credits{0});
    pool.free(kA, Credits{4});
    EXPECT_TRUE(pool.fits(kA, Credits{4}));
    EXPECT_FALSE(pool.fits(kA, Credits{5}));
}

TEST(CreditPool, StaticThreshold) {
    LinkProfile profile = shared(ThresholdMode::kStatic);
    profile.vcs[0].shared_static = Credits{8};
    profile.vcs[1].shared_static = Credits{0};   // SAI: no limit of its own.
    profile.vcs[2].shared_static = Credits{99};  // More than there are.
    CreditPool pool(profile);
    EXPECT_EQ(pool.limit(kA), Credits{18});
    EXPECT_EQ(pool.limit(kB), Credits{30});
    EXPECT_EQ(pool.limit(kC), Credits{25});

    // 1. A takes its 8 shared ones, not one more.
    EXPECT_FALSE(pool.fits(kA, Credits{19}));
    pool.consume(kA, Credits{18});
    EXPECT_EQ(pool.shared_held(), Credits{8});
    // 2. B may have the other 12, and then C has its own only.
    EXPECT_FALSE(pool.fits(kB, Credits{23}));
    pool.consume(kB, Credits{22});
    EXPECT_EQ(pool.shared_held(), Credits{20});
    EXPECT_TRUE(pool.fits(kC, Credits{5}));
    EXPECT_FALSE(pool.fits(kC, Credits{6}));
    // 3. What A frees beyond its own is shared again; what it frees of its own is not.
    pool.free(kA, Credits{3});
    EXPECT_EQ(pool.shared_held(), Credits{17});
    EXPECT_TRUE(pool.fits(kC, Credits{8}));
    pool.free(kA, Credits{15});
    EXPECT_EQ(pool.shared_held(), Credits{12});
    EXPECT_EQ(pool.held(kA), Credits{0});
}

TEST(CreditPool, DynamicThreshold) {
    // SAI: 2^n of the credits that are free in the pool.
    LinkProfile profile = shared(ThresholdMode::kDynamic);
    profile.vcs[0].shared_dynamic = -1;
    profile.vcs[1].shared_dynamic = 0;
    profile.vcs[2].shared_dynamic = 3;
    CreditPool pool(profile);

    // 1. A may hold half of what is free: 10 of 20.
    EXPECT_TRUE(pool.fits(kA, Credits{20}));
    EXPECT_FALSE(pool.fits(kA, Credits{21}));
    // 2. With 12 free B may hold 12, but A, who holds 8, no more than 6.
    pool.consume(kA, Credits{18});
    EXPECT_FALSE(pool.fits(kA, Credits{1}));
    EXPECT_TRUE(pool.fits(kB, Credits{22}));
    EXPECT_FALSE(pool.fits(kB, Credits{23}));
    // 3. Eight times what is free is still no more than there is.
    EXPECT_TRUE(pool.fits(kC, Credits{17}));
    EXPECT_FALSE(pool.fits(kC, Credits{18}));
}

TEST(CreditPool, CountersWrapAt2To20) {
    CreditPool pool(shared(ThresholdMode::kNone));
    pool.assign(kA, CreditCounter(0xF'FFFE), CreditCounter(0xF'FFFE));
    pool.consume(kA, Credits{7});
    EXPECT_EQ(pool.consumed(kA), CreditCounter(5));
    EXPECT_EQ(pool.held(kA), Credits{7});
    pool.free(kA, Credits{7});
    EXPECT_EQ(pool.freed(kA), CreditCounter(5));
    EXPECT_TRUE(pool.fits(kA, Credits{10}));
}

TEST(CreditPool, AssignMovesTheSharedOnesToo) {
    CreditPool pool(shared(ThresholdMode::kStatic));
    pool.assign(kA, CreditCounter(100), CreditCounter(75));
    EXPECT_EQ(pool.held(kA), Credits{25});
    EXPECT_EQ(pool.shared_held(), Credits{15});
    pool.assign(kA, CreditCounter(100), CreditCounter(100));
    EXPECT_EQ(pool.shared_held(), Credits{0});
}

/// The same rules, written down as slowly as one can.
struct NaivePool {
    const LinkProfile& profile;
    std::array<std::uint64_t, kMaxVcs> held{};

    std::uint64_t beyond(std::size_t vc, std::uint64_t credits) const {
        const std::uint64_t own = profile.vcs[vc].reserved.value;
        return credits > own ? credits - own : 0;
    }
    std::uint64_t shared_held() const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < profile.vc_count; ++i) sum += beyond(i, held[i]);
        return sum;
    }
    bool fits(std::size_t vc, std::uint64_t more) const {
        const VcProfile& rules = profile.vcs[vc];
        const std::uint64_t want = beyond(vc, held[vc] + more);
        if (want == 0) return true;
        const std::uint64_t size = profile.cbfc_profile.shared_size.value;
        const std::uint64_t free = size - shared_held();
        if (shared_held() - beyond(vc, held[vc]) + want > size) return false;
        switch (rules.threshold_mode) {
            case ThresholdMode::kNone: return false;
            case ThresholdMode::kStatic:
                return rules.shared_static.value == 0 || want <= rules.shared_static.value;
            case ThresholdMode::kDynamic:
                return rules.shared_dynamic >= 0 ? want <= free << rules.shared_dynamic
                                                 : want <= free >> -rules.shared_dynamic;
        }
        return false;
    }
};

RC_GTEST_PROP(CreditPool, AgreesWithANaiveOne, ()) {
    LinkProfile profile;
    profile.vc_count = *rc::gen::inRange<std::uint8_t>(1, 5);
    profile.cbfc_profile.shared_size = Credits{*rc::gen::inRange(0u, 60u)};
    for (std::size_t i = 0; i < profile.vc_count; ++i) {
        VcProfile& vc = profile.vcs[i];
        vc.reserved = Credits{*rc::gen::inRange(1u, 30u)};
        vc.threshold_mode = static_cast<ThresholdMode>(*rc::gen::inRange(0, 3));
        vc.shared_static = Credits{*rc::gen::inRange(0u, 40u)};
        vc.shared_dynamic = static_cast<std::int8_t>(*rc::gen::inRange(-7, 8));
    }
    CreditPool pool(profile);
    NaivePool naive{profile};
    const auto start = CreditCounter(*rc::gen::inRange(0u, CreditCounter::kModulus));
    for (std::uint8_t i = 0; i < profile.vc_count; ++i) pool.assign(Vc{i}, start, start);

    const int steps = *rc::gen::inRange(1, 200);
    for (int step = 0; step < steps; ++step) {
        const auto vc = *rc::gen::inRange<std::uint8_t>(0, profile.vc_count);
        const auto credits = *rc::gen::inRange(1u, 25u);
        if (*rc::gen::arbitrary<bool>()) {
            RC_ASSERT(pool.fits(Vc{vc}, Credits{credits}) == naive.fits(vc, credits));
            if (!naive.fits(vc, credits)) continue;
            pool.consume(Vc{vc}, Credits{credits});
            naive.held[vc] += credits;
        } else {
            const auto back = std::min<std::uint64_t>(credits, naive.held[vc]);
            pool.free(Vc{vc}, Credits{static_cast<std::uint32_t>(back)});
            naive.held[vc] -= back;
        }
        RC_ASSERT(pool.held(Vc{vc}).value == naive.held[vc]);
        RC_ASSERT(pool.held(Vc{vc}) <= pool.limit(Vc{vc}));
        RC_ASSERT(pool.shared_held().value == naive.shared_held());
    }
}

TEST(CreditRule, RoundsUpForEachSizeAndOverhead) {
    // UEC 5.2.2: ceil((bytes + PktOvhd) / CreditSize), a short frame counted as Ethernet's 60
    // bytes.
    for (const std::uint32_t size : {32u, 64u, 128u, 256u, 512u, 1024u, 2048u}) {
        for (std::int32_t overhead = -16; overhead <= 127; ++overhead) {
            CbfcProfile profile;
            profile.credit_size = size;
            profile.packet_overhead = overhead;
            const CreditRule rule(profile);
            for (std::uint32_t bytes = 1; bytes <= 9216; bytes += bytes < 300 ? 1 : 61) {
                const std::int64_t counted = std::max<std::int64_t>(bytes, 60) + overhead;
                const std::int64_t credits = (counted + size - 1) / size;
                ASSERT_EQ(rule.credits(bytes).value, credits)
                    << bytes << " bytes, overhead " << overhead << ", credits of " << size;
                ASSERT_GE(credits, 1);
            }
        }
    }
}

}  // namespace
}  // namespace ethlink
