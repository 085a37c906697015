// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/traffic_matrix.h"

#include <array>
#include <cstddef>
#include <numeric>
#include <random>
#include <utility>

namespace ethlink::control {
namespace {

constexpr std::array kPatterns{TrafficPattern::kPairs, TrafficPattern::kPermutation,
                               TrafficPattern::kAllToAll, TrafficPattern::kIncast};

TrafficMatrix pairs(std::uint32_t n) {
    TrafficMatrix matrix(n);
    for (std::uint32_t source = 0; source < n; ++source) matrix[source] = {source ^ 1u};
    return matrix;
}

/// Sattolo's shuffle: one cycle through all endpoints, each such cycle equally likely, so nobody is
/// his own destination. The bias of `%` is below 2^-32 and the result the same on every machine.
TrafficMatrix permutation(std::uint32_t n, std::uint64_t seed) {
    std::vector<std::uint32_t> destination(n);
    std::iota(destination.begin(), destination.end(), 0u);
    std::mt19937_64 random(seed);
    for (std::uint32_t last = n - 1; last > 0; --last) {
        std::swap(destination[last], destination[static_cast<std::size_t>(random() % last)]);
    }
    TrafficMatrix matrix(n);
    for (std::uint32_t source = 0; source < n; ++source) matrix[source] = {destination[source]};
    return matrix;
}

/// Each source begins with its successor: when all keep step, no destination is hit by two at once.
TrafficMatrix all_to_all(std::uint32_t n) {
    TrafficMatrix matrix(n);
    for (std::uint32_t source = 0; source < n; ++source) {
        for (std::uint32_t step = 1; step < n; ++step) {
            matrix[source].push_back((source + step) % n);
        }
    }
    return matrix;
}

TrafficMatrix incast(std::uint32_t n, std::uint32_t target) {
    TrafficMatrix matrix(n);
    for (std::uint32_t source = 0; source < n; ++source) {
        if (source != target) matrix[source] = {target};
    }
    return matrix;
}

}  // namespace

std::string_view name(TrafficPattern pattern) {
    switch (pattern) {
        case TrafficPattern::kPairs: return "pairs";
        case TrafficPattern::kPermutation: return "permutation";
        case TrafficPattern::kAllToAll: return "all-to-all";
        case TrafficPattern::kIncast: return "incast";
    }
    return "unknown";
}

std::optional<TrafficPattern> traffic_pattern(std::string_view wanted) {
    for (const TrafficPattern pattern : kPatterns) {
        if (name(pattern) == wanted) return pattern;
    }
    return std::nullopt;
}

Expected<TrafficMatrix, std::string> make_traffic(const TrafficOptions& options) {
    const std::uint32_t n = options.endpoints;
    if (n < 2) {
        return Unexpected<std::string>("traffic needs at least 2 endpoints, there " +
                                       std::string(n == 0 ? "are none" : "is 1"));
    }
    switch (options.pattern) {
        case TrafficPattern::kPairs:
            if (n % 2 == 0) return pairs(n);
            return Unexpected<std::string>("pairs need an even number of endpoints, there are " +
                                           std::to_string(n) + "; use permutation or all-to-all");
        case TrafficPattern::kPermutation: return permutation(n, options.seed);
        case TrafficPattern::kAllToAll: return all_to_all(n);
        case TrafficPattern::kIncast:
            if (options.target < n) return incast(n, options.target);
            return Unexpected<std::string>("incast target " + std::to_string(options.target) +
                                           " is not there; endpoints are 0 to " +
                                           std::to_string(n - 1));
    }
    return Unexpected<std::string>("unknown traffic pattern");
}

}  // namespace ethlink::control
