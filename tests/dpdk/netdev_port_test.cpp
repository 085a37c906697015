// SPDX-License-Identifier: BSD-3-Clause
// Ports on kernel interfaces, on a veth pair in a network namespace of the test's own.
#include <algorithm>
#include <arpa/inet.h>
#include <cstddef>
#include <cstdint>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/dpdk/eth_port.h"
#include "dataplane/dpdk/netdev.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

using test::eventually;
using test::make_pool;
using test::open_port;
using test::shell;

constexpr Time kNow{};
constexpr std::size_t kMarkAt = 20;  // far enough behind the EtherType

/// A neighbour at the far end that sends and receives raw frames through the kernel.
class RawSocket {
public:
    explicit RawSocket(const char* interface)
        : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL))) {
        address_.sll_family = AF_PACKET;
        address_.sll_protocol = htons(ETH_P_ALL);
        address_.sll_ifindex = static_cast<int>(if_nametoindex(interface));
        bind(fd_, generic(), sizeof address_);
    }
    ~RawSocket() { close(fd_); }
    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;

    bool send(std::size_t size, std::uint8_t mark, std::uint16_t tci = 0) {
        std::vector<std::uint8_t> bytes(size, mark);
        std::size_t at = 12;
        if (tci != 0) {
            bytes[at++] = 0x81;
            bytes[at++] = 0x00;
            bytes[at++] = static_cast<std::uint8_t>(tci >> 8);
            bytes[at++] = static_cast<std::uint8_t>(tci);
        }
        bytes[at++] = 0x88;
        bytes[at++] = 0xb5;
        return ::send(fd_, bytes.data(), size, 0) == static_cast<ssize_t>(size);
    }

    /// The size of a frame with this mark, 0 if none is waiting.
    std::size_t receive(std::uint8_t mark) {
        std::vector<std::uint8_t> bytes(65'536);
        for (;;) {
            const ssize_t n = recv(fd_, bytes.data(), bytes.size(), 0);
            if (n <= 0) return 0;
            if (n > 20 && bytes[kMarkAt] == mark) return static_cast<std::size_t>(n);
        }
    }

private:
    const sockaddr* generic() const {
        return static_cast<const sockaddr*>(static_cast<const void*>(&address_));
    }

    int fd_;
    sockaddr_ll address_{};
};

class NetdevPort : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::has_own_network()) {
            GTEST_SKIP() << "needs the right to make a network namespace (root)";
        }
        shell("sysctl -w net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
        if (!shell("ip link add va0 type veth peer name vb0 && "
                   "ip link set vb0 mtu 9000 up && ip link set va0 up")) {
            GTEST_SKIP() << "needs the ip program and veth interfaces";
        }
    }
    void TearDown() override { shell("ip link del va0"); }

    /// Polls until a frame with this mark is there; frees all others.
    static std::size_t receive(EthPort& port, std::uint8_t mark) {
        std::size_t size = 0;
        eventually([&] {
            Burst<Mbuf> burst;
            port.rx_burst(burst, kNow);
            for (Mbuf& frame : burst) {
                if (frame.size() > kMarkAt && frame.bytes()[kMarkAt] == std::byte{mark}) {
                    size = frame.size();
                }
            }
            return size != 0;
        });
        return size;
    }
};

