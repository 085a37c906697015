// SPDX-License-Identifier: BSD-3-Clause
// Does CBFC pass the rows of the interop test plan that need no hardware? See acceptance.h.
#include "proto/cbfc_receiver.h"
#include "proto/cbfc_sender.h"
#include "proto/vc_map.h"
#include "tests/unit/proto/acceptance.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

/// LLR off: a frame that the wire loses stays lost, as these rows want it.
PairOptions without_llr() {
    PairOptions options = plan_options();
    options.profile.llr_local = options.profile.llr_remote = false;
    return options;
}

/// All of S_CC, S_CF, R_CC and R_CF of VC 0, a to b.
struct Counters {
    std::uint32_t s_cc, s_cf, r_cc, r_cf;
    friend bool operator==(const Counters&, const Counters&) = default;
};
Counters counters(Bench& bench) {
    const auto& sender = bench.pair.a.link().cbfc_sender();
    const auto& receiver = bench.pair.b.link().cbfc_receiver();
    return {sender.consumed(kVc).value(), sender.freed(kVc).value(), receiver.consumed(kVc).value(),
            receiver.freed(kVc).value()};
}
std::ostream& operator<<(std::ostream& out, const Counters& c) {
    return out << "S_CC " << c.s_cc << ", S_CF " << c.s_cf << ", R_CC " << c.r_cc << ", R_CF "
               << c.r_cf;
}

TEST(Acceptance, CBFC_01) {
    // 1 M packets per size: S_VC_CC = (prev + roundup((size + PktOvhd) / CreditSize) * 1e6) mod
    // 2^20 = R_VC_CC = R_VC_CF. On the credit machines themselves: a million frames of each size.
    constexpr std::uint64_t kPackets = 1'000'000;
    for (const std::int32_t overhead : {-4, 0, 20}) {
        LinkProfile profile = quick_profile();
        profile.vcs[0].reserved = Credits{4000};
        profile.cbfc_profile.packet_overhead = overhead;
        const CreditRule rule(profile.cbfc_profile);
        CbfcSender sender(profile);
        CbfcReceiver receiver(profile);
        ASSERT_EQ(sender.on_cf_update(kVc, receiver.freed(kVc)), CfVerdict::kAccepted);
        for (const std::uint32_t bytes :
             {60u, 61u, 124u, 125u, 252u, 508u, 1020u, 1276u, 1514u, 2044u, 9212u}) {
            const std::uint64_t previous = sender.consumed(kVc).value();
            const Credits each = rule.credits(bytes);
            std::uint64_t refused = 0;
            for (std::uint64_t i = 0; i < kPackets; ++i) {
                if (!sender.can_send(kVc, each)) {
                    ++refused;  // Full: the receiver's CF_Update lets it go on.
                    ASSERT_EQ(sender.on_cf_update(kVc, receiver.freed(kVc)), CfVerdict::kAccepted);
                }
                sender.on_sent(kVc, each);
                receiver.on_frame(kVc, each);
                receiver.on_drained(kVc, each);
            }
            const std::uint64_t counted = (bytes + static_cast<std::uint32_t>(overhead) + 63) / 64;
            const std::uint64_t expected = (previous + counted * kPackets) % (1u << 20);
            EXPECT_EQ(sender.consumed(kVc).value(), expected) << bytes << " bytes";
            EXPECT_EQ(receiver.consumed(kVc).value(), expected);
            EXPECT_EQ(receiver.freed(kVc).value(), expected);
            EXPECT_GT(refused, 0u);
        }
    }
}

