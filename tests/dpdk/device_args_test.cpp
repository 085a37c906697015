// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/device_args.h"

#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "dataplane/dpdk/driver_rule.h"

namespace ethlink::dpdk {
namespace {

DeviceArgs parsed(std::string_view device) {
    auto args = DeviceArgs::parse(device);
    EXPECT_TRUE(args) << args.error();
    return *args;
}

Expected<DeviceArgs, std::string> completed(std::string_view device, std::uint32_t max_frame,
                                            std::uint32_t data_room) {
    return complete(parsed(device), max_frame, data_room);
}

TEST(DeviceArgs, TakesADeviceApart) {
    const DeviceArgs args = parsed("net_memif12,role=client,socket=/run/a=b");
    EXPECT_EQ(args.name(), "net_memif12");
    EXPECT_EQ(args.driver(), "net_memif");
    EXPECT_FALSE(args.is_pci());
    EXPECT_EQ(args.get("role"), "client");
    EXPECT_EQ(args.get("socket"), "/run/a=b");
    EXPECT_EQ(args.get("id"), "");
    EXPECT_EQ(args.arguments(), "role=client,socket=/run/a=b");
}

TEST(DeviceArgs, KnowsAPciAddress) {
    const DeviceArgs args = parsed("0000:03:00.0,dv_flow_en=1");
    EXPECT_TRUE(args.is_pci());
    EXPECT_EQ(args.driver(), "");
    EXPECT_TRUE(rule_of(args.driver()).checks_fcs);
    EXPECT_TRUE(parsed("03:00.0").is_pci());
}

TEST(DeviceArgs, RefusesWhatIsNoDevice) {
    for (const std::string_view text : {"", ",a=b", "net_null0,", "net_null0,x", "net_null0,=1",
                                        "net_null0,a=1,a=2", "net_null0,,a=1"}) {
        EXPECT_FALSE(DeviceArgs::parse(text)) << text;
    }
}

TEST(DeviceArgs, MemifGetsABufferThatHoldsTheLongestFrame) {
    EXPECT_EQ(completed("net_memif0,role=server", 1518, 2048)->get("bsize"), "2048");
    EXPECT_EQ(completed("net_memif0,role=server", 2048, 2048)->get("bsize"), "4096");
    EXPECT_EQ(completed("net_memif0,role=client", 9216, 9344)->get("bsize"), "16384");
    const auto args = completed("net_memif0,role=client", 60'000, 60'000);
    EXPECT_EQ(args->get("bsize"), "65535");
    EXPECT_EQ(args->get("zero-copy"), "no");
    EXPECT_EQ(args->get("socket-abstract"), "yes");
    EXPECT_EQ(completed("net_memif0,role=server,bsize=4096", 1518, 2048)->get("bsize"), "4096");
}

TEST(DeviceArgs, MemifRefusesWhatWouldDamageFrames) {
    EXPECT_FALSE(completed("net_memif0", 1518, 2048));
    EXPECT_FALSE(completed("net_memif0,role=master", 1518, 2048));
    EXPECT_FALSE(completed("net_memif0,role=client,zero-copy=yes", 1518, 2048));
    EXPECT_FALSE(completed("net_memif0,role=client,bsize=x", 1518, 2048));
    const auto small = completed("net_memif0,role=client,bsize=1024", 1518, 2048);
    ASSERT_FALSE(small);
    EXPECT_NE(small.error().find("bsize=2048"), std::string::npos) << small.error();
}

TEST(DeviceArgs, AfPacketSlotsFitTheFrameTheBufferAndTheBlock) {
    for (const std::uint32_t max_frame : {64u, 1518u, 1522u, 2048u, 4096u, 8300u, 9216u}) {
        for (const std::uint32_t room : {max_frame + 96, 2 * max_frame + 96, 20'000u}) {
            const auto args = completed("net_af_packet0,iface=va0", max_frame, room);
            ASSERT_TRUE(args) << args.error();
            const auto framesz = std::stoul(std::string(args->get("framesz")));
            const auto blocksz = std::stoul(std::string(args->get("blocksz")));
            const auto framecnt = std::stoul(std::string(args->get("framecnt")));
            EXPECT_GE(framesz, max_frame + 67);
            EXPECT_LE(framesz, room);
            EXPECT_EQ(framesz % 16, 0u);
            EXPECT_EQ(blocksz % 4096, 0u);
            EXPECT_EQ(blocksz % framesz, 0u);
            EXPECT_EQ(framecnt % (blocksz / framesz), 0u);
            EXPECT_GE(framecnt, 512u);
        }
    }
}

TEST(DeviceArgs, AfPacketRefusesASlotThatOverrunsTheBuffer) {
    const auto wide = completed("net_af_packet0,iface=va0,blocksz=36864,framesz=9216", 1518, 2048);
    ASSERT_FALSE(wide);
    EXPECT_NE(wide.error().find("overwrite memory"), std::string::npos) << wide.error();
    const auto room = completed("net_af_packet0,iface=va0", 2048, 2048);
    ASSERT_FALSE(room);
    EXPECT_NE(room.error().find("2128"), std::string::npos) << room.error();
}

TEST(DeviceArgs, AfPacketRefusesGeometryThatTheKernelOrTheDriverWould) {
    const std::string device = "net_af_packet0,iface=va0";
    for (const char* rest :
         {",framesz=1024", ",framesz=2047", ",framesz=-1", ",framesz=2048x",
          ",framesz=2048,blocksz=73728,framecnt=511", ",framesz=2048,blocksz=2048",
          ",framesz=2000,blocksz=65536", ",qpairs=2"}) {
        EXPECT_FALSE(completed(device + rest, 1518, 4096)) << rest;
    }
    EXPECT_FALSE(completed("net_af_packet0", 1518, 4096));
    EXPECT_TRUE(completed(device + ",framesz=2048,blocksz=65536,framecnt=512", 1518, 2048));
}

TEST(DeviceArgs, TapIsRefusedLongFrames) {
    EXPECT_TRUE(completed("net_tap0,iface=t0", 1518, 2048));
    EXPECT_FALSE(completed("net_tap0,iface=t0", 1519, 2048));
}

TEST(DeviceArgs, NoFrameIsLongerThanABuffer) {
    EXPECT_FALSE(completed("net_null0", 2049, 2048));
    EXPECT_FALSE(completed("0000:03:00.0", 2049, 2048));
}

TEST(DriverRule, SoftwareMediaCheckNoFcsAndRingsHandOverTheBuffer) {
    EXPECT_FALSE(rule_of("net_memif").checks_fcs);
    EXPECT_FALSE(rule_of("net_af_packet").checks_fcs);
    EXPECT_EQ(rule_of("net_ring").keep, Keep::kCopy);
    EXPECT_EQ(rule_of("net_memif").keep, Keep::kShare);
    EXPECT_EQ(rule_of("mlx5_pci").keep, Keep::kShare);
}

}  // namespace
}  // namespace ethlink::dpdk