TEST_F(NetdevPort, AfPacketCarriesFramesOfTheFullSizeBothWays) {
    const auto pool = make_pool(1023, 9216);
    {
        const auto port = open_port("net_af_packet0,iface=va0", *pool, 9014);
        EXPECT_TRUE(eventually([&] { return port->refresh_link_status(); }));
        RawSocket peer("vb0");
        ASSERT_TRUE(peer.send(9014, 1));
        EXPECT_EQ(receive(*port, 1), 9014u);
        ASSERT_TRUE(peer.send(60, 2));
        EXPECT_EQ(receive(*port, 2), 60u);
        for (const std::uint32_t size : {60u, 1514u, 9014u}) {
            Burst<Mbuf> out;
            out.push(test::numbered_frame(*pool, 3, size));
            port->tx_burst(out, kNow);
            EXPECT_TRUE(out.empty());
            EXPECT_TRUE(eventually([&] { return peer.receive(3) == size; })) << size;
        }
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST_F(NetdevPort, AfPacketKeepsTheVlanTag) {
    const auto pool = make_pool();
    const auto port = open_port("net_af_packet0,iface=va0", *pool);
    RawSocket peer("vb0");
    Burst<Mbuf> burst;
    ASSERT_TRUE(peer.send(64, 4, 0x2005));
    ASSERT_TRUE(eventually([&] {
        port->rx_burst(burst, kNow);
        return !burst.empty();
    }));
    ASSERT_EQ(burst[0].size(), 64u);
    EXPECT_EQ(burst[0].bytes()[12], std::byte{0x81});
    EXPECT_EQ(burst[0].bytes()[14], std::byte{0x20});
    EXPECT_EQ(burst[0].bytes()[16], std::byte{0x88});
}

// DPDK 22.11.11 copies whatever the kernel's slot holds into one mbuf: with slots larger than
// mbufs a neighbour overwrites our memory.
TEST_F(NetdevPort, AJumboFrameAtASmallPortIsDroppedCountedAndHarmless) {
    const auto pool = make_pool(255, 2048);
    {
        const auto port = open_port("net_af_packet0,iface=va0", *pool, 1518);
        ASSERT_TRUE(shell("ip link set va0 mtu 9000"));
        RawSocket peer("vb0");
        for (int i = 0; i < 50; ++i) ASSERT_TRUE(peer.send(9000, 5));
        ASSERT_TRUE(peer.send(1518, 6));
        EXPECT_EQ(receive(*port, 6), 1518u);
        EXPECT_EQ(port->refused().read(Drop::kOversize), 50u);
        EXPECT_EQ(port->refused().read(Drop::kMultiSegment), 0u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
    std::vector<Mbuf> all(255);  // Every buffer of the pool is still as it should be.
    ASSERT_TRUE(pool->allocate_many(all, 2048));
    for (const Mbuf& frame : all) {
        EXPECT_EQ(frame.get()->pool, pool->get());
        EXPECT_EQ(frame.get()->buf_len, 2048 + RTE_PKTMBUF_HEADROOM);
    }
}

TEST_F(NetdevPort, TheLinkFollowsTheNeighbour) {
    const auto pool = make_pool();
    const auto port = open_port("net_af_packet0,iface=va0", *pool);
    EXPECT_TRUE(eventually([&] { return port->refresh_link_status(); }));
    ASSERT_TRUE(shell("ip link set vb0 down"));
    EXPECT_TRUE(eventually([&] { return !port->refresh_link_status(); }));
    EXPECT_FALSE(port->is_up());
    ASSERT_TRUE(shell("ip link set vb0 up"));
    EXPECT_TRUE(eventually([&] { return port->refresh_link_status(); }));
    RawSocket peer("vb0");
    ASSERT_TRUE(peer.send(60, 7));
    EXPECT_EQ(receive(*port, 7), 60u);
}

TEST_F(NetdevPort, AnInterfaceThatIsDownIsToldToTheUser) {
    ASSERT_TRUE(shell("ip link set va0 down"));
    const auto pool = make_pool();
    const auto port = open_port("net_af_packet0,iface=va0", *pool);
    ASSERT_EQ(port->notices().size(), 1u);
    EXPECT_NE(port->notices()[0].find("ip link set va0 up"), std::string::npos);
    EXPECT_FALSE(port->is_up());
}

TEST_F(NetdevPort, TapCarriesFrames) {
    const auto pool = make_pool();
    {
        auto port = EthPort::open({.device = "net_tap0,iface=t0", .max_frame_bytes = 1514}, *pool);
        if (!port) GTEST_SKIP() << port.error();
        RawSocket peer("t0");
        Burst<Mbuf> out;
        out.push(test::numbered_frame(*pool, 9, 1514));
        (*port)->tx_burst(out, kNow);
        EXPECT_TRUE(eventually([&] { return peer.receive(9) == 1514; }));
        ASSERT_TRUE(peer.send(100, 10));
        EXPECT_EQ(receive(**port, 10), 100u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(Netdev, SaysWhatToDoWithoutAnInterface) {
    EXPECT_FALSE(Netdev("nosuch0").is_running());
    const auto raised = Netdev("nosuch0").raise_mtu(9000);
    ASSERT_FALSE(raised);
    EXPECT_NE(raised.error().find("nosuch0"), std::string::npos);
}

}  // namespace
}  // namespace ethlink::dpdk
