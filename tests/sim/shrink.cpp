// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/shrink.h"

#include <algorithm>

namespace ethlink::sim {
namespace {

using Clock = std::chrono::steady_clock;

/// Looks for less that still fails.
class Shrinker {
public:
    explicit Shrinker(const Run& run) : run_(run) {}

    /// `trial` fails.
    Trial shrink(Trial trial) {
        if (fails(trial)) trial.allowed = last_.on;
        for (bool smaller = true; smaller;) {
            smaller = fewer_faults(trial);
            smaller = less_work(trial) || smaller;
        }
        fails(trial);
        return trial;
    }
    const Oracle& last() const { return last_; }

private:
    bool fails(const Trial& trial) {
        last_ = Oracle();
        run_(trial, last_);
        return !last_.is_sound();
    }
    bool may_go_on() const { return Clock::now() < until_; }

    bool fewer_faults(Trial& trial) {
        bool any = false;
        for (std::size_t i = 0; i < static_cast<std::size_t>(Fault::kCount); ++i) {
            const auto fault = static_cast<Fault>(i);
            if (!trial.allowed.has(fault) || !may_go_on()) continue;
            Trial less = trial;
            less.allowed.remove(fault);
            if (!fails(less)) continue;
            trial = less;
            any = true;
        }
        return any;
    }
    bool less_work(Trial& trial) {
        bool any = false;
        for (std::uint64_t now = work_of(trial), cut = now / 2; cut > 0 && may_go_on();) {
            Trial less = trial;
            less.work_max = now - cut;
            if (fails(less)) {
                trial = less;
                now -= cut;
                any = true;
            } else {
                cut /= 2;
            }
            cut = std::min(cut, now / 2);
        }
        return any;
    }
    std::uint64_t work_of(const Trial& trial) {
        fails(trial);
        return last_.work;
    }

    const Run& run_;
    Oracle last_;
    Clock::time_point until_ = Clock::now() + std::chrono::seconds(20);
};

}  // namespace

std::pair<Trial, Oracle> shrink(const Trial& trial, const Run& run) {
    Shrinker shrinker(run);
    const Trial smaller = shrinker.shrink(trial);
    return {smaller, shrinker.last()};
}

}  // namespace ethlink::sim
