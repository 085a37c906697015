// SPDX-License-Identifier: BSD-3-Clause
// A memif client whose server, in another process, is killed and comes back.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/dpdk/eth_port.h"
#include "dataplane/dpdk/lcore_runner.h"
#include "dataplane/dpdk/netdev.h"
#include "dataplane/dpdk/port_supervisor.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

using test::eventually;
using test::make_pool;
using test::MemifServer;
using test::new_socket;
using test::open_port;

constexpr int kKills = 8;

/// Keeps some frames on their way to the server and back.
class Pinger final : public Pollable {
public:
    Pinger(EthPort& port, MbufPool& pool) : port_(port), pool_(pool) {}
    Turn poll_once(Time now) override {
        port_.rx_burst(in_, now);
        in_.clear();
        if (!port_.is_up()) out_.clear();
        while (port_.is_up() && out_.room() > 0) {
            Mbuf frame = pool_.allocate(1500);
            if (!frame) break;
            out_.push(std::move(frame));
        }
        port_.tx_burst(out_, now);
        return Turn::kIdle;
    }

private:
    EthPort& port_;
    MbufPool& pool_;
    Burst<Mbuf> in_;
    Burst<Mbuf> out_;
};

/// Lets the supervisor work until the condition holds; time is real.
class Supervision {
public:
    explicit Supervision(EthPort& port) : clock_(TscClock::calibrate()) {
        supervisor_.watch(port, clock_.now());
    }
    bool until(const std::function<bool()>& condition) {
        return eventually([&] {
            for (const PortEvent& event : supervisor_.on_time(clock_.now())) {
                kinds_.push_back(event.kind);
            }
            return condition();
        });
    }
    long count(PortEvent::Kind kind) const {
        return std::count(kinds_.begin(), kinds_.end(), kind);
    }
    TscClock clock() const { return clock_; }

private:
    TscClock clock_;
    PortSupervisor supervisor_;
    std::vector<PortEvent::Kind> kinds_;
};

TEST(Memif, TheSupervisorHealsAClientWhoseServerWasKilled) {
    const std::string socket = new_socket();
    const auto pool = make_pool();
    {
        // The client is first: no server yet is no error.
        const auto port = open_port("net_memif0,role=client,socket=" + socket, *pool);
        EXPECT_FALSE(port->is_up());
        EXPECT_EQ(port->notices().size(), 1u);
        EXPECT_TRUE(port->restart_heals());
        Supervision supervision(*port);
        Pinger pinger(*port, *pool);
        LcoreRunner runner(test::eal().workers()[0], supervision.clock(),
                           {});  // Busy: most kills find it inside the driver (UnmapGuard).
        ASSERT_TRUE(runner.start({&pinger}));
        const auto carries_traffic = [&port] {
            const std::uint64_t before = port->counters().rx_frames.read();
            return [&port, before] { return port->counters().rx_frames.read() > before + 10; };
        };
        EXPECT_TRUE(supervision.until(
            [&] { return supervision.count(PortEvent::Kind::kRestartFailed) == 1; }));

        for (int round = 0; round < kKills; ++round) {
            MemifServer server(socket);
            EXPECT_TRUE(supervision.until([&] { return port->is_up(); }));
            EXPECT_TRUE(supervision.until(carries_traffic()));
            server.kill_hard();
            EXPECT_TRUE(supervision.until([&] { return !port->is_up(); }));
        }
        EXPECT_EQ(supervision.count(PortEvent::Kind::kUp), kKills);
        EXPECT_EQ(supervision.count(PortEvent::Kind::kDown), kKills);
        EXPECT_GE(port->restarts(), static_cast<std::uint64_t>(kKills));
        runner.stop();
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(Memif, AnEarlyPauseIsTakenBackWhenTheLinkComesUp) {
    const std::string socket = new_socket();
    const auto pool = make_pool();
    const auto server = open_port("net_memif0,role=server,socket=" + socket, *pool);
    const auto client = open_port("net_memif1,role=client,socket=" + socket, *pool);
    PortSupervisor supervisor;
    supervisor.watch(*client, Time{});
    EXPECT_TRUE(eventually([&] { return client->refresh_link_status(); }));
    supervisor.on_time(Time{} + std::chrono::milliseconds(100));
    EXPECT_TRUE(client->is_up());
    EXPECT_FALSE(client->is_paused());
    EXPECT_EQ(client->restarts(), 0u);
    EXPECT_FALSE(server->restart_heals());
}

TEST(Memif, CarriesJumboFramesInOneBuffer) {
    const std::string socket = new_socket();
    const auto pool = make_pool(511, 9216);
    {
        const auto server = open_port("net_memif0,role=server,socket=" + socket, *pool, 9216);
        const auto client = open_port("net_memif1,role=client,socket=" + socket, *pool, 9216);
        ASSERT_TRUE(eventually(
            [&] { return server->refresh_link_status() && client->refresh_link_status(); }));
        Burst<Mbuf> in;
        for (int round = 0; round < 3000; ++round) {  // Around the ring of 1,024 and again.
            Burst<Mbuf> out;
            out.push(test::numbered_frame(*pool, static_cast<std::uint8_t>(round), 9216));
            client->tx_burst(out, Time{});
            server->rx_burst(in, Time{});
            ASSERT_EQ(in.size(), 1u);
            ASSERT_EQ(in[0].size(), 9216u);
            ASSERT_EQ(in[0].bytes()[9215], static_cast<std::byte>(round));
            in.clear();
        }
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(Memif, AServerReplacesTheSocketFileOfADeadOne) {
    const std::string path = "/tmp/" + new_socket() + ".sock";
    const int dead = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    ASSERT_EQ(bind(dead, generic, sizeof address), 0);
    ASSERT_EQ(listen(dead, 1), 0);
    remove_stale_socket(path);
    EXPECT_EQ(access(path.c_str(), F_OK), 0);  // Somebody listens: hands off.
    close(dead);

    const auto pool = make_pool(63);
    const auto port =
        EthPort::open({.device = "net_memif0,role=server,socket-abstract=no,socket=" + path,
                       .max_frame_bytes = 1518},
                      *pool);
    EXPECT_TRUE(port) << port.error();
    unlink(path.c_str());
}

}  // namespace
}  // namespace ethlink::dpdk
