// SPDX-License-Identifier: BSD-3-Clause
// Compact forms: how many of what, who is joined to whom, and what they are called.
#include "control/topology_shape.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "control/config.h"
#include "control/topology.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using Pair = std::pair<std::string, std::string>;

std::string compact(const std::string& inside) {
    return "fabric: f\ntopology: {" + inside + "}\n";
}

/// "leaf0:e0" -> the port at the other end, from both sides.
std::map<std::string, std::string> cables(const Fabric& fabric) {
    std::map<std::string, std::string> found;
    for (const FabricLink& link : fabric.links) {
        found.emplace(fabric.port_name(link.a), fabric.port_name(link.b));
        found.emplace(fabric.port_name(link.b), fabric.port_name(link.a));
    }
    EXPECT_EQ(found.size(), 2 * fabric.links.size()) << "a port has two cables";
    return found;
}

/// Between how many cables each two nodes have.
std::map<Pair, int> joints(const Fabric& fabric) {
    std::map<Pair, int> found;
    for (const FabricLink& link : fabric.links) {
        ++found[std::minmax(fabric.node(link.a.node).name, fabric.node(link.b.node).name)];
    }
    return found;
}

TEST(DualRack, JoinsTheTwoLeavesOfATrack) {
    const Fabric fabric = good(compact("kind: dual-rack, gpus: 8, tracks: 2"));
    EXPECT_EQ(fabric.nodes.size(), 4u + 8u);
    EXPECT_EQ(fabric.links.size(), 2u * (8 + 4));
    const auto found = cables(fabric);
    EXPECT_EQ(found.at("gpu0:e0"), "r0-leaf0:e0");
    EXPECT_EQ(found.at("gpu3:e1"), "r0-leaf1:e3");
    EXPECT_EQ(found.at("gpu4:e0"), "r1-leaf0:e0");
    EXPECT_EQ(found.at("gpu7:e1"), "r1-leaf1:e3");
    for (const std::string track : {"0", "1"}) {
        for (const std::string u : {"0", "1", "2", "3"}) {
            EXPECT_EQ(found.at("r0-leaf" + track + ":u" + u), "r1-leaf" + track + ":u" + u);
        }
    }
    const auto between = joints(fabric);
    EXPECT_EQ(between.at({"r0-leaf0", "r1-leaf0"}), 4);
    EXPECT_FALSE(between.contains({"r0-leaf0", "r1-leaf1"}));
    EXPECT_FALSE(between.contains({"r0-leaf0", "r0-leaf1"}));
    // Anything may come from another switch, from a GPU only what is its own.
    const FabricNode& leaf = fabric.nodes[0];
    EXPECT_EQ(leaf.ports[0].gpus, std::vector<GpuId>{generated_gpu_id(0)});
    EXPECT_TRUE(leaf.ports[4].gpus.empty());
}

TEST(DualRack, TakesAsManyUplinksAsAsked) {
    EXPECT_EQ(joints(good(compact("kind: dual-rack, uplinks: 2"))).at({"r0-leaf0", "r1-leaf0"}), 2);
    EXPECT_EQ(
        joints(good(compact("kind: dual-rack, oversubscription: 2"))).at({"r0-leaf0", "r1-leaf0"}),
        2);
}

TEST(LeafSpine, GivesEachTrackSpinesOfItsOwn) {
    const Fabric fabric =
        good(compact("kind: leaf-spine, racks: 3, gpus: 12, tracks: 2, spines: 4"));
    EXPECT_EQ(fabric.nodes.size(), 6u + 4u + 12u);
    EXPECT_EQ(fabric.links.size(), 24u + 6u * 4u);
    const auto between = joints(fabric);
    for (const std::string rack : {"0", "1", "2"}) {
        EXPECT_EQ(between.at({"r" + rack + "-leaf0", "spine0"}), 2);
        EXPECT_EQ(between.at({"r" + rack + "-leaf0", "spine2"}), 2);
        EXPECT_EQ(between.at({"r" + rack + "-leaf1", "spine1"}), 2);
        EXPECT_FALSE(between.contains({"r" + rack + "-leaf0", "spine1"}));
        EXPECT_FALSE(between.contains({"r" + rack + "-leaf1", "spine2"}));
    }
    const auto found = cables(fabric);
    EXPECT_EQ(found.at("r2-leaf0:u0"), "spine0:r2u0");
    EXPECT_EQ(found.at("r2-leaf0:u1"), "spine2:r2u1");
    EXPECT_EQ(found.at("r2-leaf0:u2"), "spine0:r2u2");
    EXPECT_EQ(found.at("r1-leaf1:u3"), "spine3:r1u3");
}

TEST(LeafSpine, SharesOddNumbersOutInTurn) {
    const auto between =
        joints(good(compact("kind: leaf-spine, racks: 2, gpus: 10, tracks: 2, spines: 3")));
    EXPECT_EQ(between.at({"r0-leaf0", "spine0"}), 3);
    EXPECT_EQ(between.at({"r0-leaf0", "spine2"}), 2);
    EXPECT_EQ(between.at({"r0-leaf1", "spine1"}), 5);
}

