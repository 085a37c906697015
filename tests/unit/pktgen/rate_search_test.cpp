// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/rate_search.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

constexpr double kMax = 14.88e6;
constexpr std::size_t kNdrGoal = 0, kPdrGoal = 1;

/// A device under test: what arrives of what is sent, for a rate.
using Dut = std::function<RateTrial(double rate)>;

std::uint64_t frames(double n) {
    return static_cast<std::uint64_t>(std::llround(n));
}

/// Drops what is beyond its capacity.
Dut dropping(double capacity) {
    return [=](double rate) {
        return RateTrial{rate, frames(rate), frames(std::min(rate, capacity)), 1.0};
    };
}

/// Holds the sender back: credits, no loss.
Dut lossless(double capacity) {
    return [=](double rate) {
        const auto carried = frames(std::min(rate, capacity));
        return RateTrial{rate, carried, carried, 1.0};
    };
}

/// Loses a few frames by chance below its capacity too.
Dut noisy(double capacity, double chance, std::uint64_t seed) {
    return [=, random = std::mt19937_64(seed)](double rate) mutable {
        RateTrial trial = dropping(capacity)(rate);
        if (std::bernoulli_distribution(chance)(random)) trial.received -= 1 + random() % 5;
        return trial;
    };
}

RateSearch searched(RateSearchOptions options, Dut dut) {
    options.rate_max = options.rate_max > 0 ? options.rate_max : kMax;
    RateSearch search(std::move(options));
    while (const auto rate = search.next_rate()) search.on_trial(dut(*rate));
    return search;
}

void expect_close(const RateResult& result, double truth, double precision) {
    EXPECT_EQ(result.status, RateStatus::kFound);
    EXPECT_LE(result.lower, truth + 1);
    EXPECT_GE(result.upper, truth - 1);
    EXPECT_LE(result.upper - result.lower, precision * result.upper);
}

TEST(RateSearch, FirstTrialIsTheMaximum) {
    EXPECT_EQ(RateSearch({.rate_max = kMax}).next_rate(), kMax);
}

TEST(RateSearch, OneTrialIsEnoughWhereTheMaximumPasses) {
    const auto search = searched({}, dropping(kMax));
    EXPECT_EQ(search.trials().size(), 1u);
    for (const std::size_t goal : {kNdrGoal, kPdrGoal}) {
        EXPECT_EQ(search.result(goal).status, RateStatus::kAtMaximum);
        EXPECT_EQ(search.result(goal).lower, kMax);
        EXPECT_EQ(search.result(goal).upper, kMax);
    }
}

TEST(RateSearch, FindsBothRatesOfADroppingDevice) {
    for (const double capacity : {0.2e6, 1e6, 3.3e6, 7.44e6, 14.8e6}) {
        const auto search = searched({}, dropping(capacity));
        expect_close(search.result(kNdrGoal), capacity, 0.005);
        expect_close(search.result(kPdrGoal), capacity / 0.995, 0.005);
        EXPECT_LT(search.trials().size(), 30u);
    }
}

TEST(RateSearch, PrecisionIsAChoice) {
    const auto search = searched({.precision = 0.0001}, dropping(5e6));
    expect_close(search.result(kNdrGoal), 5e6, 0.0001);
}

TEST(RateSearch, ASenderThatIsHeldBackHasLost) {
    const auto search = searched({}, lossless(6e6));
    // Up to 0.5 % may stay unsent, so the rate found may be as much above the capacity.
    const auto result = search.result(kNdrGoal);
    EXPECT_EQ(result.status, RateStatus::kFound);
    EXPECT_NEAR(result.lower, 6e6, 6e6 * 0.011);
}

TEST(RateSearch, BelowTheMinimumThereIsNothing) {
    const auto search = searched({.rate_min = 1e6}, dropping(0.5e6));
    const auto result = search.result(kNdrGoal);
    EXPECT_EQ(result.status, RateStatus::kNothing);
    EXPECT_EQ(result.lower, 0);
    EXPECT_EQ(result.upper, 1e6);
    EXPECT_FALSE(result.at_lower.has_value());
}

TEST(RateSearch, ADeadDeviceEndsTheSearch) {
    const auto dead = [](double rate) { return RateTrial{rate, frames(rate), 0, 1.0}; };
    const auto search = searched({}, dead);
    EXPECT_EQ(search.result(kNdrGoal).status, RateStatus::kNothing);
    EXPECT_EQ(search.result(kPdrGoal).status, RateStatus::kNothing);
    EXPECT_LT(search.trials().size(), 20u);
}

