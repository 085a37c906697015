// SPDX-License-Identifier: BSD-3-Clause
// Does the tracker say of each number what a list of all numbers seen would say?
#include "dataplane/sequence_tracker.h"

#include <set>

#include <gtest/gtest.h>

#include "dataplane/random.h"

namespace ethlink {
namespace {

using Verdict = SequenceTracker::Verdict;

/// The same, from a set of everything that was ever seen.
struct NaiveTracker {
    Verdict on(std::uint64_t number) {
        if (!seen.insert(number).second) return Verdict::kDuplicate;
        if (number < next) return Verdict::kReordered;
        next = number + 1;
        return Verdict::kInOrder;
    }
    std::uint64_t missing() const { return next - seen.size(); }

    std::set<std::uint64_t> seen;
    std::uint64_t next = 0;
};

TEST(SequenceTracker, InOrder) {
    SequenceTracker tracker;
    for (std::uint64_t i = 0; i < 20'000; ++i) ASSERT_EQ(tracker.on(i), Verdict::kInOrder);
    EXPECT_EQ(tracker.next(), 20'000u);
    EXPECT_EQ(tracker.missing(), 0u);
    EXPECT_EQ(tracker.on(19'999), Verdict::kDuplicate);
}

TEST(SequenceTracker, AGapThatIsFilledLater) {
    SequenceTracker tracker;
    EXPECT_EQ(tracker.on(0), Verdict::kInOrder);
    EXPECT_EQ(tracker.on(4), Verdict::kInOrder);
    EXPECT_EQ(tracker.missing(), 3u);
    EXPECT_EQ(tracker.on(2), Verdict::kReordered);
    EXPECT_EQ(tracker.on(2), Verdict::kDuplicate);
    EXPECT_EQ(tracker.missing(), 2u);
    EXPECT_EQ(tracker.on(1), Verdict::kReordered);
    EXPECT_EQ(tracker.on(3), Verdict::kReordered);
    EXPECT_EQ(tracker.missing(), 0u);
}

TEST(SequenceTracker, AGapOfAnySize) {
    for (const std::uint64_t gap : {1u, 4095u, 4096u, 4097u, 100'000u}) {
        SequenceTracker tracker;
        for (std::uint64_t i = 0; i < 5000; ++i) (void)tracker.on(i);
        EXPECT_EQ(tracker.on(5000 + gap), Verdict::kInOrder);
        EXPECT_EQ(tracker.missing(), gap);
        EXPECT_EQ(tracker.on(5000 + gap - 1), Verdict::kReordered);
        EXPECT_EQ(tracker.missing(), gap - 1);
    }
}

TEST(SequenceTracker, AgreesWithANaiveOne) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Random random(seed);
        SequenceTracker tracker;
        NaiveTracker naive;
        for (int i = 0; i < 5000; ++i) {
            // Mostly the next one; a jump ahead; or one of those less than a window late.
            std::uint64_t number = naive.next;
            if (random.chance(0.1)) number += random.below(300);
            if (random.chance(0.2)) {
                number -= std::min(number, random.below(SequenceTracker::kWindow));
            }
            ASSERT_EQ(tracker.on(number), naive.on(number)) << "seed " << seed << ", step " << i;
            ASSERT_EQ(tracker.missing(), naive.missing()) << "seed " << seed << ", step " << i;
            ASSERT_EQ(tracker.next(), naive.next);
        }
    }
}

}  // namespace
}  // namespace ethlink
