// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/traffic_matrix.h"

#include <set>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

TrafficMatrix made(const TrafficOptions& options) {
    auto matrix = make_traffic(options);
    EXPECT_TRUE(matrix.has_value()) << (matrix ? "" : matrix.error());
    return matrix.value_or(TrafficMatrix{});
}

std::string refusal(const TrafficOptions& options) {
    const auto matrix = make_traffic(options);
    return matrix ? "made" : matrix.error();
}

TEST(TrafficMatrix, PairsTalkToEachOther) {
    const TrafficMatrix expected{{1}, {0}, {3}, {2}};
    EXPECT_EQ(made({.pattern = TrafficPattern::kPairs, .endpoints = 4}), expected);
}

TEST(TrafficMatrix, AllToAllStartsWithTheSuccessor) {
    const TrafficMatrix expected{{1, 2}, {2, 0}, {0, 1}};
    EXPECT_EQ(made({.pattern = TrafficPattern::kAllToAll, .endpoints = 3}), expected);
}

TEST(TrafficMatrix, AllToAllInStepHitsEachDestinationOnce) {
    const auto matrix = made({.pattern = TrafficPattern::kAllToAll, .endpoints = 9});
    for (std::size_t step = 0; step < 8; ++step) {
        std::set<std::uint32_t> hit;
        for (const auto& row : matrix) hit.insert(row.at(step));
        EXPECT_EQ(hit.size(), 9u);
    }
}

TEST(TrafficMatrix, IncastSparesTheTarget) {
    const TrafficMatrix expected{{2}, {2}, {}, {2}};
    EXPECT_EQ(made({.pattern = TrafficPattern::kIncast, .endpoints = 4, .target = 2}), expected);
}

TEST(TrafficMatrix, PermutationHasNoFixedPointAndHitsEverybodyOnce) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (const std::uint32_t n : {2u, 3u, 4u, 17u}) {
            const auto matrix =
                made({.pattern = TrafficPattern::kPermutation, .endpoints = n, .seed = seed});
            std::set<std::uint32_t> hit;
            for (std::uint32_t source = 0; source < n; ++source) {
                ASSERT_EQ(matrix[source].size(), 1u);
                ASSERT_NE(matrix[source][0], source);
                hit.insert(matrix[source][0]);
            }
            ASSERT_EQ(hit.size(), n);
        }
    }
}

TEST(TrafficMatrix, PermutationFollowsTheSeed) {
    const auto with_seed = [](std::uint64_t seed) {
        return made({.pattern = TrafficPattern::kPermutation, .endpoints = 16, .seed = seed});
    };
    EXPECT_EQ(with_seed(5), with_seed(5));
    EXPECT_NE(with_seed(5), with_seed(6));
}

TEST(TrafficMatrix, NamesGoBothWays) {
    for (const auto pattern : {TrafficPattern::kPairs, TrafficPattern::kPermutation,
                               TrafficPattern::kAllToAll, TrafficPattern::kIncast}) {
        EXPECT_EQ(traffic_pattern(name(pattern)), pattern);
    }
    EXPECT_EQ(traffic_pattern("mesh"), std::nullopt);
}

TEST(TrafficMatrix, RefusesWhatCannotBe) {
    EXPECT_EQ(refusal({.endpoints = 0}), "traffic needs at least 2 endpoints, there are none");
    EXPECT_EQ(refusal({.endpoints = 1}), "traffic needs at least 2 endpoints, there is 1");
    EXPECT_EQ(refusal({.pattern = TrafficPattern::kPairs, .endpoints = 3}),
              "pairs need an even number of endpoints, there are 3; use permutation or all-to-all");
    EXPECT_EQ(refusal({.pattern = TrafficPattern::kIncast, .endpoints = 4, .target = 4}),
              "incast target 4 is not there; endpoints are 0 to 3");
}

}  // namespace
}  // namespace ethlink::control
