// SPDX-License-Identifier: BSD-3-Clause
// The proof that the limits add up: sizes of every queue, ring and pool, computed from the fabric.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config.h"
#include "proto/expected.h"
#include "proto/frame.h"
#include "proto/ids.h"
#include "proto/wire/control_frame.h"

namespace ethlink::control {

/// One VC of one port.
struct VcPlan {
    std::string name;
    bool lossless = true;  // with credits: cbfc is on and the VC is not best effort
    Credits credits;  // this receiver grants at most so many: reserved plus reachable shared ones
    // Frames of this ingress that may be inside the node. Lossless: one per credit, and the
    // neighbour keeps to it. Otherwise (best effort, any VC of a plain port): the node keeps to it
    // itself, by dropping what arrives beyond; the lossless queues and the crossbar rely on that.
    std::uint32_t ingress_frames = 0;
    // Entries of the queue in front of this egress. Lossless on a switch: the sum of ingress_frames
    // of this VC over all other ports, so it cannot overflow. On an endpoint: what it may have
    // ready; whoever sends asks for room first.
    std::uint32_t egress_queue_frames = 0;
    friend bool operator==(const VcPlan&, const VcPlan&) = default;
};

struct PortPlan {
    std::string name;
    PortKind kind = PortKind::kLink;
    std::uint32_t worker = 0;  // the poll loop of the node that owns it
    Keep keep = Keep::kShare;
    std::uint32_t ingress_frames = 0;  // all VCs; shared credits counted once
    std::uint32_t window_frames = 0;   // unacknowledged frames at most; 0 without LLR
    std::uint32_t replay_entries = 0;  // power of two >= window_frames
    std::uint32_t wire_frames = 0;     // in-process wire, frames on their way out; power of two
    std::uint32_t fault_frames = 0;    // FaultPort's line, each direction; 0 without faults
    std::uint32_t device_frames = 0;   // descriptors of a device, both directions
    std::vector<VcPlan> vcs;
    friend bool operator==(const PortPlan&, const PortPlan&) = default;
};

struct NodePlan {
    NodeId node;
    std::string name;
    std::uint32_t workers = 1;
    // Per ingress worker, the entries of each of its rings to the other workers; power of two. A
    // ring holds everything that the worker's ports may have inside the node. Empty with one
    // worker.
    std::vector<std::uint32_t> crossbar_frames;
    std::vector<PortPlan> ports;
    friend bool operator==(const NodePlan&, const NodePlan&) = default;
};

/// Where the buffers of the pool can be at the same time, at most.
struct PoolPlan {
    std::uint64_t ingress = 0;      // granted credits, one frame each
    std::uint64_t best_effort = 0;  // frames without credits: admitted at ingress, queued at egress
    std::uint64_t endpoint = 0;     // frames that endpoints have ready to send
    std::uint64_t replay = 0;       // unacknowledged frames
    std::uint64_t wire = 0;         // on in-process wires
    std::uint64_t faults = 0;       // in delay lines
    std::uint64_t devices = 0;      // in descriptor rings
    std::uint64_t bursts = 0;       // in hand: one receive and one transmit burst per port
    std::uint64_t control = 0;      // link control frames
    std::uint64_t caches = 0;       // idle in the caches of other threads

    std::uint64_t total() const;
};

struct CapacityPlan {
    std::vector<NodePlan> nodes;
    PoolPlan pool;
    std::uint32_t threads = 1;         // poll threads that the caches are counted for
    std::uint32_t headroom_bytes = 0;  // in front of the frame
    std::uint32_t buffer_bytes = 0;    // data room: headroom, frame, tag, FCS; a multiple of 64
    std::uint64_t pool_bytes = 0;
    std::uint64_t ring_bytes = 0;     // queues, rings and replay buffers
    std::uint64_t channel_bytes = 0;  // requests and responses that endpoints keep
    std::uint64_t memory_bytes() const { return pool_bytes + ring_bytes + channel_bytes; }
    std::vector<ConfigError> warnings;
};

/// A frame grows by this in a buffer: an 802.1Q tag and a software FCS.
inline constexpr std::uint32_t kTagBytes = 4;
inline constexpr std::uint32_t kFcsBytes = 4;

/// The longest frame on a medium of this profile, FCS not counted: one with a tag, or link control.
inline std::uint32_t longest_frame(const Profile& profile) {
    return std::max(profile.max_frame_bytes + kTagBytes,
                    static_cast<std::uint32_t>(wire::kMaxControlFrame));
}

/// Ethernet's minimum without FCS: no frame is shorter on a wire (proto/credit_pool.h counts so
/// too).
inline constexpr std::uint32_t kMinFrameBytes = 60;

/// Plans a process that runs the whole fabric, or one node of it. Refuses what does not add up and
/// names the number that would do.
/// `impairable`: any fault may come to any link port while it runs.
[[nodiscard]] Expected<CapacityPlan, std::vector<ConfigError>> plan_capacity(
    const Fabric& fabric, std::optional<NodeId> only = std::nullopt, bool impairable = false);

}  // namespace ethlink::control
