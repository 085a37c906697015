// SPDX-License-Identifier: BSD-3-Clause
// Shortest paths, all of them, and nothing through an endpoint.
#include "control/routes.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "control/config.h"
#include "control/topology.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

/// The names of the ports from `node` towards `gpu`, joined by spaces.
std::string way(const Fabric& fabric, std::string_view node, GpuId gpu) {
    const NodeId id = *fabric.find_node(node);
    const std::vector<RouteTable> tables = compute_routes(fabric);
    const Route* route = tables[id.value].find(gpu);
    std::string names;
    if (route == nullptr) return names;
    for (const PortId port : route->ports) {
        names += (names.empty() ? "" : " ") + fabric.node(id).ports[port.value].name;
    }
    return names;
}

TEST(Routes, SingleRackOnSeveralTracks) {
    const Fabric fabric = good(rack(4, 3));
    const std::vector<RouteTable> tables = compute_routes(fabric);
    ASSERT_EQ(tables.size(), 7u);
    for (std::uint32_t leaf = 0; leaf < 3; ++leaf) {
        ASSERT_EQ(tables[leaf].routes.size(), 4u);
        for (std::uint16_t g = 0; g < 4; ++g) {
            EXPECT_EQ(tables[leaf].routes[g], (Route{generated_gpu_id(g), {{g}}}));
        }
    }
    for (std::uint32_t g = 0; g < 4; ++g) {
        const RouteTable& table = tables[3 + g];
        EXPECT_EQ(table.routes.size(), 3u);  // all but itself
        EXPECT_EQ(table.find(generated_gpu_id(g)), nullptr);
        for (const Route& route : table.routes) {
            EXPECT_EQ(route.ports, (std::vector<PortId>{{0}, {1}, {2}}));
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
        for (std::size_t i = 1; i < table.routes.size(); ++i) {
            ASSERT_LT(table.routes[i - 1].dst, table.routes[i].dst);
        }
        ASSERT_GE(table.routes.size(), 199u);
    }
}

TEST(Routes, EveryStepOfASwitchIsNearer) {
    const Fabric fabric = good(kLeafSpine);
    const std::vector<RouteTable> tables = compute_routes(fabric);
    // Following any port leads to the destination in at most as many steps as there are nodes.
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        for (const Route& route : tables[n].routes) {
            for (const PortId first : route.ports) {
                PortRef at{{n}, first};
                for (std::size_t steps = 0; steps < fabric.nodes.size(); ++steps) {
                    const NodeId next = fabric.port(at).peer->node;
                    if (fabric.node(next).gpu == route.dst) break;
                    const Route* further = tables[next.value].find(route.dst);
                    ASSERT_NE(further, nullptr);
                    ASSERT_LT(steps + 1, fabric.nodes.size()) << "a loop";
                    at = {next, further->ports.back()};
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

}  // namespace
}  // namespace ethlink::control::test
