// SPDX-License-Identifier: BSD-3-Clause
// S10, F2, F4: planted mistakes are found, single failures are those that one would count by hand.
#include "control/fabric_proof.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/deadlock.h"
#include "control/route_columns.h"
#include "control/routes.h"
#include "tests/fabrics/fabric_builder.h"

namespace ethlink::control::test {
namespace {

TEST(FabricProof, CountsEveryLinkAndEverySwitch) {
    for (const Fabric& fabric : {racks(1, 8, 2, 0), racks(2, 4, 2, 4), leaf_spine(3, 4, 2, 2, 2),
                                 leaf_spine(4, 8, 1, 2)}) {
        const FabricProof proof = prove_fabric(fabric);
        EXPECT_TRUE(proof.errors.empty()) << text(proof.errors);
        EXPECT_TRUE(proof.deadlock_free);
        const auto switches =
            std::ranges::count(fabric.nodes, NodeKind::kSwitch, &FabricNode::kind);
        EXPECT_EQ(proof.single_failures_checked,
                  fabric.links.size() + static_cast<std::size_t>(switches));
    }
}

TEST(FabricProof, SaysWhatAFailureCutsOff) {
    const FabricProof one_track = prove_fabric(racks(1, 4, 1, 0));
    EXPECT_EQ(one_track.disconnecting_failures, 5u);  // the switch, and each cable
    ASSERT_EQ(one_track.disconnects.size(), 2u);
    EXPECT_EQ(one_track.disconnects[0], "without `sw0`, `gpu0` is cut off");
    EXPECT_EQ(one_track.disconnects[1],
              "without `sw0:e0 - gpu0:e0`, `gpu0` is cut off (4 links alike)");
    EXPECT_EQ(prove_fabric(racks(1, 4, 2, 0)).disconnecting_failures, 0u);
    EXPECT_EQ(prove_fabric(leaf_spine(3, 2, 1, 2)).disconnecting_failures, 3u + 6u);
    EXPECT_EQ(prove_fabric(leaf_spine(3, 2, 2, 2)).disconnecting_failures, 0u);
    const FabricProof island = prove_fabric(racks(2, 2, 1, 1));
    EXPECT_EQ(island.disconnecting_failures, 1u + 2u + 4u);
    EXPECT_EQ(island.disconnects[0], "without `sw0:e2 - sw1:e2`, `gpu0` no longer reaches `gpu2`");
}

TEST(FabricProof, EndpointsSideBySide) {
    FabricBuilder builder;
    const NodeId a = builder.add_gpu(), b = builder.add_gpu();
    builder.link(a, b);
    const FabricProof one = prove_fabric(builder.take());
    EXPECT_EQ(one.single_failures_checked, 1u);
    EXPECT_EQ(one.disconnecting_failures, 1u);
    EXPECT_TRUE(one.errors.empty());
}

/// A ring with a GPU on each of sw2, sw3, sw4, and one that hangs on both sw0 and sw1. As built no
/// circle is closed, nor after any one failure; but by tables of before and after together.
FabricBuilder ring_of_five() {
    FabricBuilder builder;
    std::vector<NodeId> nodes;
    for (int i = 0; i < 5; ++i) nodes.push_back(builder.add_switch());
    for (std::size_t i = 0; i < 5; ++i) builder.link(nodes[i], nodes[(i + 1) % 5]);
    for (const std::size_t i : {2u, 3u, 4u}) builder.link(nodes[i], builder.add_gpu());
    const NodeId gpu = builder.add_gpu();
    for (const std::size_t i : {0u, 1u}) builder.link(nodes[i], gpu);
    return builder;
}

TEST(FabricProof, TheWayFromTheOldTablesToTheNewIsPartOfIt) {
    const std::string why = text(prove_fabric(ring_of_five().take()).errors);
    EXPECT_NE(why.find("while tables change as `sw4:e1 - sw0:e1` fails, frames for 0x0202 bounce: "
                       "sw0 -> sw1 -> sw0 (join these switches by spines, or each with each)"),
              std::string::npos)
        << why;
}

TEST(FabricProof, WhoMayDropFramesMayChangeAtAnyTime) {
    FabricBuilder builder = ring_of_five();
    builder.make_lossy();
    EXPECT_EQ(text(prove_fabric(builder.take()).errors), "");
}

/// Every failure by itself, from nothing.
struct ByHand {
    bool good = true;
    bool waits = false;  // frames, for each other
    std::uint64_t disconnecting = 0;
};

bool all_as_before(const Routes& healthy, const Routes& now) {
    const Fabric& fabric = healthy.graph().fabric();
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].kind != NodeKind::kEndpoint) continue;
        for (const FabricNode& other : fabric.nodes) {
            if (!other.gpu || &other == &fabric.nodes[n]) continue;
            if (healthy.reaches({n}, *other.gpu) && !now.reaches({n}, *other.gpu)) return false;
        }
    }
    return true;
}

