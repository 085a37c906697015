// SPDX-License-Identifier: BSD-3-Clause
// Generated files load, and both forms of one shape are the same fabric.
#include "control/topo_generate.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "control/config.h"
#include "control/yaml_reader.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using testing::HasSubstr;

/// Everything that a file says of a graph; the place in the file apart.
std::string described(const Fabric& fabric) {
    std::string text = fabric.name + "\n";
    for (const FabricNode& node : fabric.nodes) {
        text += node.name + " " + std::to_string(static_cast<int>(node.kind)) + " " +
                std::to_string(node.workers) + " " + (node.gpu ? hex(*node.gpu) : "-") + "\n";
        for (const FabricPort& port : node.ports) {
            text += "  " + port.name + " " + std::to_string(*port.link) + " " +
                    fabric.port_name(*port.peer) + " " + std::to_string(port.profile.value);
            for (const GpuId gpu : port.gpus) text += " " + hex(gpu);
            text += port.software_fcs ? " fcs\n" : "\n";
        }
    }
    for (const FabricLink& link : fabric.links) {
        text += fabric.port_name(link.a) + " " + fabric.port_name(link.b) + " " +
                std::to_string(link.a_to_b.seed) + " " + std::to_string(link.b_to_a.seed) + "\n";
    }
    return text;
}

TEST(Generate, BothFormsOfEachKindAreTheSame) {
    for (const TopologyKind kind : {TopologyKind::kBackToBack, TopologyKind::kSingleRack,
                                    TopologyKind::kDualRack, TopologyKind::kLeafSpine}) {
        const TopologyShape shape = *make_shape({.kind = kind, .tracks = 2, .workers = 3});
        const Fabric compact = good(compact_text(shape, "f"));
        EXPECT_EQ(described(compact), described(good(explicit_text(shape, "f"))));
        EXPECT_EQ(compact.links.size(), shape.links()) << word(kind);
    }
}

TEST(GenerateProperty, BothFormsAreTheSame) {
    EXPECT_TRUE(rc::check([] {
        constexpr TopologyKind kKinds[] = {TopologyKind::kBackToBack, TopologyKind::kSingleRack,
                                           TopologyKind::kDualRack, TopologyKind::kLeafSpine};
        const auto between = [](std::uint32_t from, std::uint32_t to) {  // evenly distributed
            return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to));
        };
        ShapeRequest request;
        request.kind = kKinds[between(0, 4)];
        request.racks = between(2, 5);
        request.gpus = 12 * between(1, 4);
        request.tracks = between(1, 5);
        request.workers = between(1, 3);
        if (between(0, 2) == 0) request.uplinks = between(1, 7);
        const auto shape = make_shape(request);
        RC_ASSERT(shape.has_value());
        const auto compact = load_text(compact_text(*shape, "f"), "compact");
        const auto expanded = load_text(explicit_text(*shape, "f"), "explicit");
        RC_ASSERT(compact.has_value());
        RC_ASSERT(expanded.has_value());
        RC_ASSERT(described(*compact) == described(*expanded));
    }));
}

TEST(Generate, TheLargestExplicitFileCanBeRead) {
    const auto shape = make_shape({.kind = TopologyKind::kLeafSpine,
                                   .gpus = 16'384,
                                   .racks = 256,
                                   .tracks = 8,
                                   .spines = 512});
    ASSERT_TRUE(shape);
    EXPECT_LT(explicit_text(*shape, "f").size(), kYamlBytesMax);
}

TEST(Generate, WordsMeanWhatTheyMeanInAFile) {
    const auto shape = shape_of({{"kind", "dual-rack"}, {"gpus", "8"}, {"tracks", "4"}});
    ASSERT_TRUE(shape) << text(shape.error());
    EXPECT_EQ(shape->links(), 4u * (8 + 4));
    const auto wrong = shape_of({{"kind", "dual-rack"}, {"gpus", "9"}});
    ASSERT_FALSE(wrong);
    ASSERT_EQ(wrong.error().size(), 1u);
    EXPECT_EQ(wrong.error()[0].key, "topology.gpus");
    EXPECT_FALSE(shape_of({{"kind", "dual-rack"}, {"racks", "2"}}));
    EXPECT_FALSE(shape_of({{"kind", "ring"}}));
}

TEST(Generate, WordsCannotBecomeAnotherDocument) {
    for (const std::string word :
         {"", "8\nworkers: 2", "{a: b}", "*x", "&x 8", "!!int 8", "8 # no", "\"8\"", "[8]"}) {
        EXPECT_FALSE(shape_of({{"kind", "single-rack"}, {"gpus", word}})) << word;
    }
}

TEST(Generate, SaysWhatItIs) {
    const std::string text = compact_text(*make_shape({.kind = TopologyKind::kDualRack}), "mine");
    EXPECT_THAT(text, HasSubstr("# 8 GPUs in 2 racks of 4"));
    EXPECT_THAT(text, HasSubstr("8 endpoints, 2 switches, 12 links"));
    EXPECT_THAT(text, HasSubstr("fabric: mine\n"));
    EXPECT_THAT(text, HasSubstr("  uplinks: 4"));
}

}  // namespace
}  // namespace ethlink::control::test
