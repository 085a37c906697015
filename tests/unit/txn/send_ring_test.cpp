// SPDX-License-Identifier: BSD-3-Clause
// Does the cursor always stand at the item that goes out next, wherever it is sent back to?
#include "proto/txn/send_ring.h"

#include <array>
#include <cstdint>

#include <gtest/gtest.h>

namespace ethlink::txn {
namespace {

struct Record {
    Psn first;
    std::uint32_t items = 0;
};

class SendRingTest : public testing::Test {
protected:
    void push(std::uint32_t items) {
        ring.push() = {next, items};
        next = next + items;
    }
    /// The number of the item at the cursor.
    Psn at_cursor() const { return ring.current().first + ring.part(); }

    std::array<Record, 8> slots{};
    SendRing<Record> ring{slots};
    Psn next{0xFFFF'FFFE};  // The numbers wrap within the first records.
};

TEST_F(SendRingTest, HoldsAsManyAsItHasSlots) {
    for (int i = 0; i < 8; ++i) {
        ASSERT_TRUE(ring.has_room());
        push(1);
    }
    EXPECT_FALSE(ring.has_room());
    ring.pop();
    EXPECT_TRUE(ring.has_room());
    EXPECT_EQ(ring.size(), 7u);
}

TEST_F(SendRingTest, GoesThroughAllItemsInOrder) {
    for (const std::uint32_t items : {1u, 3u, 2u}) push(items);
    for (Psn psn{0xFFFF'FFFE}; psn != next; psn = psn + 1) {
        ASSERT_FALSE(ring.all_sent());
        EXPECT_EQ(at_cursor(), psn);
        ring.advance();
    }
    EXPECT_TRUE(ring.all_sent());
    EXPECT_EQ(ring.ahead(), 3u);
}

TEST_F(SendRingTest, SeeksAnyItemThatItHolds) {
    for (const std::uint32_t items : {2u, 4u, 1u, 3u}) push(items);
    for (Psn psn{0xFFFF'FFFE}; psn != next; psn = psn + 1) {
        ring.seek(psn);
        EXPECT_EQ(at_cursor(), psn);
    }
    ring.seek(next);
    EXPECT_TRUE(ring.all_sent());
}

TEST_F(SendRingTest, StopsInFrontOfARecordWithoutItems) {
    push(2);
    push(0);
    push(1);
    ring.seek(Psn{0xFFFF'FFFE} + 2);  // The number that the fence and what is behind it begin with.
    EXPECT_EQ(ring.current().items, 0u);
    EXPECT_EQ(ring.ahead(), 1u);
}

TEST_F(SendRingTest, TheCursorNeverFallsBehindTheOldest) {
    push(3);
    push(1);
    ring.advance();
    ring.pop();
    EXPECT_EQ(ring.part(), 0u);
    EXPECT_EQ(at_cursor(), next + static_cast<std::uint32_t>(-1));
}

TEST(IsAcknowledged, NeedsAllItemsAndNoFuture) {
    const Record record{Psn{0xFFFF'FFFF}, 3};
    EXPECT_FALSE(is_acknowledged(record, Psn{0xFFFF'FFFE}));
    EXPECT_FALSE(is_acknowledged(record, Psn{0xFFFF'FFFF}));
    EXPECT_FALSE(is_acknowledged(record, Psn{1}));
    EXPECT_TRUE(is_acknowledged(record, Psn{2}));
    EXPECT_TRUE(is_acknowledged(record, Psn{1000}));
}

}  // namespace
}  // namespace ethlink::txn
