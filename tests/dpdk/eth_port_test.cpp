// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/eth_port.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/dpdk/lcore_runner.h"
#include "dataplane/dpdk/port_supervisor.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

using test::eventually;
using test::make_pool;
using test::numbered_frame;
using test::open_port;

constexpr Time kNow{};

TEST(EthPort, CarriesFramesThroughARingInOrder) {
    const auto pool = make_pool();
    {
        const auto port = open_port("net_ring0", *pool);
        EXPECT_TRUE(port->is_up());
        EXPECT_EQ(port->keep(), Keep::kCopy);
        EXPECT_EQ(port->frames_held_max(), 1024u);
        Burst<Mbuf> out;
        for (std::uint8_t i = 0; i < 20; ++i) out.push(numbered_frame(*pool, i));
        port->tx_burst(out, kNow);
        EXPECT_TRUE(out.empty());
        Burst<Mbuf> in;
        in.push(numbered_frame(*pool, 99));  // Frames from before stay in front.
        port->rx_burst(in, kNow);
        ASSERT_EQ(in.size(), 21u);
        for (std::uint8_t i = 0; i < 20; ++i) {
            EXPECT_EQ(in[i + 1u].bytes()[0], static_cast<std::byte>(i));
        }
        EXPECT_EQ(port->counters().tx_frames.read(), 20u);
        EXPECT_EQ(port->counters().tx_bytes.read(), 20u * 60);
        EXPECT_EQ(port->counters().rx_frames.read(), 20u);
        EXPECT_EQ(port->counters().rx_bytes.read(), 20u * 60);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, LeavesInTheBurstWhatTheMediumRefuses) {
    const auto pool = make_pool(2047);
    {
        const auto port = open_port("net_ring0", *pool);
        Burst<Mbuf> out;
        for (std::uint32_t i = 0; i < 1023; ++i) {
            if (out.room() == 0) port->tx_burst(out, kNow);
            out.push(numbered_frame(*pool, 0));
        }
        port->tx_burst(out, kNow);
        EXPECT_TRUE(out.empty());
        for (std::uint8_t i = 0; i < 5; ++i) out.push(numbered_frame(*pool, i));
        port->tx_burst(out, kNow);
        EXPECT_EQ(out.size(), 5u);  // Nothing spins, nothing is lost.
        EXPECT_EQ(port->counters().tx_refused.read(), 1u);
        EXPECT_EQ(port->counters().tx_bytes.read(), 1023u * 60);
        Burst<Mbuf> in;
        while (in.size() < 3) port->rx_burst(in, kNow);
        in.clear();
        port->tx_burst(out, kNow);
        EXPECT_TRUE(out.empty());
        for (port->rx_burst(in, kNow); !in.empty(); port->rx_burst(in, kNow)) in.clear();
        EXPECT_EQ(port->counters().rx_frames.read(), 1028u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, DropsAndCountsChainedAndOversizeFrames) {
    const auto pool = make_pool();
    {
        const auto port = open_port("net_ring0", *pool, 100);
        Burst<Mbuf> out;
        out.push(numbered_frame(*pool, 1, 101));
        out.push(numbered_frame(*pool, 2, 100));
        Mbuf head = numbered_frame(*pool, 3, 60);
        Mbuf tail = numbered_frame(*pool, 4, 20);
        ASSERT_EQ(rte_pktmbuf_chain(head.get(), tail.surrender()), 0);
        out.push(std::move(head));
        out.push(numbered_frame(*pool, 5, 60));
        port->tx_burst(out, kNow);
        Burst<Mbuf> in;
        port->rx_burst(in, kNow);
        ASSERT_EQ(in.size(), 2u);
        EXPECT_EQ(in[0].bytes()[0], std::byte{2});
        EXPECT_EQ(in[1].bytes()[0], std::byte{5});
        EXPECT_EQ(port->refused().read(Drop::kOversize), 1u);
        EXPECT_EQ(port->refused().read(Drop::kMultiSegment), 1u);
        EXPECT_EQ(port->counters().rx_frames.read(), 2u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, WhatItRefusesIsCountedWhereItsOwnerLooks) {
    const auto pool = make_pool();
    {
        const auto port = open_port("net_ring0", *pool, 100);
        CounterSet<Drop> drops;
        port->count_refused_in(drops);
        Burst<Mbuf> out;
        out.push(numbered_frame(*pool, 1, 101));
        out.push(numbered_frame(*pool, 2, 102));
        out.push(numbered_frame(*pool, 3, 100));
        port->tx_burst(out, kNow);
        Burst<Mbuf> in;
        port->rx_burst(in, kNow);
        EXPECT_EQ(in.size(), 1u);
        EXPECT_EQ(drops.read(Drop::kOversize), 2u);
        EXPECT_EQ(drops.read(Drop::kMultiSegment), 0u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, ASharedFrameSurvivesTheDriversFree) {
    const auto pool = make_pool();
    {
        const auto port = open_port("net_null0", *pool);
        EXPECT_EQ(port->keep(), Keep::kShare);
        Burst<Mbuf> out;
        Mbuf kept;
        {
            Mbuf frame = numbered_frame(*pool, 8);
            kept = frame.share();
            out.push(std::move(frame));
        }
        port->tx_burst(out, kNow);
        EXPECT_TRUE(out.empty());
        EXPECT_FALSE(kept.is_shared());
        EXPECT_EQ(kept.bytes()[59], std::byte{8});
        EXPECT_EQ(pool->in_use(), 1u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, TheSameDeviceCanBeOpenedAgainButNotTwice) {
    const auto pool = make_pool();
    for (int i = 0; i < 3; ++i) {
        const auto port = open_port("net_null0", *pool);
        const auto twice = EthPort::open({.device = "net_null0", .max_frame_bytes = 60}, *pool);
        ASSERT_FALSE(twice);
        EXPECT_NE(twice.error().find("exists already"), std::string::npos) << twice.error();
        Burst<Mbuf> in;
        port->rx_burst(in, kNow);
        EXPECT_EQ(in.size(), kBurstSize);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, SaysWhyADeviceCannotBeOpened) {
    const auto pool = make_pool(63);
    const auto reason = [&pool](const std::string& device) {
        const auto port = EthPort::open({.device = device, .max_frame_bytes = 1518}, *pool);
        return port ? std::string() : port.error();
    };
    EXPECT_NE(reason("net_nosuch0").find("net_nosuch0"), std::string::npos);
    EXPECT_NE(reason("0000:ff:1f.7").find("dpdk-devbind"), std::string::npos);
    EXPECT_NE(reason("net_af_packet0,iface=nosuch0").find("network namespace"), std::string::npos);
    EXPECT_NE(reason("eth_null0").find("net_null"), std::string::npos) << reason("eth_null0");
    EXPECT_NE(reason("net_af_packet0,iface=lo,framesz=4096,blocksz=4096").find("overwrite memory"),
              std::string::npos);
    EXPECT_NE(reason("net_pcap0,rx_pcap=/nosuch.pcap").find("nosuch"), std::string::npos);
    EXPECT_EQ(pool->in_use(), 0u);
}

class PortPoller final : public Pollable {
public:
    explicit PortPoller(EthPort& port) : port_(port) {}
    Turn poll_once(Time now) override {
        port_.rx_burst(burst_, now);
        port_.tx_burst(burst_, now);  // Round and round the ring; while paused, none is lost.
        return Turn::kIdle;
    }

private:
    EthPort& port_;
    Burst<Mbuf> burst_;
};

TEST(EthPort, RestartsUnderAPollingCore) {
    const auto pool = make_pool();
    {
        const auto port = open_port("net_ring0", *pool);
        EXPECT_FALSE(port->restart());  // Not while a worker may be inside.
        Burst<Mbuf> seed;
        for (std::uint8_t i = 0; i < 8; ++i) seed.push(numbered_frame(*pool, i));
        port->tx_burst(seed, kNow);

        PortPoller poller(*port);
        LcoreRunner runner(test::eal().workers()[0], TscClock::calibrate(), {.yield = true});
        ASSERT_TRUE(runner.start({&poller}));
        for (int i = 0; i < 20; ++i) {
            port->request_pause();
            ASSERT_TRUE(eventually([&] { return port->is_paused(); }));
            ASSERT_TRUE(port->restart());
            const std::uint64_t before = port->counters().rx_frames.read();
            port->resume();
            EXPECT_TRUE(eventually([&] { return port->counters().rx_frames.read() > before; }));
        }
        runner.stop();
        EXPECT_EQ(port->restarts(), 20u);
        EXPECT_EQ(pool->in_use(), 8u);
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(EthPort, IsDownForTheWorkerAfterAFailedRefreshOnly) {
    const auto pool = make_pool();
    const auto port = open_port("net_null0", *pool);
    EXPECT_TRUE(port->refresh_link_status());
    EXPECT_FALSE(port->restart_heals());
    EXPECT_FALSE(port->checks_fcs());
    PortSupervisor supervisor;
    supervisor.watch(*port, kNow);
    EXPECT_TRUE(supervisor.on_time(kNow + std::chrono::hours(1)).empty());
    EXPECT_EQ(port->restarts(), 0u);
}

// A capture file, written and read by hand: 24 bytes of header, 16 per record.

void put32(std::ofstream& file, std::uint32_t value) {
    std::array<char, 4> bytes;
    for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    file.write(bytes.data(), bytes.size());
}

void write_capture(const std::filesystem::path& path, const std::vector<std::uint32_t>& sizes) {
    std::ofstream file(path, std::ios::binary);
    for (const std::uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65'535u, 1u}) {
        put32(file, word);
    }
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        for (const std::uint32_t word : {0u, 0u, sizes[i], sizes[i]}) put32(file, word);
        const std::string bytes(sizes[i], static_cast<char>(i));
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
}

TEST(EthPort, ReadsAndWritesCaptures) {
    const auto directory =
        std::filesystem::temp_directory_path() / ("ethlink-pcap-" + std::to_string(getpid()));
    std::filesystem::create_directory(directory);
    write_capture(directory / "in.pcap", {60, 1518, 3000, 61, 1519});
    const auto pool = make_pool();
    {
        const auto port = open_port("net_pcap0,rx_pcap=" + (directory / "in.pcap").string() +
                                        ",tx_pcap=" + (directory / "out.pcap").string(),
                                    *pool);
        Burst<Mbuf> burst;
        for (int i = 0; i < 8; ++i) port->rx_burst(burst, kNow);
        ASSERT_EQ(burst.size(), 3u);
        EXPECT_EQ(burst[1].size(), 1518u);
        EXPECT_EQ(burst[2].bytes()[60], std::byte{3});
        EXPECT_EQ(port->refused().read(Drop::kMultiSegment), 1u);
        EXPECT_EQ(port->refused().read(Drop::kOversize), 1u);
        port->tx_burst(burst, kNow);
        EXPECT_TRUE(burst.empty());
    }
    EXPECT_EQ(pool->in_use(), 0u);
    EXPECT_EQ(std::filesystem::file_size(directory / "out.pcap"), 24u + 3 * 16 + 60 + 1518 + 61);
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace ethlink::dpdk
