// SPDX-License-Identifier: BSD-3-Clause
// Pictures: what is folded, where it stands, and how it is written down.
#include "control/topo_picture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/config.h"
#include "control/topo_layout.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Fabric compact(const std::string& inside) {
    return good("fabric: f\ntopology: {" + inside + "}\n");
}

const Box& box(const Picture& picture, std::string_view id) {
    static const Box kNone;
    const auto found = std::ranges::find(picture.boxes, id, &Box::id);
    if (found != picture.boxes.end()) return *found;
    ADD_FAILURE() << "no box " << id;
    return kNone;
}

const Bundle& bundle(const Picture& picture, std::string_view upper, std::string_view lower) {
    static const Bundle kNone;
    for (const Bundle& bundle : picture.bundles) {
        if (picture.boxes[bundle.upper].id == upper && picture.boxes[bundle.lower].id == lower) {
            return bundle;
        }
    }
    ADD_FAILURE() << "no line from " << upper << " to " << lower;
    return kNone;
}

TEST(Picture, FoldsParallelLinks) {
    const Picture picture = make_picture(compact("kind: dual-rack, tracks: 2"), false);
    EXPECT_EQ(picture.title, "f: 8 GPUs, 4 switches, 24 links");
    EXPECT_EQ(picture.racks, 2u);
    EXPECT_EQ(picture.boxes.size(), 12u);
    EXPECT_EQ(picture.bundles.size(), 16u + 2u);
    const Bundle& joint = bundle(picture, "r0-leaf1", "r1-leaf1");
    EXPECT_EQ(joint.links.size(), 4u);
    EXPECT_EQ(joint.ports, "r0-leaf1:u0 - r1-leaf1:u0 ... r0-leaf1:u3 - r1-leaf1:u3");
    EXPECT_THAT(label_of(joint), ElementsAre("x4"));
    EXPECT_EQ(box(picture, "gpu5").rack, 1u);
    EXPECT_EQ(box(picture, "r1-leaf1").rack, 1u);
    EXPECT_EQ(box(picture, "r0-leaf1").track, box(picture, "r1-leaf1").track);
    EXPECT_NE(box(picture, "r0-leaf0").track, box(picture, "r0-leaf1").track);
}

TEST(Picture, FoldsGpusThatAreJoinedAlike) {
    const Picture picture =
        make_picture(compact("kind: leaf-spine, racks: 4, gpus: 64, tracks: 2"), true);
    EXPECT_EQ(picture.boxes.size(), 8u + 4u + 4u);
    EXPECT_EQ(box(picture, "gpu16").count, 16u);
    EXPECT_THAT(box(picture, "gpu16").lines,
                ElementsAre("gpu16 ... gpu31", "0x0210 ... 0x021f", "16 GPUs"));
    EXPECT_EQ(bundle(picture, "r1-leaf0", "gpu16").links.size(), 16u);
    EXPECT_EQ(bundle(picture, "spine0", "r3-leaf0").links.size(), 8u);
    EXPECT_EQ(box(picture, "spine0").level, 2u);
    EXPECT_FALSE(box(picture, "spine0").rack);
}

TEST(Picture, MarksWhatIsFaultyAndWhatMayLose) {
    const Picture picture = make_picture(good(R"(
fabric: f
profiles:
  default: {}
  plain: {cbfc: {enabled: false}}
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
  gpu2: {kind: endpoint, gpu: 0x0202}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - {endpoints: ["leaf0:e1", "gpu1:e0"], profile: plain}
  - {endpoints: ["leaf0:e2", "gpu2:e0"], faults: {both: {loss: 0.1}}}
ports: [{port: "leaf0:p0", device: "net_tap0,iface=x"}]
)"),
                                         true);
    EXPECT_TRUE(bundle(picture, "leaf0", "gpu2").is_faulty);
    EXPECT_FALSE(bundle(picture, "leaf0", "gpu0").is_faulty);
    EXPECT_TRUE(bundle(picture, "leaf0", "gpu0").is_lossless);
    EXPECT_FALSE(bundle(picture, "leaf0", "gpu1").is_lossless);
    EXPECT_FALSE(bundle(picture, "leaf0", "leaf0:p0").is_lossless);
    EXPECT_THAT(box(picture, "leaf0:p0").lines, ElementsAre("plain port p0", "net_tap0"));
    const std::string dot = to_dot(picture);
    EXPECT_THAT(dot, HasSubstr("style=dashed"));
    EXPECT_THAT(dot, HasSubstr("style=dotted"));
    EXPECT_THAT(dot, HasSubstr("dashed: faults are injected; dotted: may lose frames"));
}

