// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/histogram.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace ethlink {
namespace {

using Scale = HistogramScale;

TEST(HistogramScale, SlotsCoverAllValuesWithoutGapOrOverlap) {
    EXPECT_EQ(Scale::lowest_in(0), 0u);
    for (std::size_t slot = 0; slot + 1 < Scale::kSlots; ++slot) {
        ASSERT_EQ(Scale::highest_in(slot) + 1, Scale::lowest_in(slot + 1)) << slot;
    }
    EXPECT_EQ(Scale::highest_in(Scale::kSlots - 1), Scale::kValueMax);
}

TEST(HistogramScale, BothEndsOfASlotFallIntoIt) {
    for (std::size_t slot = 0; slot < Scale::kSlots; ++slot) {
        ASSERT_EQ(Scale::slot_of(Scale::lowest_in(slot)), slot);
        ASSERT_EQ(Scale::slot_of(Scale::highest_in(slot)), slot);
    }
}

TEST(HistogramScale, ASlotIsNoWiderThanTheDocumentedError) {
    for (std::size_t slot = 1; slot < Scale::kSlots; ++slot) {
        const std::uint64_t width = Scale::highest_in(slot) - Scale::lowest_in(slot);
        ASSERT_LT(width * Scale::kSlotsPerOctave, Scale::lowest_in(slot));
    }
}

TEST(Histogram, EmptyIsAllZero) {
    const auto snapshot = std::make_unique<Histogram>()->snapshot();
    EXPECT_TRUE(snapshot.empty());
    EXPECT_EQ(snapshot.min(), 0u);
    EXPECT_EQ(snapshot.max(), 0u);
    EXPECT_EQ(snapshot.mean(), 0);
    EXPECT_EQ(snapshot.standard_deviation(), 0);
    EXPECT_EQ(snapshot.at_percentile(50), 0u);
}

TEST(Histogram, SmallValuesAreExact) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= 10; ++value) histogram.add(value);
    const auto snapshot = histogram.snapshot();
    EXPECT_EQ(snapshot.count(), 10u);
    EXPECT_EQ(snapshot.at_percentile(0), 1u);
    EXPECT_EQ(snapshot.at_percentile(50), 5u);
    EXPECT_EQ(snapshot.at_percentile(90), 9u);
    EXPECT_EQ(snapshot.at_percentile(90.1), 10u);
    EXPECT_EQ(snapshot.at_percentile(100), 10u);
    EXPECT_DOUBLE_EQ(snapshot.mean(), 5.5);
    EXPECT_NEAR(snapshot.standard_deviation(), 2.8723, 1e-4);
}

TEST(Histogram, PercentilesOutsideTheScaleAreItsEnds) {
    Histogram histogram;
    histogram.add(3);
    histogram.add(7);
    EXPECT_EQ(histogram.snapshot().at_percentile(-1), 3u);
    EXPECT_EQ(histogram.snapshot().at_percentile(1000), 7u);
}

TEST(Histogram, HugeValuesSaturate) {
    Histogram histogram;
    histogram.add(~std::uint64_t{0});
    EXPECT_EQ(histogram.snapshot().max(), Scale::kValueMax);
    EXPECT_EQ(histogram.snapshot().at_percentile(50), Scale::kValueMax);
}

/// Values of all magnitudes: uniform in the exponent.
std::vector<std::uint64_t> random_values(std::mt19937_64& random) {
    std::vector<std::uint64_t> values(1 + random() % 3000);
    const std::uint64_t bits = 1 + random() % Scale::kValueBits;
    for (auto& value : values) value = (random() & Scale::kValueMax) >> (random() % bits);
    return values;
}

std::uint64_t true_percentile(const std::vector<std::uint64_t>& sorted, std::uint64_t permille) {
    const std::uint64_t rank = (permille * sorted.size() + 999) / 1000;
    return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

TEST(Histogram, EachPercentileIsWithinTheDocumentedErrorOfTheSortedValues) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::mt19937_64 random(seed);
        auto values = random_values(random);
        const auto histogram = std::make_unique<Histogram>();
        for (const auto value : values) histogram->add(value);
        std::sort(values.begin(), values.end());
        const auto snapshot = histogram->snapshot();
        ASSERT_EQ(snapshot.count(), values.size());
        ASSERT_EQ(snapshot.min(), values.front());
        ASSERT_EQ(snapshot.max(), values.back());
        for (const std::uint64_t permille : {0u, 1u, 100u, 500u, 900u, 990u, 999u, 1000u}) {
            const auto exact = true_percentile(values, permille);
            const auto told = snapshot.at_percentile(static_cast<double>(permille) / 10);
            ASSERT_GE(told, exact) << "seed " << seed << ", " << permille << " permille";
            ASSERT_LE((told - exact) * Scale::kSlotsPerOctave, exact)
                << "seed " << seed << ", " << permille << " permille";
        }
    }
}

