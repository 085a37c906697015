// SPDX-License-Identifier: BSD-3-Clause
// The C++ wrapper: owners, results, and the same calls beneath.
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include <ethlink/ethlink.hpp>
#include <gtest/gtest.h>

#include "tests/unit/client/fake_daemon.h"

namespace ethlink::client {
namespace {

using namespace test;

struct Line64 {
    std::array<std::uint64_t, 8> words{};
    friend bool operator==(const Line64&, const Line64&) = default;
};

TEST(WrapperTest, LoadsStoresAndAtomics) {
    const FakeDaemon daemon;
    auto session = api::Session::open(daemon.path());
    ASSERT_TRUE(session) << session.text();
    EXPECT_EQ(session->info().gpu, kOwnGpu);
    const auto window = session->alloc(4096, ETHLINK_READ | ETHLINK_WRITE | ETHLINK_ATOMIC);
    ASSERT_TRUE(window) << window.text();
    const auto peer = session->connect(kPeerGpu, ETHLINK_LOAD_STORE);
    ASSERT_TRUE(peer) << peer.text();
    const ethlink_remote there = peer->at(window->key(), 64);

    EXPECT_TRUE(session->store(there, std::uint64_t{40}));
    EXPECT_EQ(*session->fetch_add<std::uint64_t>(there, 2), 40u);
    EXPECT_EQ(*session->load<std::uint64_t>(there), 42u);
    EXPECT_EQ(window->as<std::uint64_t>()[8], 42u);
    EXPECT_EQ(*session->compare_swap<std::uint64_t>(there, 42, 1), 42u);
    EXPECT_EQ(*session->swap<std::uint64_t>(there, 0b1100), 1u);
    EXPECT_EQ(*session->fetch_and<std::uint64_t>(there, 0b0110), 0b1100u);
    EXPECT_EQ(*session->fetch_or<std::uint64_t>(there, 0b0011), 0b0100u);
    EXPECT_EQ(*session->fetch_xor<std::int32_t>(there, -1), 0b0111);
    EXPECT_EQ(*session->load<std::int32_t>(there), ~0b0111);
    const Line64 line{{1, 2, 3, 4, 5, 6, 7, 8}};
    EXPECT_TRUE(session->store(there, line));
    EXPECT_EQ(*session->load<Line64>(there), line);
    EXPECT_TRUE(session->fence(*peer));

    const auto wrong = session->load<std::uint32_t>(peer->at(window->key() + 1, 0));
    EXPECT_FALSE(wrong);
    EXPECT_EQ(wrong.status(), ETHLINK_REMOTE_ACCESS);
    EXPECT_EQ(wrong.text(), "wrong key, address or right");
}

TEST(WrapperTest, PostsAndCompletions) {
    const FakeDaemon daemon;
    auto session = api::Session::open(daemon.path());
    ASSERT_TRUE(session);
    auto window = session->alloc(4096, ETHLINK_READ | ETHLINK_WRITE | ETHLINK_ATOMIC);
    ASSERT_TRUE(window);
    const auto near = session->connect(kPeerGpu, ETHLINK_LOAD_STORE);
    const auto rdma = session->connect(kPeerGpu, ETHLINK_RDMA);
    ASSERT_TRUE(near && rdma);
    std::uint32_t loaded = 0;
    EXPECT_TRUE(session->post_store(near->at(window->key(), 0), std::uint32_t{7}, 1));
    EXPECT_TRUE(session->post_load(near->at(window->key(), 0), loaded, 2));
    EXPECT_TRUE(session->post_fetch_add(near->at(window->key(), 0), std::uint32_t{1}, 3));
    EXPECT_TRUE(session->post_fence(*near, 4));
    EXPECT_TRUE(session->post_write(rdma->at(window->key(), 100), {*window, 0, 4}, 5));
    EXPECT_TRUE(session->post_read(rdma->at(window->key(), 100), {*window, 200, 4}, 6));
    EXPECT_TRUE(session->post_recv(*rdma, {*window, 300, 16}, 7));
    EXPECT_TRUE(session->post_send(*rdma, {*window, 0, 4}, 8));
    EXPECT_TRUE(session->post_recv(*rdma, {}, 9));
    EXPECT_TRUE(session->post_write_imm(rdma->at(window->key(), 0), {}, 99, 10));
    EXPECT_TRUE(session->post_recv(*rdma, {*window, 300, 16}, 11));
    const std::uint64_t word = 5;
    EXPECT_TRUE(session->post_send(*rdma, std::as_bytes(std::span(&word, 1)), 12));
    std::array<ethlink_completion, 32> completions{};
    std::uint64_t cookies = 0;
    for (std::size_t n = 0; n < 12;) {
        const auto got = session->wait(completions);
        ASSERT_TRUE(got && !got->empty());
        for (const ethlink_completion& one : *got) {
            EXPECT_EQ(one.status, ETHLINK_OK) << one.cookie;
            cookies += one.cookie;
        }
        n += got->size();
    }
    EXPECT_EQ(cookies, 78u);
    EXPECT_EQ(loaded, 7u);
    EXPECT_TRUE(session->poll(completions)->empty());
    EXPECT_TRUE(window->free());
    EXPECT_TRUE(session->disconnect(*rdma));
}

TEST(WrapperTest, FailuresSayWhy) {
    const auto session = api::Session::open("/nonexistent/x.sock");
    EXPECT_FALSE(session);
    EXPECT_EQ(session.status(), ETHLINK_NO_DAEMON);
    EXPECT_NE(session.text().find("/nonexistent"), std::string::npos) << session.text();
    // Expected not to compile.
    struct Long {
        std::array<char, 257> bytes;
    };
    static_assert(!api::Line<Long> && !api::Line<std::string>);
    static_assert(!api::Word<std::uint16_t> && !api::Word<double>);
}

TEST(WrapperTest, OwnersMove) {
    const FakeDaemon daemon;
    auto opened = api::Session::open(daemon.path());
    ASSERT_TRUE(opened);
    api::Session session = std::move(*opened);
    api::Window outer;
    {
        auto window = session.alloc(100, ETHLINK_READ);
        ASSERT_TRUE(window);
        outer = std::move(*window);
    }
    EXPECT_EQ(outer.bytes().size(), 100u);
    EXPECT_EQ(daemon.connections(), 1u);
}

}  // namespace
}  // namespace ethlink::client
