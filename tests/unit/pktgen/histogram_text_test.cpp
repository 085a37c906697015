// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/histogram_text.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

HistogramSnapshot one_to(std::uint64_t last) {
    Histogram histogram;
    for (std::uint64_t value = 1; value <= last; ++value) histogram.add(value);
    return histogram.snapshot();
}

TEST(HistogramText, RowsNameTheUsualPercentiles) {
    const auto rows = percentile_rows(one_to(100));
    ASSERT_EQ(rows.size(), 6u);
    EXPECT_EQ(rows[0].percentile, 50);
    EXPECT_EQ(rows[0].value, 50u);
    EXPECT_EQ(rows[1].value, 90u);
    EXPECT_EQ(rows[2].value, 99u);
    EXPECT_EQ(rows[4].percentile, 99.99);
    EXPECT_EQ(rows[5].value, 100u);
}

TEST(HistogramText, SlotRowsHoldEveryCount) {
    Histogram histogram;
    histogram.add(5);
    histogram.add(5);
    histogram.add(1000);
    const auto rows = slot_rows(histogram.snapshot());
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].value_max, 5u);
    EXPECT_EQ(rows[0].count, 2u);
    EXPECT_EQ(rows[1].value_max, 1007u);
    EXPECT_EQ(rows[1].count, 1u);
}

TEST(HistogramText, HgrmOfFourValues) {
    Histogram histogram;
    for (const std::uint64_t value : {1000u, 1000u, 2000u, 4000u}) histogram.add(value);
    EXPECT_EQ(to_hgrm(histogram.snapshot(), 1000),
              "       Value     Percentile TotalCount 1/(1-Percentile)\n"
              "\n"
              "       1.007 0.000000000000          2           1.00\n"
              "       1.007 0.100000000000          2           1.11\n"
              "       1.007 0.200000000000          2           1.25\n"
              "       1.007 0.300000000000          2           1.43\n"
              "       1.007 0.400000000000          2           1.67\n"
              "       1.007 0.500000000000          2           2.00\n"
              "       2.015 0.550000000000          3           2.22\n"
              "       2.015 0.600000000000          3           2.50\n"
              "       2.015 0.650000000000          3           2.86\n"
              "       2.015 0.700000000000          3           3.33\n"
              "       2.015 0.750000000000          3           4.00\n"
              "       4.000 1.000000000000          4\n"
              "#[Mean    =        2.000, StdDeviation   =        1.230]\n"
              "#[Max     =        4.000, Total count    =            4]\n"
              "#[Buckets =           34, SubBuckets     =           64]\n");
}

TEST(HistogramText, HgrmLevelsRiseAndEndAtOne) {
    std::istringstream text(to_hgrm(one_to(100'000)));
    std::string line;
    double before = -1;
    int rows = 0;
    while (std::getline(text, line)) {
        std::istringstream row(line);
        double value = 0, level = 0;
        if (line.starts_with('#') || !(row >> value >> level)) continue;
        EXPECT_GT(level, before) << line;
        EXPECT_NEAR(value, std::max(level * 100'000, 1.0), 100'000.0 / 64) << line;
        before = level;
        ++rows;
    }
    EXPECT_EQ(before, 1);
    EXPECT_GT(rows, 35);  // The last slot holds 0.7 %: seven halvings of five rows.
}

TEST(HistogramText, HgrmOfNothingHasNoRows) {
    const auto text = to_hgrm(HistogramSnapshot());
    EXPECT_NE(text.find("Total count    =            0"), std::string::npos);
}

}  // namespace
}  // namespace ethlink::control
