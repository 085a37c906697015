// SPDX-License-Identifier: BSD-3-Clause
// Does a link say by itself what its neighbour must know, when it must, and again if it was lost?
#include <array>

#include <gtest/gtest.h>

#include "proto/link.h"
#include "tests/sim/lone_link.h"
#include "tests/sim/pair.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using wire::CtlOsType;

constexpr Vc kVc{0}, kBestEffort{2};

TEST(Link, WithoutABufferControlStaysDue) {
    LoneLink lone(silent_profile(), {}, 8);
    lone.come_up();
    lone.hear_next();
    std::vector<SimFrame> hoard;
    while (lone.pool.in_use() < 8) hoard.push_back(lone.pool.allocate(60));
    EXPECT_TRUE(lone.turn().empty());
    EXPECT_TRUE(lone.turn(2us).empty());
    EXPECT_EQ(lone.count(LinkStat::kTxNoBuffer), 1u);
    hoard.clear();
    EXPECT_TRUE(lone.turn_sets().find(CtlOsType::kAck));
}

TEST(Link, AcknowledgesAfterADelayOrAfterSoManyBytes) {
    LoneLink lone(silent_profile());
    lone.come_up();
    lone.turn(2us);

    // 1. One frame: its ACK waits for company, ack_delay at most.
    lone.hear_next();
    EXPECT_TRUE(lone.turn_sets().sets.empty());
    EXPECT_TRUE(lone.turn_sets(1999ns).sets.empty());
    const Said late = lone.turn_sets(1ns);
    ASSERT_TRUE(late.find(CtlOsType::kAck));
    EXPECT_EQ(late.find(CtlOsType::kAck)->value, LoneLink::kTheirSeq + 1);
    EXPECT_TRUE(lone.turn_sets(10us).sets.empty());

    // 2. ctlos_spacing_bytes: at once.
    lone.hear_next(kBestEffort, 1000);
    EXPECT_TRUE(lone.turn_sets().sets.empty());
    lone.hear_next(kBestEffort, 1000);
    EXPECT_TRUE(lone.turn_sets().find(CtlOsType::kAck));

    // 3. A gap: at once.
    (void)lone.next_word();
    lone.hear_next();
    EXPECT_TRUE(lone.turn_sets().find(CtlOsType::kNack));
    // 4. And one NACK only (L5).
    lone.hear_next();
    EXPECT_FALSE(lone.turn_sets(5us).find(CtlOsType::kNack));
}

TEST(Link, FreedCreditsGoBackAfterADelayOrAQuarter) {
    LoneLink lone(silent_profile());
    lone.come_up();
    for (int i = 0; i < 40; ++i) lone.hear_next(kVc);
    lone.turn(2us);

    // 1. A few wait for ack_delay.
    lone.link.on_drained(kVc, Credits{15});
    EXPECT_TRUE(lone.turn_sets().sets.empty());
    const Said late = lone.turn_sets(2us);
    ASSERT_TRUE(late.find(CtlOsType::kCfUpdate));
    EXPECT_EQ(late.find(CtlOsType::kCfUpdate)->value, 15u);
    EXPECT_EQ(late.find(CtlOsType::kCfUpdate)->vc(), kVc);
    EXPECT_EQ(late.count(CtlOsType::kCfUpdate), 1u);  // Only what changed.

    // 2. A quarter of the limit (16 of 64) does not wait.
    lone.link.on_drained(kVc, Credits{16});
    EXPECT_TRUE(lone.turn_sets().find(CtlOsType::kCfUpdate));
}

TEST(Link, RepeatsEverythingNowAndThen) {
    LinkProfile profile = quick_profile();
    profile.cbfc_profile.cc_message_timer = 0s;
    LoneLink lone(profile);
    lone.come_up();
    lone.hear_next();
    lone.turn();
    lone.turn(2us);
    // The heartbeat: R_CF of all VCs with credits and the last ACK, though nothing has changed.
    int beats = 0;
    for (int us = 0; us < 300; ++us) {
        const Said said = lone.turn_sets(1us);
        if (said.sets.empty()) continue;
        ++beats;
        EXPECT_EQ(said.count(CtlOsType::kCfUpdate), 2u);
        EXPECT_EQ(said.count(CtlOsType::kAck), 1u);
        EXPECT_EQ(said.rx_epoch, LoneLink::kTheirEpoch);
    }
    EXPECT_EQ(beats, 10);
}

TEST(Link, NamesItsSessionThoughItWaitsForAReplayAndKnowsNoCredits) {
    // R2: a stale INIT and a stale frame may have led it into a session that is none any more. The
    // neighbour, whose frames it refuses, must hear so.
    LoneLink lone(quick_profile());
    lone.turn();
    lone.hear_sets(
        {{.type = CtlOsType::kInit, .value = LoneLink::kTheirSeq, .arg = LoneLink::kTheirEpoch}});
    for (int lost = 0; lost < 3; ++lost) lone.next_word();
    lone.hear_next(kVc);
    EXPECT_EQ(lone.turn_sets(1ms).count(CtlOsType::kNack), 1u);
    for (int i = 0; i < 3; ++i) {
        const Said said = lone.turn_sets(100us);
        const auto ack = said.find(CtlOsType::kAck);
        ASSERT_TRUE(ack) << "said nothing in turn " << i;
        EXPECT_EQ(ack->value, LoneLink::kTheirSeq - 1) << "nothing more than it has";
        EXPECT_EQ(said.rx_epoch, LoneLink::kTheirEpoch);
    }
}

TEST(Link, SaysNothingOfCreditsBeforeTheSessionsFirstCcUpdate) {
    // C8: until then our counters are those of an older session.
    LoneLink lone(quick_profile());
    lone.turn();
    lone.hear_sets(
        {{.type = CtlOsType::kInit, .value = LoneLink::kTheirSeq, .arg = LoneLink::kTheirEpoch}});
    lone.hear_next(kVc);
    EXPECT_EQ(lone.turn_sets(1ms).count(CtlOsType::kCfUpdate), 0u);
    lone.hear_cc(std::array<std::uint32_t, kMaxVcs>{1}, lone.next_word());
    EXPECT_EQ(lone.turn_sets(1ms).count(CtlOsType::kCfUpdate), 2u);
}

TEST(Link, ALostCfUpdateIsRepaired) {
    // C3: faults stopped, within one CF interval all credits are back.
    PairOptions options;
    options.profile = quick_profile();
    Pair pair(options);
    ASSERT_TRUE(pair.come_up());
    pair.a.tap = [](SimFrame& frame) {
        const auto bytes = std::as_const(frame).bytes();
        const auto said = read_sets(bytes.first(bytes.size() - wire::kFcsSize));
        return !said || !said->find(CtlOsType::kCfUpdate);
    };
    for (int i = 0; i < 40; ++i) pair.a.offer(kVc, 60);
    pair.run_for(20us);
    EXPECT_EQ(pair.b.received(kVc), 40u);
    EXPECT_EQ(pair.a.link().cbfc_sender().in_use(kVc), Credits{40});
    pair.a.tap = nullptr;
    pair.run_for(options.profile.cbfc_profile.cf_update_interval + 2us);
    EXPECT_EQ(pair.credits_leaked(), 0u);
}

}  // namespace
}  // namespace ethlink::sim