/// In any mixture of both.
bool wait_in_a_circle(const FabricGraph& graph, const std::vector<RouteTable>& before,
                      const std::vector<RouteTable>& after) {
    WaitGraph waits(graph);
    const std::array<const std::vector<RouteTable>*, 2> versions{&before, &after};
    for (const Column& column : columns_of(graph, versions).columns) waits.add(column);
    return !waits.find_cycle().empty();
}

ByHand by_hand(const Fabric& fabric) {
    ByHand result;
    const Routes healthy(fabric);
    const std::vector<RouteTable> before = compute_routes(fabric);
    const auto look = [&](const FabricHealth& health) {
        const Routes now(fabric, health);
        std::vector<RouteTable> tables;
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) tables.push_back(now.table_of({n}));
        result.good = result.good && prove_tables(now.graph(), tables).empty() &&
                      prove_transition(healthy.graph(), before, tables).empty();
        result.waits = result.waits || wait_in_a_circle(healthy.graph(), before, tables);
        if (!all_as_before(healthy, now)) ++result.disconnecting;
    };
    look(FabricHealth(fabric));
    if (!result.good) return result;
    for (std::size_t link = 0; link < fabric.links.size(); ++link) {
        FabricHealth health(fabric);
        health.set_link(link, LinkHealth::kDown);
        look(health);
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].kind != NodeKind::kSwitch) continue;
        FabricHealth health(fabric);
        health.set_node({n}, NodeHealth::kDown);
        look(health);
    }
    return result;
}

RC_GTEST_PROP(FabricProofProperty, IsWhatOneFindsByHand, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    const FabricProof proof = prove_fabric(fabric);
    const ByHand hand = by_hand(fabric);
    RC_TAG(hand.good ? "good" : "refused");
    RC_ASSERT(proof.errors.empty() == hand.good);
    RC_ASSERT(proof.deadlock_free == !hand.waits);
    if (proof.single_failures_checked > 0 && hand.good) {
        RC_ASSERT(proof.disconnecting_failures == hand.disconnecting);
    }
}

// Planted mistakes.

/// Writes a table anew, with other ports towards one destination.
RouteTable with(const RouteTable& table, GpuId dst, const std::vector<PortId>& ports) {
    RouteTable changed;
    bool done = ports.empty();
    const auto put = [&] {
        if (!done) changed.add(dst, changed.append(ports));
        done = true;
    };
    for (const Route route : table) {
        if (dst < route.dst) put();
        if (route.dst != dst) changed.add(route.dst, changed.append(route.ports));
        if (route.dst == dst) put();
    }
    put();
    return changed;
}

/// sw0, sw1: spines; sw2, sw3: leaves, whose uplinks are their last two ports.
class Planted : public ::testing::Test {
protected:
    Fabric fabric = leaf_spine(2, 1, 1, 2);
    Routes routes{fabric};
    std::vector<RouteTable> tables = compute_routes(fabric);
    std::uint32_t leaf0 = fabric.find_node("sw2")->value;
    GpuId near = generated_gpu_id(0), far = generated_gpu_id(1);

    void plant(std::uint32_t node, GpuId dst, const std::vector<PortId>& ports) {
        tables[node] = with(tables[node], dst, ports);
    }
    std::string found() const { return text(prove_tables(routes.graph(), tables)); }
};

TEST_F(Planted, NothingIsWrongAtFirst) {
    EXPECT_EQ(found(), "");
}

TEST_F(Planted, ABlackHole) {
    plant(1, far, {});
    EXPECT_NE(found().find("frames for 0x0201 are lost: `sw2` sends them to `sw1`, which has no"),
              std::string::npos)
        << found();
}

TEST_F(Planted, ABounce) {
    plant(1, far, {{0}});  // back to leaf0
    EXPECT_NE(found().find("frames for 0x0201 bounce: sw1 -> sw2 -> sw1"), std::string::npos)
        << found();
}

TEST_F(Planted, ALoop) {
    // leaf0 -> spine0 -> leaf1 -> spine1 -> leaf0
    plant(leaf0, far, {{1}});
    plant(fabric.find_node("sw4")->value, far, {{2}});
    plant(1, far, {{0}});
    EXPECT_NE(found().find("go round: sw0 -> sw4 -> sw1 -> sw2 -> sw0"), std::string::npos)
        << found();
}

