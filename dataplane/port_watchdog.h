// SPDX-License-Identifier: BSD-3-Clause
// The watchdogs of one port, one for each VC that has credits.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "dataplane/egress_queue.h"
#include "dataplane/vc_watchdog.h"
#include "proto/counter.h"
#include "proto/ids.h"
#include "proto/link.h"

namespace ethlink {

/// What others may read of a VC.
struct VcWatchdogCounters {
    Gauge stuck;  // 1 while it is
    Counter detected, restored;
    Counter dropped;  // frames, in all
};

/// Belongs to the port's worker, but for the counters.
class PortWatchdog {
public:
    /// `frame_bytes_max`: room for such a frame is what a stuck VC has to show. Watches nothing if
    /// the action is kDisable.
    PortWatchdog(const WatchdogProfile& profile, std::uint32_t frame_bytes_max, std::size_t vcs)
        : profile_(profile),
          frame_bytes_max_(frame_bytes_max),
          dogs_(profile.action == WatchdogAction::kDisable ? 0 : vcs),
          counters_(dogs_.size()) {}

    /// Looks at all VCs: from housekeeping, several times a millisecond.
    template <FrameHandle F>
    void look(const Link<F>& link, const EgressQueues<F>& queues, Time now) {
        for (std::uint8_t i = 0; i < dogs_.size(); ++i) {
            const Vc vc{i};
            if (!link.is_lossless(vc)) continue;
            const bool waiting = !queues[vc].empty();
            const std::uint32_t bytes = waiting ? queues[vc].front().bytes : frame_bytes_max_;
            note(i, dogs_[i].look(profile_,
                                  {.link_up = link.is_up(),
                                   .waiting = waiting,
                                   .may_send = link.can_send(vc, bytes),
                                   .sent = link.stats().vcs[i].tx_frames.read()},
                                  now));
        }
    }

    /// Bit per VC whose frames are to be discarded.
    std::uint32_t discarding() const { return discarding_; }
    void on_discarded(Vc vc, std::uint64_t frames) { counters_[vc.value].dropped.add(frames); }

    const WatchdogProfile& profile() const { return profile_; }
    /// By VC; none if nothing is watched. Any thread.
    const std::vector<VcWatchdogCounters>& counters() const { return counters_; }

private:
    void note(std::uint8_t vc, VcWatchdog::Event event) {
        if (event == VcWatchdog::Event::kNothing) [[likely]]
            return;
        const bool stuck = event == VcWatchdog::Event::kDetected;
        VcWatchdogCounters& counters = counters_[vc];
        counters.stuck.set(stuck ? 1 : 0);
        (stuck ? counters.detected : counters.restored).add();
        if (profile_.action != WatchdogAction::kDrop) return;
        discarding_ = stuck ? discarding_ | 1u << vc : discarding_ & ~(1u << vc);
    }

    WatchdogProfile profile_;
    std::uint32_t frame_bytes_max_;
    std::uint32_t discarding_ = 0;
    std::vector<VcWatchdog> dogs_;
    std::vector<VcWatchdogCounters> counters_;
};

}  // namespace ethlink
