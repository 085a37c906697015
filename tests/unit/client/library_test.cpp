// SPDX-License-Identifier: BSD-3-Clause
// The C API through the real socket and the real rings, and each error that it can return.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/client/abi.h"
#include "dataplane/client/include/ethlink/ethlink.h"
#include "tests/unit/client/fake_daemon.h"

namespace ethlink::client {
namespace {

using namespace test;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::uint64_t kSomeCookie = 0xFEDC'BA98'7654'3210;

class LibraryTest : public testing::Test {
protected:
    LibraryTest() {
        EXPECT_EQ(ethlink_open(daemon.path(), kSecond, &session), ETHLINK_OK)
            << ethlink_last_error();
        EXPECT_EQ(ethlink_window_alloc(session, kBytes, kAllRights, &window), ETHLINK_OK);
        EXPECT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_LOAD_STORE, kSecond, &near),
                  ETHLINK_OK);
        EXPECT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_RDMA, kSecond, &rdma), ETHLINK_OK);
    }
    ~LibraryTest() override { ethlink_close(session); }

    ethlink_remote at(std::uint64_t address) const {
        return {ethlink_window_key(window), address, near};
    }
    ethlink_remote rdma_at(std::uint64_t address) const {
        return {ethlink_window_key(window), address, rdma};
    }
    ethlink_peer connect(std::uint16_t gpu, int peer_class) {
        ethlink_peer peer = 0;
        EXPECT_EQ(ethlink_connect(session, gpu, peer_class, kSecond, &peer), ETHLINK_OK);
        return peer;
    }
    std::byte* bytes() const { return static_cast<std::byte*>(ethlink_window_address(window)); }
    ethlink_completion wait_one() {
        ethlink_completion completion{};
        EXPECT_EQ(ethlink_wait(session, &completion, 1, 5 * kSecond), 1) << ethlink_last_error();
        return completion;
    }

    static constexpr std::size_t kBytes = 1u << 20;
    static constexpr unsigned kAllRights = ETHLINK_READ | ETHLINK_WRITE | ETHLINK_ATOMIC;

    FakeDaemon daemon;
    ethlink_session* session = nullptr;
    ethlink_window* window = nullptr;
    ethlink_peer near = 0;
    ethlink_peer rdma = 0;
};

TEST_F(LibraryTest, SaysWhatTheSessionMayHave) {
    ethlink_info info{};
    ASSERT_EQ(ethlink_query(session, &info), ETHLINK_OK);
    EXPECT_EQ(info.gpu, kOwnGpu);
    EXPECT_EQ(info.depth, kDepthMin);
    EXPECT_EQ(info.windows_max, kWindowsMax);
    EXPECT_EQ(info.window_bytes_max, 32u << 20);
}

TEST_F(LibraryTest, AWindowIsZeroedAndCanBeUsedToItsLastByte) {
    EXPECT_EQ(ethlink_window_length(window), kBytes);
    EXPECT_TRUE(std::all_of(bytes(), bytes() + kBytes, [](auto b) { return b == std::byte{}; }));
    bytes()[kBytes - 1] = std::byte{9};
    std::uint8_t last = 0;
    ASSERT_EQ(ethlink_load(session, at(kBytes - 1), &last, 1, kSecond), ETHLINK_OK);
    EXPECT_EQ(last, 9);
}

TEST_F(LibraryTest, StoresAndLoadsOfEachLengthFrom1To256) {
    for (std::size_t length = 1; length <= ETHLINK_LINE_MAX; ++length) {
        std::vector<std::uint8_t> out(length);
        std::iota(out.begin(), out.end(), static_cast<std::uint8_t>(length));
        std::vector<std::uint8_t> in(length + 8, 0xEE);
        ASSERT_EQ(ethlink_store(session, at(4096 + length), out.data(), length, kSecond), 0);
        ASSERT_EQ(std::memcmp(bytes() + 4096 + length, out.data(), length), 0) << length;
        ASSERT_EQ(ethlink_load(session, at(4096 + length), in.data(), length, kSecond), 0);
        ASSERT_EQ(std::memcmp(in.data(), out.data(), length), 0) << length;
        ASSERT_EQ(in[length], 0xEE) << "nothing behind it, length " << length;
    }
}

struct AtomicCase {
    int op;
    std::uint64_t before, operand, compare, after;
};

