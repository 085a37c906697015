// SPDX-License-Identifier: BSD-3-Clause
// A memif port is stopped and closed while EAL's interrupt thread takes its connection down.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include "dataplane/dpdk/eth_port.h"
#include "dataplane/dpdk/unmap_guard.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

using test::eventually;
using test::make_pool;
using test::MemifServer;
using test::new_socket;
using test::open_port;

constexpr int kHangUps = 100;
constexpr std::chrono::milliseconds kStay{200};

std::unique_ptr<EthPort> open_server(const std::string& socket, MbufPool& pool) {
    return open_port("net_memif0,role=server,socket=" + socket, pool);
}

std::unique_ptr<EthPort> open_client(const std::string& socket, MbufPool& pool) {
    return open_port("net_memif1,role=client,socket=" + socket, pool);
}

/// Keeps the interrupt thread in munmap(), as a worker does that is slow to leave the driver.
class SlowWorker {
public:
    /// To be made before the peer hangs up.
    SlowWorker() : stay_(std::make_unique<UnmapGuard::Stay>(&guard_)) {}
    ~SlowWorker() {
        if (thread_.joinable()) thread_.join();
    }
    SlowWorker(const SlowWorker&) = delete;
    SlowWorker& operator=(const SlowWorker&) = delete;

    /// Stays for kStay more, and looks at the end whether the device is still there.
    void leave_soon() {
        thread_ = std::thread([this] {
            std::this_thread::sleep_for(kStay);
            std::uint16_t port = 0;
            found_device_.store(rte_eth_dev_get_port_by_name("net_memif1", &port) == 0);
            left_.store(true);
            stay_.reset();
        });
    }
    bool has_left() const { return left_.load(); }
    bool found_device() const { return found_device_.load(); }

private:
    UnmapGuard guard_;
    std::unique_ptr<UnmapGuard::Stay> stay_;
    std::atomic<bool> left_{false};
    std::atomic<bool> found_device_{false};
    std::thread thread_;
};

/// A client whose server was killed just now: the interrupt thread is on its way through the
/// driver, or hangs in munmap().
class HungUp {
public:
    HungUp() {
        const std::string socket = new_socket();
        MemifServer server(socket);
        EXPECT_TRUE(eventually([&] {
            client_.reset();
            client_ = open_client(socket, *pool_);
            for (int i = 0; i < 100 && client_->notices().empty() && !client_->is_up(); ++i) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                client_->refresh_link_status();
            }
            return client_->is_up();
        }));
        worker_ = std::make_unique<SlowWorker>();
        server.kill_hard();
        EXPECT_TRUE(eventually([&] { return !client_->refresh_link_status(); }));
    }
    std::unique_ptr<EthPort>& client() { return client_; }
    SlowWorker& worker() { return *worker_; }

private:
    std::unique_ptr<MbufPool> pool_ = make_pool();
    std::unique_ptr<EthPort> client_;
    std::unique_ptr<SlowWorker> worker_;
};

TEST(MemifClose, APortIsNotClosedWhileTheInterruptThreadIsAtIt) {
    HungUp hung_up;
    hung_up.worker().leave_soon();
    hung_up.client().reset();
    EXPECT_TRUE(hung_up.worker().has_left());
    EXPECT_TRUE(hung_up.worker().found_device());
}

TEST(MemifClose, APortIsNotRestartedWhileTheInterruptThreadIsAtIt) {
    HungUp hung_up;
    EthPort& client = *hung_up.client();
    client.request_pause();
    Burst<Mbuf> burst;
    client.rx_burst(burst, Time{});
    ASSERT_TRUE(client.is_paused());
    hung_up.worker().leave_soon();
    EXPECT_FALSE(client.restart());  // Nobody is at the other end.
    EXPECT_TRUE(hung_up.worker().has_left());
}

TEST(MemifClose, BothEndsCloseAtTheSameTimeAgainAndAgain) {
    const auto pool = make_pool();
    for (int round = 0; round < kHangUps; ++round) {
        const std::string socket = new_socket();
        auto server = open_server(socket, *pool);
        auto client = open_client(socket, *pool);
        ASSERT_TRUE(eventually(
            [&] { return server->refresh_link_status() && client->refresh_link_status(); }));
        // Whoever closes first makes the interrupt thread disconnect the other one.
        if (round % 2 == 0) server.reset();
        client.reset();
        server.reset();
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

/// Whether somebody listens on an abstract socket of this name.
bool somebody_listens(const std::string& name) {
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 2);
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const bool connected = connect(fd, generic, bytes) == 0;
    close(fd);
    return connected;
}

TEST(MemifClose, AClosedServerListensNoMoreAndCanBeOpenedAgain) {
    const std::string socket = new_socket();
    const auto pool = make_pool();
    for (int round = 0; round < 3; ++round) {
        {
            const auto server = open_server(socket, *pool);
            EXPECT_TRUE(somebody_listens(socket));
            const auto client = open_client(socket, *pool);
            EXPECT_TRUE(eventually(
                [&] { return server->refresh_link_status() && client->refresh_link_status(); }));
        }
        ASSERT_FALSE(somebody_listens(socket));
    }
}

TEST(MemifClose, AClientThatHangsUpBeforeItIsGreetedDoesNoHarm) {
    const std::string socket = new_socket();
    const auto pool = make_pool();
    const auto server = open_server(socket, *pool);
    {
        const test::BusyInterruptThread busy;
        EXPECT_TRUE(somebody_listens(socket));
    }
    const auto client = open_client(socket, *pool);
    EXPECT_TRUE(
        eventually([&] { return server->refresh_link_status() && client->refresh_link_status(); }));
}

TEST(MemifClose, AServerListensAsLongAsAnotherOneSharesItsSocket) {
    const std::string socket = new_socket();
    const auto pool = make_pool();
    auto one = open_port("net_memif0,role=server,id=0,socket=" + socket, *pool);
    auto other = open_port("net_memif1,role=server,id=1,socket=" + socket, *pool);
    one.reset();
    EXPECT_TRUE(somebody_listens(socket));
    other.reset();
    EXPECT_FALSE(somebody_listens(socket));
}

}  // namespace
}  // namespace ethlink::dpdk
