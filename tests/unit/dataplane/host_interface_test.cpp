// SPDX-License-Identifier: BSD-3-Clause
// Hellos go past the link: up to the control thread, down to the wire, and never in a frame's way.
#include "dataplane/host_interface.h"

#include <gtest/gtest.h>

#include "proto/wire/control_frame.h"
#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr Vc kVc{0};

RigOptions pair(bool software_fcs = false) {
    RigOptions options;
    options.profile = quick_profile();
    options.ports = std::vector<RigPort>(2);
    for (RigPort& port : options.ports) port.software_fcs = software_fcs;
    return options;
}

wire::Hello hello(std::uint32_t sequence, std::size_t adverts = 0) {
    wire::Hello hello;
    hello.self = {1, 2, 3};
    hello.sequence = sequence;
    for (std::size_t i = 0; i < adverts; ++i) {
        wire::LinkAdvert advert;
        advert.node = static_cast<std::uint32_t>(i);
        hello.add(advert);
    }
    return hello;
}

void say(PortState<SimFrame>& port, const wire::Hello& hello) {
    ASSERT_GT(port.host->inject.room(), 0u);
    port.host->inject.push(wire::Hello(hello));
    port.host->inject.publish();
}

std::vector<wire::Hello> heard(PortState<SimFrame>& port) {
    auto& ring = port.host->punt;
    std::vector<wire::Hello> all;
    for (; ring.size() > 0; ring.pop()) all.push_back(ring.front().hello);
    ring.release();
    return all;
}

TEST(HostInterface, HellosPassBothWaysBesideTheLink) {
    for (const bool software_fcs : {false, true}) {
        SwitchRig rig(pair(software_fcs));
        rig.publish_star();
        ASSERT_TRUE(rig.come_up());
        say(rig.port(0), hello(1, wire::Hello::kMaxAdverts));
        say(rig.endpoint(0), hello(2));
        say(rig.endpoint(0), hello(3));
        rig.run_for(1ms);
        EXPECT_EQ(heard(rig.endpoint(0)),
                  std::vector<wire::Hello>{hello(1, wire::Hello::kMaxAdverts)});
        EXPECT_EQ(heard(rig.port(0)), (std::vector<wire::Hello>{hello(2), hello(3)}));
        EXPECT_EQ(rig.port(0).link->stats().read(LinkStat::kLlrRxMissingSeq), 0u);
        EXPECT_EQ(rig.drops(Drop::kPuntFull) + rig.drops(Drop::kControlMalformed), 0u);
    }
}

TEST(HostInterface, HellosAreNotHeldBackByALinkThatIsStalled) {
    SwitchRig rig(pair());
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (int i = 0; i < 200; ++i) rig.offer(1, 0, kVc);  // More than the credits.
    say(rig.port(0), hello(9));
    rig.run_for(1ms);
    EXPECT_EQ(heard(rig.endpoint(0)).size(), 1u);
}

TEST(HostInterface, AFullRingDropsAndCountsAndHarmsNobodyElse) {
    SwitchRig rig(pair());
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    const std::size_t room = HostInterface::kPuntFrames;
    for (std::uint32_t i = 0; i < room + 5; ++i) {
        say(rig.endpoint(0), hello(i));
        rig.run_for(1ms);
    }
    say(rig.endpoint(1), hello(77));
    rig.run_for(1ms);
    EXPECT_EQ(rig.drops(Drop::kPuntFull), 5u);
    const auto kept = heard(rig.port(0));
    ASSERT_EQ(kept.size(), room);
    EXPECT_EQ(kept.front().sequence, 0u);
    EXPECT_EQ(heard(rig.port(1)), std::vector<wire::Hello>{hello(77)});
    say(rig.endpoint(0), hello(100));
    rig.run_for(1ms);
    EXPECT_EQ(heard(rig.port(0)).size(), 1u) << "there is room again";
}

TEST(HostInterface, WhatWasToBeSaidOnACutCableIsNotSaidLater) {
    SwitchRig rig(pair());
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.wire(0).set_up(false);
    rig.run_for(1ms);
    for (std::uint32_t i = 0; i < HostInterface::kInjectFrames; ++i) say(rig.port(0), hello(i));
    rig.run_for(1ms);
    rig.wire(0).set_up(true);
    rig.run_for(1ms);
    EXPECT_TRUE(heard(rig.endpoint(0)).empty());
    say(rig.port(0), hello(50));
    rig.run_for(1ms);
    EXPECT_EQ(heard(rig.endpoint(0)).size(), 1u);
}

TEST(HostInterface, FramesFlowOnAmongHellos) {
    SwitchRig rig(pair());
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (std::uint32_t i = 0; i < 200; ++i) {
        rig.offer(0, 1, kVc);
        if (rig.port(1).host->inject.room() > 0) say(rig.port(1), hello(i));
        rig.run_for(20us);
        heard(rig.endpoint(1));
    }
    EXPECT_TRUE(rig.run_until([&] { return rig.script(1).received.size() == 200; }, 10ms));
    EXPECT_EQ(rig.in_order(1, 0, kVc), 200u);
    rig.run_for(1ms);
    EXPECT_EQ(rig.credits_leaked(), 0u);
}

}  // namespace
}  // namespace ethlink::sim
