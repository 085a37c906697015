// SPDX-License-Identifier: BSD-3-Clause
// The time that a link goes by: it stands still while one of the two ends is not being polled.
#pragma once

#include <algorithm>
#include <chrono>

#include "proto/time.h"

namespace ethlink {

/// Silence says something of a neighbour only if it had turns to speak, and we had turns to listen
/// (decision 0028). A poll loop that the operating system did not run for a second must not find,
/// in its next turn, that all its neighbours were silent for a second: what they said lies in its
/// rings. And where the medium knows when the far end last took its turn, its absence is not held
/// against it.
///
/// Never goes back. Belongs to the port's worker.
class AttendedClock {
public:
    /// From one turn to the next so much counts at most; who has had no turn for longer is absent.
    static constexpr Duration kAbsence = std::chrono::milliseconds(5);

    /// Before the first turn.
    void start(Time now) { turned_at_ = now; }

    /// Each turn, with the time of the poll loop.
    void turn(Time now) {
        const Duration passed = now - turned_at_;
        turned_at_ = now;
        skipped_ += stands_ ? passed : std::max(passed - kAbsence, Duration::zero());
    }
    /// Now and then, and each turn while stands(): when the far end last had a turn.
    void look(Time far_turned_at) { stands_ = turned_at_ - far_turned_at > kAbsence; }

    bool stands() const { return stands_; }
    Time now() const { return turned_at_ - skipped_; }
    /// When, by the poll loop's time, `deadline` of this clock is, if both ends keep turning.
    Time at(Time deadline) const { return deadline == kNever ? kNever : deadline + skipped_; }

private:
    Time turned_at_{};
    Duration skipped_{};
    bool stands_ = false;
};

}  // namespace ethlink
