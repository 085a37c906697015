// SPDX-License-Identifier: BSD-3-Clause
// What nodes say of their links: told on, newest wins, owners go beyond what they did not say, and
// what a hostile neighbour may say changes no more than it must.
#include "control/link_states.h"

#include <array>
#include <chrono>
#include <limits>

#include <gtest/gtest.h>

#include "tests/fabrics/fabric_builder.h"

namespace ethlink::control::test {
namespace {

using namespace std::chrono_literals;
using wire::Hello;
using wire::LinkAdvert;

constexpr Time kStart{1s};

TEST(Version, OfTwoOneIsNewer) {
    const std::array<std::uint32_t, 7> some{0,           1,           0x7FFF'FFFF, 0x8000'0000,
                                            0x8000'0001, 0xFFFF'FFFE, 0xFFFF'FFFF};
    for (const std::uint32_t a : some) {
        EXPECT_FALSE(wire::is_newer(a, a));
        EXPECT_TRUE(wire::is_newer(a + 1, a)) << a;
        for (const std::uint32_t b : some) {
            if (a != b) {
                EXPECT_NE(wire::is_newer(a, b), wire::is_newer(b, a)) << a << " " << b;
            }
        }
    }
}

/// gpu0 - a - b - c - gpu1 in a row, seen by one process per node: sw0 .. sw2.
class LinkStatesTest : public ::testing::Test {
protected:
    Fabric fabric = ring(3, false);
    NodeId a = *fabric.find_node("sw0"), b = *fabric.find_node("sw1"), c = *fabric.find_node("sw2");
    NodeId gpu = *fabric.find_node("gpu1");  // hangs on b

    LinkStates of(NodeId node, std::uint64_t clock = 100) const {
        std::vector<PortRef> ports;
        for (std::uint16_t i = 0; i < fabric.node(node).ports.size(); ++i) {
            ports.push_back({node, PortId{i}});
        }
        const std::array own{node};
        return {fabric, own, ports, clock, kStart};
    }
    std::size_t port_to(NodeId from, NodeId to) const {
        const std::vector<FabricPort>& ports = fabric.node(from).ports;
        for (std::size_t i = 0; i < ports.size(); ++i) {
            if (ports[i].peer->node == to) return i;
        }
        return SIZE_MAX;
    }
    std::size_t link_between(NodeId from, NodeId to) const {
        return *fabric.node(from).ports[port_to(from, to)].link;
    }
    Hello said(LinkStates& states, NodeId from, NodeId to) const {
        Hello hello;
        states.fill(port_to(from, to), hello);
        return hello;
    }
    void tell(LinkStates& from, NodeId f, LinkStates& to, NodeId t, Time now = kStart) const {
        to.on_adverts(port_to(t, f), said(from, f, t).list(), now);
    }
    FabricCondition heard(const LinkStates& states) const {
        FabricCondition condition(fabric);
        states.add_to(condition);
        return condition;
    }
    FabricCondition dead(std::size_t link) const {
        FabricCondition condition(fabric);
        condition.dead[link] = true;
        return condition;
    }
    LinkAdvert forged(NodeId node, std::uint64_t version) const {
        return {.node = node.value, .version = version, .dead = 1};
    }
};

TEST_F(LinkStatesTest, WhoHasNothingToSaySaysNothing) {
    LinkStates states = of(b);
    states.set_own(FabricCondition(fabric));
    states.on_time(kStart);
    EXPECT_EQ(said(states, b, a).advert_count, 0);
    EXPECT_FALSE(states.is_urgent(port_to(b, a)));
    EXPECT_EQ(heard(states), FabricCondition(fabric));
}

TEST_F(LinkStatesTest, ADeadLinkIsToldOnAndComesBack) {
    LinkStates at_a = of(a), at_b = of(b), at_c = of(c);
    const std::size_t link = link_between(a, *fabric.find_node("gpu0"));
    at_a.set_own(dead(link));
    at_a.on_time(kStart);
    EXPECT_TRUE(at_a.is_urgent(port_to(a, b)));
    tell(at_a, a, at_b, b);
    EXPECT_TRUE(heard(at_b).dead[link]);
    EXPECT_TRUE(at_b.is_urgent(port_to(b, c)));
    EXPECT_FALSE(at_b.is_urgent(port_to(b, a))) << "who told it need not be told";
    tell(at_b, b, at_c, c);
    EXPECT_EQ(heard(at_c), dead(link));
    EXPECT_FALSE(heard(at_a).dead[link]) << "our own words are not what others say";

    at_a.set_own(FabricCondition(fabric));
    at_a.on_time(kStart + LinkStates::kIssueInterval);
    tell(at_a, a, at_b, b);
    tell(at_b, b, at_c, c);
    EXPECT_EQ(heard(at_c), FabricCondition(fabric));
}

TEST_F(LinkStatesTest, DrainedLinksAndNodesAreTold) {
    LinkStates at_a = of(a), at_b = of(b);
    FabricCondition drained(fabric);
    drained.drained_nodes[a.value] = true;
    drained.left_out[link_between(a, b)] = true;
    at_a.set_own(drained);
    at_a.on_time(kStart);
    tell(at_a, a, at_b, b);
    EXPECT_TRUE(heard(at_b).drained_nodes[a.value]);
    EXPECT_TRUE(heard(at_b).drained_links[link_between(a, b)]);
    EXPECT_FALSE(heard(at_b).dead[link_between(a, b)]);
}

TEST_F(LinkStatesTest, OfANodeThatIsNotOursNothingIsIssued) {
    LinkStates at_a = of(a);
    FabricCondition condition(fabric);
    condition.drained_nodes[c.value] = true;
    condition.dead[link_between(b, c)] = true;
    at_a.set_own(condition);
    at_a.on_time(kStart);
    EXPECT_EQ(said(at_a, a, b).advert_count, 0);
}

TEST_F(LinkStatesTest, NewsAreRepeatedAndThenGoRound) {
    LinkStates at_a = of(a);
    at_a.set_own(dead(link_between(a, b)));
    at_a.on_time(kStart);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(at_a.is_urgent(port_to(a, b)), i == 0);
        EXPECT_EQ(said(at_a, a, b).advert_count, 1) << i;
    }
}

TEST_F(LinkStatesTest, AFlappingLinkMakesFewVersions) {
    LinkStates at_a = of(a);
    for (Time now = kStart; now < kStart + 1s; now += 1ms) {
        at_a.set_own(now.time_since_epoch() / 1ms % 2 == 0 ? dead(link_between(a, b))
                                                           : FabricCondition(fabric));
        at_a.on_time(now);
    }
    EXPECT_LE(at_a.counters().issued, 10u);
}

TEST_F(LinkStatesTest, ARestartedNodeGoesBeyondItsLifeBefore) {
    for (const std::uint64_t version : {101u, 99u, 0u, 80'000'000u}) {  // Clocks go wrong, too.
        LinkStates at_b = of(b);
        {
            LinkStates before = of(a);
            before.set_own(dead(link_between(a, b)));
            before.on_time(kStart);
            tell(before, a, at_b, b);
        }
        ASSERT_TRUE(heard(at_b).dead[link_between(a, b)]);
        LinkStates after = of(a, version);
        after.set_own(FabricCondition(fabric));
        after.on_time(kStart);
        at_b.on_neighbour(port_to(b, a));
        tell(at_b, b, after, a);
        after.on_time(kStart + 1ms);
        tell(after, a, at_b, b);
        EXPECT_EQ(heard(at_b), FabricCondition(fabric)) << version;
    }
}

TEST_F(LinkStatesTest, AnEndpointReturnsASwitchItsOldWords) {
    LinkStates at_gpu = of(gpu);
    {
        LinkStates before = of(b);
        before.set_own(dead(link_between(a, b)));
        before.on_time(kStart);
        tell(before, b, at_gpu, gpu);
    }
    LinkStates after = of(b, 101);
    after.set_own(FabricCondition(fabric));
    at_gpu.on_neighbour(0);
    tell(at_gpu, gpu, after, b);
    after.on_time(kStart);
    tell(after, b, at_gpu, gpu);
    EXPECT_EQ(heard(at_gpu), FabricCondition(fabric));
}

TEST_F(LinkStatesTest, AnEndpointIsBelievedOfItselfOnly) {
    LinkStates at_b = of(b);
    const std::array adverts{forged(a, 500), forged(c, 500), forged(gpu, 500)};
    at_b.on_adverts(port_to(b, gpu), adverts, kStart);
    EXPECT_EQ(at_b.counters().foreign, 2u);
    EXPECT_EQ(heard(at_b), dead(link_between(b, gpu)));
}

TEST_F(LinkStatesTest, WhatTheFabricDoesNotHaveIsRefused) {
    LinkStates at_b = of(b);
    const std::array adverts{
        LinkAdvert{.node = static_cast<std::uint32_t>(fabric.nodes.size()), .version = 1},
        LinkAdvert{.node = 0xFFFF'FFFF, .part = 0xFFFF, .version = 1},
        LinkAdvert{.node = a.value, .part = 1, .version = 1},
        LinkAdvert{.node = a.value, .version = 1, .dead = std::uint64_t{1} << 63},
        LinkAdvert{.node = a.value, .version = 1, .drained = ~std::uint64_t{0}},
    };
    at_b.on_adverts(port_to(b, a), adverts, kStart);
    EXPECT_EQ(at_b.counters().refused, adverts.size());
    EXPECT_EQ(heard(at_b), FabricCondition(fabric));
    EXPECT_EQ(said(at_b, b, c).advert_count, 0);
}

TEST_F(LinkStatesTest, AForgedVersionIsOutrunByItsOwner) {
    for (const std::uint64_t version : {101u, 100'000u, 86'400'099u, 86'400'100u}) {
        LinkStates at_a = of(a), at_b = of(b);
        const std::array adverts{forged(a, version)};
        at_b.on_adverts(port_to(b, c), adverts, kStart);
        ASSERT_NE(heard(at_b), FabricCondition(fabric));
        at_a.set_own(FabricCondition(fabric));
        tell(at_b, b, at_a, a);
        at_a.on_time(kStart);
        tell(at_a, a, at_b, b, kStart + 1ms);
        EXPECT_EQ(heard(at_b), FabricCondition(fabric)) << version;
    }
}

TEST_F(LinkStatesTest, AVersionOfTheFutureIsRefusedUntilItIsNone) {
    LinkStates at_b = of(b);
    const std::array adverts{forged(a, 86'400'101), forged(a, ~std::uint64_t{0})};
    at_b.on_adverts(port_to(b, a), adverts, kStart);
    EXPECT_EQ(at_b.counters().early, 2u);
    EXPECT_EQ(heard(at_b), FabricCondition(fabric));
    at_b.on_adverts(port_to(b, a), adverts, kStart + 1ms);
    EXPECT_EQ(at_b.counters().early, 3u);
    EXPECT_NE(heard(at_b), FabricCondition(fabric));
}

TEST_F(LinkStatesTest, OfOurselvesNobodyIsBelieved) {
    LinkStates at_a = of(a);
    const std::array adverts{forged(a, 5'000)};
    at_a.on_adverts(port_to(a, b), adverts, kStart);
    EXPECT_EQ(heard(at_a), FabricCondition(fabric));
    EXPECT_EQ(at_a.counters().contested, 1u);
}

TEST_F(LinkStatesTest, AStormOfForgeriesMakesNoStormOfOurOwn) {
    LinkStates at_a = of(a);
    std::uint64_t version = 1'000;
    for (Time now = kStart; now < kStart + 1s; now += 1ms) {
        const std::array adverts{forged(a, version += 1'000)};
        at_a.on_adverts(port_to(a, b), adverts, kStart);
        at_a.on_time(now);
    }
    EXPECT_LE(at_a.counters().issued, 10u);
}

TEST(LinkStatesTracks, OfAnotherTrackNothingIsBelieved) {
    const Fabric fabric = racks(2, 2, 2, 1);  // sw0 - sw2 and sw1 - sw3, joined by GPUs alone
    const std::array own{*fabric.find_node("sw0")};
    std::vector<PortRef> ports;
    for (std::uint16_t i = 0; i < fabric.node(own[0]).ports.size(); ++i) {
        if (fabric.node(own[0]).ports[i].peer->node == fabric.find_node("sw2")) {
            ports.push_back({own[0], PortId{i}});
        }
    }
    LinkStates states(fabric, own, ports, 1, kStart);
    for (const char* name : {"sw1", "sw3"}) {
        const std::array adverts{
            LinkAdvert{.node = fabric.find_node(name)->value, .version = 5, .dead = 1}};
        states.on_adverts(0, adverts, kStart);
    }
    EXPECT_EQ(states.counters().foreign, 2u);
    const std::array adverts{
        LinkAdvert{.node = fabric.find_node("gpu3")->value, .version = 5, .dead = 1}};
    states.on_adverts(0, adverts, kStart);
    EXPECT_EQ(states.counters().taken, 1u);
}

TEST(LinkStatesParts, ANodeOfManyPortsSpeaksInParts) {
    FabricBuilder builder;
    const NodeId hub = builder.add_switch(), other = builder.add_switch();
    builder.link(hub, other);
    for (int i = 0; i < 150; ++i) builder.link(hub, builder.add_gpu());
    const Fabric fabric = builder.take();
    const std::array own{hub};
    const std::array own_other{other};
    const std::array ports{PortRef{hub, {0}}};
    const std::array ports_other{PortRef{other, {0}}};
    LinkStates at_hub(fabric, own, ports, 1, kStart);
    LinkStates at_other(fabric, own_other, ports_other, 1, kStart);
    FabricCondition condition(fabric);
    for (const std::size_t link : {std::size_t{1}, std::size_t{70}, std::size_t{150}}) {
        condition.dead[link] = true;
    }
    at_hub.set_own(condition);
    at_hub.on_time(kStart);
    Hello hello;
    at_hub.fill(0, hello);
    EXPECT_EQ(hello.advert_count, 3);
    at_other.on_adverts(0, hello.list(), kStart);
    FabricCondition heard(fabric);
    at_other.add_to(heard);
    EXPECT_EQ(heard, condition);
}

TEST(LinkStatesParts, MoreThanAHelloHoldsTakesSeveral) {
    const Fabric fabric = leaf_spine(4, 4, 1, 2);
    std::vector<NodeId> own;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].name != "sw0") own.push_back({n});
    }
    const NodeId spine = *fabric.find_node("sw0");
    std::vector<PortRef> ports;
    for (const FabricPort& port : fabric.node(spine).ports) ports.push_back(*port.peer);
    LinkStates many(fabric, own, ports, 1, kStart);
    FabricCondition condition(fabric);
    for (const NodeId node : own) condition.drained_nodes[node.value] = true;
    many.set_own(condition);
    many.on_time(kStart);
    const std::array other{spine};
    const std::array other_ports{PortRef{spine, {0}}};
    LinkStates one(fabric, other, other_ports, 1, kStart);
    std::size_t hellos = 0;
    for (; many.is_urgent(0); ++hellos) {
        Hello hello;
        many.fill(0, hello);
        ASSERT_GT(hello.advert_count, 0);
        one.on_adverts(0, hello.list(), kStart);
    }
    EXPECT_EQ(hellos, (own.size() + Hello::kMaxAdverts - 1) / Hello::kMaxAdverts);
    FabricCondition heard(fabric);
    one.add_to(heard);
    EXPECT_EQ(heard, condition);
}

}  // namespace
}  // namespace ethlink::control::test
