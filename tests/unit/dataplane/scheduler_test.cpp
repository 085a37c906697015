// SPDX-License-Identifier: BSD-3-Clause
// Does each VC get its share, and does one that may not send stop nobody?
#include "dataplane/scheduler.h"

#include <algorithm>
#include <array>
#include <map>

#include <gtest/gtest.h>

namespace ethlink {
namespace {

constexpr std::uint32_t kAll = 0xFFFF'FFFF;

/// VCs that always have a frame, unless `ready` says otherwise.
struct Rig {
    explicit Rig(std::span<const VcProfile> vcs) : scheduler(vcs) {}

    Vc next() {
        return scheduler.next(
            ready, [&](Vc vc) { return bytes[vc.value]; },
            [&](Vc vc, std::uint32_t n) {
                EXPECT_EQ(n, bytes[vc.value]);
                return (may_send >> vc.value & 1u) != 0;
            });
    }
    /// Bytes per VC of so many frames.
    std::map<int, std::uint64_t> run(int frames) {
        std::map<int, std::uint64_t> sent;
        for (; frames > 0; --frames) {
            const Vc vc = next();
            if (vc == Scheduler::kNothing) break;
            sent[vc.value] += bytes[vc.value];
        }
        return sent;
    }

    Scheduler scheduler;
    std::uint32_t ready = 0;
    std::uint32_t may_send = kAll;
    std::array<std::uint32_t, kMaxVcs> bytes{};
};

std::array<VcProfile, 3> equal_vcs() {
    std::array<VcProfile, 3> vcs{};
    for (VcProfile& vc : vcs) vc.quantum_bytes = 2048;
    return vcs;
}

TEST(Scheduler, NothingToSend) {
    Rig rig(equal_vcs());
    EXPECT_EQ(rig.next(), Scheduler::kNothing);
}

TEST(Scheduler, AHigherPriorityGoesFirst) {
    auto vcs = equal_vcs();
    vcs[1].priority = 7;
    vcs[2].priority = 3;
    Rig rig(vcs);
    rig.bytes.fill(1000);
    rig.ready = 0b111;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(rig.next(), Vc{1});
    rig.ready = 0b101;
    EXPECT_EQ(rig.next(), Vc{2});
    rig.ready = 0b001;
    EXPECT_EQ(rig.next(), Vc{0});
}

TEST(Scheduler, ABlockedVcBlocksNobody) {
    // C7: neither a lower level nor its own.
    auto vcs = equal_vcs();
    vcs[0].priority = 7;
    Rig rig(vcs);
    rig.bytes.fill(1000);
    rig.ready = 0b111;
    rig.may_send = 0b110;
    const auto sent = rig.run(1000);
    EXPECT_EQ(sent.count(0), 0u);
    EXPECT_NEAR(static_cast<double>(sent.at(1)), static_cast<double>(sent.at(2)), 0.1 * 500'000);
    rig.may_send = 0b100;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(rig.next(), Vc{2});
    rig.may_send = 0;
    EXPECT_EQ(rig.next(), Scheduler::kNothing);
    rig.may_send = kAll;
    EXPECT_EQ(rig.next(), Vc{0});
}

TEST(Scheduler, SharesFollowTheQuantumNotTheFrameSize) {
    std::array<VcProfile, 3> vcs{};
    vcs[0].quantum_bytes = 2048;
    vcs[1].quantum_bytes = 2048;
    vcs[2].quantum_bytes = 4096;
    Rig rig(vcs);
    rig.bytes = {60, 1514, 700};
    rig.ready = 0b111;
    const auto sent = rig.run(100'000);
    const auto total = static_cast<double>(sent.at(0) + sent.at(1) + sent.at(2));
    EXPECT_NEAR(static_cast<double>(sent.at(0)) / total, 0.25, 0.025);
    EXPECT_NEAR(static_cast<double>(sent.at(1)) / total, 0.25, 0.025);
    EXPECT_NEAR(static_cast<double>(sent.at(2)) / total, 0.50, 0.050);
}

TEST(Scheduler, SharesWithinAShortTime) {
    // Not only in the long run: within a few rounds of the largest quantum.
    Rig rig(equal_vcs());
    rig.bytes = {60, 1514, 700};
    rig.ready = 0b111;
    std::array<std::uint64_t, 3> sent{};
    for (int i = 0; i < 5000; ++i) {
        const Vc vc = rig.next();
        sent[vc.value] += rig.bytes[vc.value];
        const auto [least, most] = std::ranges::minmax(sent);
        ASSERT_LE(most - least, 2 * (2048u + 1514u));
    }
}

TEST(Scheduler, AVcAloneIsNeverHeldBackByItsDeficit) {
    Rig rig(equal_vcs());
    rig.bytes.fill(2000);
    rig.ready = 0b010;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(rig.next(), Vc{1});
}

TEST(Scheduler, AsLongAsOneMaySendOneIsFound) {
    // Every set of ready and allowed VCs, from wherever the last call left off.
    std::array<VcProfile, 5> vcs{};
    for (VcProfile& vc : vcs) vc.quantum_bytes = 2048;
    Rig rig(vcs);
    rig.bytes.fill(2048);
    for (int round = 0; round < 20; ++round) {
        for (std::uint32_t ready = 0; ready < 32; ++ready) {
            for (std::uint32_t may = 0; may < 32; ++may) {
                rig.ready = ready;
                rig.may_send = may;
                const Vc vc = rig.next();
                if ((ready & may) == 0) {
                    ASSERT_EQ(vc, Scheduler::kNothing);
                } else {
                    ASSERT_NE(vc, Scheduler::kNothing) << ready << " " << may;
                    ASSERT_NE(ready & may & (1u << vc.value), 0u);
                }
            }
        }
    }
}

TEST(Scheduler, SharesHoldForRunsOfFrames) {
    Rig rig(equal_vcs());
    rig.bytes = {60, 1514, 700};
    rig.ready = 0b111;
    std::array<std::uint64_t, 3> sent{};
    for (int i = 0; i < 20'000; ++i) {
        const Scheduler::Grant grant = rig.scheduler.next_run(
            rig.ready, [&](Vc vc) { return rig.bytes[vc.value]; },
            [](Vc, std::uint32_t) { return true; });
        const std::uint32_t each = rig.bytes[grant.vc.value];
        ASSERT_GE(grant.bytes, each);
        // As many as are granted, but no more than fit into a burst that is half full.
        const std::uint32_t run = each * std::min(grant.bytes / each, 16u);
        rig.scheduler.spent(grant, run);
        sent[grant.vc.value] += run;
    }
    const auto total = static_cast<double>(sent[0] + sent[1] + sent[2]);
    for (const std::uint64_t bytes : sent) {
        EXPECT_NEAR(static_cast<double>(bytes) / total, 1.0 / 3, 0.03);
    }
}

TEST(Scheduler, AVcAloneIsGrantedWithoutLimitAndPaysNothing) {
    Rig rig(equal_vcs());
    rig.bytes.fill(1000);
    rig.ready = 0b010;
    const auto alone = [&] {
        return rig.scheduler.next_run(
            rig.ready, [&](Vc vc) { return rig.bytes[vc.value]; },
            [](Vc, std::uint32_t) { return true; });
    };
    EXPECT_EQ(alone().bytes, Scheduler::Grant::kUnlimited);
    rig.scheduler.spent(alone(), 32'000);
    rig.ready = 0b011;  // Its run is not held against it when it has company again.
    const auto sent = rig.run(1000);
    EXPECT_NEAR(static_cast<double>(sent.at(0)), static_cast<double>(sent.at(1)), 4096);
}

TEST(Scheduler, AllThirtyTwo) {
    std::array<VcProfile, kMaxVcs> vcs{};
    for (VcProfile& vc : vcs) vc.quantum_bytes = 1000;
    Rig rig(vcs);
    rig.bytes.fill(1000);
    rig.ready = kAll;
    const auto sent = rig.run(3200);
    ASSERT_EQ(sent.size(), 32u);
    for (const auto& [vc, bytes] : sent) EXPECT_EQ(bytes, 100'000u) << vc;
}

}  // namespace
}  // namespace ethlink
