// SPDX-License-Identifier: BSD-3-Clause
// Is a virtual channel stuck, and when does it move again? SONiC's PFC watchdog, for credits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/time.h"

namespace ethlink {

/// What becomes of the frames of a VC that is stuck.
enum class WatchdogAction : std::uint8_t {
    kDisable,  // nobody looks
    kAlert,    // they wait; it is only reported
    kDrop,     // they are discarded until the neighbour takes frames again
};

struct WatchdogProfile {
    WatchdogAction action = WatchdogAction::kDrop;
    Duration detection = std::chrono::seconds(1);           // without progress: stuck
    Duration restoration = std::chrono::milliseconds(500);  // room again for so long: not any more
    friend bool operator==(const WatchdogProfile&, const WatchdogProfile&) = default;
};

/// What a port says of one lossless VC each time it is asked.
struct VcFacts {
    bool link_up = false;    // LLR runs; if not, data_age_timeout decides (decision 0006)
    bool waiting = false;    // frames are queued
    bool may_send = false;   // window and credits would let one go now
    std::uint64_t sent = 0;  // frames, ever
};

/// One VC of one egress port. Pure: facts and time in, what happened out.
///
/// Stuck is a VC whose neighbour answers, and has not let a frame go for `detection` although
/// frames waited all the time. One that others of higher priority starve may send, and is not.
class VcWatchdog {
public:
    enum class Event : std::uint8_t { kNothing, kDetected, kRestored };

    bool is_stuck() const { return stuck_; }

    /// Call it every so often: what lies between two calls counts as kLookMax at most, so whoever
    /// slept himself does not blame his neighbour.
    Event look(const WatchdogProfile& profile, const VcFacts& facts, Time now) {
        const bool moved = facts.may_send || facts.sent != sent_;
        const Duration passed = std::min<Duration>(now - looked_at_, kLookMax);
        looked_at_ = now;
        sent_ = facts.sent;
        if (!facts.link_up) return change_to(false);
        // Towards the other state: blocked while it moves, able to move while it is stuck.
        const bool against = stuck_ ? moved : facts.waiting && !moved;
        against_ = against ? against_ + passed : Duration::zero();
        const Duration limit = stuck_ ? profile.restoration : profile.detection;
        return against && against_ >= limit ? change_to(!stuck_) : Event::kNothing;
    }

    static constexpr Duration kLookMax = std::chrono::milliseconds(5);

private:
    Event change_to(bool stuck) {
        against_ = Duration::zero();
        if (stuck == stuck_) return Event::kNothing;
        stuck_ = stuck;
        return stuck ? Event::kDetected : Event::kRestored;
    }

    bool stuck_ = false;
    Duration against_{};  // so long the facts have spoken for the other state
    Time looked_at_{};
    std::uint64_t sent_ = 0;
};

}  // namespace ethlink
