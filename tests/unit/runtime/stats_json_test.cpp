// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/stats_json.h"

#include <memory>

#include <gtest/gtest.h>

#include "proto/llr_rx.h"
#include "proto/llr_tx.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

TEST(StatsJsonTest, StatesInWords) {
    EXPECT_EQ(llr_tx_word(static_cast<std::uint64_t>(LlrTxState::kAdvance)), "tx_adv");
    EXPECT_EQ(llr_tx_word(static_cast<std::uint64_t>(LlrTxState::kFlush)), "tx_flush");
    EXPECT_EQ(llr_tx_word(200), "unknown");
    EXPECT_EQ(llr_rx_word(static_cast<std::uint64_t>(LlrRxState::kNackSent)), "nack_sent");
    EXPECT_EQ(llr_rx_word(99), "unknown");
}

TEST(StatsJsonTest, ALinkIsUpWhenBothDirectionsRun) {
    const auto stats = std::make_unique<LinkStats>();
    LinkProfile profile;
    EXPECT_FALSE(link_is_up(*stats, profile));
    stats->status.llr_tx_state.set(static_cast<std::uint64_t>(LlrTxState::kReplay));
    EXPECT_FALSE(link_is_up(*stats, profile)) << "nothing known of the other direction";
    stats->status.rx_epoch.set(77);
    EXPECT_TRUE(link_is_up(*stats, profile));
    profile.llr_local = profile.llr_remote = false;
    EXPECT_TRUE(link_is_up(LinkStats{}, profile)) << "without LLR there is nothing to wait for";
}

TEST(StatsJsonTest, EveryLinkCounterHasItsName) {
    const auto stats = std::make_unique<LinkStats>();
    stats->counters.add(LinkStat::kLlrTxReplay, 3);
    const json counters = llr_counters_json(*stats);
    EXPECT_EQ(counters.size(), CounterSet<LinkStat>::kSize) << "two counters share a name";
    EXPECT_EQ(counters["llr_tx_replay"], 3);
}

TEST(StatsJsonTest, CreditsHeldWrapWithTheirCounters) {
    const auto stats = std::make_unique<LinkStats>();
    Profile profile;
    profile.link.vc_count = 2;
    profile.link.vcs[1].lossless = false;
    stats->status.vcs[0].receiver_credits_consumed.set(2);
    stats->status.vcs[0].receiver_credits_freed.set((1u << 20) - 1);
    const json cbfc = cbfc_json(*stats, profile);
    ASSERT_EQ(cbfc.size(), 1u) << "a best-effort VC has no credits";
    EXPECT_EQ(cbfc[0]["receiver_credits_held"], 3);
    EXPECT_EQ(cbfc[0]["limit"], 512);
    EXPECT_EQ(vcs_json(*stats, profile).size(), 2u);
}

TEST(StatsJsonTest, DropsNonzeroOrAll) {
    const auto counters = std::make_unique<PortCounters>();
    counters->drops.add(Drop::kRunt, 2);
    EXPECT_EQ(drops_json(*counters, false), (json{{"runt", 2}}));
    EXPECT_EQ(drops_json(*counters, true).size(), kDropCount);
    EXPECT_EQ(port_counters_json(*counters)["drops"], 2);
}

TEST(StatsJsonTest, Bursts) {
    const auto counters = std::make_unique<PortCounters>();
    counters->rx_bursts[0].add(10);
    counters->rx_bursts[1].add(2);
    counters->rx_bursts[4].add(1);
    Bursts bursts{};
    add_bursts(bursts, *counters);
    const json shown = bursts_json(bursts);
    EXPECT_EQ(shown["polls"], 13);
    EXPECT_EQ(shown["frames"], 6);
    EXPECT_DOUBLE_EQ(shown["mean_burst"].get<double>(), 2.0);
}

}  // namespace
}  // namespace ethlink::control
