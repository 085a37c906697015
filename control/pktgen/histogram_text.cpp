// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/histogram_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace ethlink::control {
namespace {

constexpr std::array kUsualPercentiles{50.0, 90.0, 99.0, 99.9, 99.99, 100.0};
constexpr double kTicksPerHalving = 5;

/// The next level of an .hgrm file: the steps halve as often as the distance to 100 % does.
double next_level(double level) {
    const double halvings = std::floor(std::log2(100.0 / (100.0 - level))) + 1;
    return level + 100.0 / (kTicksPerHalving * std::exp2(halvings));
}

template <class... Numbers>
std::string formatted(const char* format, Numbers... numbers) {
    std::array<char, 160> line{};
    const int length = std::snprintf(line.data(), line.size(), format, numbers...);
    return {line.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string hgrm_row(double value, double level, std::uint64_t seen) {
    const auto total = static_cast<unsigned long long>(seen);
    if (level >= 100.0) return formatted("%12.3f %14.12f %10llu\n", value, 1.0, total);
    return formatted("%12.3f %14.12f %10llu %14.2f\n", value, level / 100, total,
                     100.0 / (100.0 - level));
}

std::string hgrm_rows(const HistogramSnapshot& snapshot, double scale) {
    std::string text;
    std::uint64_t seen = 0;
    double level = 0;
    for (const SlotRow& slot : slot_rows(snapshot)) {
        seen += slot.count;
        const double value = static_cast<double>(std::min(slot.value_max, snapshot.max())) / scale;
        const double reached =
            100.0 * static_cast<double>(seen) / static_cast<double>(snapshot.count());
        if (seen == snapshot.count()) return text + hgrm_row(value, 100.0, seen);
        for (; level <= reached; level = next_level(level)) text += hgrm_row(value, level, seen);
    }
    return text;
}

}  // namespace

std::vector<PercentileRow> percentile_rows(const HistogramSnapshot& snapshot) {
    return percentile_rows(snapshot, kUsualPercentiles);
}

std::vector<PercentileRow> percentile_rows(const HistogramSnapshot& snapshot,
                                           std::span<const double> percentiles) {
    std::vector<PercentileRow> rows;
    for (const double percentile : percentiles) {
        rows.push_back({percentile, snapshot.at_percentile(percentile)});
    }
    return rows;
}

std::vector<SlotRow> slot_rows(const HistogramSnapshot& snapshot) {
    std::vector<SlotRow> rows;
    for (std::size_t slot = 0; slot < HistogramScale::kSlots; ++slot) {
        const std::uint64_t count = snapshot.count_in(slot);
        if (count != 0) rows.push_back({HistogramScale::highest_in(slot), count});
    }
    return rows;
}

std::string to_hgrm(const HistogramSnapshot& snapshot, double scale) {
    const auto in_scale = [scale](double value) { return value / scale; };
    std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
    text += hgrm_rows(snapshot, scale);
    text += formatted("#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", in_scale(snapshot.mean()),
                      in_scale(snapshot.standard_deviation()));
    text += formatted("#[Max     = %12.3f, Total count    = %12llu]\n",
                      in_scale(static_cast<double>(snapshot.max())),
                      static_cast<unsigned long long>(snapshot.count()));
    text += formatted("#[Buckets = %12u, SubBuckets     = %12u]\n",
                      HistogramScale::kValueBits - HistogramScale::kSlotBits,
                      HistogramScale::kSlotsPerOctave);
    return text;
}

}  // namespace ethlink::control
