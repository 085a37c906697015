// SPDX-License-Identifier: BSD-3-Clause
// What dead and drained links do to the tables, whom a drain would cut off, and what is refused.
#include "control/route_keeper.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/fabric_proof.h"
#include "control/reload_plan.h"
#include "control/topology.h"
#include "tests/fabrics/fabric_builder.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

constexpr std::string_view kLeafSpine =
    "fabric: f\ntopology: {kind: leaf-spine, racks: 2, gpus: 4, tracks: 1, spines: 2, uplinks: "
    "2}\n";

std::size_t link_at(const Fabric& fabric, std::string_view node, std::string_view port) {
    const NodeId id = *fabric.find_node(node);
    return *fabric.port({id, *fabric.node(id).find_port(port)}).link;
}

std::string way(const RouteKeeper& keeper, std::string_view node, GpuId gpu) {
    const NodeId id = *keeper.fabric().find_node(node);
    const RouteTable table = keeper.routes().table_of(id);
    std::string names;
    for (const PortId port : table.ports(gpu)) {
        names += (names.empty() ? "" : " ") + keeper.fabric().node(id).ports[port.value].name;
    }
    return names;
}

const GpuId kFar = generated_gpu_id(3);  // in rack 1

TEST(RouteKeeper, ADeadLinkLeavesTheTablesAndComesBack) {
    const Fabric fabric = good(kLeafSpine);
    RouteKeeper keeper(fabric);
    const std::string whole = way(keeper, "r0-leaf0", kFar);
    EXPECT_EQ(whole, "u0 u1");
    FabricCondition condition(fabric);
    condition.dead[link_at(fabric, "r0-leaf0", "u0")] = true;
    const RouteKeeper::Update update = keeper.apply(condition);
    EXPECT_TRUE(update.refused.empty());
    EXPECT_TRUE(std::ranges::binary_search(update.changed, *fabric.find_node("r0-leaf0")));
    EXPECT_TRUE(std::ranges::binary_search(update.changed, *fabric.find_node("r1-leaf0")));
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), "u1");
    EXPECT_TRUE(keeper.apply(condition).changed.empty());
    keeper.apply(FabricCondition(fabric));
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), whole);
}

TEST(RouteKeeper, TheLastLinkOfAnEndpointStays) {
    // What waits for it is bounded by data_age_timeout.
    const Fabric fabric = good(kLeafSpine);
    RouteKeeper keeper(fabric);
    FabricCondition condition(fabric);
    condition.dead[link_at(fabric, "gpu3", "e0")] = true;
    EXPECT_TRUE(keeper.apply(condition).refused.empty());
    EXPECT_NE(way(keeper, "r1-leaf0", kFar), "");
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), "u0 u1");
}

TEST(RouteKeeper, WithAnotherTrackADeadOneIsLeft) {
    const Fabric fabric = good(rack(4, 2));
    RouteKeeper keeper(fabric);
    const std::size_t e0 = link_at(fabric, "gpu3", "e0"), e1 = link_at(fabric, "gpu3", "e1");
    FabricCondition condition(fabric);
    condition.dead[e0] = true;
    EXPECT_EQ(health_of(fabric, condition).link(e0), LinkHealth::kDown);
    keeper.apply(condition);
    EXPECT_EQ(way(keeper, "leaf0", kFar), "");
    condition.dead[e1] = true;  // Now neither is worse.
    EXPECT_EQ(health_of(fabric, condition).link(e1), LinkHealth::kDraining);
}

TEST(RouteKeeper, ADrainedSwitchIsLeftAsLongAsThereIsAnother) {
    const Fabric fabric = good(kLeafSpine);
    RouteKeeper keeper(fabric);
    FabricCondition condition(fabric);
    condition.drained_nodes[fabric.find_node("spine0")->value] = true;
    EXPECT_TRUE(cut_off(fabric, keeper.condition(), condition).empty());
    keeper.apply(condition);
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), "u1");
    EXPECT_FALSE(keeper.used_links()[link_at(fabric, "r0-leaf0", "u0")]);
    EXPECT_TRUE(keeper.used_links()[link_at(fabric, "r0-leaf0", "u1")]);
    // The second one would separate the racks; forced, both carry what there is.
    const FabricCondition one = condition;
    condition.drained_nodes[fabric.find_node("spine1")->value] = true;
    const auto lost = cut_off(fabric, one, condition);
    ASSERT_FALSE(lost.empty());
    EXPECT_NE(lost[0].find("`gpu0` would no longer reach `gpu2`, `gpu3`"), std::string::npos)
        << lost[0];
    keeper.apply(condition);
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), "u0 u1");
}

TEST(RouteKeeper, WhoWasCutOffBeforeIsNoReasonToRefuse) {
    const Fabric fabric = good(kLeafSpine);
    FabricCondition before(fabric);
    before.drained_links[link_at(fabric, "gpu0", "e0")] = true;
    FabricCondition after = before;
    after.drained_links[link_at(fabric, "r0-leaf0", "u0")] = true;
    EXPECT_TRUE(cut_off(fabric, before, after).empty());
    EXPECT_FALSE(cut_off(fabric, FabricCondition(fabric), before).empty());
}

TEST(RouteKeeper, APlanChangesNothing) {
    const Fabric fabric = good(kLeafSpine);
    const RouteKeeper keeper(fabric);
    FabricCondition condition(fabric);
    condition.left_out[link_at(fabric, "r0-leaf0", "u0")] = true;
    const RouteKeeper::Plan plan = keeper.plan(condition);
    const auto leaf =
        std::ranges::find(plan.changes, *fabric.find_node("r0-leaf0"), &NodeChanges::node);
    ASSERT_NE(leaf, plan.changes.end());
    EXPECT_EQ(leaf->routes.size(), 2u);  // gpu2, gpu3
    EXPECT_EQ(leaf->routes[0].after.size(), 1u);
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), "u0 u1");
}

