// SPDX-License-Identifier: BSD-3-Clause
// Does a burst keep its order, and hold nothing behind its end?
#include "dataplane/burst.h"

#include <gtest/gtest.h>

#include "tests/sim/frame.h"

namespace ethlink {
namespace {

using sim::SimFrame;

TEST(Burst, FillsAndDropsFromTheFront) {
    sim::FramePool pool(64);
    Burst<SimFrame> burst;
    EXPECT_TRUE(burst.empty());
    for (std::uint32_t i = 0; i < kBurstSize; ++i) burst.push(pool.allocate(i));
    EXPECT_EQ(burst.room(), 0u);
    for (std::size_t i = 0; i < 10; ++i) burst[i] = SimFrame();
    burst.drop_front(10);
    ASSERT_EQ(burst.size(), 22u);
    for (std::uint32_t i = 0; i < 22; ++i) EXPECT_EQ(burst[i].size(), i + 10);
    for (SimFrame& slot : burst.free_slots()) EXPECT_FALSE(slot);
    burst.drop_front(0);
    EXPECT_EQ(burst.size(), 22u);
    burst.clear();
    EXPECT_TRUE(burst.empty());
    EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Burst, GrowsByWhatWasWrittenIntoItsFreeSlots) {
    sim::FramePool pool(64);
    Burst<SimFrame> burst;
    burst.push(pool.allocate(1));
    burst.free_slots()[0] = pool.allocate(2);
    burst.grow(1);
    EXPECT_EQ(burst.size(), 2u);
    EXPECT_EQ(burst[1].size(), 2u);
    EXPECT_EQ(burst.free_slots().size(), kBurstSize - 2);
}

}  // namespace
}  // namespace ethlink
