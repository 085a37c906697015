// SPDX-License-Identifier: BSD-3-Clause
// Nothing blocks for ever: each call that waits ends by itself when its peer says nothing.
#include <chrono>
#include <cstdint>
#include <functional>

#include <gtest/gtest.h>

#include "dataplane/client/include/ethlink/ethlink.h"
#include "tests/unit/client/fake_daemon.h"

namespace ethlink::client {
namespace {

using namespace test;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kShort = 3'000;

TEST(TimeoutTest, EachCallThatWaitsEndsInItsTime) {
    FakeDaemon daemon;
    ethlink_session* session = nullptr;
    ASSERT_EQ(ethlink_open(daemon.path(), kSecond, &session), ETHLINK_OK);
    ethlink_peer silent = 0;
    ASSERT_EQ(ethlink_connect(session, kSilentGpu, ETHLINK_LOAD_STORE, kSecond, &silent), 0);
    const ethlink_remote at{1, 0, silent};
    std::uint64_t value = 7;
    struct Call {
        const char* name;
        std::function<int()> call;
    };
    const Call calls[] = {
        {"load", [&] { return ethlink_load(session, at, &value, 8, kShort); }},
        {"store", [&] { return ethlink_store(session, at, &value, 8, kShort); }},
        {"atomic",
         [&] {
             return ethlink_atomic(session, ETHLINK_OP_FETCH_ADD, 8, at, 1, 0, &value, kShort);
         }},
        {"fence", [&] { return ethlink_fence(session, silent, kShort); }},
    };
    // A test of a lower bound only: how late a busy machine wakes us says nothing.
    const auto takes_its_time = [](const auto& call) {
        const Clock::time_point begin = Clock::now();
        const int status = call();
        EXPECT_GE(Clock::now() - begin, std::chrono::microseconds(kShort)) << "too early";
        return status;
    };
    for (const std::uint32_t spin_us : {50u, 0u}) {  // polling first, and sleeping at once
        ASSERT_EQ(ethlink_set_spin(session, spin_us), ETHLINK_OK);
        for (const Call& one : calls) {
            EXPECT_EQ(takes_its_time(one.call), ETHLINK_TIMEOUT) << one.name;
            EXPECT_EQ(value, 7u) << one.name;
        }
        ASSERT_EQ(ethlink_post_load(session, at, &value, 8, 1), ETHLINK_OK);
        ethlink_completion completion{};
        EXPECT_EQ(takes_its_time([&] { return ethlink_wait(session, &completion, 1, kShort); }), 0);
    }
    ethlink_close(session);
    EXPECT_TRUE(daemon.becomes_empty());
}

TEST(TimeoutTest, NoCallTakesATimeoutThatIsNone) {
    FakeDaemon daemon;
    ethlink_session* session = nullptr;
    ASSERT_EQ(ethlink_open(daemon.path(), kSecond, &session), ETHLINK_OK);
    ethlink_peer peer = 0;
    ASSERT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_LOAD_STORE, kSecond, &peer), ETHLINK_OK);
    const ethlink_remote at{1, 0, peer};
    std::uint64_t value = 0;
    ethlink_completion completion{};
    for (const std::int64_t bad :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{INT64_MIN},
          std::int64_t{ETHLINK_TIMEOUT_MAX + 1}, std::int64_t{INT64_MAX}}) {
        ethlink_session* another = nullptr;
        EXPECT_EQ(ethlink_open(daemon.path(), bad, &another), ETHLINK_INVALID);
        EXPECT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_RDMA, bad, &peer), ETHLINK_INVALID);
        EXPECT_EQ(ethlink_load(session, at, &value, 8, bad), ETHLINK_INVALID);
        EXPECT_EQ(ethlink_store(session, at, &value, 8, bad), ETHLINK_INVALID);
        EXPECT_EQ(ethlink_atomic(session, ETHLINK_OP_SWAP, 8, at, 1, 0, &value, bad),
                  ETHLINK_INVALID);
        EXPECT_EQ(ethlink_fence(session, peer, bad), ETHLINK_INVALID);
        EXPECT_EQ(ethlink_wait(session, &completion, 1, bad), -ETHLINK_INVALID);
    }
    ethlink_close(session);
}

}  // namespace
}  // namespace ethlink::client