TEST_F(LibraryTest, AtomicsOfBothWidthsDoWhatTheirNamesSay) {
    const std::array<AtomicCase, 7> cases{{
        {ETHLINK_OP_FETCH_ADD, 40, 2, 0, 42},
        {ETHLINK_OP_SWAP, 1, 77, 0, 77},
        {ETHLINK_OP_COMPARE_SWAP, 5, 6, 5, 6},
        {ETHLINK_OP_COMPARE_SWAP, 5, 6, 4, 5},
        {ETHLINK_OP_FETCH_AND, 0b1100, 0b1010, 0, 0b1000},
        {ETHLINK_OP_FETCH_OR, 0b1100, 0b1010, 0, 0b1110},
        {ETHLINK_OP_FETCH_XOR, 0b1100, 0b1010, 0, 0b0110},
    }};
    for (const unsigned width : {4u, 8u}) {
        for (const AtomicCase& one : cases) {
            std::memset(bytes(), 0xFF, 24);
            std::memcpy(bytes() + 8, &one.before, width);
            std::uint64_t found = 0;
            ASSERT_EQ(ethlink_atomic(session, one.op, width, at(8), one.operand, one.compare,
                                     &found, kSecond),
                      0);
            EXPECT_EQ(found, one.before) << ethlink_op_name(one.op);
            EXPECT_EQ(std::memcmp(bytes() + 8, &one.after, width), 0) << ethlink_op_name(one.op);
            EXPECT_EQ(bytes()[8 + width], std::byte{0xFF}) << "nothing behind it";
        }
    }
    EXPECT_EQ(ethlink_atomic(session, ETHLINK_OP_SWAP, 8, at(8), 0, 0, nullptr, kSecond), 0);
}

TEST_F(LibraryTest, PostedRequestsCompleteWithTheirCookies) {
    std::uint64_t loaded = 0;
    const std::uint64_t stored = 0x1122334455667788;
    ASSERT_EQ(ethlink_post_store(session, at(0), &stored, 8, 1), 0);
    ASSERT_EQ(ethlink_post_load(session, at(0), &loaded, 8, 2), 0);
    ASSERT_EQ(ethlink_post_atomic(session, ETHLINK_OP_FETCH_ADD, 8, at(0), 1, 0, kSomeCookie), 0);
    ASSERT_EQ(ethlink_post_fence(session, near, 4), 0);
    EXPECT_EQ(ethlink_outstanding(session), 4u);
    EXPECT_EQ(wait_one().cookie, 1u);
    const ethlink_completion load = wait_one();
    EXPECT_EQ(load.cookie, 2u);
    EXPECT_EQ(load.op, ETHLINK_OP_LOAD);
    EXPECT_EQ(load.length, 8u);
    EXPECT_EQ(loaded, stored);
    const ethlink_completion add = wait_one();
    EXPECT_EQ(add.cookie, kSomeCookie);
    EXPECT_EQ(add.value, stored);
    EXPECT_EQ(wait_one().op, ETHLINK_OP_FENCE);
    EXPECT_EQ(ethlink_outstanding(session), 0u);
    EXPECT_EQ(ethlink_fence(session, near, kSecond), 0);
}

TEST_F(LibraryTest, BulkMovesBytesBetweenWindows) {
    ethlink_window* own = nullptr;
    ASSERT_EQ(ethlink_window_alloc(session, kBytes, 0, &own), ETHLINK_OK);
    auto* source = static_cast<std::uint8_t*>(ethlink_window_address(own));
    for (std::size_t i = 0; i < kBytes; ++i) source[i] = static_cast<std::uint8_t>(i * 31);
    ASSERT_EQ(ethlink_post_write(session, rdma_at(100), own, 50, kBytes - 100, 1), 0);
    EXPECT_EQ(wait_one().length, kBytes - 100);
    EXPECT_EQ(std::memcmp(bytes() + 100, source + 50, kBytes - 100), 0);
    std::memset(source, 0, kBytes);
    ASSERT_EQ(ethlink_post_read(session, rdma_at(100), own, 7, 1000, 2), 0);
    EXPECT_EQ(wait_one().status, ETHLINK_OK);
    EXPECT_EQ(std::memcmp(bytes() + 100, source + 7, 1000), 0);
    EXPECT_EQ(ethlink_window_free(own), ETHLINK_OK);
}

