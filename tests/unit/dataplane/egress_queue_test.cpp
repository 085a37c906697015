// SPDX-License-Identifier: BSD-3-Clause
// Are the queues of a port FIFOs, bounded per VC, and known to be empty or not?
#include "dataplane/egress_queue.h"

#include <gtest/gtest.h>

#include "tests/sim/frame.h"

namespace ethlink {
namespace {

using sim::SimFrame;

struct Port {
    explicit Port(std::initializer_list<std::uint32_t> capacities)
        : queues(std::span(capacities)) {}

    bool push(Vc vc, std::uint16_t bytes) {
        Parcel<SimFrame> parcel{.frame = pool.allocate(bytes), .bytes = bytes, .vc = vc};
        const bool taken = queues.push(std::move(parcel));
        EXPECT_EQ(static_cast<bool>(parcel.frame), !taken) << "what is refused stays whole";
        return taken;
    }

    sim::FramePool pool{100};
    EgressQueues<SimFrame> queues;
};

TEST(EgressQueues, FirstInFirstOutPerVc) {
    Port port{4, 4, 4};
    EXPECT_EQ(port.queues.ready(), 0u);
    EXPECT_TRUE(port.push(Vc{2}, 61));
    EXPECT_TRUE(port.push(Vc{0}, 62));
    EXPECT_TRUE(port.push(Vc{2}, 63));
    EXPECT_EQ(port.queues.ready(), 0b101u);
    EXPECT_EQ(port.queues.frames(), 3u);
    EXPECT_EQ(port.queues[Vc{2}].bytes(), 124u);

    EXPECT_EQ(port.queues[Vc{2}].front().bytes, 61);
    EXPECT_EQ(port.queues.pop(Vc{2}).frame.size(), 61u);
    EXPECT_EQ(port.queues.ready(), 0b101u);
    EXPECT_EQ(port.queues.pop(Vc{2}).frame.size(), 63u);
    EXPECT_EQ(port.queues.ready(), 0b001u);
    EXPECT_EQ(port.queues.pop(Vc{0}).frame.size(), 62u);
    EXPECT_EQ(port.queues.ready(), 0u);
    EXPECT_EQ(port.queues.frames(), 0u);
    EXPECT_EQ(port.pool.in_use(), 0u);
}

TEST(EgressQueues, AFullVcRefusesAndTheOthersDoNot) {
    Port port{2, 2};
    EXPECT_TRUE(port.push(Vc{0}, 60));
    EXPECT_TRUE(port.push(Vc{0}, 60));
    EXPECT_FALSE(port.push(Vc{0}, 60));
    EXPECT_TRUE(port.push(Vc{1}, 60));
    (void)port.queues.pop(Vc{0});
    EXPECT_TRUE(port.push(Vc{0}, 60));
}

TEST(EgressQueues, AVcWithoutAQueueIsFull) {
    Port port{2};
    EXPECT_FALSE(port.push(Vc{1}, 60));
    EXPECT_FALSE(port.push(Vc{31}, 60));
    EXPECT_EQ(port.queues.ready(), 0u);
}

TEST(EgressQueues, HoldsAtLeastWhatWasAskedFor) {
    for (std::uint32_t capacity = 1; capacity < 70; ++capacity) {
        Port port{capacity};
        for (std::uint32_t i = 0; i < capacity; ++i) EXPECT_TRUE(port.push(Vc{0}, 60));
        EXPECT_GE(port.queues[Vc{0}].capacity(), capacity);
    }
}

TEST(EgressQueues, TheLastVc) {
    std::array<std::uint32_t, kMaxVcs> capacities{};
    capacities.fill(2);
    EgressQueues<SimFrame> queues(capacities);
    sim::FramePool pool(1);
    EXPECT_TRUE(queues.push({.frame = pool.allocate(60), .bytes = 60, .vc = Vc{31}}));
    EXPECT_EQ(queues.ready(), 1u << 31);
    (void)queues.pop(Vc{31});
    EXPECT_EQ(queues.ready(), 0u);
}

}  // namespace
}  // namespace ethlink
