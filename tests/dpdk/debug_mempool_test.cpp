// SPDX-License-Identifier: BSD-3-Clause
// The three ways to misuse an mbuf that a sanitizer does not see by itself, each planted.
#include "tests/dpdk/debug_mempool.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "dataplane/dpdk/mbuf.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk::test {
namespace {

constexpr std::uint32_t kRoom = 256;

class DebugMempoolTest : public testing::Test {
protected:
    DebugMempoolTest() {
        use_debug_mempool();
        static int count = 0;
        auto made = MbufPool::create({.name = "debug" + std::to_string(count++),
                                      .frames = 63,
                                      .data_room_bytes = kRoom,
                                      .cache_frames = 0});
        if (!has_address_sanitizer()) use_default_mempool();
        if (!made) {
            std::cerr << made.error() << '\n';
            std::abort();
        }
        pool = std::move(*made);
    }
    std::unique_ptr<MbufPool> pool;
};

/// Through a pointer that the compiler knows nothing of.
void write_at(std::byte* at) {
    std::byte* volatile where = at;
    *where = std::byte{1};
}

TEST_F(DebugMempoolTest, IsAPoolLikeAnyOther) {
    for (int round = 0; round < 3; ++round) {
        std::vector<Mbuf> frames;
        while (Mbuf frame = pool->allocate(kRoom)) {
            for (std::byte& byte : frame.bytes()) byte = std::byte{7};
            frames.push_back(std::move(frame));
        }
        EXPECT_EQ(frames.size(), 63u);
        EXPECT_EQ(pool->in_use(), 63u);
        frames.clear();
        EXPECT_EQ(pool->in_use(), 0u);
    }
}

TEST_F(DebugMempoolTest, ABufferThatWasFreedComesBackAsLateAsPossible) {
    const std::byte* const first = pool->allocate(60).bytes().data();
    for (int i = 0; i < 62; ++i) {
        const Mbuf frame = pool->allocate(60);
        EXPECT_NE(frame.bytes().data(), first);
    }
    const Mbuf again = pool->allocate(60);
    EXPECT_EQ(again.bytes().data(), first);
}

TEST_F(DebugMempoolTest, FreedTwice) {
    rte_mbuf* const mbuf = pool->allocate(60).surrender();
    rte_pktmbuf_free(mbuf);
    EXPECT_DEATH(rte_mempool_put(pool->get(), mbuf), "freed twice");
}

TEST_F(DebugMempoolTest, UsedAfterItWasFreed) {
    if (!has_address_sanitizer()) return;  // Nobody could see it.
    Mbuf frame = pool->allocate(60);
    std::byte* const at = frame.bytes().data();
    write_at(at);
    frame = Mbuf();
    EXPECT_DEATH(write_at(at), "use-after-poison");
}

TEST_F(DebugMempoolTest, WrittenBehindItsRoom) {
    if (!has_address_sanitizer()) return;  // Nobody could see it.
    Mbuf frame = pool->allocate(kRoom);
    Mbuf next = pool->allocate(kRoom);
    const std::span<std::byte> bytes = frame.bytes();
    write_at(&bytes.back());
    // The gap is at least a cache line wide, and the buffer ends with the line it is in.
    EXPECT_DEATH(
        {
            for (std::size_t n = 0; n < 2 * RTE_CACHE_LINE_SIZE; ++n) {
                write_at(bytes.data() + bytes.size() + n);
            }
        },
        "use-after-poison");
}

}  // namespace
}  // namespace ethlink::dpdk::test
