// SPDX-License-Identifier: BSD-3-Clause
// Who sends to whom: the traffic patterns of the packet generator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/expected.h"

namespace ethlink::control {

enum class TrafficPattern : std::uint8_t {
    kPairs,        // 0 <-> 1, 2 <-> 3, ...: RFC 2889 calls it non-meshed
    kPermutation,  // everybody sends to one other and receives from one other, by chance
    kAllToAll,     // everybody to everybody else: fully meshed
    kIncast,       // all others to one
};

/// "pairs", "permutation", "all-to-all", "incast".
std::string_view name(TrafficPattern pattern);
std::optional<TrafficPattern> traffic_pattern(std::string_view name);

struct TrafficOptions {
    TrafficPattern pattern = TrafficPattern::kAllToAll;
    std::uint32_t endpoints = 0;  // 2 or more
    std::uint64_t seed = 1;       // permutation: the same seed gives the same one everywhere
    std::uint32_t target = 0;     // incast: who receives
};

/// For each source (index) the indices of its destinations, in the order in which it takes turns.
/// A source never sends to itself. An empty list: it only receives.
using TrafficMatrix = std::vector<std::vector<std::uint32_t>>;

/// The matrix, or one sentence on why there is none.
[[nodiscard]] Expected<TrafficMatrix, std::string> make_traffic(const TrafficOptions& options);

}  // namespace ethlink::control
