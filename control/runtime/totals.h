// SPDX-License-Identifier: BSD-3-Clause
// What the endpoints and links of a process have counted, added up at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/runtime/process.h"
#include "dataplane/histogram.h"

namespace ethlink::control {

/// Frames of all endpoints. `lost` is final only once nothing is under way.
struct FrameTotals {
    std::uint64_t sent = 0;
    std::uint64_t sent_bytes = 0;  // FCS not counted
    std::uint64_t received = 0;    // duplicates included
    std::uint64_t received_bytes = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::uint64_t unexpected = 0;
    std::uint64_t probes = 0;  // probes and answers made, in no other number

    std::uint64_t delivered() const { return received - duplicated; }
    std::uint64_t lost() const { return sent - std::min(sent, delivered()); }
};
FrameTotals operator-(const FrameTotals& later, const FrameTotals& earlier);

/// Links of all nodes.
struct LinkTotals {
    std::uint64_t replays = 0;   // completed
    std::uint64_t replayed = 0;  // frames sent again
    std::uint64_t flushes = 0;
    std::uint64_t nacks = 0;    // sent
    std::uint64_t bad_fcs = 0;  // LLR-eligible frames with a wrong FCS
};

/// Frames refused, by reason, over all ports.
using DropTotals = std::array<std::uint64_t, kDropCount>;

FrameTotals frame_totals(const Process& process);
LinkTotals link_totals(const Process& process);
DropTotals drop_totals(const Process& process);
/// From the frame's making to its arrival, over all endpoints.
HistogramSnapshot latency(const Process& process);

}  // namespace ethlink::control
