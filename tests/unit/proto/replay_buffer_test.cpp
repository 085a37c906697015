// SPDX-License-Identifier: BSD-3-Clause
// Does the replay buffer own its frames, count their bytes, and give them back?
#include "proto/replay_buffer.h"

#include <vector>

#include <gtest/gtest.h>

#include "proto/cyclic.h"
#include "tests/sim/frame.h"

namespace ethlink {
namespace {

using namespace std::chrono_literals;
using sim::SimFrame;
using Buffer = ReplayBuffer<SimFrame>;

struct Store {
    explicit Store(std::size_t slots_wanted, std::uint32_t max_bytes = 10'000)
        : slots(slots_wanted), buffer(slots, max_bytes) {}

    void push(std::uint32_t seq, std::uint32_t bytes = 100, Time now = Time{1s}) {
        SimFrame frame = pool.allocate(bytes);
        frame.bytes()[0] = static_cast<std::byte>(seq);
        buffer.push(seq, std::move(frame), bytes, now);
    }

    sim::FramePool pool{100};
    std::vector<Buffer::Slot> slots;
    Buffer buffer;
};

TEST(ReplayBuffer, KeepsFramesByNumber) {
    Store store(8);
    for (std::uint32_t seq = 5; seq < 12; ++seq) store.push(seq);
    EXPECT_EQ(store.buffer.size(), 7u);
    EXPECT_EQ(store.buffer.bytes(), 700u);
    for (std::uint32_t seq = 5; seq < 12; ++seq) {
        EXPECT_EQ(store.buffer.at(seq).frame.bytes()[0], static_cast<std::byte>(seq));
    }
    EXPECT_EQ(store.pool.in_use(), 7u);
}

TEST(ReplayBuffer, IsBoundedInFramesAndBytes) {
    // L13: full means back-pressure.
    Store frames(4);
    for (std::uint32_t seq = 0; seq < 4; ++seq) {
        EXPECT_TRUE(frames.buffer.has_room(100));
        frames.push(seq);
    }
    EXPECT_FALSE(frames.buffer.has_room(1));

    Store bytes(64, 250);
    bytes.push(0);
    EXPECT_TRUE(bytes.buffer.has_room(150));
    EXPECT_FALSE(bytes.buffer.has_room(151));
}

TEST(ReplayBuffer, ReleasesTheOldestInOneGo) {
    Store store(64);
    for (std::uint32_t seq = 0; seq < 50; ++seq) store.push(seq, 60 + seq);
    store.buffer.release(0, 40, store.pool);  // More than one batch.
    EXPECT_EQ(store.buffer.size(), 10u);
    EXPECT_EQ(store.pool.in_use(), 10u);
    std::uint32_t bytes = 0;
    for (std::uint32_t seq = 40; seq < 50; ++seq) bytes += 60 + seq;
    EXPECT_EQ(store.buffer.bytes(), bytes);
    EXPECT_EQ(store.buffer.at(40).frame.bytes()[0], std::byte{40});
    store.buffer.release(40, 10, store.pool);
    EXPECT_TRUE(store.buffer.empty());
    EXPECT_EQ(store.buffer.bytes(), 0u);
    EXPECT_EQ(store.pool.in_use(), 0u);
    store.buffer.release(50, 0, store.pool);
}

TEST(ReplayBuffer, NumbersWrapAtTheEndOfTheCircle) {
    Store store(16);
    Cyclic<20> seq(0xF'FFFA);
    const std::uint32_t first = seq.value();
    for (int i = 0; i < 12; ++i, seq = seq.next()) store.push(seq.value());
    EXPECT_EQ(store.buffer.at(0xF'FFFF).frame.bytes()[0], std::byte{0xFF});
    EXPECT_EQ(store.buffer.at(5).frame.bytes()[0], std::byte{5});
    store.buffer.release(first, 12, store.pool);
    EXPECT_EQ(store.pool.in_use(), 0u);
}

TEST(ReplayBuffer, KnowsTheAgeToAMicrosecondForAnHour) {
    Store store(4);
    const Time sent{12'345'678'901ns};
    store.push(0, 100, sent);
    for (const Duration age : {Duration(0), Duration(999ns), Duration(1ms), Duration(70min)}) {
        const Duration known = sent + age - store.buffer.sent_at(0, sent + age);
        EXPECT_LE(known, age + 1024ns);
        EXPECT_GE(known, age - 1024ns);
    }
}

TEST(ReplayBuffer, ItsFramesGoWithIt) {
    sim::FramePool pool(4);
    {
        std::vector<Buffer::Slot> slots(4);
        Buffer buffer(slots, 1000);
        buffer.push(0, pool.allocate(60), 60, Time{});
        EXPECT_EQ(pool.in_use(), 1u);
    }
    EXPECT_EQ(pool.in_use(), 0u);
}

}  // namespace
}  // namespace ethlink