TEST(LeafSpine, WhatIsLeftOutFitsTheRest) {
    const TopologyShape shape = *make_shape({.kind = TopologyKind::kLeafSpine});
    EXPECT_EQ(shape.racks, 3u);
    EXPECT_EQ(shape.gpus, 12u);
    EXPECT_EQ(shape.uplinks, 4u);
    EXPECT_EQ(shape.spines, 2u);
    const auto uplinks = [](std::uint32_t in_rack, double ratio) {
        return make_shape({.kind = TopologyKind::kLeafSpine,
                           .gpus = 3 * in_rack,
                           .oversubscription = ratio})
            ->uplinks;
    };
    EXPECT_EQ(uplinks(8, 1), 8u);
    EXPECT_EQ(uplinks(8, 2), 4u);
    EXPECT_EQ(uplinks(8, 3), 3u);  // never more oversubscribed than asked
    EXPECT_EQ(uplinks(8, 64), 1u);
    EXPECT_EQ(uplinks(8, 0.5), 16u);
    EXPECT_EQ(uplinks(3, 0.3), 10u);
}

TEST(Shapes, OfSixteenThousandGpusCanBeBuilt) {
    const auto shape = make_shape({.kind = TopologyKind::kLeafSpine,
                                   .gpus = 16'384,
                                   .racks = 256,
                                   .tracks = 8,
                                   .spines = 512});
    ASSERT_TRUE(shape) << shape.error().why;
    EXPECT_EQ(shape->links(), 262'144u);
    std::uint32_t links = 0;
    for_each_link(*shape, [&](const ShapePort&, const ShapePort&) { ++links; });
    EXPECT_EQ(links, shape->links());
}

TEST(Shapes, LoadInTimeThatGrowsWithTheirLinks) {
    const Fabric fabric = good(compact("kind: leaf-spine, racks: 256, gpus: 16384"));
    ASSERT_EQ(fabric.nodes.size(), 16'384u + 256 + 4);
    EXPECT_EQ(fabric.links.size(), 2u * 16'384);
    EXPECT_EQ(*fabric.nodes.back().gpu, generated_gpu_id(16'383));
}

/// Evenly distributed: inRange() alone keeps to the low end in the early rounds.
int between(int from, int to) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to));
}

std::string random_topology() {
    const auto number = [](int from, int to) { return std::to_string(between(from, to)); };
    const std::string ratios[] = {"", ", oversubscription: 0.5", ", oversubscription: 2",
                                  ", oversubscription: 3", ", uplinks: " + number(1, 9)};
    const std::string tracks = ", tracks: " + number(1, 5);
    const std::string ratio = ratios[between(0, 5)];
    const int kind = between(0, 6);
    if (kind == 0) return "kind: back-to-back" + tracks;
    if (kind == 1) return "kind: single-rack, gpus: " + number(2, 33) + tracks;
    if (kind == 2) {
        return "kind: dual-rack, gpus: " + std::to_string(2 * between(1, 17)) + tracks + ratio;
    }
    const int racks = between(2, 6);
    return "kind: leaf-spine, racks: " + std::to_string(racks) +
           ", gpus: " + std::to_string(racks * between(1, 9)) + tracks + ratio +
           (between(0, 2) == 0 ? "" : ", spines: " + number(1, 12));
}

TEST(ShapesProperty, EachGpuIsOnceOnEachTrack) {
    EXPECT_TRUE(rc::check([] {
        const auto loaded = load_text(compact(random_topology()), "random.yaml");
        RC_PRE(loaded.has_value());  // more spines than uplinks, and the like
        const Fabric& fabric = *loaded;
        std::set<std::string> names;
        std::set<GpuId> ids;
        std::size_t tracks = 0;
        for (const FabricNode& node : fabric.nodes) {
            RC_ASSERT(names.insert(node.name).second);
            RC_ASSERT(!node.ports.empty());
            if (!node.gpu) continue;
            RC_ASSERT(ids.insert(*node.gpu).second);
            RC_ASSERT(looks_like_unicast(*node.gpu));
            if (tracks == 0) tracks = node.ports.size();
            RC_ASSERT(node.ports.size() == tracks);
            std::set<NodeId> leaves;
            for (std::size_t t = 0; t < tracks; ++t) {
                RC_ASSERT(node.ports[t].name == "e" + std::to_string(t));
                leaves.insert(node.ports[t].peer->node);
            }
            const bool rack = fabric.nodes[0].kind == NodeKind::kSwitch;
            RC_ASSERT(leaves.size() == (rack ? tracks : 1));
        }
        RC_ASSERT(fabric.warnings.empty());
    }));
}

TEST(ShapesProperty, TracksNeverMeet) {
    EXPECT_TRUE(rc::check([] {
        const auto loaded = load_text(compact(random_topology()), "random.yaml");
        RC_PRE(loaded.has_value());
        // The track of a switch is that of the GPU ports it sees, or of the leaves below it.
        std::map<std::uint32_t, std::uint32_t> track;
        const auto learn = [&](NodeId node, std::uint32_t value) {
            const auto [found, is_new] = track.emplace(node.value, value);
            RC_ASSERT(is_new || found->second == value);
        };
        for (const FabricLink& link : loaded->links) {
            const bool a = loaded->node(link.a.node).kind == NodeKind::kSwitch;
            const bool b = loaded->node(link.b.node).kind == NodeKind::kSwitch;
            if (a && !b) learn(link.a.node, link.b.port.value);
        }
        for (const FabricLink& link : loaded->links) {
            const bool a = loaded->node(link.a.node).kind == NodeKind::kSwitch;
            const bool b = loaded->node(link.b.node).kind == NodeKind::kSwitch;
            if (!a || !b) continue;
            RC_ASSERT(track.contains(link.b.node.value));
            learn(link.a.node, track.at(link.b.node.value));
        }
    }));
}

}  // namespace
}  // namespace ethlink::control::test
