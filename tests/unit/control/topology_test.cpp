// SPDX-License-Identifier: BSD-3-Clause
// Compact forms, GPU-IDs, reachability and running alone.
#include "control/topology.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/config.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

TEST(GpuIds, HandedOutOnesLookLocallyAdministered) {
    std::set<GpuId> seen;
    for (std::uint32_t i = 0; i < 16'384; ++i) {
        const GpuId gpu = generated_gpu_id(i);
        ASSERT_TRUE(looks_like_unicast(gpu)) << i;
        ASSERT_TRUE(seen.insert(gpu).second) << i;
    }
    EXPECT_EQ(generated_gpu_id(0), GpuId{0x0200});
    EXPECT_EQ(generated_gpu_id(255), GpuId{0x02FF});
    EXPECT_EQ(generated_gpu_id(256), GpuId{0x0600});
    EXPECT_EQ(generated_gpu_id(16'383), GpuId{0xFEFF});
    EXPECT_FALSE(looks_like_unicast({0x0100}));
    EXPECT_FALSE(looks_like_unicast({0x0300}));
}

TEST(SingleRack, IsOneLinkPerGpuAndTrack) {
    const Fabric fabric = good(rack(8, 2));
    EXPECT_EQ(fabric.nodes.size(), 10u);
    EXPECT_EQ(fabric.links.size(), 16u);
    for (std::uint16_t track = 0; track < 2; ++track) {
        const FabricNode& leaf = fabric.nodes[track];
        EXPECT_EQ(leaf.name, "leaf" + std::to_string(track));
        ASSERT_EQ(leaf.ports.size(), 8u);
        for (std::uint16_t g = 0; g < 8; ++g) {
            const PortRef peer = *leaf.ports[g].peer;
            EXPECT_EQ(fabric.port_name(peer),
                      "gpu" + std::to_string(g) + ":e" + std::to_string(track));
            EXPECT_EQ(peer.port, PortId{track});
            EXPECT_EQ(leaf.ports[g].gpus, std::vector<GpuId>{generated_gpu_id(g)});
        }
    }
}

TEST(SingleRack, HoldsAThousandGpus) {
    const Fabric fabric = good(rack(1024, 1));
    EXPECT_EQ(fabric.nodes.size(), 1025u);
    EXPECT_EQ(fabric.nodes[0].ports[1023].name, "e1023");
    EXPECT_EQ(*fabric.nodes[1024].gpu, generated_gpu_id(1023));
}

TEST(BackToBack, IsTwoEndpoints) {
    const Fabric fabric = good("fabric: f\ntopology: {kind: back-to-back, tracks: 2}\n");
    EXPECT_EQ(fabric.nodes.size(), 2u);
    EXPECT_EQ(fabric.links.size(), 2u);
    EXPECT_EQ(fabric.nodes[0].kind, NodeKind::kEndpoint);
}

TEST(CompactForm, FaultsAndPlainPortsComeOnTop) {
    const Fabric fabric = good(
        "fabric: f\ntopology: {kind: single-rack, gpus: 2, faults: {both: {loss: 0.5}}}\n"
        "ports: [{port: \"leaf0:p0\", device: net_tap0}]\n");
    for (const FabricLink& link : fabric.links) EXPECT_DOUBLE_EQ(link.a_to_b.loss, 0.5);
    EXPECT_EQ(fabric.nodes[0].ports[2].kind, PortKind::kPlain);
}

TEST(CompactForm, LinksBetweenSwitchesMayHaveAProfileOfTheirOwn) {
    const std::string profiles =
        "profiles:\n  default: {}\n  wide: {cbfc: {shared_credits: 4096}}\n";
    const Fabric fabric = good("fabric: f\n" + profiles +
                               "topology: {kind: leaf-spine, racks: 2, gpus: 4, spines: 2, "
                               "uplink_profile: wide}\n");
    std::size_t wide = 0;
    for (const FabricLink& link : fabric.links) {
        const bool between_switches = fabric.node(link.a.node).kind == NodeKind::kSwitch &&
                                      fabric.node(link.b.node).kind == NodeKind::kSwitch;
        EXPECT_EQ(fabric.profile(link.profile).name, between_switches ? "wide" : "default");
        wide += between_switches ? 1 : 0;
    }
    EXPECT_GT(wide, 0u);
    // A rack alone has no such links.
    EXPECT_THAT(text(mistakes("fabric: f\n" + profiles +
                              "topology: {kind: single-rack, uplink_profile: wide}\n")),
                testing::HasSubstr("uplink_profile"));
}

TEST(Reachability, EndpointsDoNotForward) {
    const auto errors = mistakes(R"(
fabric: f
nodes:
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
  gpu2: {kind: endpoint, gpu: 0x0202}
links:
  - endpoints: ["gpu0:e0", "gpu1:e0"]
  - endpoints: ["gpu1:e1", "gpu2:e0"]
)");
    ASSERT_EQ(errors.size(), 2u) << text(errors);
    EXPECT_EQ(errors[0].text(),
              "test.yaml:4:3: nodes.gpu0: `gpu0` cannot be reached from `gpu2` (join them through "
              "switches; endpoints do not forward)");
    EXPECT_EQ(errors[1].line, 6);
}

TEST(Reachability, TwoIslandsAreRefused) {
    const auto errors = mistakes(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  leaf1: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - endpoints: ["leaf1:e0", "gpu1:e0"]
)");
    EXPECT_EQ(errors.size(), 2u) << text(errors);
}

TEST(Warnings, OddGpuIdsAreNamed) {
    const Fabric fabric = good(
        "fabric: f\nnodes:\n  gpu0: {kind: endpoint, gpu: 1}\n"
        "  gpu1: {kind: endpoint, gpu: 0x0201}\nlinks: [{endpoints: [\"gpu0:e0\", "
        "\"gpu1:e0\"]}]\n");
    ASSERT_EQ(fabric.warnings.size(), 1u);
    EXPECT_EQ(fabric.warnings[0].key, "nodes.gpu0.gpu");
    EXPECT_EQ(fabric.warnings[0].line, 3);
    EXPECT_EQ(fabric.warnings[0].column, 31);
    EXPECT_THAT(fabric.warnings[0].why, testing::HasSubstr("0x0001"));
}

TEST(Warnings, MoreLoopsThanPorts) {
    const Fabric fabric = good("fabric: f\ntopology: {kind: single-rack, gpus: 2, workers: 3}\n");
    ASSERT_EQ(fabric.warnings.size(), 1u);
    EXPECT_THAT(fabric.warnings[0].why, testing::HasSubstr("more poll loops than ports"));
    EXPECT_EQ(fabric.warnings[0].line, 2);
}

TEST(RunsAlone, NeedsADeviceForEveryPort) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
    devices: {"leaf0:e0": net_memif0, "gpu0:e0": net_memif0}
  - endpoints: ["leaf0:e1", "gpu1:e0"]
)");
    EXPECT_TRUE(check_runs_alone(fabric, *fabric.find_node("gpu0")).empty());
    const auto errors = check_runs_alone(fabric, *fabric.find_node("leaf0"));
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].line, 10);
    EXPECT_THAT(errors[0].text(), testing::HasSubstr("port `leaf0:e1` has no device"));
}

}  // namespace
}  // namespace ethlink::control::test
