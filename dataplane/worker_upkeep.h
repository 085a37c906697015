// SPDX-License-Identifier: BSD-3-Clause
// The cold half of Worker: frames that nobody can read, queues that nobody takes from, hellos, and
// what is looked at now and then. Included by worker.h only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "dataplane/worker.h"
#include "proto/wire/control_frame.h"

namespace ethlink {

template <FrameHandle F, class StageT>
void Worker<F, StageT>::refuse_unreadable(State& port, F& frame, Drop reason) {
    const FrameCheck check = reason == Drop::kBadFcs ? FrameCheck::kBad : FrameCheck::kGood;
    // LLR lies below the frame's content: its number counts though the rest is refused.
    const bool seen = port.link && port.link->on_unreadable(frame.bytes(), check);
    if (!seen || check == FrameCheck::kGood) port.counters.drops.add(reason);
}

/// What waits for a neighbour that takes nothing. As if it had left: credits go back.
template <FrameHandle F, class StageT>
void Worker<F, StageT>::discard_stuck(State& port) {
    constexpr std::uint64_t kMax = 256;  // a turn and VC: others wait for this loop
    for (std::uint32_t vcs = port.watchdog.discarding(); vcs != 0; vcs &= vcs - 1) {
        const Vc vc{static_cast<std::uint8_t>(std::countr_zero(vcs))};
        Run run(*this, port.queues, vc);
        std::uint64_t frames = 0;
        for (; frames < kMax && !run.empty(); ++frames) run.pop();
        run.finish();
        port.counters.drops.add(Drop::kVcStuck, frames);
        port.watchdog.on_discarded(vc, frames);
    }
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::punt(State& port, const wire::FrameView& view) {
    const auto control = wire::parse_control(view.bytes());
    auto& ring = port.host->punt;
    if (!control || ring.room() == 0) {
        port.counters.drops.add(control ? Drop::kPuntFull : control.error());
        return;
    }
    ring.push({now_, control->hello()});
    ring.publish();
}

/// A medium that is down takes nothing, and what was to be said is old when it comes back.
template <FrameHandle F, class StageT>
void Worker<F, StageT>::inject(State& port) {
    auto& ring = port.host->inject;
    port.host->polls.add();
    if (ring.size() == 0) return;
    while (ring.size() > 0 && (!port.was_up || port.staged.room() > 0)) {
        if (port.was_up && !port.link->send_hello(ring.front(), port.staged)) break;
        ring.pop();
    }
    ring.release();
}

template <FrameHandle F, class StageT>
void Worker<F, StageT>::keep_house() {
    housekeeping_due_ = now_ + kHousekeeping;
    for (auto& port : ports_) {
        if (!port->link) continue;
        const bool up = port->device->is_up();
        if (up != port->was_up) port->link->on_pcs_status(up, port->clock.now());
        port->was_up = up;
        inject(*port);
        port->link->publish();
        port->watchdog.look(*port->link, port->queues, port->clock.now());
        port->clock.look(port->device->far_turned_at(now_));
        const std::uint64_t discarded = port->link->stats().read(LinkStat::kLlrTxDiscard);
        CounterSet<Drop>& drops = port->counters.drops;
        drops.add(Drop::kLinkDiscard, discarded - drops.read(Drop::kLinkDiscard));
    }
}

template <FrameHandle F, class StageT>
Time Worker<F, StageT>::deadline() const {
    Time deadline = housekeeping_due_;
    for (const auto& port : ports_) {
        if (port->link) deadline = std::min(deadline, port->clock.at(port->link->deadline()));
        if (!port->staged.empty() || port->queues.ready() != 0) deadline = now_;
    }
    return deadline;
}

}  // namespace ethlink