TEST(Acceptance, CBFC_01_through_the_link) {
    // The same on whole links, 40,000 packets a size, and S_VC_CF as well.
    Bench bench(plan_options());
    std::uint32_t expected = 0;
    for (const std::uint32_t bytes : {60u, 65u, 508u, 1514u, 2044u}) {
        bench.send(40'000, bytes);
        expected = (expected + 40'000 * ((bytes + 63) / 64)) % (1u << 20);
        ASSERT_TRUE(bench.finish());
        bench.pair.run_for(100us);
        EXPECT_EQ(counters(bench), (Counters{expected, expected, expected, expected}));
    }
}

TEST(Acceptance, CBFC_02) {
    // CC_Update off: S_VC_CC = S_VC_CF after drain. Off = none passes the wire from now on.
    Bench bench(without_llr());
    bench.pair.b.tap = [](SimFrame& frame) { return !is_cc_update(without_fcs(frame)); };
    bench.send(3000, k1518);
    EXPECT_TRUE(bench.finish());
    bench.pair.run_for(100us);
    const Counters now = counters(bench);
    EXPECT_EQ(now.s_cc, 3000u * 24);
    EXPECT_EQ(now.s_cf, now.s_cc);
    EXPECT_EQ(bench.lost(), 0u);
}

TEST(Acceptance, CBFC_03) {
    // 100 x 1518 B bad FCS, CC_Update off, then on: S_VC_CF = 0, then = S_VC_CC.
    PairOptions options = without_llr();
    options.profile.cbfc_profile.cc_message_timer = 50us;
    Bench bench(options);
    bool cc_on = false;
    bench.pair.b.tap = [&](SimFrame& frame) {
        if (is_cc_update(without_fcs(frame))) return cc_on;
        if (!read_sets(without_fcs(frame))) frame.bytes()[100] ^= std::byte{1};
        return true;
    };

    // 1. Off: a receiver does not free the credits of a damaged packet by itself.
    bench.send(100, k1518);
    EXPECT_TRUE(bench.finish());
    bench.pair.run_for(1ms);
    EXPECT_EQ(bench.pair.b.refused(Drop::kBadFcs), 100u);
    EXPECT_EQ(counters(bench), (Counters{2400, 0, 0, 0}));

    // 2. On: the next one gives all of them back.
    cc_on = true;
    bench.pair.run_for(100us);
    EXPECT_EQ(counters(bench), (Counters{2400, 2400, 2400, 2400}));
    EXPECT_EQ(bench.b(LinkStat::kCbfcCreditsReconciled), 2400u);
}

TEST(Acceptance, CBFC_04) {
    // The peer frees credits at 50 %, 0 %, 100 %: rate about 50 %, about 0 % (only CC_Updates),
    // >= 99 %; no loss.
    PairOptions options = line_options(0us);
    options.profile.cbfc_profile.cc_message_timer = 50us;
    Bench bench(options);
    bench.send(50'000, k64);

    bench.pair.b.drain_budget = kFramesAStep / 2;
    bench.pair.run_for(1ms);  // Until its buffer is full.
    EXPECT_NEAR(share_of_line(bench, 500us), 0.5, 0.02);

    bench.pair.b.drain_budget = 0;
    bench.pair.run_for(500us);
    const std::uint64_t cc_before = bench.a(LinkStat::kCbfcNumCcUpdateMessagesTx);
    EXPECT_EQ(share_of_line(bench, 500us), 0.0);
    EXPECT_GE(bench.a(LinkStat::kCbfcNumCcUpdateMessagesTx), cc_before + 9);

    bench.pair.b.drain_budget = UINT32_MAX;
    bench.pair.run_for(50us);
    EXPECT_GE(share_of_line(bench, 500us), 0.99);
    EXPECT_TRUE(bench.finish());
    EXPECT_EQ(bench.lost(), 0u);
    EXPECT_EQ(bench.pair.b.refused(Drop::kCreditOverflow), 0u);
    bench.pair.run_for(100us);
    EXPECT_EQ(bench.pair.credits_leaked(), 0u);
}

/// Classifies a frame that looks so, sends 100 of them, and expects only `vc` to have moved.
void expect_only(const VcMap& map, const GhostLook& look, Vc vc) {
    PairOptions options = plan_options();
    options.profile.vc_count = 5;
    for (VcProfile& each : options.profile.vcs) each = {.reserved = Credits{200}};
    Bench bench(options);
    const SimFrame model = make_ghost(bench.pair.pool, {}, 64, look);
    const Vc classified = map.classify(*wire::parse(model.bytes()));
    EXPECT_EQ(classified, vc);
    for (int i = 0; i < 100; ++i) bench.pair.a.offer(classified, 64, look);
    EXPECT_TRUE(bench.finish());
    bench.pair.run_for(100us);
    for (std::uint8_t i = 0; i < 5; ++i) {
        const std::uint32_t moved = Vc{i} == vc ? 100 : 0;
        EXPECT_EQ(bench.pair.a.link().cbfc_sender().consumed(Vc{i}).value(), moved);
        EXPECT_EQ(bench.pair.a.link().cbfc_sender().freed(Vc{i}).value(), moved);
        EXPECT_EQ(bench.pair.b.link().cbfc_receiver().consumed(Vc{i}).value(), moved);
        EXPECT_EQ(bench.pair.b.link().cbfc_receiver().freed(Vc{i}).value(), moved);
        EXPECT_EQ(bench.pair.b.received(Vc{i}), moved);
    }
    EXPECT_EQ(bench.pair.b.out_of_order(), 0u);
}

TEST(Acceptance, CBFC_05) {
    // PCP + DEI mapping: only the mapped VC's counters move.
    VcMap::ByPcpDei by_tag{};
    for (std::size_t i = 0; i < by_tag.size(); ++i)
        by_tag[i] = Vc{static_cast<std::uint8_t>(i % 5)};
    const VcMap map(VcMap::ByDscp{}, by_tag);
    for (std::uint8_t pcp = 0; pcp < 8; ++pcp) {
        for (const bool dei : {false, true}) {
            const auto index = static_cast<std::uint8_t>(2 * pcp + (dei ? 1 : 0));
            expect_only(map, {.dscp = 63, .vlan = wire::VlanTag{.pcp = pcp, .dei = dei, .vid = 7}},
                        by_tag[index]);
        }
    }
}

TEST(Acceptance, CBFC_06_07) {
    // DSCP v4, DSCP v6 mapping: only the mapped VC's counters move. An EthLink frame has no IP
    // header; the DSCP of its network header is the one thing that both rows become here.
    VcMap::ByDscp by_dscp{};
    for (std::size_t i = 0; i < 64; ++i) by_dscp[i] = Vc{static_cast<std::uint8_t>(i / 13)};
    const VcMap map(by_dscp);
    for (const std::uint8_t dscp : std::to_array<std::uint8_t>({0, 12, 13, 32, 40, 51, 52, 63})) {
        expect_only(map, {.dscp = dscp}, by_dscp[dscp]);
    }
}

TEST(Acceptance, CBFC_12) {
    // RTT of 500 m: >= 99 % rate, no loss. Credits for a round trip, and no more than twice that.
    PairOptions options = line_options(kHalfOf500m);
    options.profile.vcs[0].reserved = Credits{180};
    Bench bench(options);
    bench.send(40'000, k64);
    bench.pair.run_for(100us);
    EXPECT_GE(share_of_line(bench, 2ms), 0.99);
    EXPECT_TRUE(bench.finish());
    EXPECT_EQ(bench.lost(), 0u);
}

TEST(Acceptance, CBFC_12_with_too_few_credits) {
    // The other side of the row.
    PairOptions options = line_options(kHalfOf500m);
    options.profile.vcs[0].reserved = Credits{37};
    Bench bench(options);
    bench.send(40'000, k64);
    bench.pair.run_for(100us);
    EXPECT_LT(share_of_line(bench, 500us), 0.6);
    EXPECT_EQ(bench.pair.b.refused(Drop::kCreditOverflow), 0u);
}

}  // namespace
}  // namespace ethlink::sim
