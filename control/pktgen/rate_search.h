// SPDX-License-Identifier: BSD-3-Clause
// The search for the highest rate that loses no frame (NDR) or hardly any (PDR).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ethlink::control {

/// What one trial at one rate has shown.
struct RateTrial {
    double offered = 0;          // frames/s that the generator was told to send
    std::uint64_t sent = 0;      // frames that it has sent; fewer when credits held it back
    std::uint64_t received = 0;  // frames that arrived, each counted once
    double seconds = 0;          // how long it was sending
};

/// A rate that is searched for: the highest at which the loss ratio is not exceeded.
struct RateGoal {
    std::string name;
    double loss_ratio_max = 0;  // lost frames / intended frames, 0 .. 1
};

/// CSIT's goals: no loss, and a loss of at most 0.5 %.
inline const RateGoal kNdr{"NDR", 0.0};
inline const RateGoal kPdr{"PDR", 0.005};

struct RateSearchOptions {
    double rate_min = 0;  // frames/s: where the search ends; 0 = precision * rate_max
    double rate_max = 0;  // frames/s, > 0, >= rate_min: line rate, or what the generator can do
    double precision = 0.005;  // the bounds end up this close, as a share of the upper one
    /// So many frames of those intended may stay unsent without being counted as lost: a generator
    /// ends its trial within a burst and a turn of its loop, never on the very frame.
    double unsent_ratio_max = 0.005;
    std::uint32_t passes_needed =
        1;                           // a lower bound must pass so often; more when trials are noisy
    std::uint32_t trials_max = 200;  // the search gives up then
    std::vector<RateGoal> goals{kNdr, kPdr};
};

enum class RateStatus : std::uint8_t {
    kSearching,  // more trials are needed
    kFound,      // lower passes, upper fails, and they are close
    kAtMaximum,  // rate_max passes: lower == upper == rate_max
    kNothing,    // rate_min fails: lower == 0
    kGaveUp,     // trials_max reached; the bounds hold, but are not close
};

struct RateResult {
    RateStatus status = RateStatus::kSearching;
    double lower = 0;                   // frames/s: the result; 0 = nothing has passed
    double upper = 0;                   // frames/s: the lowest rate that has failed, or rate_max
    std::optional<RateTrial> at_lower;  // the worst trial at the lower bound
};

/// RFC 2544 section 26.1 as a binary search, all goals sharing their trials. It measures nothing
/// itself: ask next_rate(), run a trial, tell on_trial(), until there is no next rate.
///
/// When trials contradict each other (a rate passes above one that has failed) the failure counts:
/// the result is a rate below which no trial has failed.
class RateSearch {
public:
    explicit RateSearch(RateSearchOptions options);

    /// Frames/s of the next trial; nullopt: the search is over.
    [[nodiscard]] std::optional<double> next_rate() const;

    /// The trial at the rate that next_rate() gave, which becomes its `offered`: a generator
    /// rounds.
    void on_trial(const RateTrial& trial);

    /// `goal` is an index into the options' goals.
    [[nodiscard]] RateResult result(std::size_t goal) const;

    const RateSearchOptions& options() const { return options_; }
    const std::vector<RateTrial>& trials() const { return trials_; }

private:
    struct Bounds;

    bool passes(const RateTrial& trial, const RateGoal& goal) const;
    Bounds bounds(const RateGoal& goal) const;
    std::optional<double> next_rate_for(const RateGoal& goal) const;
    RateStatus status(const Bounds& bounds) const;

    RateSearchOptions options_;
    std::vector<RateTrial> trials_;
};

/// Lost frames / intended frames. Frames that stayed unsent count as lost beyond
/// `unsent_ratio_max`: on a lossless fabric an overload shows at the sender, as missing credits.
/// More received than sent, or nothing sent, is 1: such a trial proves nothing.
double loss_ratio(const RateTrial& trial, double unsent_ratio_max);

}  // namespace ethlink::control