TEST(Picture, ShowsWhatLinksDo) {
    const Fabric fabric = compact("kind: dual-rack, uplinks: 2");
    Picture picture = make_picture(fabric, false);
    std::vector<std::optional<LiveLink>> live(fabric.links.size());
    for (std::size_t i = 0; i < live.size(); ++i) live[i] = LiveLink{true, 2.5e9, 0};
    live[0] = LiveLink{false, 0, 7};
    live[1] = std::nullopt;
    live[8] = LiveLink{false, 0, 1};  // one of the two between the racks
    overlay(picture, live);
    EXPECT_THAT(label_of(bundle(picture, "r0-leaf0", "gpu0")),
                ElementsAre("0.0 Mbit/s", "7 replays", "DOWN"));
    EXPECT_THAT(label_of(bundle(picture, "r0-leaf0", "gpu1")), ElementsAre("no answer"));
    EXPECT_THAT(label_of(bundle(picture, "r0-leaf0", "gpu2")), ElementsAre("2.5 Gbit/s"));
    EXPECT_THAT(label_of(bundle(picture, "r0-leaf0", "r1-leaf0")),
                ElementsAre("x2", "2.5 Gbit/s", "1 replay", "1 DOWN"));
    EXPECT_THAT(to_dot(picture), HasSubstr("thick red: link down"));
}

TEST(Layout, KeepsBoxesApartAndRacksInOrder) {
    for (const std::string inside :
         {"kind: back-to-back, tracks: 3", "kind: single-rack, gpus: 8, tracks: 4",
          "kind: dual-rack, tracks: 4", "kind: leaf-spine, racks: 5, tracks: 2, gpus: 20",
          "kind: leaf-spine, racks: 2, tracks: 8, gpus: 16, spines: 64"}) {
        const Picture picture = make_picture(compact(inside), false);
        const Layout layout = place(picture);
        for (std::size_t i = 0; i < layout.boxes.size(); ++i) {
            const PlacedBox& a = layout.boxes[i];
            EXPECT_GT(a.centre.x - a.width / 2, 0) << inside;
            EXPECT_LT(a.centre.x + a.width / 2, layout.width) << inside;
            EXPECT_LT(a.centre.y + a.height / 2, layout.height) << inside;
            for (std::size_t k = 0; k < i; ++k) {
                const PlacedBox& b = layout.boxes[k];
                const bool apart = a.centre.y != b.centre.y ||
                                   std::abs(a.centre.x - b.centre.x) >= (a.width + b.width) / 2;
                EXPECT_TRUE(apart)
                    << inside << ": " << picture.boxes[i].id << " on " << picture.boxes[k].id;
            }
        }
        for (std::size_t r = 1; r < layout.racks.size(); ++r) {
            EXPECT_GT(layout.racks[r].low.x, layout.racks[r - 1].high.x) << inside;
        }
    }
}

TEST(Mermaid, IsAFlowchart) {
    EXPECT_EQ(
        to_mermaid(make_picture(
            compact("kind: single-rack, gpus: 2, tracks: 2, faults: {both: {loss: 0.1}}"), true)),
        "---\n"
        "title: \"f: 2 GPUs, 2 switches, 4 links\"\n"
        "---\n"
        "flowchart TB\n"
        "    subgraph rack0 [\"rack 0\"]\n"
        "        b0[\"leaf0\"]\n"
        "        b1[\"leaf1\"]\n"
        "        b2(\"gpu0, gpu1<br/>0x0200, 0x0201<br/>2 GPUs\")\n"
        "    end\n"
        "    b0 -.-|\"x2<br/>faults\"| b2\n"
        "    b1 -.-|\"x2<br/>faults\"| b2\n");
}

TEST(Dot, QuotesWhatItIsGiven) {
    const std::string dot = to_dot(make_picture(
        good("fabric: f\nnodes:\n  leaf0: {kind: switch}\n"
             "  gpu0: {kind: endpoint, gpu: 0x0200}\n  gpu1: {kind: endpoint, gpu: 0x0201}\n"
             "links:\n  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
             "  - endpoints: [\"leaf0:e1\", \"gpu1:e0\"]\n"
             "ports: [{port: \"leaf0:p0\", device: 'a\"];b\\N'}]\n"),
        true));
    EXPECT_THAT(dot, HasSubstr("a\\\"];b\\\\N"));
    EXPECT_THAT(dot, Not(HasSubstr("a\"];b")));
}

}  // namespace
}  // namespace ethlink::control::test
