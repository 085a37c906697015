// SPDX-License-Identifier: BSD-3-Clause
// The best paths, all of them, and nothing through an endpoint.
#include "control/routes.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "control/config.h"
#include "control/topology.h"
#include "tests/fabrics/fabric_builder.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

/// The names of the ports from `node` towards `gpu`, joined by spaces.
std::string way(const Routes& routes, std::string_view node, GpuId gpu) {
    const Fabric& fabric = routes.graph().fabric();
    const NodeId id = *fabric.find_node(node);
    const RouteTable table = routes.table_of(id);
    std::string names;
    for (const PortId port : table.ports(gpu)) {
        names += (names.empty() ? "" : " ") + fabric.node(id).ports[port.value].name;
    }
    return names;
}
std::string way(const Fabric& fabric, std::string_view node, GpuId gpu) {
    return way(Routes(fabric), node, gpu);
}

std::vector<PortId> list(std::span<const PortId> ports) {
    return {ports.begin(), ports.end()};
}

TEST(Routes, SingleRackOnSeveralTracks) {
    const Fabric fabric = good(rack(4, 3));
    const std::vector<RouteTable> tables = compute_routes(fabric);
    ASSERT_EQ(tables.size(), 7u);
    for (std::uint32_t leaf = 0; leaf < 3; ++leaf) {
        ASSERT_EQ(tables[leaf].size(), 4u);
        for (std::uint16_t g = 0; g < 4; ++g) {
            EXPECT_EQ(tables[leaf][g].dst, generated_gpu_id(g));
            EXPECT_EQ(list(tables[leaf][g].ports), (std::vector<PortId>{{g}}));
        }
    }
    for (std::uint32_t g = 0; g < 4; ++g) {
        const RouteTable& table = tables[3 + g];
        EXPECT_EQ(table.size(), 3u);  // all but itself
        EXPECT_TRUE(table.ports(generated_gpu_id(g)).empty());
        for (const Route route : table) {
            EXPECT_EQ(list(route.ports), (std::vector<PortId>{{0}, {1}, {2}}));
        }
    }
}

TEST(Routes, BackToBack) {
    const Fabric fabric = good("fabric: f\ntopology: {kind: back-to-back, tracks: 2}\n");
    EXPECT_EQ(way(fabric, "gpu0", generated_gpu_id(1)), "e0 e1");
}

TEST(Routes, ParallelCablesAreEqual) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - endpoints: ["leaf0:e1", "gpu0:e1"]
  - endpoints: ["leaf0:e2", "gpu1:e0"]
)");
    EXPECT_EQ(way(fabric, "leaf0", {0x0200}), "e0 e1");
    EXPECT_EQ(way(fabric, "gpu1", {0x0200}), "e0");
}

// Two leaves, two spines, and a detour between the leaves' racks that is longer.
constexpr const char* kLeafSpine = R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  leaf1: {kind: switch}
  spine0: {kind: switch}
  spine1: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
  gpu2: {kind: endpoint, gpu: 0x0202}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - endpoints: ["leaf1:e0", "gpu1:e0"]
  - endpoints: ["leaf0:u0", "spine0:e0"]
  - endpoints: ["leaf0:u1", "spine1:e0"]
  - endpoints: ["leaf1:u0", "spine0:e1"]
  - endpoints: ["leaf1:u1", "spine1:e1"]
  - endpoints: ["spine0:x0", "spine1:x0"]
  - endpoints: ["leaf0:e1", "gpu2:e0"]
  - endpoints: ["leaf1:e1", "gpu2:e1"]
)";

TEST(Routes, SeveralRacks) {
    const Fabric fabric = good(kLeafSpine);
    EXPECT_EQ(way(fabric, "leaf0", {0x0201}), "u0 u1");  // not through gpu2, which is nearer
    EXPECT_EQ(way(fabric, "spine0", {0x0201}), "e1");    // not by x0
    EXPECT_EQ(way(fabric, "spine0", {0x0202}), "e0 e1");
    EXPECT_EQ(way(fabric, "leaf0", {0x0202}), "e1");
    EXPECT_EQ(way(fabric, "gpu2", {0x0201}), "e0 e1");  // both tracks get there
    EXPECT_EQ(way(fabric, "leaf0", {0x0999}), "");
}

TEST(Routes, PlainPortsAreDestinations) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  leaf1: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - endpoints: ["leaf0:e1", "leaf1:e0"]
ports:
  - {port: "leaf1:p0", device: net_tap0, gpu: [0x0210, 0x0211]}
  - {port: "leaf1:p1", device: net_tap1}
)");
    EXPECT_EQ(way(fabric, "leaf1", {0x0211}), "p0");
    EXPECT_EQ(way(fabric, "leaf0", {0x0211}), "e1");
    EXPECT_EQ(way(fabric, "gpu0", {0x0210}), "e0");
}

TEST(Routes, EveryPairOfALargeRack) {
    const Fabric fabric = good(rack(200, 2));
    for (const RouteTable& table : compute_routes(fabric)) {
        for (std::size_t i = 1; i < table.size(); ++i) {
            ASSERT_LT(table[i - 1].dst, table[i].dst);
        }
        ASSERT_GE(table.size(), 199u);
    }
}

