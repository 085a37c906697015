// SPDX-License-Identifier: BSD-3-Clause
// A log-linear histogram of times: what latency percentiles are read from.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "proto/counter.h"

namespace ethlink {

/// Where a value is counted. Each power of two is cut into 64 equal slots, so a slot is never wider
/// than 1/64 of the values in it (1.6 %); below 128 each value has a slot of its own.
struct HistogramScale {
    static constexpr std::uint32_t kSlotBits = 6;
    static constexpr std::uint32_t kSlotsPerOctave = 1u << kSlotBits;
    static constexpr std::uint32_t kValueBits = 40;
    static constexpr std::uint64_t kValueMax =
        (std::uint64_t{1} << kValueBits) - 1;  // 18 min in ns
    static constexpr std::size_t kSlots = std::size_t{kValueBits - kSlotBits + 1} * kSlotsPerOctave;

    /// 0 <= value <= kValueMax.
    static constexpr std::size_t slot_of(std::uint64_t value) {
        const auto shift =
            static_cast<std::uint32_t>(std::bit_width(value | kSlotsPerOctave)) - 1 - kSlotBits;
        return (std::size_t{shift} << kSlotBits) + static_cast<std::size_t>(value >> shift);
    }

    /// The least and the greatest value that share the slot.
    static constexpr std::uint64_t lowest_in(std::size_t slot) {
        const std::uint64_t shift = shift_of(slot);
        return (std::uint64_t{slot} - (shift << kSlotBits)) << shift;
    }
    static constexpr std::uint64_t highest_in(std::size_t slot) {
        return lowest_in(slot) + (std::uint64_t{1} << shift_of(slot)) - 1;
    }

private:
    static constexpr std::uint64_t shift_of(std::size_t slot) {
        return slot < kSlotsPerOctave ? 0 : (slot >> kSlotBits) - 1;
    }
};

/// The counts at one moment, as plain numbers: to be merged, compared and printed. 18 KiB.
class HistogramSnapshot {
public:
    std::uint64_t count() const { return count_; }
    bool empty() const { return count_ == 0; }
    std::uint64_t count_in(std::size_t slot) const { return counts_[slot]; }

    /// Exact; 0 when empty.
    std::uint64_t min() const { return empty() ? 0 : min_; }
    std::uint64_t max() const { return max_; }
    double mean() const { return empty() ? 0 : sum_ / static_cast<double>(count_); }

    /// The value that `percentile` per cent (0 .. 100) of all values do not exceed. Never less than
    /// the true one, and greater by less than 1/64 of it. 0 when empty.
    std::uint64_t at_percentile(double percentile) const {
        if (empty()) return 0;
        const std::uint64_t rank = rank_of(std::clamp(percentile, 0.0, 100.0));
        std::uint64_t seen = 0;
        for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
            seen += counts_[slot];
            if (seen >= rank) return std::clamp(HistogramScale::highest_in(slot), min(), max_);
        }
        return max_;
    }

    /// From the slots' middles: within 1/128 of the values.
    double standard_deviation() const {
        if (empty()) return 0;
        double squares = 0;
        for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
            const auto low = static_cast<double>(HistogramScale::lowest_in(slot));
            const auto high = static_cast<double>(HistogramScale::highest_in(slot));
            const double off = (low + high) / 2 - mean();
            squares += off * off * static_cast<double>(counts_[slot]);
        }
        return std::sqrt(squares / static_cast<double>(count_));
    }

    /// What was counted after `earlier`, a snapshot of the same histogram: counts and sum are
    /// exact, min() and max() within a slot.
    HistogramSnapshot operator-(const HistogramSnapshot& earlier) const {
        HistogramSnapshot rest;
        for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
            const std::uint64_t n = counts_[slot] - std::min(earlier.counts_[slot], counts_[slot]);
            if (n == 0) continue;
            rest.counts_[slot] = n;
            if (rest.empty()) rest.min_ = std::max(HistogramScale::lowest_in(slot), min_);
            rest.max_ = std::min(HistogramScale::highest_in(slot), max_);
            rest.count_ += n;
        }
        if (!rest.empty()) rest.sum_ = sum_ - earlier.sum_;
        return rest;
    }

    /// Adds what another worker, hop or second has counted.
    void merge(const HistogramSnapshot& other) {
        if (other.empty()) return;
        min_ = empty() ? other.min_ : std::min(min_, other.min_);
        max_ = std::max(max_, other.max_);
        count_ += other.count_;
        sum_ += other.sum_;
        for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
            counts_[slot] += other.counts_[slot];
        }
    }

private:
    friend class Histogram;

    /// 1 .. count_. A hair below the percentile, because 90 % of 10 must not round up to the 10th.
    std::uint64_t rank_of(double percentile) const {
        const double share = std::nextafter(percentile, 0.0) / 100.0;
        const double rank = std::ceil(share * static_cast<double>(count_));
        return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count_);
    }

    std::uint64_t count_ = 0;
    std::uint64_t min_ = 0;
    std::uint64_t max_ = 0;
    double sum_ = 0;
    std::array<std::uint64_t, HistogramScale::kSlots> counts_{};
};

/// Counts values, usually nanoseconds, from one writer; any thread may take a snapshot meanwhile.
/// 18 KiB, no allocation. A value beyond kValueMax is counted as kValueMax.
class Histogram {
public:
    Histogram() { min_.set(HistogramScale::kValueMax); }

    void add(std::uint64_t value) {
        value = std::min(value, HistogramScale::kValueMax);
        if (value < min_.read()) min_.set(value);
        max_.raise_to(value);
        sum_.add(value);
        counts_[HistogramScale::slot_of(value)].add();
    }

    /// A copy of the counts. While the writer goes on, its last few values may be missing from one
    /// number and not from another; count() is always the sum of the slots.
    HistogramSnapshot snapshot() const {
        HistogramSnapshot copy;
        for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
            copy.counts_[slot] = counts_[slot].read();
            copy.count_ += copy.counts_[slot];
        }
        copy.sum_ = static_cast<double>(sum_.read());
        copy.max_ = max_.read();
        copy.min_ = std::min(min_.read(), copy.max_);
        return copy;
    }

private:
    Gauge min_;
    Gauge max_;
    Counter sum_;
    std::array<Counter, HistogramScale::kSlots> counts_{};
};

}  // namespace ethlink
