// SPDX-License-Identifier: BSD-3-Clause
// Either side is killed in the middle: the other one notices, and nothing is left.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/client/include/ethlink/ethlink.h"
#include "tests/unit/client/fake_daemon.h"

namespace ethlink::client {
namespace {

using namespace std::chrono_literals;
using namespace test;

constexpr std::int64_t kSecond = 1'000'000;
using Clock = std::chrono::steady_clock;

/// A child process; whatever happens, it does not outlive the test.
class Child {
public:
    template <class Body>
    explicit Child(Body body) : pid_(fork()) {
        if (pid_ != 0) return;
        body();
        _exit(0);
    }
    ~Child() { kill_now(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void kill_now() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    pid_t pid_;
};

ethlink_session* open_soon(const std::string& path) {
    ethlink_session* session = nullptr;
    for (int i = 0; i < 5000; ++i) {
        if (ethlink_open(path.c_str(), kSecond, &session) == ETHLINK_OK) return session;
        std::this_thread::sleep_for(1ms);
    }
    return nullptr;
}

/// A program that has windows and peers, and never stops asking.
void hammer(const std::string& path) {
    ethlink_session* session = open_soon(path);
    ethlink_window* window = nullptr;
    ethlink_peer peer = 0;
    ethlink_peer silent = 0;
    if (ethlink_window_alloc(session, 1 << 20, ETHLINK_READ | ETHLINK_WRITE, &window) != 0 ||
        ethlink_connect(session, kPeerGpu, ETHLINK_LOAD_STORE, kSecond, &peer) != 0 ||
        ethlink_connect(session, kSilentGpu, ETHLINK_LOAD_STORE, kSecond, &silent) != 0) {
        _exit(1);
    }
    std::uint64_t value = 0;
    const std::uint64_t key = ethlink_window_key(window);
    for (int i = 0; i < 100; ++i) {
        ethlink_post_load(session, {key, 0, silent}, &value, 8, 0);
    }
    while (ethlink_store(session, {key, 8, peer}, &value, 8, kSecond) == ETHLINK_OK) ++value;
    _exit(1);
}

/// What this process has open beside a daemon that nobody knows.
std::size_t descriptors_of_an_idle_daemon(const std::string& path) {
    const FakeDaemon daemon(path);
    return open_descriptors();
}

TEST(CrashTest, AKilledProgramLeavesNothingAtTheDaemon) {
    const control::test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/gpu1.client.sock";
    std::vector<std::unique_ptr<Child>> programs;
    for (int i = 0; i < 3; ++i) {
        programs.push_back(std::make_unique<Child>([&path] { hammer(path); }));
    }
    const std::size_t before = open_descriptors();
    // At the other path: at this one the programs are in before anybody has counted.
    const std::size_t idle = descriptors_of_an_idle_daemon(directory.path() + "/gpu2.client.sock");
    {
        const FakeDaemon daemon(path);
        for (int i = 0; i < 5000 && daemon.window_bytes() < 3u << 20; ++i) {
            std::this_thread::sleep_for(1ms);
        }
        ASSERT_EQ(daemon.window_bytes(), 3u << 20);
        EXPECT_TRUE(descriptors_become(idle + 3)) << "one socket each, no memory's descriptors";
        for (const auto& program : programs) program->kill_now();
        EXPECT_TRUE(daemon.becomes_empty());
        EXPECT_TRUE(descriptors_become(idle));
    }
    EXPECT_EQ(open_descriptors(), before);
}

/// Keeps a daemon running until it is killed.
void serve_for_ever(const std::string& path) {
    const FakeDaemon daemon(path);
    while (true) pause();
}

class DaemonDeathTest : public testing::Test {
protected:
    DaemonDeathTest()
        : path(directory.path() + "/gpu1.client.sock"),
          daemon([this] { serve_for_ever(path); }),
          session(open_soon(path)) {
        EXPECT_NE(session, nullptr);
        ethlink_window_alloc(session, 4096, ETHLINK_READ | ETHLINK_WRITE, &window);
        ethlink_connect(session, kPeerGpu, ETHLINK_LOAD_STORE, kSecond, &peer);
        ethlink_connect(session, kSilentGpu, ETHLINK_LOAD_STORE, kSecond, &silent);
    }
    ~DaemonDeathTest() override { ethlink_close(session); }

    ethlink_remote at(ethlink_peer where) const { return {ethlink_window_key(window), 0, where}; }
    std::thread kill_soon() {
        return std::thread([this] {
            std::this_thread::sleep_for(50ms);
            daemon.kill_now();
        });
    }

    control::test::TemporaryDirectory directory;
    std::string path;
    Child daemon;
    ethlink_session* session;
    ethlink_window* window = nullptr;
    ethlink_peer peer = 0;
    ethlink_peer silent = 0;
    std::uint64_t value = 0;
};

TEST_F(DaemonDeathTest, ABlockingCallReturnsClosed) {
    std::thread killer = kill_soon();
    const auto started = Clock::now();
    EXPECT_EQ(ethlink_load(session, at(silent), &value, 8, 60 * kSecond), ETHLINK_CLOSED);
    EXPECT_LT(Clock::now() - started, 5s);
    killer.join();
    EXPECT_STREQ(ethlink_last_error(), "the session has ended");
    EXPECT_EQ(ethlink_load(session, at(peer), &value, 8, kSecond), ETHLINK_CLOSED);
    EXPECT_EQ(ethlink_post_load(session, at(peer), &value, 8, 0), ETHLINK_CLOSED);
    ethlink_window* other = nullptr;
    EXPECT_EQ(ethlink_window_alloc(session, 1, 0, &other), ETHLINK_CLOSED);
    EXPECT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_RDMA, kSecond, &peer), ETHLINK_CLOSED);
    EXPECT_EQ(ethlink_window_free(window), ETHLINK_CLOSED);
}

TEST_F(DaemonDeathTest, EachPostedRequestCompletesOnceWithClosed) {
    for (std::uint64_t i = 0; i < 300; ++i) {
        ASSERT_EQ(ethlink_post_load(session, at(silent), &value, 8, i), ETHLINK_OK);
    }
    std::thread killer = kill_soon();
    std::array<int, 300> seen{};
    ethlink_completion completion{};
    int got = 0;
    while ((got = ethlink_wait(session, &completion, 1, 60 * kSecond)) == 1) {
        EXPECT_EQ(completion.status, ETHLINK_CLOSED);
        ++seen.at(completion.cookie);
    }
    killer.join();
    EXPECT_EQ(got, -ETHLINK_CLOSED);
    for (const int times : seen) EXPECT_EQ(times, 1);
    EXPECT_EQ(ethlink_outstanding(session), 0u);
}

TEST_F(DaemonDeathTest, WhoOnlyPollsNoticesToo) {
    ASSERT_EQ(ethlink_post_load(session, at(silent), &value, 8, 9), ETHLINK_OK);
    std::thread killer = kill_soon();
    ethlink_completion completion{};
    const auto started = Clock::now();
    while (ethlink_poll(session, &completion, 1) == 0 && Clock::now() - started < 10s) {
    }
    killer.join();
    EXPECT_EQ(completion.cookie, 9u);
    EXPECT_EQ(completion.status, ETHLINK_CLOSED);
    EXPECT_EQ(ethlink_poll(session, &completion, 1), -ETHLINK_CLOSED);
}

TEST_F(DaemonDeathTest, WhatWasCompletedBeforeStillCounts) {
    ASSERT_EQ(ethlink_post_store(session, at(peer), &value, 8, 1), ETHLINK_OK);
    std::this_thread::sleep_for(50ms);
    ASSERT_EQ(ethlink_post_load(session, at(silent), &value, 8, 2), ETHLINK_OK);
    daemon.kill_now();
    ethlink_completion completion{};
    ASSERT_EQ(ethlink_wait(session, &completion, 1, 60 * kSecond), 1);
    EXPECT_EQ(completion.cookie, 1u);
    EXPECT_EQ(completion.status, ETHLINK_OK);
    ASSERT_EQ(ethlink_wait(session, &completion, 1, 60 * kSecond), 1);
    EXPECT_EQ(completion.cookie, 2u);
    EXPECT_EQ(completion.status, ETHLINK_CLOSED);
}

TEST(DaemonStopTest, ADaemonThatStopsInOrderClosesItsSessions) {
    auto daemon = std::make_unique<FakeDaemon>();
    ethlink_session* session = nullptr;
    ASSERT_EQ(ethlink_open(daemon->path(), kSecond, &session), ETHLINK_OK);
    ethlink_peer silent = 0;
    ASSERT_EQ(ethlink_connect(session, kSilentGpu, ETHLINK_LOAD_STORE, kSecond, &silent), 0);
    std::uint64_t value = 0;
    ASSERT_EQ(ethlink_post_load(session, {1, 0, silent}, &value, 8, 5), ETHLINK_OK);
    daemon.reset();
    ethlink_completion completion{};
    ASSERT_EQ(ethlink_wait(session, &completion, 1, 60 * kSecond), 1);
    EXPECT_EQ(completion.status, ETHLINK_CLOSED);
    ethlink_close(session);
}

TEST(DaemonHangTest, ADaemonThatDoesNotAnswerHelloIsATimeout) {
    const control::test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/x.client.sock";
    const auto listener = control::ClientListener::open(path, {});
    ASSERT_TRUE(listener);
    ethlink_session* session = nullptr;
    EXPECT_EQ(ethlink_open(path.c_str(), 20'000, &session), ETHLINK_TIMEOUT);
    EXPECT_EQ(session, nullptr);
}

}  // namespace
}  // namespace ethlink::client
