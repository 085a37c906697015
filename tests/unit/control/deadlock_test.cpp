// SPDX-License-Identifier: BSD-3-Clause
// S10, F2: is a circle of waiting found where there is one, and nowhere else?
#include "control/deadlock.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/fabric_proof.h"
#include "control/routes.h"
#include "tests/fabrics/fabric_builder.h"

namespace ethlink::control::test {
namespace {

std::vector<std::uint32_t> cycle_of(const Routes& routes) {
    WaitGraph waits(routes.graph());
    for (const RouteGroup& group : routes.state().groups) {
        waits.add(column_of(routes.costs(), group.labels, {}));
    }
    return waits.find_cycle();
}

/// By port, as frames see it: who waits for whom, and whether one waits for itself in the end.
bool waits_in_a_circle(const Fabric& fabric, const std::vector<RouteTable>& tables) {
    std::map<PortRef, std::set<PortRef>> graph;
    const auto on = [&](PortRef port) {
        const auto& peer = fabric.port(port).peer;
        return peer && fabric.node(peer->node).kind == NodeKind::kSwitch;
    };
    for (std::uint32_t n = 0; n < tables.size(); ++n) {
        if (fabric.nodes[n].kind != NodeKind::kSwitch) continue;
        for (const Route route : tables[n]) {
            for (const PortId port : route.ports) {
                if (!on({{n}, port})) continue;
                const PortRef into = *fabric.port({{n}, port}).peer;
                for (const PortId next : tables[into.node.value].ports(route.dst)) {
                    if (on({into.node, next}) && next != into.port) {
                        graph[{{n}, port}].insert({into.node, next});
                    }
                }
            }
        }
    }
    std::map<PortRef, int> state;  // 1: on the way, 2: done
    const std::function<bool(PortRef)> circle = [&](PortRef port) {
        if (state[port] != 0) return state[port] == 1;
        state[port] = 1;
        for (const PortRef next : graph[port]) {
            if (circle(next)) return true;
        }
        state[port] = 2;
        return false;
    };
    std::vector<PortRef> ports;
    for (const auto& [port, waits] : graph) ports.push_back(port);
    return std::ranges::any_of(ports, circle);
}

TEST(Deadlock, ARingOfFourIsRefusedHopByHop) {
    const FabricProof proof = prove_fabric(ring(4, true));
    EXPECT_FALSE(proof.deadlock_free) << "S10";
    ASSERT_EQ(proof.errors.size(), 1u);
    EXPECT_NE(proof.errors[0].text().find("sw0:e1 -> sw1:e2 -> sw2:e2 -> sw3:e2 -> sw0:e1"),
              std::string::npos)
        << proof.errors[0].text();
}

TEST(Deadlock, EveryHopOfTheCycleWaitsForTheNext) {
    for (const int switches : {4, 5, 6, 9}) {
        const Fabric fabric = ring(switches, true);
        const Routes routes(fabric);
        const auto cycle = cycle_of(routes);
        ASSERT_FALSE(cycle.empty()) << switches;
        for (std::size_t i = 0; i < cycle.size(); ++i) {
            const std::uint32_t next = cycle[(i + 1) % cycle.size()];
            EXPECT_EQ(routes.graph().arc(cycle[i]).to, routes.graph().arc(next).from);
        }
    }
}

TEST(Deadlock, WaysOfOneHopAndLinesWaitForNobody) {
    EXPECT_TRUE(prove_fabric(ring(3, true)).errors.empty()) << "nobody goes through two switches";
    EXPECT_TRUE(prove_fabric(ring(8, false)).errors.empty()) << "a line has an end";
}

TEST(Deadlock, WithoutALosslessVcNobodyWaits) {
    Fabric fabric = ring(4, true);
    fabric.profiles[0].link.vcs[0].lossless = false;
    const FabricProof proof = prove_fabric(fabric);
    EXPECT_TRUE(proof.deadlock_free);
    EXPECT_TRUE(proof.errors.empty());
}

TEST(Deadlock, RacksAndSpinesAreFree) {
    for (const Fabric& fabric :
         {racks(1, 8, 2, 0), racks(2, 4, 2, 4), leaf_spine(3, 4, 2, 2), leaf_spine(4, 8, 1, 2)}) {
        const Routes routes(fabric);
        EXPECT_TRUE(cycle_of(routes).empty());
    }
}

RC_GTEST_PROP(Deadlock, ACircleIsFoundWhereThereIsOne, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    const Routes routes(fabric);
    const bool circle = waits_in_a_circle(fabric, compute_routes(fabric));
    RC_ASSERT(!cycle_of(routes).empty() == circle);
    RC_TAG(circle ? "circle" : "none");
    if (circle) RC_ASSERT(!prove_fabric(fabric).deadlock_free);
}

}  // namespace
}  // namespace ethlink::control::test
