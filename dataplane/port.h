// SPDX-License-Identifier: BSD-3-Clause
// Where frames enter and leave a node: the seam between the poll loop and every medium.
#pragma once

#include <cstdint>

#include "dataplane/burst.h"
#include "proto/counter.h"
#include "proto/drop.h"
#include "proto/frame.h"
#include "proto/time.h"

namespace ethlink {

/// One end of a medium, polled by exactly one worker. The calls are per burst, never per frame.
///
/// Media are NICs and DPDK virtual devices (dataplane/dpdk/eth_port.h), the in-process wire
/// (dataplane/wire_port.h), and decorators of another port (dataplane/fault_port.h).
template <FrameHandle F>
class Port {
public:
    Port() = default;
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;
    virtual ~Port() = default;

    /// Moves frames that have arrived into the free slots of `burst`. Each frame is contiguous.
    virtual void rx_burst(Burst<F>& burst, Time now) = 0;

    /// Takes frames from the front of `burst`, in order. What the medium refuses stays in it,
    /// for the next turn: a port never spins and never drops.
    virtual void tx_burst(Burst<F>& burst, Time now) = 0;

    /// Whether frames can pass (the "PCS status" of LLR). Cheap: a cached value.
    virtual bool is_up() const = 0;

    /// When the far end last took its turn to receive, by the clock of this machine; `now` where
    /// the medium cannot tell. Any thread may have been that far end.
    virtual Time far_turned_at(Time now) const { return now; }

    /// Frames held inside the port (rings, delay lines), at most, for the capacity plan.
    virtual std::uint32_t frames_held_max() const = 0;

    /// How a frame sent here can be kept for replay.
    virtual Keep keep() const = 0;

    /// Frames that rx_burst() refuses itself are counted here, on the thread that calls it. Told
    /// before the first rx_burst(); the counters live until the last one.
    virtual void count_refused_in(CounterSet<Drop>&) {}
};

}  // namespace ethlink
