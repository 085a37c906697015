// SPDX-License-Identifier: BSD-3-Clause
// S10, F2: is a circle of waiting found where there is one, and nowhere else?
#include "control/deadlock.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

/// Switches in a ring, a GPU at each; `closed`: the last is joined to the first.
Fabric ring(int switches, bool closed, const std::string& more = "") {
    std::string nodes, links;
    for (int i = 0; i < switches; ++i) {
        const std::string s = std::to_string(i);
        nodes += "  sw" + s + ": {kind: switch}\n  gpu" + s +
                 ": {kind: endpoint, gpu: " + std::to_string(512 + i) + "}\n";
        links += "  - endpoints: [\"sw" + s + ":e0\", \"gpu" + s + ":e0\"]\n";
        if (i + 1 == switches && !closed) continue;
        links += "  - endpoints: [\"sw" + s + ":e1\", \"sw" + std::to_string((i + 1) % switches) +
                 ":e2\"]\n";
    }
    return good("fabric: ring\nnodes:\n" + nodes + "links:\n" + links + more);
}

std::vector<PortRef> cycle_of(const Fabric& fabric) {
    return find_waiting_cycle(fabric, compute_routes(fabric));
}

TEST(Deadlock, ARingOfFourIsRefusedHopByHop) {
    const Fabric fabric = ring(4, true);
    EXPECT_EQ(cycle_of(fabric).size(), 4u) << "S10";
    const auto errors = check_deadlock(fabric, compute_routes(fabric));
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_NE(errors[0].text().find("sw0:e1 -> sw1:e1 -> sw2:e1 -> sw3:e1 -> sw0:e1"),
              std::string::npos)
        << errors[0].text();
}

TEST(Deadlock, EveryHopOfTheCycleWaitsForTheNext) {
    for (const int switches : {4, 5, 6, 9}) {
        const Fabric fabric = ring(switches, true);
        const auto cycle = cycle_of(fabric);
        ASSERT_FALSE(cycle.empty()) << switches;
        for (std::size_t i = 0; i < cycle.size(); ++i) {
            const PortRef next = cycle[(i + 1) % cycle.size()];
            EXPECT_EQ(fabric.port(cycle[i]).peer->node, next.node);
        }
    }
}

TEST(Deadlock, WaysOfOneHopAndLinesWaitForNobody) {
    EXPECT_TRUE(cycle_of(ring(3, true)).empty()) << "nobody goes through two switches";
    EXPECT_TRUE(cycle_of(ring(8, false)).empty()) << "a line has an end";
}

TEST(Deadlock, RacksAndSpinesAreFree) {
    EXPECT_TRUE(cycle_of(good(rack(8, 2))).empty());
    std::string nodes, links;
    for (const std::string leaf : {"0", "1", "2"}) {
        nodes += "  leaf" + leaf + ": {kind: switch}\n  gpu" + leaf + ": {kind: endpoint, gpu: 52" +
                 leaf + "}\n";
        links += "  - endpoints: [\"leaf" + leaf + ":e0\", \"gpu" + leaf + ":e0\"]\n";
        for (const std::string spine : {"0", "1"}) {
            links += "  - endpoints: [\"leaf" + leaf + ":u" + spine + "\", \"spine" + spine + ":d" +
                     leaf + "\"]\n";
        }
    }
    const Fabric fabric =
        good("fabric: f\nnodes:\n  spine0: {kind: switch}\n" +
             std::string("  spine1: {kind: switch}\n") + nodes + "links:\n" + links);
    EXPECT_TRUE(cycle_of(fabric).empty());
}

}  // namespace
}  // namespace ethlink::control::test