TEST_F(LibraryTest, MessagesGoIntoReceives) {
    ASSERT_EQ(ethlink_post_recv(session, rdma, window, 0, 64, 1), 0);
    ASSERT_EQ(ethlink_post_recv(session, rdma, window, 64, 64, 2), 0);
    ASSERT_EQ(ethlink_post_recv(session, rdma, nullptr, 0, 0, 3), 0);
    std::memcpy(bytes() + 500, "from a window", 13);
    ASSERT_EQ(ethlink_post_send(session, rdma, window, 500, 13, 11), 0);
    ASSERT_EQ(ethlink_post_send_inline(session, rdma, "from anywhere", 13, 12), 0);
    ASSERT_EQ(ethlink_post_write_imm(session, rdma_at(1000), window, 500, 4, 0xABCD, 13), 0);
    std::array<ethlink_completion, 6> by_cookie{};
    for (int i = 0; i < 6; ++i) {
        const ethlink_completion one = wait_one();
        EXPECT_EQ(one.status, ETHLINK_OK) << one.cookie;
        by_cookie.at(one.cookie > 10 ? one.cookie - 8 : one.cookie - 1) = one;
    }
    EXPECT_EQ(by_cookie[0].length, 13u);
    EXPECT_EQ(by_cookie[0].op, ETHLINK_OP_RECV);
    EXPECT_EQ(std::memcmp(bytes(), "from a window", 13), 0);
    EXPECT_EQ(std::memcmp(bytes() + 64, "from anywhere", 13), 0);
    EXPECT_EQ(by_cookie[1].has_immediate, 0);
    EXPECT_EQ(by_cookie[2].has_immediate, 1);
    EXPECT_EQ(by_cookie[2].value, 0xABCDu);
    EXPECT_EQ(by_cookie[2].length, 4u);
    EXPECT_EQ(std::memcmp(bytes() + 1000, "from", 4), 0);
}

TEST_F(LibraryTest, EachStatusOfTheWireComesThrough) {
    std::uint64_t value = 0x55;
    ethlink_remote wrong = at(0);
    wrong.key ^= 1;
    EXPECT_EQ(ethlink_load(session, wrong, &value, 8, kSecond), ETHLINK_REMOTE_ACCESS);
    EXPECT_STREQ(ethlink_last_error(), "wrong key, address or right");
    EXPECT_EQ(ethlink_load(session, at(kBytes - 4), &value, 8, kSecond), ETHLINK_REMOTE_ACCESS);
    EXPECT_EQ(ethlink_store(session, at(~0ull - 3), &value, 8, kSecond), ETHLINK_REMOTE_ACCESS);
    EXPECT_EQ(value, 0x55u) << "unchanged";
    ASSERT_EQ(ethlink_post_send_inline(session, rdma, "x", 1, 0), 0);
    EXPECT_EQ(wait_one().status, ETHLINK_NO_RECEIVE);
    ASSERT_EQ(ethlink_post_recv(session, rdma, window, 0, 4, 1), 0);
    ASSERT_EQ(ethlink_post_send_inline(session, rdma, "12345", 5, 2), 0);
    const ethlink_completion too_long = wait_one();
    EXPECT_EQ(too_long.status, ETHLINK_TOO_LONG);
    EXPECT_EQ(too_long.length, 0u);
    EXPECT_EQ(ethlink_disconnect(session, rdma), ETHLINK_OK);
    const ethlink_completion cancelled = wait_one();
    EXPECT_EQ(cancelled.cookie, 1u);
    EXPECT_EQ(cancelled.status, ETHLINK_CANCELLED);
    ethlink_peer peer = 0;
    EXPECT_EQ(ethlink_connect(session, kUnreachableGpu, ETHLINK_RDMA, kSecond, &peer),
              ETHLINK_UNREACHABLE);
    EXPECT_NE(std::string(ethlink_last_error()).find("0x0203"), std::string::npos);
}

TEST_F(LibraryTest, WhatTheDaemonFindsMalformedIsInvalid) {
    std::uint64_t value = 0;
    ethlink_remote unknown = at(0);
    unknown.peer = 99;
    EXPECT_EQ(ethlink_load(session, unknown, &value, 8, kSecond), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_load(session, rdma_at(0), &value, 8, kSecond), ETHLINK_INVALID)
        << "a load on an RDMA channel";
    EXPECT_EQ(ethlink_load(session, at(0), &value, 8, kSecond), ETHLINK_OK);
}

