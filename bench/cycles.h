// SPDX-License-Identifier: BSD-3-Clause
// TSC cycles of short pieces of code, robust against being interrupted: samples and their median.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <rte_cycles.h>

namespace ethlink::bench {

inline std::uint64_t cycles() {
    return rte_rdtsc();
}

/// The value that a share of `part` of all is not above; sorts. 0 of nothing.
inline double quantile(std::vector<double>& values, double part) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

/// What two clock reads with nothing between them show: to be taken off each sample.
inline std::uint64_t cycles_overhead() {
    static const std::uint64_t overhead = [] {
        std::vector<double> samples;
        for (int i = 0; i < 10'000; ++i) {
            const std::uint64_t begin = cycles();
            samples.push_back(static_cast<double>(cycles() - begin));
        }
        return static_cast<std::uint64_t>(quantile(samples, 0.5));
    }();
    return overhead;
}

/// Times batches of equal pieces of work. On a machine with other work to do the mean says little:
/// an interrupted batch is an outlier, so the median is the figure.
class CycleSamples {
public:
    CycleSamples() : overhead_(cycles_overhead()) { samples_.reserve(kMax); }

    void begin() { begin_ = cycles(); }
    void end() {
        const std::uint64_t spent = cycles() - begin_;
        const auto own = static_cast<double>(spent > overhead_ ? spent - overhead_ : 0);
        if (samples_.size() < kMax) {
            samples_.push_back(own);
        } else {
            samples_[next_++ % kMax] = own;
        }
    }

    /// The median of a batch, divided by the pieces in it.
    double median(std::size_t pieces) {
        return quantile(samples_, 0.5) / static_cast<double>(pieces);
    }

private:
    static constexpr std::size_t kMax = 1u << 16;
    std::uint64_t overhead_;
    std::uint64_t begin_ = 0;
    std::size_t next_ = 0;
    std::vector<double> samples_;
};

}  // namespace ethlink::bench