TEST_F(Planted, ACableToSomebodyElse) {
    plant(leaf0, far, {{0}});
    EXPECT_NE(found().find("`sw2:e0` leads out of the fabric"), std::string::npos) << found();
    plant(leaf0, far, {{77}});
    EXPECT_NE(found().find("`sw2` has no port 77"), std::string::npos) << found();
}

TEST(PlantedPair, TwoWaysUpAgainCloseACircle) {
    // Spine 0 reaches leaf 0 over leaf 1 and spine 1; spine 1 leaf 1 over leaf 2 and spine 0.
    // No frame goes round, but all four may wait for each other.
    const Fabric fabric = leaf_spine(3, 1, 1, 2);
    const Routes routes(fabric);
    std::vector<RouteTable> tables = compute_routes(fabric);
    const std::uint32_t leaf1 = fabric.find_node("sw4")->value;
    const std::uint32_t leaf2 = fabric.find_node("sw6")->value;
    tables[0] = with(tables[0], generated_gpu_id(0), {{1}});
    tables[leaf1] = with(tables[leaf1], generated_gpu_id(0), {{2}});
    EXPECT_TRUE(prove_tables(routes.graph(), tables).empty()) << "one alone closes none";
    tables[1] = with(tables[1], generated_gpu_id(1), {{2}});
    tables[leaf2] = with(tables[leaf2], generated_gpu_id(1), {{1}});
    const auto errors = prove_tables(routes.graph(), tables);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_NE(errors[0].text().find("sw0:e1 -> sw4:e2 -> sw1:e2 -> sw6:e1 -> sw0:e1"),
              std::string::npos)
        << errors[0].text();
}

// Transitions.

/// Four switches in a ring; to those opposite, the first two go one way round or the other.
class RingOfFour : public ::testing::Test {
protected:
    Fabric fabric = ring(4, true);
    Routes routes{fabric};

    PortId port(std::uint32_t from, std::uint32_t to) const {
        for (std::uint16_t p = 0; p < fabric.nodes[from].ports.size(); ++p) {
            if (fabric.nodes[from].ports[p].peer->node == NodeId{to}) return {p};
        }
        ADD_FAILURE() << "not neighbours";
        return {};
    }
    /// `clockwise`: which switches send what is for the opposite one clockwise.
    std::vector<RouteTable> tables(const std::vector<bool>& clockwise) const {
        std::vector<RouteTable> all = compute_routes(fabric);
        for (std::uint32_t n = 0; n < 4; ++n) {
            const GpuId opposite = generated_gpu_id((n + 2) % 4);
            const std::uint32_t next = clockwise[n] ? (n + 1) % 4 : (n + 3) % 4;
            all[n] = with(all[n], opposite, {port(n, next)});
        }
        return all;
    }
};

TEST_F(RingOfFour, TwoThatAreFreeMayNotBeMixed) {
    const auto before = tables({true, true, false, false});
    const auto after = tables({false, false, true, true});
    EXPECT_TRUE(prove_tables(routes.graph(), before).empty());
    EXPECT_TRUE(prove_tables(routes.graph(), after).empty());
    const auto errors = prove_transition(routes.graph(), before, after);
    ASSERT_FALSE(errors.empty());
    EXPECT_NE(text(errors).find("can wait for each other for ever"), std::string::npos);
    EXPECT_TRUE(prove_transition(routes.graph(), before, before).empty());
}

RC_GTEST_PROP(TransitionProperty, InLayersAnyTwoHealthsFitTogether, ()) {
    RandomBits random(*rc::gen::arbitrary<std::uint32_t>());
    const Fabric fabric = random_fabric(random);
    const Routes healthy(fabric);
    RC_PRE(!healthy.graph().is_flat());
    const auto tables = [&] {
        FabricHealth health(fabric);
        for (int i = pick(random, 0, 8); i > 0; --i) {
            const auto link = pick(random, 0, static_cast<int>(fabric.links.size()) - 1);
            health.set_link(static_cast<std::size_t>(link),
                            pick(random, 0, 1) == 0 ? LinkHealth::kDown : LinkHealth::kDraining);
        }
        const Routes routes(fabric, health);
        std::vector<RouteTable> all;
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) all.push_back(routes.table_of({n}));
        return all;
    };
    const auto errors = prove_transition(healthy.graph(), tables(), tables());
    RC_ASSERT(text(errors) == "");
}

}  // namespace
}  // namespace ethlink::control::test
