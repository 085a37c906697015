// SPDX-License-Identifier: BSD-3-Clause
// Are all equal paths used, frame by frame (AR = 1) and flow by flow (AR = 0)?
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/rack.h"
#include "tests/sim/shipped.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using control::TrafficPattern;
using control::Workload;

constexpr Vc kFirst{0};

Workload all_to_all(bool adaptive, double frames_per_second = 0) {
    return {.pattern = TrafficPattern::kAllToAll,
            .vcs = {kFirst},
            .sizes = {256},
            .frames_per_second = frames_per_second,
            .adaptive = adaptive};
}

/// Test frames by name of the uplink of a leaf that they left by.
std::map<std::string, std::uint64_t> uplinks(Rack& rack) {
    std::map<std::string, std::uint64_t> found;
    rack.for_each_named_port([&](const std::string& name, auto& port) {
        if (name.find("leaf") == std::string::npos || name.find(":u") == std::string::npos) return;
        found[name] = port.link->stats().vcs[kFirst.value].tx_frames.read();
    });
    return found;
}

/// What each uplink carried in `time`, once the traffic has settled.
std::map<std::string, std::uint64_t> carried(Rack& rack, Duration time) {
    rack.publish_tables();
    rack.run_for(200us);
    rack.send(true);
    rack.run_for(1ms);
    const auto before = uplinks(rack);
    rack.run_for(time);
    auto after = uplinks(rack);
    for (auto& [name, frames] : after) frames -= before.at(name);
    return after;
}

struct Spread {
    double mean = 0, least = 0, most = 0;  // frames
    double worst() const { return std::max(most - mean, mean - least) / mean; }
};

Spread spread_of(const std::map<std::string, std::uint64_t>& frames) {
    Spread spread{.least = 1e18};
    for (const auto& [name, n] : frames) {
        const auto value = static_cast<double>(n);
        spread.mean += value / static_cast<double>(frames.size());
        spread.least = std::min(spread.least, value);
        spread.most = std::max(spread.most, value);
    }
    return spread;
}

void print(const char* what, const Spread& spread) {
    std::printf("%s: least %.0f, mean %.1f, most %.0f frames: off by %.1f %%\n", what, spread.least,
                spread.mean, spread.most, 100 * spread.worst());
}

void stop(Rack& rack) {
    rack.send(false);
    EXPECT_TRUE(rack.run_until([&] { return rack.is_at_rest(); }, 20ms)) << "C3";
    EXPECT_EQ(rack.sum(PktgenStat::kReceivedFrames), rack.sum(PktgenStat::kSentFrames)) << "S1";
    EXPECT_EQ(rack.missing(), 0u);
    EXPECT_EQ(rack.sum(PktgenStat::kDuplicated), 0u);
}

struct Case {
    const char* name;
    const char* topology;
    int workers;
    double rate;  // frames/s of an endpoint; 0: all that fits
};

class Balance : public testing::TestWithParam<Case> {};

TEST_P(Balance, WithArAllUplinksCarryTheSame) {
    const Case& wanted = GetParam();
    Rack rack(with_rate(wanted.topology, wanted.workers), all_to_all(true, wanted.rate), 1);
    const Spread spread = spread_of(carried(rack, 3ms));
    print(wanted.name, spread);
    EXPECT_GT(spread.mean, 100);
    EXPECT_LT(spread.worst(), 0.1);
    stop(rack);
}

INSTANTIATE_TEST_SUITE_P(Fabrics, Balance,
                         testing::Values(Case{"dual_rack", kDualRack, 1, 0},
                                         Case{"leaf_spine", kLeafSpine, 1, 0},
                                         Case{"dual_rack_light", kDualRack, 1, 200'000},
                                         Case{"leaf_spine_light", kLeafSpine, 1, 200'000},
                                         Case{"dual_rack_two_workers", kDualRack, 2, 0},
                                         Case{"leaf_spine_two_workers", kLeafSpine, 2, 0}),
                         [](const auto& wanted) { return std::string(wanted.param.name); });

TEST(BalanceOfFlows, WithoutArFlowsKeepTheirOrder) {
    for (const char* topology : {kDualRack, kLeafSpine}) {
        Rack rack(with_rate(topology), all_to_all(false, 100'000), 1);
        print(topology == kDualRack ? "dual_rack, by flow" : "leaf_spine, by flow",
              spread_of(carried(rack, 3ms)));
        stop(rack);
        EXPECT_EQ(rack.sum(PktgenStat::kReordered), 0u) << "S6";
    }
}

/// By "leaf:port": how many of all flows between racks leave by each uplink of a leaf.
std::map<std::string, int> flows_by_uplink(const Planned& planned) {
    std::map<GpuId, const control::FabricNode*> gpus;
    for (const auto& node : planned.fabric.nodes) {
        if (node.gpu) gpus[*node.gpu] = &node;
    }
    std::map<control::NodeId, std::unique_ptr<const ForwardingTable>> tables;
    std::map<std::string, int> flows;
    for (const PktgenIdentity& who : planned.identities) {
        for (const PktgenStream& stream : who.streams) {
            const control::NodeId leaf = gpus.at(who.self)->ports[stream.port.value].peer->node;
            const control::FabricNode& node = planned.fabric.node(leaf);
            auto& table = tables[leaf];
            if (!table) table = control::make_table(planned.routes->table_of(leaf), node.name);
            const auto paths = table->paths(stream.dst);
            if (paths.ports.size() < 2) continue;
            const PortId port = ForwardingTable::by_entropy(paths, stream.entropy);
            ++flows[planned.fabric.port_name({leaf, port})];
        }
    }
    return flows;
}

TEST(BalanceOfFlows, ManyFlowsAreSpreadAsByChance) {
    // 64 GPUs to 64 in two racks: 512 flows by each of four leaves, over 16 uplinks.
    const Planned planned(with_rate("  kind: dual-rack\n"
                                    "  gpus: 64\n"
                                    "  tracks: 2\n"
                                    "  uplinks: 16\n"),
                          all_to_all(false));
    const auto flows = flows_by_uplink(planned);
    ASSERT_EQ(flows.size(), 64u) << "every uplink is used";
    const double fair = 32;
    double chi_square = 0, most = 0;
    for (const auto& [name, n] : flows) {
        chi_square += (n - fair) * (n - fair) / fair;
        most = std::max(most, static_cast<double>(n));
    }
    std::printf(
        "64 uplinks: %.0f flows each, %.0f at most; chi-square %.1f with 60 degrees of "
        "freedom\n",
        fair, most, chi_square);
    // Five deviations; one hash for endpoint and leaf gives several hundred.
    EXPECT_LT(chi_square, 60 + 5 * std::sqrt(2 * 60.0));
}

}  // namespace
}  // namespace ethlink::sim
