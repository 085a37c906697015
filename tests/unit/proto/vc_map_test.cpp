// SPDX-License-Identifier: BSD-3-Clause
// Does a frame from outside get the VC that its tag or its DSCP says?
#include "proto/vc_map.h"

#include <gtest/gtest.h>

#include "tests/sim/ghost.h"

namespace ethlink {
namespace {

VcMap::ByDscp dscp_map() {
    VcMap::ByDscp map{};
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = Vc{static_cast<std::uint8_t>(i % 5)};
    return map;
}

VcMap::ByPcpDei pcp_map() {
    VcMap::ByPcpDei map{};
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = Vc{static_cast<std::uint8_t>(10 + i)};
    return map;
}

Vc classify(const VcMap& map, const sim::GhostLook& look) {
    sim::FramePool pool(1);
    const sim::SimFrame frame = sim::make_ghost(pool, {}, 80, look);
    const auto view = wire::parse(frame.bytes());
    EXPECT_TRUE(view);
    return view ? map.classify(*view) : Vc{0xFF};
}

TEST(VcMap, EveryDscp) {
    const VcMap map(dscp_map());
    for (std::uint8_t dscp = 0; dscp < 64; ++dscp) {
        const Vc expected{static_cast<std::uint8_t>(dscp % 5)};
        EXPECT_EQ(classify(map, {.dscp = dscp}), expected);
        // Without a map for tags a tag says nothing.
        EXPECT_EQ(classify(map, {.dscp = dscp, .vlan = wire::VlanTag{.pcp = 7}}), expected);
    }
}

TEST(VcMap, EveryPcpAndDei) {
    const VcMap map(dscp_map(), pcp_map());
    for (std::uint8_t pcp = 0; pcp < 8; ++pcp) {
        for (const bool dei : {false, true}) {
            const wire::VlanTag tag{.pcp = pcp, .dei = dei, .vid = 99};
            const Vc expected{static_cast<std::uint8_t>(10 + 2 * pcp + (dei ? 1 : 0))};
            EXPECT_EQ(classify(map, {.dscp = 3, .vlan = tag}), expected);
        }
    }
}

TEST(VcMap, AnUntaggedFrameGoesByItsDscp) {
    const VcMap map(dscp_map(), pcp_map());
    EXPECT_EQ(classify(map, {.dscp = 3}), Vc{3});
}

}  // namespace
}  // namespace ethlink
