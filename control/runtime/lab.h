// SPDX-License-Identifier: BSD-3-Clause
// A whole fabric in this process, under its traffic for a while: what `ethlink lab` does.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "control/runtime/process.h"
#include "control/runtime/totals.h"
#include "dataplane/histogram.h"
#include "proto/expected.h"

namespace ethlink::control {

struct LabOptions {
    ProcessOptions process;
    Duration duration = std::chrono::seconds(3);
    bool serve = false;  // no traffic of its own: for programs, until it is told to stop
    /// Called about five times a second while frames flow.
    std::function<void(const FrameTotals&, const LinkTotals&, Duration elapsed)> progress;
    std::function<void(const std::string&)> log;
    /// Called again and again instead of sleeping; waits about as long as it is told.
    std::function<void(Duration)> tick;
    /// Called with the running process before traffic starts and after it has ended.
    std::function<void(Process&)> attach, detach;
};

struct NodeLatency {
    std::string node;
    HistogramSnapshot residence;  // ns from receive to transmit, a sample of frames
};

struct LinkReport {
    std::string from, to;  // "gpu0:e0"
    std::uint64_t frames = 0;
    LinkTotals totals;
    std::uint64_t rtt_ns = 0;  // from sending a frame to its ACK, smoothed
};

struct LabReport {
    std::string fabric;
    bool served = false;    // LabOptions::serve
    bool adaptive = false;  // AR = 1: frames may overtake each other
    double seconds = 0;
    FrameTotals frames;
    LinkTotals links;
    DropTotals drops{};
    std::uint64_t credits_leaked = 0;
    std::uint64_t mbufs_leaked = 0;
    std::uint64_t memory_bytes = 0;  // pool, queues and rings, as planned
    HistogramSnapshot latency;       // end to end, ns
    std::vector<NodeLatency> nodes;
    std::vector<LinkReport> per_link;

    /// Nothing lost, doubled or leaked, nor reordered if order was promised.
    bool clean() const {
        return (served || frames.sent > 0) && frames.lost() == 0 && frames.duplicated == 0 &&
               (adaptive || frames.reordered == 0) && credits_leaked == 0 && mbufs_leaked == 0;
    }
};

/// Starts the fabric, runs its traffic until the duration is over or `stop` is set, lets
/// everything drain, ends the fabric.
[[nodiscard]] Expected<LabReport, std::string> run_lab(const Fabric& fabric,
                                                       const LabOptions& options,
                                                       const std::atomic<bool>& stop);

}  // namespace ethlink::control
