// SPDX-License-Identifier: BSD-3-Clause
// What holds of routes in any fabric and any health; and an update ends where a new start would.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/routes.h"
#include "tests/fabrics/fabric_builder.h"

namespace ethlink::control::test {
namespace {

bool is_switch(const Fabric& fabric, NodeId node) {
    return fabric.node(node).kind == NodeKind::kSwitch;
}

/// Puts something out of order, or in order again.
void disturb(const Fabric& fabric, FabricHealth& health, RandomBits& random) {
    const auto state = static_cast<std::uint8_t>(std::max(0, pick(random, -2, 2)));
    if (pick(random, 0, 4) > 0) {
        const auto link = pick(random, 0, static_cast<int>(fabric.links.size()) - 1);
        health.set_link(static_cast<std::size_t>(link), static_cast<LinkHealth>(state));
    } else {
        const auto node = pick(random, 0, static_cast<int>(fabric.nodes.size()) - 1);
        health.set_node({static_cast<std::uint32_t>(node)}, static_cast<NodeHealth>(state));
    }
}

std::vector<RouteTable> tables_of(const Routes& routes) {
    std::vector<RouteTable> tables;
    const std::size_t nodes = routes.graph().fabric().nodes.size();
    for (std::uint32_t n = 0; n < nodes; ++n) tables.push_back(routes.table_of({n}));
    return tables;
}

/// Hops from the nearest endpoint, all links up: the levels, found in another way.
std::vector<int> levels(const Fabric& fabric) {
    constexpr int kFarAway = 1'000;
    std::vector<int> level(fabric.nodes.size(), kFarAway);
    for (std::size_t n = 0; n < level.size(); ++n) {
        if (!is_switch(fabric, {static_cast<std::uint32_t>(n)})) level[n] = 0;
    }
    for (std::size_t round = 0; round < level.size(); ++round) {
        for (const FabricLink& link : fabric.links) {
            int& a = level[link.a.node.value];
            int& b = level[link.b.node.value];
            a = std::min(a, b + 1);
            b = std::min(b, a + 1);
        }
    }
    return level;
}

/// Follows every port of every table: frames arrive in the end, by links that are not down.
void expect_arrival(const Routes& routes, const std::vector<RouteTable>& tables) {
    const Fabric& fabric = routes.graph().fabric();
    const std::vector<int> level = levels(fabric);
    for (const Destination& destination : routes.graph().destinations()) {
        const GpuId dst = destination.gpu;
        std::map<NodeId, int> hops;  // by node: the most there can be
        const std::function<int(NodeId, int)> follow = [&](NodeId node, int depth) -> int {
            RC_ASSERT(depth < 100);  // else it goes round
            if (fabric.node(node).gpu == dst) return 0;
            if (hops.contains(node)) return hops[node];
            const auto ports = tables[node.value].ports(dst);
            RC_ASSERT(!ports.empty());
            int most = 0;
            for (const PortId port : ports) {
                const FabricPort& config = fabric.port({node, port});
                RC_ASSERT(routes.health().seen(fabric, *config.link) != LinkHealth::kDown);
                most = std::max(most, 1 + follow(config.peer->node, depth + 1));
            }
            return hops[node] = most;
        };
        // Never up again: a switch that is entered from above sends down only.
        std::vector<bool> entered(fabric.nodes.size(), false);
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            if (tables[n].ports(dst).empty()) continue;
            follow({n}, 0);
            for (const PortId port : tables[n].ports(dst)) {
                const NodeId to = fabric.port({{n}, port}).peer->node;
                if (is_switch(fabric, {n}) && level[to.value] < level[n]) {
                    entered[to.value] = true;
                }
            }
        }
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            if (!entered[n] || !is_switch(fabric, {n}) || routes.graph().is_flat()) continue;
            for (const PortId port : tables[n].ports(dst)) {
                RC_ASSERT(level[fabric.port({{n}, port}).peer->node.value] < level[n]);
            }
        }
    }
}

RC_GTEST_PROP(RoutesProperty, EveryFrameArrivesAndNoneGoesUpAgain, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    FabricHealth health(fabric);
    for (int i = pick(random, 0, 5); i > 0; --i) disturb(fabric, health, random);
    const Routes routes(fabric, health);
    expect_arrival(routes, tables_of(routes));
}

RC_GTEST_PROP(RoutesProperty, WhoIsJoinedBySwitchesReachesEachOther, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    std::vector<std::uint32_t> island(fabric.nodes.size());
    std::iota(island.begin(), island.end(), 0u);
    const auto root = [&](std::uint32_t n) {
        while (island[n] != n) n = island[n];
        return n;
    };
    for (const FabricLink& link : fabric.links) {
        if (!is_switch(fabric, link.a.node) || !is_switch(fabric, link.b.node)) continue;
        island[root(link.a.node.value)] = root(link.b.node.value);
    }
    const auto islands_of = [&](NodeId endpoint) {
        std::vector<std::uint32_t> found;
        for (const FabricPort& port : fabric.node(endpoint).ports) {
            found.push_back(root(port.peer->node.value));
        }
        return found;
    };
    const Routes routes(fabric);
    bool all = true;
    for (std::uint32_t a = 0; a < fabric.nodes.size(); ++a) {
        for (std::uint32_t b = 0; b < fabric.nodes.size(); ++b) {
            if (a == b || is_switch(fabric, {a}) || is_switch(fabric, {b})) continue;
            const auto to = islands_of({b});
            const auto from = islands_of({a});
            const bool joined = std::ranges::any_of(
                from, [&](std::uint32_t i) { return std::ranges::find(to, i) != to.end(); });
            RC_ASSERT(routes.reaches({a}, *fabric.nodes[b].gpu) == joined);
            all = all && joined;
        }
    }
    RC_ASSERT(routes.joins_all() == all);
}

RC_GTEST_PROP(RoutesProperty, AnUpdateEndsWhereANewStartWould, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    FabricHealth health(fabric);
    Routes routes(fabric);
    std::vector<RouteTable> before = tables_of(routes);
    for (int round = 0; round < 12; ++round) {
        if (round == 11) health = FabricHealth(fabric);  // All is well again.
        for (int i = pick(random, 1, 3); i > 0 && round < 11; --i) disturb(fabric, health, random);
        const std::vector<NodeId> changed = routes.update(health);
        const std::vector<RouteTable> now = tables_of(routes);
        const std::vector<RouteTable> anew = tables_of(Routes(fabric, health));
        for (std::uint32_t n = 0; n < now.size(); ++n) {
            RC_ASSERT(now[n] == anew[n]);
            const bool named = std::ranges::binary_search(changed, NodeId{n});
            RC_ASSERT(named || before[n] == now[n]);
            RC_ASSERT(!named || !is_switch(fabric, {n}) || !(before[n] == now[n]));
            RC_ASSERT((before[n] == now[n]) == changes(before[n], now[n]).empty());
        }
        before = now;
    }
}

}  // namespace
}  // namespace ethlink::control::test
