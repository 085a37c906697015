// SPDX-License-Identifier: BSD-3-Clause
// Runs seeds in parallel, finds the smallest that fails, and says how to see it again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "dataplane/random.h"
#include "tests/sim/faults.h"
#include "tests/sim/oracle.h"

namespace ethlink::sim {

/// What makes a run: the same trial, the same run.
struct Trial {
    std::uint64_t seed = 1;
    FaultSet allowed = FaultSet::all();   // other faults are off, whatever the seed says
    std::uint64_t work_max = UINT64_MAX;  // frames or turns, whatever the seed says

    /// How much work to do.
    std::uint64_t work(std::uint64_t drawn, Oracle& oracle) const {
        return oracle.work = std::min(drawn, work_max);
    }
};

/// One seed. Called from several threads at once: no GoogleTest in it.
using Run = std::function<void(const Trial&, Oracle&)>;

/// Runs seeds 1 .. `ordinary` (a quarter of them under a sanitizer), as many at a time as there are
/// cores, until one fails. That one is made smaller, fault by fault and frame by frame, as long as
/// it still fails; then the test that calls this has failed, with a command that runs the small one
/// again. The seed that is reported is the lowest that fails, whatever the threads did.
///
/// ETHLINK_SEEDS=n or first-last: these instead. ETHLINK_SECONDS=n: as many as that takes, in each
/// test. ETHLINK_SEED=n: only this one, with ETHLINK_ONLY=fault,... or none, and ETHLINK_WORK=n.
/// ETHLINK_SHRINK=0: a seed that fails is reported as it is. ETHLINK_SIM_JSON=file: when the
/// program ends, a line with what all its seeds did is appended there (docs/testing.md).
Ledger sweep(std::uint64_t ordinary, const Run& run);

/// Whether these are not the ordinary seeds: then nothing can be said about how much happens in
/// them.
bool seeds_are_chosen();

/// Draws the faults of a seed. Each draw takes as many random numbers whether its fault is switched
/// off or not, so that the others stay as they are.
class Draw {
public:
    Draw(const Trial& trial, Oracle& oracle)
        : random(trial.seed), trial_(&trial), oracle_(&oracle) {}

    /// Whether the seed has this fault.
    bool has(Fault fault, double chance = 0.5) {
        const bool on = random.chance(chance) && trial_->allowed.has(fault);
        if (on) oracle_->on.add(fault);
        return on;
    }
    /// The same for one that counts once a seed.
    bool is(Fault fault, double chance = 0.5) {
        const bool on = has(fault, chance);
        if (on) oracle_->ledger.faults.add(fault);
        return on;
    }
    /// A probability up to `most`, or 0.
    double rate(Fault fault, double most) {
        const double drawn = most * static_cast<double>(1 + random.below(1000)) / 1000;
        return has(fault) ? drawn : 0;
    }
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + random.below(high - low + 1);
    }

    Random random;

private:
    const Trial* trial_;
    Oracle* oracle_;
};

}  // namespace ethlink::sim