TEST_F(LibraryTest, WrongArgumentsAreInvalidAndNothingIsPosted) {
    std::uint64_t value = 0;
    ethlink_completion completion{};
    EXPECT_EQ(ethlink_load(nullptr, at(0), &value, 8, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_load(session, at(0), nullptr, 8, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_load(session, at(0), &value, 0, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_load(session, at(0), &value, 257, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_load(session, at(0), &value, 8, 0), ETHLINK_INVALID) << "no timeout";
    EXPECT_EQ(ethlink_store(session, at(0), &value, 8, -1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_store(session, at(0), &value, 8, ETHLINK_TIMEOUT_MAX + 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_atomic(session, ETHLINK_OP_LOAD, 8, at(0), 0, 0, &value, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_atomic(session, ETHLINK_OP_SWAP, 2, at(0), 0, 0, &value, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_atomic(session, ETHLINK_OP_SWAP, 8, at(4), 0, 0, &value, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_post_write(session, rdma_at(0), nullptr, 0, 1, 0), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_post_write(session, rdma_at(0), window, kBytes, 1, 0), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_post_read(session, rdma_at(0), window, ~0ull, 2, 0), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_post_send(session, rdma, window, 0, ETHLINK_MESSAGE_MAX + 1ull, 0),
              ETHLINK_INVALID);
    EXPECT_EQ(ethlink_post_send_inline(session, rdma, &value, 257, 0), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_post_send_inline(session, rdma, nullptr, 1, 0), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_poll(session, nullptr, 1), -ETHLINK_INVALID);
    EXPECT_EQ(ethlink_poll(session, &completion, 0), -ETHLINK_INVALID);
    EXPECT_EQ(ethlink_wait(session, &completion, 1, 0), -ETHLINK_INVALID);
    EXPECT_EQ(ethlink_window_alloc(session, 0, 0, &window), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_window_alloc(session, 1, 8, &window), ETHLINK_INVALID);
    ethlink_peer peer = 0;
    EXPECT_EQ(ethlink_connect(session, kPeerGpu, 2, kSecond, &peer), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_RDMA, 0, &peer), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_disconnect(session, 77), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_query(session, nullptr), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_set_spin(nullptr, 1), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_outstanding(session), 0u);
    EXPECT_EQ(ethlink_window_free(nullptr), ETHLINK_OK);
    ethlink_close(nullptr);
}

TEST_F(LibraryTest, AWindowOfAnotherSessionIsInvalid) {
    ethlink_session* other = nullptr;
    ASSERT_EQ(ethlink_open(daemon.path(), kSecond, &other), ETHLINK_OK);
    EXPECT_EQ(ethlink_post_write(other, rdma_at(0), window, 0, 8, 0), ETHLINK_INVALID);
    ethlink_close(other);
}

TEST_F(LibraryTest, ABlockingCallEndsInItsTimeAndALateAnswerChangesNothing) {
    std::uint64_t value = 7;
    ethlink_remote slow = at(0);
    slow.peer = connect(kSlowGpu, ETHLINK_LOAD_STORE);
    EXPECT_EQ(ethlink_load(session, slow, &value, 8, 2000), ETHLINK_TIMEOUT);
    std::this_thread::sleep_for(2 * kSlow);
    EXPECT_EQ(ethlink_load(session, at(0), &value, 8, kSecond), ETHLINK_OK);
    EXPECT_EQ(value, 0u);
    value = 7;
    ethlink_completion completion{};
    EXPECT_EQ(ethlink_poll(session, &completion, 1), 0) << "the late answer is nobody's";
    EXPECT_EQ(value, 7u);
}

TEST_F(LibraryTest, TimeoutsOfOneSessionDoNotUseItUp) {
    ethlink_remote silent = at(0);
    silent.peer = connect(kSilentGpu, ETHLINK_LOAD_STORE);
    std::uint64_t value = 0;
    ASSERT_EQ(ethlink_set_spin(session, 0), ETHLINK_OK);
    for (std::uint32_t i = 0; i < kDepthMin; ++i) {
        ASSERT_EQ(ethlink_load(session, silent, &value, 8, 1), ETHLINK_TIMEOUT) << i;
    }
    EXPECT_EQ(ethlink_load(session, at(0), &value, 8, kSecond), ETHLINK_FULL);
    EXPECT_EQ(ethlink_disconnect(session, silent.peer), ETHLINK_OK) << "ends them";
    EXPECT_EQ(ethlink_load(session, at(0), &value, 8, kSecond), ETHLINK_OK);
}

TEST_F(LibraryTest, AsManyRequestsAsTheDepthCanBeOutstanding) {
    std::vector<std::uint64_t> loaded(kDepthMin);
    ethlink_remote silent = at(0);
    silent.peer = connect(kSilentGpu, ETHLINK_LOAD_STORE);
    for (std::uint32_t i = 0; i < kDepthMin; ++i) {
        ASSERT_EQ(ethlink_post_load(session, silent, &loaded[i], 8, i), ETHLINK_OK) << i;
    }
    EXPECT_EQ(ethlink_post_load(session, silent, &loaded[0], 8, 0), ETHLINK_FULL);
    ethlink_completion completion{};
    EXPECT_EQ(ethlink_wait(session, &completion, 1, 1000), 0) << "nothing within the time";
    ASSERT_EQ(ethlink_disconnect(session, silent.peer), ETHLINK_OK);
    std::vector<ethlink_completion> all(2 * kDepthMin);
    int n = 0;
    while (n < static_cast<int>(kDepthMin)) {
        const int got = ethlink_wait(session, &all[static_cast<std::size_t>(n)], 100, kSecond);
        ASSERT_GT(got, 0);
        n += got;
    }
    EXPECT_EQ(n, static_cast<int>(kDepthMin));
    EXPECT_EQ(ethlink_outstanding(session), 0u);
    EXPECT_EQ(ethlink_post_load(session, at(0), &loaded[0], 8, 0), ETHLINK_OK);
    EXPECT_EQ(wait_one().status, ETHLINK_OK);
}

TEST_F(LibraryTest, CompletionsThatComeDuringABlockingCallAreKept) {
    std::uint64_t value = 0;
    for (std::uint32_t i = 0; i < kDepthMin; ++i) {
        // Kept ones count: they have been posted and not taken.
        ASSERT_EQ(ethlink_post_store(session, at(8 * i), &i, 4, i), ETHLINK_OK) << i;
        if (i < kDepthMin - 1) {
            ASSERT_EQ(ethlink_load(session, at(8 * i), &value, 8, kSecond), 0);
            ASSERT_EQ(value, i);
        }
    }
    EXPECT_EQ(ethlink_post_store(session, at(0), &value, 8, 0), ETHLINK_FULL);
    for (std::uint32_t i = 0; i < kDepthMin; ++i) EXPECT_EQ(wait_one().cookie, i);
}

TEST_F(LibraryTest, WaitingSleepsAndIsWoken) {
    ethlink_remote slow = at(0);
    slow.peer = connect(kSlowGpu, ETHLINK_LOAD_STORE);
    ASSERT_EQ(ethlink_set_spin(session, 0), ETHLINK_OK);
    rusage before{};
    rusage after{};
    getrusage(RUSAGE_THREAD, &before);
    std::uint64_t value = 0;
    for (int i = 0; i < 10; ++i) ASSERT_EQ(ethlink_load(session, slow, &value, 8, kSecond), 0);
    getrusage(RUSAGE_THREAD, &after);
    EXPECT_GT(daemon.endpoint().wakes(), 0u);
    const auto us = [](const rusage& usage) {
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 +
               usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    };
    EXPECT_LT(us(after) - us(before), 10 * 30'000 / 3) << "of 300 ms of waiting";
}

TEST_F(LibraryTest, WithNothingOutstandingWaitReturnsAtOnce) {
    ethlink_completion completion{};
    EXPECT_EQ(ethlink_wait(session, &completion, 1, 3600 * kSecond), 0);
}

TEST_F(LibraryTest, AFreedWindowIsClosedToEverybody) {
    ethlink_window* other = nullptr;
    ASSERT_EQ(ethlink_window_alloc(session, 4096, kAllRights, &other), ETHLINK_OK);
    const ethlink_remote there{ethlink_window_key(other), 0, near};
    std::uint64_t value = 0;
    EXPECT_EQ(ethlink_load(session, there, &value, 8, kSecond), ETHLINK_OK);
    EXPECT_EQ(ethlink_window_free(other), ETHLINK_OK);
    EXPECT_EQ(ethlink_load(session, there, &value, 8, kSecond), ETHLINK_REMOTE_ACCESS);
}

TEST_F(LibraryTest, WindowsHaveAQuotaInNumberAndBytes) {
    ethlink_window* other = nullptr;
    EXPECT_EQ(ethlink_window_alloc(session, 32u << 20, 0, &other), ETHLINK_QUOTA);
    EXPECT_EQ(other, nullptr);
    EXPECT_NE(std::string(ethlink_last_error()).find("33554432"), std::string::npos)
        << ethlink_last_error();
    EXPECT_EQ(ethlink_window_alloc(session, ~std::size_t{0}, 0, &other), ETHLINK_QUOTA);
    std::vector<ethlink_window*> windows(kWindowsMax - 1);
    for (ethlink_window*& one : windows) {
        ASSERT_EQ(ethlink_window_alloc(session, 100, 0, &one), ETHLINK_OK);
    }
    EXPECT_EQ(ethlink_window_alloc(session, 1, 0, &other), ETHLINK_QUOTA);
    EXPECT_EQ(ethlink_window_free(windows[17]), ETHLINK_OK);
    EXPECT_EQ(ethlink_window_alloc(session, 1, 0, &windows[17]), ETHLINK_OK);
    // The sum over all programs: 1 + 31 MiB here, so 16 of the other's 32.
    ethlink_window* big = nullptr;
    EXPECT_EQ(ethlink_window_free(windows[3]), ETHLINK_OK);
    ASSERT_EQ(ethlink_window_alloc(session, 30u << 20, 0, &big), ETHLINK_OK);
    ethlink_session* second = nullptr;
    ASSERT_EQ(ethlink_open(daemon.path(), kSecond, &second), ETHLINK_OK);
    EXPECT_EQ(ethlink_window_alloc(second, 20u << 20, 0, &other), ETHLINK_QUOTA);
    EXPECT_EQ(ethlink_window_alloc(second, 10u << 20, 0, &other), ETHLINK_OK);
    ethlink_close(second);
}

TEST_F(LibraryTest, PeersHaveAQuota) {
    std::vector<ethlink_peer> peers;
    ethlink_peer peer = 0;
    int status = 0;
    while ((status = ethlink_connect(session, kPeerGpu, ETHLINK_RDMA, kSecond, &peer)) == 0) {
        peers.push_back(peer);
    }
    EXPECT_EQ(status, ETHLINK_QUOTA);
    EXPECT_EQ(peers.size(), kPeersMax - 2u);
    EXPECT_EQ(ethlink_disconnect(session, peers[5]), ETHLINK_OK);
    EXPECT_EQ(ethlink_disconnect(session, peers[5]), ETHLINK_INVALID) << "twice";
    EXPECT_EQ(ethlink_connect(session, kPeerGpu, ETHLINK_RDMA, kSecond, &peer), ETHLINK_OK);
    EXPECT_EQ(peer, peers[5]);
}

TEST_F(LibraryTest, SessionsHaveAQuota) {
    std::vector<ethlink_session*> sessions;
    ethlink_session* more = nullptr;
    int status = 0;
    while ((status = ethlink_open(daemon.path(), kSecond, &more)) == ETHLINK_OK) {
        sessions.push_back(more);
    }
    EXPECT_EQ(status, ETHLINK_QUOTA) << ethlink_last_error();
    EXPECT_EQ(more, nullptr);
    EXPECT_EQ(sessions.size(), small_quota().connections - 1);
    std::uint64_t value = 0;
    EXPECT_EQ(ethlink_load(session, at(0), &value, 8, kSecond), ETHLINK_OK) << "others go on";
    for (ethlink_session* one : sessions) ethlink_close(one);
}

TEST_F(LibraryTest, ClosingGivesEverythingBack) {
    const std::size_t before = open_descriptors();
    ethlink_session* other = nullptr;
    ASSERT_EQ(ethlink_open(daemon.path(), kSecond, &other), ETHLINK_OK);
    ethlink_window* big = nullptr;
    ASSERT_EQ(ethlink_window_alloc(other, 1u << 20, kAllRights, &big), ETHLINK_OK);
    EXPECT_TRUE(descriptors_become(before + 2)) << "the two ends of one socket";
    ethlink_close(other);
    ethlink_close(std::exchange(session, nullptr));
    EXPECT_TRUE(daemon.becomes_empty());
    EXPECT_TRUE(descriptors_become(before - 2));
}

TEST(LibraryOpenTest, SaysWhyNot) {
    ethlink_session* session = nullptr;
    EXPECT_EQ(ethlink_open("/nonexistent/x.sock", kSecond, &session), ETHLINK_NO_DAEMON);
    EXPECT_EQ(ethlink_open("no-such-node-here", kSecond, &session), ETHLINK_NO_DAEMON);
    EXPECT_NE(std::string(ethlink_last_error()).find("no-such-node-here"), std::string::npos);
    EXPECT_EQ(ethlink_open("no-instance/no-node", kSecond, &session), ETHLINK_NO_DAEMON);
    const std::string long_path = "/" + std::string(200, 'x');
    EXPECT_EQ(ethlink_open(long_path.c_str(), kSecond, &session), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_open("/x", 0, &session), ETHLINK_INVALID);
    EXPECT_EQ(ethlink_open("/x", kSecond, nullptr), ETHLINK_INVALID);
    EXPECT_EQ(session, nullptr);
}

TEST(LibraryOpenTest, FindsAnEndpointByItsName) {
    const control::test::TemporaryDirectory runtime;
    const char* was = std::getenv("XDG_RUNTIME_DIR");
    const std::string saved = was == nullptr ? "" : was;
    setenv("XDG_RUNTIME_DIR", runtime.path().c_str(), 1);
    const std::string directory = runtime.path() + "/ethlink";
    ASSERT_EQ(mkdir(directory.c_str(), 0700), 0);
    {
        const auto first = control::make_client_socket_path(directory, "lab-1", "gpu-by-name");
        const auto second = control::make_client_socket_path(directory, "lab-2", "gpu-by-name");
        ASSERT_TRUE(first && second);
        const FakeDaemon one(*first);
        ethlink_session* session = nullptr;
        EXPECT_EQ(ethlink_open("gpu-by-name", kSecond, &session), ETHLINK_OK)
            << ethlink_last_error();
        ethlink_close(session);
        const FakeDaemon two(*second);
        EXPECT_EQ(ethlink_open("gpu-by-name", kSecond, &session), ETHLINK_NO_DAEMON);
        EXPECT_NE(std::string(ethlink_last_error()).find("2 sockets"), std::string::npos)
            << ethlink_last_error();
        setenv("ETHLINK_SOCKET", "lab-2/gpu-by-name", 1);
        EXPECT_EQ(ethlink_open(nullptr, kSecond, &session), ETHLINK_OK) << ethlink_last_error();
        ethlink_close(session);
        unsetenv("ETHLINK_SOCKET");
    }
    control::remove_client_socket_directory(directory, "lab-1");
    EXPECT_FALSE(std::filesystem::exists(directory + "/lab-1"));
    was == nullptr ? unsetenv("XDG_RUNTIME_DIR") : setenv("XDG_RUNTIME_DIR", saved.c_str(), 1);
}

TEST(LibraryWordsTest, EachStatusAndOperationHasAName) {
    for (int status = ETHLINK_OK; status <= ETHLINK_CLOSED; ++status) {
        EXPECT_STRNE(ethlink_status_name(status), "unknown") << status;
        EXPECT_STRNE(ethlink_status_text(status), "") << status;
    }
    for (int status = ETHLINK_FULL; status <= ETHLINK_SYSTEM; ++status) {
        EXPECT_STRNE(ethlink_status_name(status), "unknown") << status;
    }
    EXPECT_STREQ(ethlink_status_name(ETHLINK_REMOTE_ACCESS), "remote_access");
    EXPECT_STREQ(ethlink_status_name(12345), "unknown");
    for (int op = ETHLINK_OP_LOAD; op <= ETHLINK_OP_FENCE; ++op) {
        EXPECT_STRNE(ethlink_op_name(op), "unknown") << op;
    }
    EXPECT_STREQ(ethlink_op_name(ETHLINK_OP_FENCE), "fence");
    EXPECT_STREQ(ethlink_op_name(-1), "unknown");
}

}  // namespace
}  // namespace ethlink::client
