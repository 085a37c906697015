// SPDX-License-Identifier: BSD-3-Clause
// Keys of windows, a million of them: nothing about one says anything about another (E7). Bounds
// are ten standard deviations or more away, so chance does not fail these tests.
#include "control/runtime/system_random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

constexpr std::size_t kKeys = 1'000'000;

const std::vector<std::uint64_t>& keys() {
    static const std::vector<std::uint64_t> drawn = [] {
        std::vector<std::uint64_t> all(kKeys);
        std::ranges::generate(all, draw_key);
        return all;
    }();
    return drawn;
}

/// One of 2^64 numbers a million times: two are the same once in 37 million runs.
void expect_no_repeat(std::vector<std::uint64_t> numbers, const char* what) {
    std::ranges::sort(numbers);
    EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end()) << "E7: " << what;
}

/// Each bit is set in half of them.
void expect_balanced(const std::vector<std::uint64_t>& numbers, const char* what) {
    const auto n = static_cast<double>(numbers.size());
    const double bound = 10 * std::sqrt(n) / 2;
    for (int bit = 0; bit < 64; ++bit) {
        const auto set = static_cast<double>(std::ranges::count_if(
            numbers, [bit](std::uint64_t number) { return (number >> bit & 1) != 0; }));
        EXPECT_NEAR(set, n / 2, bound) << "E7: bit " << bit << " of " << what;
    }
}

/// What follows from two neighbours by `combine`.
template <class Combine>
std::vector<std::uint64_t> between(const Combine& combine) {
    std::vector<std::uint64_t> results(kKeys - 1);
    for (std::size_t i = 0; i < results.size(); ++i) results[i] = combine(keys()[i], keys()[i + 1]);
    return results;
}

TEST(DrawKey, NoneComesTwiceAndNoneIsZero) {
    expect_no_repeat(keys(), "keys");
    EXPECT_EQ(std::ranges::find(keys(), 0u), keys().end());
}

TEST(DrawKey, EachBitIsSetInHalfOfThem) {
    expect_balanced(keys(), "keys");
}

TEST(DrawKey, NeighboursHaveNothingInCommon) {
    const auto differences = between([](auto a, auto b) { return b - a; });
    expect_no_repeat(differences, "differences");
    const auto changes = between([](auto a, auto b) { return a ^ b; });
    expect_no_repeat(changes, "changes");
    expect_balanced(changes, "changes");
}

TEST(DrawKey, SlotsOfTheWindowTableFillEvenly) {
    std::array<double, 1024> slots{};
    for (const std::uint64_t key : keys()) ++slots[key % slots.size()];
    constexpr double kEach = static_cast<double>(kKeys) / 1024;
    for (const double n : slots) EXPECT_NEAR(n, kEach, 10 * std::sqrt(kEach)) << "E7";
}

TEST(DrawSecretRandom, EachOneIsAnother) {
    std::vector<std::uint64_t> firsts(1000);
    std::ranges::generate(firsts, [] { return draw_secret_random().next(); });
    expect_no_repeat(firsts, "first numbers of generators");
}

}  // namespace
}  // namespace ethlink::control