TEST(Histogram, MergingIsTheSameAsCountingTogether) {
    std::mt19937_64 random(7);
    Histogram one, other, both;
    for (int i = 0; i < 5000; ++i) {
        const std::uint64_t value = random() >> (24 + random() % 40);
        (i % 3 == 0 ? one : other).add(value);
        both.add(value);
    }
    auto merged = one.snapshot();
    merged.merge(other.snapshot());
    const auto expected = both.snapshot();
    EXPECT_EQ(merged.count(), expected.count());
    EXPECT_EQ(merged.min(), expected.min());
    EXPECT_EQ(merged.max(), expected.max());
    EXPECT_DOUBLE_EQ(merged.mean(), expected.mean());
    for (std::size_t slot = 0; slot < Scale::kSlots; ++slot) {
        ASSERT_EQ(merged.count_in(slot), expected.count_in(slot));
    }
}

TEST(Histogram, MergingWithEmptyChangesNothing) {
    Histogram histogram;
    histogram.add(42);
    auto snapshot = histogram.snapshot();
    snapshot.merge(HistogramSnapshot());
    EXPECT_EQ(snapshot.min(), 42u);
    auto empty = HistogramSnapshot();
    empty.merge(snapshot);
    EXPECT_EQ(empty.min(), 42u);
    EXPECT_EQ(empty.max(), 42u);
    EXPECT_EQ(empty.count(), 1u);
}

TEST(Histogram, AReaderSeesSaneNumbersWhileTheWriterWrites) {
    constexpr std::uint64_t kValues = 200'000;
    const auto histogram = std::make_unique<Histogram>();
    std::jthread writer([&] {
        for (std::uint64_t i = 0; i < kValues; ++i) histogram->add(100 + i % 1000);
    });
    std::uint64_t before = 0;
    while (before < kValues) {
        const auto snapshot = histogram->snapshot();
        ASSERT_GE(snapshot.count(), before);
        ASSERT_LE(snapshot.at_percentile(50), 1099u);
        before = snapshot.count();
        std::this_thread::yield();
    }
    EXPECT_EQ(histogram->snapshot().min(), 100u);
}

TEST(HistogramSnapshot, TheDifferenceIsWhatWasAddedSince) {
    const auto histogram = std::make_unique<Histogram>();
    for (const std::uint64_t value : {3u, 70'000u, 1'000'000u}) histogram->add(value);
    const HistogramSnapshot before = histogram->snapshot();
    EXPECT_TRUE((before - before).empty());
    EXPECT_EQ((before - before).min(), 0u);
    EXPECT_EQ((before - before).max(), 0u);
    for (const std::uint64_t value : {50'000u, 50'000u, 70'000u, 5'000u}) histogram->add(value);
    const HistogramSnapshot rest = histogram->snapshot() - before;
    EXPECT_EQ(rest.count(), 4u);
    EXPECT_EQ(rest.mean(), 175'000.0 / 4);
    EXPECT_EQ(rest.count_in(Scale::slot_of(50'000)), 2u);
    EXPECT_EQ(rest.count_in(Scale::slot_of(70'000)), 1u);
    EXPECT_EQ(rest.count_in(Scale::slot_of(1'000'000)), 0u);
    // Within a slot of the least and the greatest.
    EXPECT_EQ(rest.min(), Scale::lowest_in(Scale::slot_of(5'000)));
    EXPECT_EQ(rest.max(), Scale::highest_in(Scale::slot_of(70'000)));
    // All of it, if nothing came earlier: then both are exact.
    const HistogramSnapshot all = histogram->snapshot() - HistogramSnapshot();
    EXPECT_EQ(all.min(), 3u);
    EXPECT_EQ(all.max(), 1'000'000u);
}

}  // namespace
}  // namespace ethlink