TEST(RateSearch, AFailureBelowAPassCounts) {
    // Fine at 6 to 9 million, loses frames between 5 and 6 million.
    const auto dut = [](double rate) {
        auto trial = dropping(9e6)(rate);
        if (rate > 5e6 && rate < 6e6) trial.received -= trial.sent / 50;
        return trial;
    };
    // The first halving (about 7.5 million) passes; a goal that looks lower finds the hole.
    RateSearch search({.rate_max = kMax, .goals = {kNdr}});
    search.on_trial(dut(*search.next_rate()));
    search.on_trial(dut(*search.next_rate()));
    const double passed = search.result(0).lower;
    EXPECT_GT(passed, 7e6);
    while (const auto rate = search.next_rate()) search.on_trial(dut(*rate));
    for (const RateTrial& trial : search.trials()) {
        if (trial.offered <= search.result(0).lower) {
            EXPECT_EQ(trial.received, trial.sent);
        }
    }
}

TEST(RateSearch, NoTrialAtOrBelowTheResultHasFailed) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const double chance = 0.05 * static_cast<double>(seed % 10);
        const auto search = searched({}, noisy(8e6, chance, seed));
        const auto result = search.result(kNdrGoal);
        ASSERT_NE(result.status, RateStatus::kSearching) << "seed " << seed;
        ASSERT_NE(result.status, RateStatus::kGaveUp) << "seed " << seed;
        ASSERT_LE(result.lower, 8e6) << "seed " << seed;
        for (const RateTrial& trial : search.trials()) {
            if (trial.offered > result.lower) continue;
            ASSERT_EQ(trial.received, trial.sent) << "seed " << seed;
        }
        // A few lost frames do not move the partial drop rate.
        expect_close(search.result(kPdrGoal), 8e6 / 0.995, 0.005);
    }
}

TEST(RateSearch, MorePassesGiveALowerAndFirmerBound) {
    double once = 0, often = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        once += searched({}, noisy(8e6, 0.2, seed)).result(kNdrGoal).lower;
        const auto search = searched({.passes_needed = 4}, noisy(8e6, 0.2, seed));
        const auto result = search.result(kNdrGoal);
        often += result.lower;
        if (result.status == RateStatus::kNothing) continue;
        const auto at_lower =
            std::count_if(search.trials().begin(), search.trials().end(),
                          [&](const RateTrial& trial) { return trial.offered == result.lower; });
        ASSERT_GE(at_lower, 4) << "seed " << seed;
    }
    EXPECT_LT(often, once);
}

TEST(RateSearch, GivesUpAtTheLimitAndSaysSo) {
    const auto search = searched({.trials_max = 3}, dropping(5e6));
    EXPECT_EQ(search.trials().size(), 3u);
    const auto result = search.result(kNdrGoal);
    EXPECT_EQ(result.status, RateStatus::kGaveUp);
    EXPECT_LE(result.lower, 5e6);
    EXPECT_GE(result.upper, 5e6);
}

TEST(RateSearch, TheTrialAtTheResultIsKept) {
    const auto result = searched({}, dropping(5e6)).result(kPdrGoal);
    ASSERT_TRUE(result.at_lower.has_value());
    EXPECT_EQ(result.at_lower->offered, result.lower);
    EXPECT_LE(loss_ratio(*result.at_lower, 0), 0.005);
}

TEST(RateSearch, AGeneratorMayRoundItsRate) {
    const auto dut = [](double rate) {
        auto trial = dropping(kMax)(rate * 0.9999);
        trial.offered = std::floor(rate * 0.9999);
        return trial;
    };
    EXPECT_EQ(searched({}, dut).result(kNdrGoal).status, RateStatus::kAtMaximum);
}

TEST(LossRatio, CountsLostOverIntended) {
    EXPECT_DOUBLE_EQ(loss_ratio({1000, 1000, 990, 1.0}, 0.005), 0.01);
    EXPECT_DOUBLE_EQ(loss_ratio({1000, 996, 996, 1.0}, 0.005), 0);
    EXPECT_DOUBLE_EQ(loss_ratio({1000, 900, 900, 1.0}, 0.005), 0.1);
    EXPECT_DOUBLE_EQ(loss_ratio({1000, 900, 890, 1.0}, 0.005), 0.11);
    EXPECT_DOUBLE_EQ(loss_ratio({1000, 1004, 1004, 1.0}, 0.005), 0);
}

TEST(LossRatio, ATrialThatProvesNothingHasLostAll) {
    EXPECT_EQ(loss_ratio({1000, 0, 0, 1.0}, 0.005), 1);
    EXPECT_EQ(loss_ratio({1000, 1000, 1001, 1.0}, 0.005), 1);
    EXPECT_EQ(loss_ratio({1000, 1000, 1000, 0.0}, 0.005), 1);
}

}  // namespace
}  // namespace ethlink::control