TEST(RouteKeeper, InAFlatFabricTheMixtureIsProven) {
    const Fabric fabric = good("fabric: f\ntopology: {kind: dual-rack, gpus: 4, tracks: 1}\n");
    RouteKeeper keeper(fabric);
    ASSERT_TRUE(keeper.routes().graph().is_flat());
    FabricCondition condition(fabric);
    condition.dead[link_at(fabric, "r0-leaf0", "u0")] = true;
    const RouteKeeper::Update update = keeper.apply(condition);
    EXPECT_TRUE(update.refused.empty());
    EXPECT_EQ(way(keeper, "r0-leaf0", kFar), "u1");
}

TEST(RouteKeeper, AnUnsafeMixtureIsRefusedAndAllStaysAsItWas) {
    // A closed ring can wait for itself; so can its tables mixed with those of the open one.
    const Fabric fabric = ring(4, true);
    RouteKeeper keeper(fabric);
    const std::vector<RouteTable> before = compute_routes(fabric);
    FabricCondition condition(fabric);
    condition.drained_nodes[0] = true;
    condition.dead[0] = true;
    const RouteKeeper::Update update = keeper.apply(condition);
    EXPECT_FALSE(update.refused.empty());
    EXPECT_TRUE(update.changed.empty());
    EXPECT_EQ(keeper.condition(), FabricCondition(fabric));
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        EXPECT_TRUE(keeper.routes().table_of({n}) == before[n]) << n;
    }
}

/// One link, or all of a switch.
FabricCondition one_failure(const Fabric& fabric, RandomBits& random) {
    FabricCondition condition(fabric);
    const auto any = [&](std::size_t n) {
        return static_cast<std::size_t>(pick(random, 0, static_cast<int>(n) - 1));
    };
    const FabricNode& node = fabric.nodes[any(fabric.nodes.size())];
    if (node.kind != NodeKind::kSwitch) {
        condition.dead[any(fabric.links.size())] = true;
        return condition;
    }
    for (const FabricPort& port : node.ports) {
        if (port.link) condition.dead[*port.link] = true;
    }
    return condition;
}

// Or a fabric could start, and stand there with the first broken cable.
RC_GTEST_PROP(RouteKeeperProperty, WhatIsAcceptedMayLeaveWhateverDiesAndTakeItBack, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    const bool accepted = prove_fabric(fabric).errors.empty();
    RC_TAG(accepted ? "accepted" : "refused");
    RouteKeeper keeper(fabric);
    for (int i = 0; i < 8 && accepted; ++i) {
        RC_ASSERT(keeper.apply(one_failure(fabric, random)).refused.empty());
        RC_ASSERT(keeper.apply(FabricCondition(fabric)).refused.empty());
    }
}

// What a changed file means.

TEST(Difference, AFileThatSaysTheSameInAnotherOrderChangesNothing) {
    const Fabric before = good(small_fabric());
    const Fabric after = good(
        "fabric: small\n"
        "links:\n"
        "  - endpoints: [\"gpu1:e0\", \"leaf0:e1\"]\n"
        "  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
        "nodes:\n"
        "  gpu1: {kind: endpoint, gpu: 0x0201}\n"
        "  gpu0: {kind: endpoint, gpu: 0x0200}\n"
        "  leaf0: {kind: switch}\n");
    const FabricDifference found = difference(before, after);
    EXPECT_TRUE(found.restart_needed.empty()) << found.restart_needed.front();
    EXPECT_EQ(std::ranges::count(found.left_out, true), 0);
}

TEST(Difference, WhatNeedsARestartIsListed) {
    const Fabric before = good(rack(4, 2));
    const auto first = [&](std::string_view text) {
        const FabricDifference found = difference(before, good(text));
        return found.restart_needed.empty() ? "" : found.restart_needed.front();
    };
    EXPECT_EQ(first(rack(5, 2)), "node gpu4 is new");
    EXPECT_EQ(first(rack(3, 2)), "node gpu3 is gone");
    EXPECT_EQ(first(rack(4, 3)), "node leaf2 is new");
    EXPECT_EQ(first(rack(4, 2, "runtime: {workers: 2}\n")), "`runtime` is another");
    EXPECT_EQ(first(rack(4, 2, "profiles: {default: {max_frame_bytes: 1024}}\n")),
              "profile default is another");
    EXPECT_EQ(first(rack(4, 2, "traffic: {frame_size: 128}\n")), "");
}

TEST(Difference, ALinkThatIsGoneIsLeftOut) {
    const std::string text =
        "fabric: f\nnodes:\n  leaf0: {kind: switch}\n"
        "  gpu0: {kind: endpoint, gpu: 0x0200}\n  gpu1: {kind: endpoint, gpu: 0x0201}\n"
        "links:\n  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
        "  - endpoints: [\"leaf0:e1\", \"gpu1:e0\"]\n";
    const std::string second = "  - endpoints: [\"leaf0:e2\", \"gpu1:e1\"]\n";
    const Fabric before = good(text + second);
    const FabricDifference found = difference(before, good(text));
    EXPECT_TRUE(found.restart_needed.empty());
    EXPECT_EQ(found.left_out, (std::vector<bool>{false, false, true}));
    // The other way round ports would have to be made.
    EXPECT_FALSE(difference(good(text), before).restart_needed.empty());
}

}  // namespace
}  // namespace ethlink::control::test
