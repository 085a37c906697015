// SPDX-License-Identifier: BSD-3-Clause
// Which devices links get that have none, and how a node is started.
#include "control/deploy/wiring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/capacity.h"
#include "control/topology.h"
#include "tests/unit/deploy/fabric_text.h"

namespace ethlink::control {
namespace {

using test::good;
using test::kNics;
using test::rack_text;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const WiringOptions kMemif{.medium = Medium::kMemif, .all_links = false, .memif_prefix = "/run/x/"};

Wiring wired(Fabric& fabric, const WiringOptions& options) {
    auto wiring = wire_up(fabric, options);
    if (wiring) return *wiring;
    ADD_FAILURE() << text(wiring.error());
    return {};
}

TEST(Wiring, TheEndsOfAMemifLinkMeetAtOneSocket) {
    Fabric fabric = good(rack_text());
    const Wiring wiring = wired(fabric, kMemif);
    EXPECT_THAT(
        wiring.devices[0],
        ElementsAre(
            "leaf0:e0=net_memif0,role=server,id=0,socket-abstract=no,socket=/run/x/0.memif",
            "leaf0:e1=net_memif1,role=server,id=0,socket-abstract=no,socket=/run/x/1.memif"));
    EXPECT_THAT(
        wiring.devices[2],
        ElementsAre(
            "gpu1:e0=net_memif0,role=client,id=0,socket-abstract=no,socket=/run/x/1.memif"));
    EXPECT_THAT(wiring.veths, IsEmpty());
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        EXPECT_THAT(check_runs_alone(fabric, NodeId{n}), IsEmpty());
    }
}

TEST(Wiring, DevicesOfTheFileStay) {
    Fabric fabric = good(rack_text(kNics));
    const Wiring wiring = wired(fabric, kMemif);
    EXPECT_EQ(fabric.nodes[0].ports[0].device, "0000:03:00.0");
    EXPECT_EQ(wiring.devices[0].size(), 1u);
    EXPECT_THAT(wiring.devices[1], IsEmpty());
}

TEST(Wiring, OrAreReplaced) {
    Fabric fabric = good(rack_text(kNics));
    const Wiring wiring =
        wired(fabric, {.medium = Medium::kVeth, .all_links = true, .memif_prefix = {}});
    EXPECT_THAT(wiring.devices[0], ElementsAre("leaf0:e0=net_af_packet0,iface=e0",
                                               "leaf0:e1=net_af_packet1,iface=e1"));
    ASSERT_EQ(wiring.veths.size(), 2u);
    EXPECT_EQ(wiring.veths[1].a_interface, "e1");
    EXPECT_EQ(wiring.veths[1].b, NodeId{2});
    EXPECT_EQ(wiring.veths[1].b_interface, "e0");
    EXPECT_EQ(wiring.veths[1].mtu, longest_frame(fabric.profiles.front()) + kFcsBytes - 14);
}

TEST(Wiring, HalfALinkIsRefused) {
    Fabric fabric = good(rack_text(R"(, devices: {"leaf0:e0": "0000:03:00.0"})"));
    const auto wiring = wire_up(fabric, kMemif);
    ASSERT_FALSE(wiring);
    EXPECT_THAT(text(wiring.error()), HasSubstr("`leaf0:e0` has a device and `gpu0:e0`"));
}

TEST(Wiring, ADeviceNumberIsUsedOnce) {
    Fabric fabric = good(rack_text() +
                         "ports:\n  - {port: \"leaf0:p0\", device: \"net_memif0,role=server\", "
                         "gpu: 0x0210}\n");
    const Wiring wiring = wired(fabric, kMemif);
    EXPECT_THAT(wiring.devices[0][0], HasSubstr("=net_memif1,"));
    EXPECT_THAT(wiring.devices[0][1], HasSubstr("=net_memif2,"));
}

TEST(Wiring, TheKernelGetsNamesThatItTakes) {
    FabricNode node;
    node.ports.resize(2);
    node.ports[0].name = "e0";
    node.ports[1].name = "e1";
    EXPECT_EQ(interface_name(node, PortId{1}), "e1");
    for (const std::string name : {"a-name-of-16-abc", "lo", "eth0", "all"}) {
        node.ports[1].name = name;
        EXPECT_EQ(interface_name(node, PortId{0}), "p0") << name;
        EXPECT_EQ(interface_name(node, PortId{1}), "p1") << name;
    }
}

TEST(Wiring, ACommandSaysOnlyWhatIsNotTheDefault) {
    const Fabric fabric = good(rack_text());
    EXPECT_THAT(node_command(fabric.nodes[0], "f.yaml", "leaf0", {"leaf0:e0=x"}),
                ElementsAre("switch", "f.yaml", "--node", "leaf0", "--device", "leaf0:e0=x"));
    EXPECT_THAT(node_command(fabric.nodes[1], "f.yaml", "two.gpu0", {}),
                ElementsAre("endpoint", "f.yaml", "--node", "gpu0", "--instance", "two.gpu0"));
}

}  // namespace
}  // namespace ethlink::control
