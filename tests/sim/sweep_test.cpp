// SPDX-License-Identifier: BSD-3-Clause
// Does a sweep find the lowest seed that fails, make it small, and say how to run it again?
#include "tests/sim/sweep.h"

#include <cstdlib>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace ethlink::sim {
namespace {

/// Fails if both loss and cut are on and there is work enough; freezing has nothing to do with it.
void made_up(const Trial& trial, Oracle& oracle) {
    Draw draw(trial, oracle);
    const bool loss = draw.is(Fault::kLoss);
    const bool cut = draw.is(Fault::kCut);
    draw.is(Fault::kFreeze);
    const std::uint64_t work = trial.work(draw.between(1, 100), oracle);
    oracle.holds(Invariant::kL1, !(loss && cut && work >= 17), "made up");
}

/// The lowest of all, by hand.
std::uint64_t lowest_that_fails() {
    for (std::uint64_t seed = 1;; ++seed) {
        Oracle oracle;
        made_up({.seed = seed}, oracle);
        if (!oracle.is_sound()) return seed;
    }
}

void sweep_made_up() {
    sweep(1000, made_up);
}

TEST(Sweep, TellsTheLowestSeedAndTheLeastThatFails) {
    if (seeds_are_chosen()) GTEST_SKIP() << "which seeds fail is known of the ordinary ones only";
    const std::string least = "ETHLINK_SEED=" + std::to_string(lowest_that_fails()) +
                              " ETHLINK_ONLY=loss,cut ETHLINK_WORK=17 ";
    EXPECT_NONFATAL_FAILURE(sweep_made_up(), least);
}

TEST(Sweep, RunsEachSeedOnceAndAddsUp) {
    if (seeds_are_chosen()) GTEST_SKIP() << "how many there are is known of the ordinary ones only";
    const Ledger ledger = sweep(500, [](const Trial& trial, Oracle& oracle) {
        oracle.ledger.tally.add(Tally::kSent, trial.seed);
        oracle.holds(Invariant::kL1, true, "");
    });
    EXPECT_EQ(ledger.tally.read(Tally::kSent), 500u * 501 / 2);
    EXPECT_EQ(ledger.checks.read(Invariant::kL1), 500u);
}

TEST(Sweep, AFaultThatIsTakenAwayLeavesTheOthersAsTheyAre) {
    FaultSet only;
    only.add(Fault::kFreeze);
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        Oracle whole, part;
        made_up({.seed = seed}, whole);
        made_up({.seed = seed, .allowed = only}, part);
        EXPECT_FALSE(part.on.has(Fault::kLoss));
        EXPECT_EQ(part.on.has(Fault::kFreeze), whole.on.has(Fault::kFreeze));
        EXPECT_EQ(part.work, whole.work);
    }
}

TEST(SweepDeathTest, ASeedThatEndsTheProgramIsTold) {
    if (seeds_are_chosen()) GTEST_SKIP() << "sanitizers tell of deaths themselves";
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(sweep(100,
                       [](const Trial& trial, Oracle&) {
                           if (trial.seed == 42) std::abort();
                       }),
                 "ETHLINK_SEED=42 ");
}

}  // namespace
}  // namespace ethlink::sim
