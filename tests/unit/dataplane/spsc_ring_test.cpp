// SPDX-License-Identifier: BSD-3-Clause
// Does everything that goes into the ring come out once and in order, also between two threads?
#include "dataplane/spsc_ring.h"

#include <deque>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "dataplane/random.h"

namespace ethlink {
namespace {

TEST(SpscRing, RoundsItsCapacityUp) {
    EXPECT_EQ(SpscRing<int>(0).capacity(), 2u);
    EXPECT_EQ(SpscRing<int>(3).capacity(), 4u);
    EXPECT_EQ(SpscRing<int>(64).capacity(), 64u);
    EXPECT_EQ(SpscRing<int>(65).capacity(), 128u);
}

TEST(SpscRing, NothingIsSeenBeforeItIsPublished) {
    SpscRing<int> ring(4);
    ring.push(1);
    EXPECT_EQ(ring.size(), 0u);
    ring.publish();
    EXPECT_EQ(ring.size(), 1u);
    EXPECT_EQ(ring.front(), 1);
}

TEST(SpscRing, ASlotIsFreeOnlyWhenItIsReleased) {
    SpscRing<int> ring(2);
    ring.push(1);
    ring.push(2);
    ring.publish();
    EXPECT_EQ(ring.room(), 0u);
    ASSERT_EQ(ring.size(2), 2u);
    ring.pop();
    EXPECT_EQ(ring.room(), 0u);
    ring.release();
    EXPECT_EQ(ring.room(), 1u);
    EXPECT_EQ(ring.front(), 2);
}

TEST(SpscRing, LooksAgainOnlyForWhatIsWanted) {
    // The copy of the other side's index may be old, but never too generous.
    SpscRing<int> ring(8);
    ring.push(1);
    ring.publish();
    EXPECT_EQ(ring.size(1), 1u);
    ring.push(2);
    ring.publish();
    EXPECT_EQ(ring.size(1), 1u);
    EXPECT_EQ(ring.size(2), 2u);
    EXPECT_EQ(ring.size(100), 2u);
}

TEST(SpscRing, AgreesWithADeque) {
    Random random(1);
    SpscRing<std::unique_ptr<int>> ring(8);
    std::deque<int> model;
    int next = 0;
    for (int step = 0; step < 100'000; ++step) {
        if (random.chance(0.5)) {
            for (std::size_t n = std::min<std::size_t>(ring.room(4), random.below(5)); n > 0; --n) {
                ring.push(std::make_unique<int>(next));
                model.push_back(next++);
            }
            ring.publish();
        } else {
            for (std::size_t n = std::min<std::size_t>(ring.size(4), random.below(5)); n > 0; --n) {
                ASSERT_EQ(*ring.front(), model.front());
                ring.front() = nullptr;
                ring.pop();
                model.pop_front();
            }
            ring.release();
        }
        ASSERT_LE(model.size(), ring.capacity());
    }
    EXPECT_GT(next, 50'000);
}

TEST(SpscRing, TwoThreads) {
    // Also under TSan: payloads behind pointers make a missing release or acquire visible.
    constexpr int kItems = 50'000;
    SpscRing<std::unique_ptr<int>> ring(64);
    std::thread producer([&] {
        for (int i = 0; i < kItems;) {
            std::size_t n = ring.room(8);
            for (; n > 0 && i < kItems; --n) ring.push(std::make_unique<int>(i++));
            ring.publish();
            if (n == 0) std::this_thread::yield();
        }
    });
    int wrong = 0;
    for (int i = 0; i < kItems;) {
        const std::size_t n = ring.size(8);
        for (std::size_t k = 0; k < n; ++k, ++i) {
            const std::unique_ptr<int> item = std::move(ring.front());
            if (item == nullptr || *item != i) ++wrong;
            ring.pop();
        }
        ring.release();
        if (n == 0) std::this_thread::yield();
    }
    producer.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(ring.size(), 0u);
}

}  // namespace
}  // namespace ethlink
