// SPDX-License-Identifier: BSD-3-Clause
// A switch worker between real neighbours, one thread: only the worker's turns are timed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/cycles.h"
#include "bench/neighbour.h"
#include "bench/nic_port.h"
#include "dataplane/dpdk/mbuf.h"
#include "dataplane/dpdk/platform.h"
#include "dataplane/wire_port.h"

namespace ethlink::bench {

struct HopCase {
    std::uint32_t frame_bytes = 64;  // FCS counted, as RFC 2544 does
    std::uint32_t ports = 2;         // 2 .. 16
    std::uint32_t vcs = 1;           // lossless ones that the frames use in turn
    Keep keep = Keep::kShare;        // kShare: NicPort; kCopy: the in-process wire
    std::uint32_t windows = 400;     // of 64 turns each, behind the warm-up
};

struct HopResult {
    double cycles_per_frame = 0;  // median over the windows
    double cycles_low = 0;        // the 10th percentile
    double cycles_per_turn = 0;   // median
    double burst_mean = 0;        // frames in a receive burst
    double control_per_1000 = 0;  // control frames that the switch sent per 1000 data frames
    std::uint64_t frames = 0;     // counted at the sinks
    std::uint64_t replays = 0;    // all links, both directions
    std::uint64_t refused = 0;    // by the switch or the sinks
};

/// Builds everything, runs the case and takes it down again. Throws std::runtime_error if the
/// links do not come up.
HopResult run_hop(const HopCase& what, dpdk::MbufPool& pool, double tsc_hz);

}  // namespace ethlink::bench