TEST(Routes, EveryStepOfASwitchIsNearer) {
    const Fabric fabric = good(kLeafSpine);
    const std::vector<RouteTable> tables = compute_routes(fabric);
    // Following any port leads to the destination in at most as many steps as there are nodes.
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        for (const Route route : tables[n]) {
            for (const PortId first : route.ports) {
                PortRef at{{n}, first};
                for (std::size_t steps = 0; steps < fabric.nodes.size(); ++steps) {
                    const NodeId next = fabric.port(at).peer->node;
                    if (fabric.node(next).gpu == route.dst) break;
                    const auto further = tables[next.value].ports(route.dst);
                    ASSERT_FALSE(further.empty());
                    ASSERT_LT(steps + 1, fabric.nodes.size()) << "a loop";
                    at = {next, further.back()};
                }
            }
        }
    }
}

TEST(Routes, AnEndpointLooksForOthersAtItsPlainPort) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200, tenant: 7}
  gpu1: {kind: endpoint, gpu: 0x0201}
  gpu2: {kind: endpoint, gpu: 0x0202}
links:
  - endpoints: ["leaf0:e2", "gpu2:e0"]
ports:
  - {port: "leaf0:p0", device: net_null0, gpu: 0x0200}
  - {port: "leaf0:p1", device: net_null1, gpu: 0x0201}
  - {port: "gpu0:p0", device: net_null0}
  - {port: "gpu1:p0", device: net_null0}
)");
    EXPECT_EQ(way(fabric, "leaf0", GpuId{0x0200}), "p0");
    EXPECT_EQ(way(fabric, "leaf0", GpuId{0x0201}), "p1");
    EXPECT_EQ(way(fabric, "gpu0", GpuId{0x0200}), "");
    EXPECT_EQ(way(fabric, "gpu0", GpuId{0x0201}), "p0");
    EXPECT_EQ(way(fabric, "gpu0", GpuId{0x0202}), "p0");
    EXPECT_EQ(way(fabric, "gpu2", GpuId{0x0201}), "e0");
    const NodeId gpu0 = *fabric.find_node("gpu0");
    EXPECT_EQ(fabric.node(gpu0).ports[0].tenant, Tenant{7});
    EXPECT_TRUE(check_runs_alone(fabric, gpu0).empty());
}

/// Two racks of two GPUs on two leaves each, and two spines.
class Spines : public ::testing::Test {
protected:
    Fabric fabric = leaf_spine(2, 2, 1, 2);
    FabricHealth health{fabric};
    NodeId spine0{0}, spine1{1}, leaf0{2}, leaf1{5};
    GpuId far = generated_gpu_id(2);

    /// The first link between two nodes.
    std::size_t link(NodeId a, NodeId b) const {
        for (std::size_t i = 0; i < fabric.links.size(); ++i) {
            if (fabric.links[i].a.node == a && fabric.links[i].b.node == b) return i;
        }
        ADD_FAILURE() << "no such link";
        return 0;
    }
};

TEST_F(Spines, AFrameNeverGoesUpAgain) {
    health.set_link(link(leaf1, spine0), LinkHealth::kDown);
    const Routes routes(fabric, health);
    EXPECT_EQ(way(routes, "sw2", far), "e3") << "only by the other spine";
    EXPECT_EQ(way(routes, "sw0", far), "") << "not by leaf0 and up again";
}

TEST_F(Spines, WhatDrainsIsAvoidedAsLongAsThereIsAnother) {
    health.set_link(link(leaf1, spine0), LinkHealth::kDraining);
    Routes routes(fabric, health);
    EXPECT_EQ(way(routes, "sw2", far), "e3");
    EXPECT_EQ(way(routes, "sw0", far), "e1") << "who is there already still passes";
    health.set_node(spine1, NodeHealth::kDown);
    routes.update(health);
    EXPECT_EQ(way(routes, "sw2", far), "e2");
    health.set_node(spine1, NodeHealth::kDrained);
    routes.update(health);
    EXPECT_EQ(way(routes, "sw2", far), "e2") << "one link that drains rather than two";
    health.set_link(link(leaf1, spine0), LinkHealth::kDown);
    routes.update(health);
    EXPECT_EQ(way(routes, "sw2", far), "e3");
}

TEST_F(Spines, AnUpdateNamesWhoseTablesChange) {
    Routes routes(fabric);
    EXPECT_TRUE(routes.update(health).empty());
    health.set_link(link(leaf1, spine0), LinkHealth::kDown);
    EXPECT_EQ(routes.update(health), (std::vector<NodeId>{spine0, leaf0, leaf1}));
    EXPECT_TRUE(routes.update(health).empty());
    const RouteTable before = routes.table_of(leaf0);
    health.set_link(link(leaf1, spine0), LinkHealth::kUp);
    EXPECT_EQ(routes.update(health), (std::vector<NodeId>{spine0, leaf0, leaf1}));
    const auto plan = changes(before, routes.table_of(leaf0));
    ASSERT_EQ(plan.size(), 2u);
    EXPECT_EQ(plan[0], (RouteChange{far, {{3}}, {{2}, {3}}}));
}

