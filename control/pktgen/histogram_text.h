// SPDX-License-Identifier: BSD-3-Clause
// A histogram for people and for plotting tools: percentile rows and the .hgrm text format.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataplane/histogram.h"

namespace ethlink::control {

struct PercentileRow {
    double percentile = 0;    // 0 .. 100
    std::uint64_t value = 0;  // as the histogram counts, usually ns
};

/// The percentiles that testers of switches print: 50, 90, 99, 99.9, 99.99 and 100.
std::vector<PercentileRow> percentile_rows(const HistogramSnapshot& snapshot);
std::vector<PercentileRow> percentile_rows(const HistogramSnapshot& snapshot,
                                           std::span<const double> percentiles);

struct SlotRow {
    std::uint64_t value_max = 0;  // the greatest value that falls into this slot
    std::uint64_t count = 0;
};

/// Every slot that has counted something, in ascending order.
std::vector<SlotRow> slot_rows(const HistogramSnapshot& snapshot);

/// HdrHistogram's percentile distribution, as its plotters read it: five rows for each halving of
/// the distance to 100 %. Values are divided by `scale`: 1000 turns ns into us.
std::string to_hgrm(const HistogramSnapshot& snapshot, double scale = 1.0);

}  // namespace ethlink::control
