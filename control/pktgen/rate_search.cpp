// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/rate_search.h"

#include <algorithm>
#include <utility>

namespace ethlink::control {

/// What the trials so far say of one goal.
struct RateSearch::Bounds {
    double upper = 0;        // the lowest rate that failed; 0 = none has failed
    double lower = 0;        // the highest rate below it that passed often enough; 0 = none
    double unconfirmed = 0;  // a higher one that has passed, but not often enough; 0 = none
    const RateTrial* worst = nullptr;  // the trial at `lower` that lost most
};

RateSearch::RateSearch(RateSearchOptions options) : options_(std::move(options)) {
    if (options_.rate_min <= 0) options_.rate_min = options_.precision * options_.rate_max;
    trials_.reserve(options_.trials_max);
}

std::optional<double> RateSearch::next_rate() const {
    if (trials_.size() >= options_.trials_max) return std::nullopt;
    for (const RateGoal& goal : options_.goals) {
        if (const auto rate = next_rate_for(goal)) return rate;
    }
    return std::nullopt;
}

void RateSearch::on_trial(const RateTrial& trial) {
    const auto asked = next_rate();
    trials_.push_back(trial);
    if (asked) trials_.back().offered = *asked;
}

RateResult RateSearch::result(std::size_t goal) const {
    const Bounds found = bounds(options_.goals[goal]);
    RateResult result;
    result.status = status(found);
    result.lower = found.lower;
    result.upper = found.upper > 0 ? found.upper : options_.rate_max;
    if (found.worst != nullptr) result.at_lower = *found.worst;
    if (result.status == RateStatus::kSearching && trials_.size() >= options_.trials_max) {
        result.status = RateStatus::kGaveUp;
    }
    return result;
}

bool RateSearch::passes(const RateTrial& trial, const RateGoal& goal) const {
    return loss_ratio(trial, options_.unsent_ratio_max) <= goal.loss_ratio_max;
}

RateSearch::Bounds RateSearch::bounds(const RateGoal& goal) const {
    Bounds found;
    for (const RateTrial& trial : trials_) {
        if (passes(trial, goal)) continue;
        if (found.upper <= 0 || trial.offered < found.upper) found.upper = trial.offered;
    }
    const auto holds = [&](const RateTrial& trial) {
        return (found.upper <= 0 || trial.offered < found.upper) && passes(trial, goal);
    };
    for (const RateTrial& trial : trials_) {
        if (!holds(trial)) continue;
        const auto passed = std::count_if(trials_.begin(), trials_.end(), [&](const RateTrial& t) {
            return t.offered >= trial.offered && t.offered <= trial.offered && holds(t);
        });
        double& rate = passed >= options_.passes_needed ? found.lower : found.unconfirmed;
        rate = std::max(rate, trial.offered);
    }
    for (const RateTrial& trial : trials_) {
        if (trial.offered < found.lower || trial.offered > found.lower) continue;
        const bool is_worse =
            found.worst == nullptr || loss_ratio(trial, 0) > loss_ratio(*found.worst, 0);
        if (is_worse) found.worst = &trial;
    }
    if (found.unconfirmed < found.lower) found.unconfirmed = 0;
    return found;
}

RateStatus RateSearch::status(const Bounds& found) const {
    if (found.upper > 0 && found.upper <= options_.rate_min) return RateStatus::kNothing;
    if (found.lower >= options_.rate_max) return RateStatus::kAtMaximum;
    if (found.lower <= 0 || found.upper <= 0 || found.unconfirmed > 0) {
        return RateStatus::kSearching;
    }
    const bool is_close = found.upper - found.lower <= options_.precision * found.upper;
    return is_close ? RateStatus::kFound : RateStatus::kSearching;
}

std::optional<double> RateSearch::next_rate_for(const RateGoal& goal) const {
    const Bounds found = bounds(goal);
    if (status(found) != RateStatus::kSearching) return std::nullopt;
    if (found.unconfirmed > 0) return found.unconfirmed;
    if (found.upper <= 0) return options_.rate_max;
    if (found.lower > 0) return (found.lower + found.upper) / 2;
    // Nothing has passed yet: down towards rate_min, and in the end rate_min itself.
    const bool is_near_min = found.upper - options_.rate_min <= options_.precision * found.upper;
    return is_near_min ? options_.rate_min : (options_.rate_min + found.upper) / 2;
}

double loss_ratio(const RateTrial& trial, double unsent_ratio_max) {
    const auto sent = static_cast<double>(trial.sent);
    if (trial.sent == 0 || trial.received > trial.sent || !(trial.seconds > 0)) return 1;
    const auto lost = static_cast<double>(trial.sent - trial.received);
    const double intended = std::max(trial.offered * trial.seconds, sent);
    const double unsent = intended - sent;
    const double counted = unsent > unsent_ratio_max * intended ? lost + unsent : lost;
    return counted / intended;
}

}  // namespace ethlink::control