TEST(Routes, ATrackThatDrainsIsAvoidedByEndpoints) {
    const Fabric fabric = racks(1, 3, 2, 0);
    FabricHealth health(fabric);
    health.set_node({0}, NodeHealth::kDrained);
    EXPECT_EQ(way(Routes(fabric, health), "gpu0", generated_gpu_id(1)), "e1");
    health.set_node({0}, NodeHealth::kUp);
    health.set_node({1}, NodeHealth::kDrained);
    const Routes routes(fabric, health);
    EXPECT_EQ(way(routes, "gpu0", generated_gpu_id(1)), "e0");
    EXPECT_EQ(way(routes, "sw1", generated_gpu_id(1)), "e1") << "what is under way arrives";
    health.set_node({0}, NodeHealth::kDown);
    EXPECT_EQ(way(Routes(fabric, health), "gpu0", generated_gpu_id(1)), "e1");
}

TEST(Routes, FlowsAreSpreadAsTheCablesBeyondAre) {
    // Two cables to each spine, but from the second one only one on to leaf1.
    FabricBuilder builder;
    const NodeId leaf0 = builder.add_switch(), leaf1 = builder.add_switch();
    builder.link(leaf0, builder.add_gpu());
    builder.link(leaf1, builder.add_gpu());
    for (const int on : {2, 1}) {
        const NodeId spine = builder.add_switch();
        for (int i = 0; i < 2; ++i) builder.link(leaf0, spine);
        for (int i = 0; i < on; ++i) builder.link(leaf1, spine);
    }
    const Fabric fabric = builder.take();
    EXPECT_EQ(way(fabric, "sw0", generated_gpu_id(1)), "e1 e1 e2 e2 e3 e4");
    EXPECT_EQ(way(fabric, "sw1", generated_gpu_id(0)), "e1 e2 e3");
}

TEST(Routes, WhereFramesMayComeFromAboveTheyGoDownOrNowhere) {
    // Two leaves, two spines, and a switch above these.
    FabricBuilder builder;
    const NodeId leaf0 = builder.add_switch(), leaf1 = builder.add_switch();
    const NodeId spine0 = builder.add_switch(), spine1 = builder.add_switch();
    const NodeId top = builder.add_switch();
    builder.link(leaf0, builder.add_gpu());
    builder.link(leaf1, builder.add_gpu());
    for (const NodeId spine : {spine0, spine1}) {
        builder.link(leaf0, spine);
        builder.link(leaf1, spine);
        builder.link(spine, top);
    }
    const Fabric fabric = builder.take();
    FabricHealth health(fabric);
    for (std::size_t i = 0; i < fabric.links.size(); ++i) {
        const auto& link = fabric.links[i];
        if (link.a.node == leaf0 && link.b.node == spine0) health.set_link(i, LinkHealth::kDown);
    }
    const Routes routes(fabric, health);
    EXPECT_FALSE(routes.graph().is_flat());
    EXPECT_EQ(way(routes, "sw1", generated_gpu_id(0)), "e2") << "only by the other spine";
    EXPECT_EQ(way(routes, "sw4", generated_gpu_id(0)), "e1");
    EXPECT_EQ(way(routes, "sw2", generated_gpu_id(0)), "") << "not up to the top and down again";
}

TEST(Routes, ParallelCablesBetweenRacksAreAllUsed) {
    const Fabric fabric = racks(2, 8, 2, 8);
    const Routes routes(fabric);
    EXPECT_EQ(way(routes, "sw0", generated_gpu_id(8)), "e8 e9 e10 e11 e12 e13 e14 e15");
}

TEST(Routes, ATableTakesLittleMoreThanFourBytesPerDestination) {
    const Fabric fabric = racks(2, 512, 1, 512);
    const Routes routes(fabric);
    EXPECT_LT(routes.table_of({0}).memory_bytes(), 20'000u);
    EXPECT_LT(routes.table_of({2}).memory_bytes(), 20'000u);
}

TEST(Routes, WhereUpAndDownDoesNotLeadEverywhereTheFabricIsFlat) {
    // leaf - middle - leaf - middle - leaf: the one in the middle would have to go up again.
    FabricBuilder builder;
    std::vector<NodeId> line;
    for (int i = 0; i < 5; ++i) line.push_back(builder.add_switch());
    for (const std::size_t at : {0u, 2u, 4u}) builder.link(line[at], builder.add_gpu());
    for (std::size_t i = 1; i < line.size(); ++i) builder.link(line[i - 1], line[i]);
    const Fabric fabric = builder.take();
    const Routes routes(fabric);
    EXPECT_TRUE(routes.graph().is_flat());
    EXPECT_TRUE(routes.joins_all());
    EXPECT_FALSE(Routes(leaf_spine(2, 2, 1, 2)).graph().is_flat());
}

}  // namespace
}  // namespace ethlink::control::test
