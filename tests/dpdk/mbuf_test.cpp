// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/mbuf.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

using test::make_pool;
using test::numbered_frame;

bool all_equal(std::span<const std::byte> bytes, std::uint8_t value) {
    return std::all_of(bytes.begin(), bytes.end(),
                       [value](std::byte b) { return b == static_cast<std::byte>(value); });
}

TEST(Mbuf, IsOnePointerAndStartsEmpty) {
    EXPECT_EQ(sizeof(Mbuf), sizeof(void*));
    EXPECT_FALSE(std::is_copy_constructible_v<Mbuf>);
    const Mbuf empty;
    EXPECT_FALSE(static_cast<bool>(empty));
    empty.prefetch();
}

TEST(Mbuf, AllocatesExactlyTheBytesAskedFor) {
    const auto pool = make_pool(127);
    for (const std::uint32_t n : {0u, 1u, 60u, 2048u}) {
        const Mbuf frame = pool->allocate(n);
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame.size(), n);
        EXPECT_EQ(frame.bytes().size(), n);
    }
    EXPECT_FALSE(pool->allocate(2049));
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(Mbuf, MovesAndFreesExactlyOnce) {
    const auto pool = make_pool(127);
    Mbuf a = pool->allocate(60);
    Mbuf b = std::move(a);
    EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): that is the promise
    EXPECT_EQ(pool->in_use(), 1u);
    b = pool->allocate(60);
    EXPECT_EQ(pool->in_use(), 1u);
    Mbuf& alias = b;
    b = std::move(alias);
    EXPECT_TRUE(b);
    b = Mbuf();
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(Mbuf, AppendsUpToTheTailroomAndTrims) {
    const auto pool = make_pool(127, 256);
    Mbuf frame = pool->allocate(200);
    EXPECT_EQ(frame.append(57), nullptr);
    EXPECT_EQ(frame.append(0xffff'ffff), nullptr);
    EXPECT_EQ(frame.size(), 200u);
    std::byte* tail = frame.append(56);
    EXPECT_EQ(tail, frame.bytes().data() + 200);
    EXPECT_EQ(frame.size(), 256u);
    EXPECT_EQ(frame.get()->pkt_len, 256u);
    frame.trim(256);
    EXPECT_EQ(frame.size(), 0u);
}

TEST(Mbuf, SharesOneBufferAmongOwners) {
    const auto pool = make_pool(127);
    Mbuf frame = numbered_frame(*pool, 7);
    Mbuf kept = frame.share();
    EXPECT_TRUE(frame.is_shared());
    EXPECT_EQ(kept.bytes().data(), frame.bytes().data());
    frame = Mbuf();
    EXPECT_EQ(pool->in_use(), 1u);
    EXPECT_FALSE(kept.is_shared());
    EXPECT_TRUE(all_equal(kept.bytes(), 7));
    kept = Mbuf();
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(MbufPool, CopiesTheBytesIntoABufferOfItsOwn) {
    const auto pool = make_pool(127);
    for (const std::uint32_t n : {1u, 14u, 60u, 64u, 65u, 1500u, 2048u}) {
        Mbuf frame = numbered_frame(*pool, 9, n);
        const Mbuf twin = pool->copy(frame);
        ASSERT_TRUE(twin);
        std::memset(frame.bytes().data(), 0, n);
        EXPECT_EQ(twin.size(), n);
        EXPECT_TRUE(all_equal(twin.bytes(), 9));
    }
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(MbufPool, CopiesAFrameOfAnotherPoolUnlessItIsTooLong) {
    const auto large = make_pool(63, 2048);
    const auto small = make_pool(63, 128);
    const Mbuf fits = numbered_frame(*large, 1, 128);
    EXPECT_TRUE(all_equal(small->copy(fits).bytes(), 1));
    EXPECT_FALSE(small->copy(numbered_frame(*large, 1, 129)));
}

TEST(MbufPool, RunsDryWithoutLosingAFrame) {
    const auto pool = make_pool(127);
    EXPECT_EQ(pool->size(), 127u);
    std::vector<Mbuf> frames;
    for (Mbuf frame = pool->allocate(60); frame; frame = pool->allocate(60)) {
        frames.push_back(std::move(frame));
    }
    EXPECT_EQ(frames.size(), 127u);
    EXPECT_EQ(pool->in_use(), 127u);
    EXPECT_EQ(pool->available(), 0u);
    EXPECT_FALSE(pool->copy(frames.front()));
    frames.clear();
    EXPECT_EQ(pool->in_use(), 0u);
    EXPECT_EQ(pool->available(), 127u);
}

TEST(MbufPool, AllocatesManyOrNone) {
    const auto pool = make_pool(127);
    std::vector<Mbuf> frames(100);
    ASSERT_TRUE(pool->allocate_many(frames, 60));
    EXPECT_EQ(pool->in_use(), 100u);
    EXPECT_EQ(frames.back().size(), 60u);
    std::vector<Mbuf> more(28);
    EXPECT_FALSE(pool->allocate_many(more, 60));
    EXPECT_FALSE(more.front());
    EXPECT_EQ(pool->in_use(), 100u);
    pool->release(frames);
    EXPECT_EQ(pool->in_use(), 0u);
}

TEST(MbufPool, ReleasesSoleSharedForeignAndEmptyHandlesAtOnce) {
    const auto pool = make_pool(511);
    const auto other = make_pool(63);
    std::vector<Mbuf> frames;
    std::vector<Mbuf> shares;
    for (int i = 0; i < 200; ++i) {
        frames.push_back(i % 7 == 0 ? Mbuf() : pool->allocate(60));
        if (i % 5 == 0 && frames.back()) shares.push_back(frames.back().share());
        if (i % 11 == 0) frames.push_back(other->allocate(60));
    }
    pool->release(frames);
    EXPECT_TRUE(std::none_of(frames.begin(), frames.end(), [](const Mbuf& f) { return bool(f); }));
    EXPECT_EQ(pool->in_use(), shares.size());
    EXPECT_EQ(other->in_use(), 0u);
    pool->release(shares);
    EXPECT_EQ(pool->in_use(), 0u);
    EXPECT_EQ(pool->available(), pool->size());
}

TEST(MbufPool, AReusedFrameRemembersNothing) {
    const auto pool = make_pool(1);
    Mbuf frame = pool->allocate(60);
    frame.get()->ol_flags = RTE_MBUF_F_RX_VLAN;
    frame.get()->data_off = 0;
    frame = Mbuf();
    frame = pool->allocate(61);
    EXPECT_EQ(frame.get()->ol_flags, 0u);
    EXPECT_EQ(frame.get()->data_off, RTE_PKTMBUF_HEADROOM);
    EXPECT_EQ(frame.get()->nb_segs, 1u);
    EXPECT_EQ(frame.get()->next, nullptr);
    EXPECT_FALSE(frame.is_shared());
}

TEST(MbufPool, SaysHowMuchMemoryIsMissing) {
    const auto pool = MbufPool::create({.name = "huge", .frames = 1'000'000});
    ASSERT_FALSE(pool);
    EXPECT_NE(pool.error().find("MiB"), std::string::npos) << pool.error();
    EXPECT_NE(pool.error().find("1000000 frames"), std::string::npos) << pool.error();
}

TEST(MbufPool, RefusesImpossibleSizesAndTakenNames) {
    EXPECT_FALSE(MbufPool::create({.name = "tiny", .data_room_bytes = 127}));
    EXPECT_FALSE(MbufPool::create({.name = "wide", .data_room_bytes = 65'408}));
    const auto first = MbufPool::create({.name = "twin", .frames = 63, .cache_frames = 8});
    ASSERT_TRUE(first) << first.error();
    EXPECT_FALSE(MbufPool::create({.name = "twin", .frames = 63, .cache_frames = 8}));
}

TEST(MbufPool, ItsMemoryBoundHolds) {
    for (const std::uint32_t room : {128u, 2048u, 9216u}) {
        const auto pool = make_pool(255, room);
        const rte_mempool* raw = pool->get();
        const std::uint64_t each = raw->header_size + raw->elt_size + raw->trailer_size;
        EXPECT_LE(each * 255, MbufPool::bytes_needed(255, room));
    }
}

}  // namespace
}  // namespace ethlink::dpdk
