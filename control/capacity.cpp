// SPDX-License-Identifier: BSD-3-Clause
// Adds up, from the ports inwards: queues, rings, then the pool that fills them all at once.
#include "control/capacity.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/capacity_check.h"
#include "dataplane/burst.h"
#include "dataplane/host_interface.h"
#include "dataplane/txn_endpoint.h"
#include "proto/credit_pool.h"

namespace ethlink::control {
namespace {

// DPDK 22.11 on 64-bit machines.
constexpr std::uint32_t kHeadroomBytes = 128;      // RTE_PKTMBUF_HEADROOM
constexpr std::uint32_t kMbufBytes = 128;          // sizeof(rte_mbuf)
constexpr std::uint32_t kPoolHeaderBytes = 64;     // per object, a cache line
constexpr std::uint32_t kBufferAlign = 64;         // a cache line
constexpr std::uint64_t kCacheFlushNumerator = 3;  // a mempool cache is flushed at 3/2 of its size
constexpr std::uint64_t kCacheFlushDenominator = 2;

// An AF_PACKET ring slot has a header of its own before the frame, and the driver copies by slot.
constexpr std::uint32_t kPacketRingBytes = 96;

constexpr std::uint32_t kHandleBytes = 8;  // a frame in a wire
constexpr std::uint32_t kSlotBytes = 16;   // a Parcel in a queue
constexpr std::uint32_t kReplaySlotBytes = 32;
constexpr std::uint32_t kTransferBytes = 24;  // a Crossbar::Transfer

// Link control frames of one port that exist at once: one with ordered sets, one CC_Update, and as
// many again that the medium has refused and the next turn sends.
constexpr std::uint32_t kControlFramesPerPort = 4;
constexpr std::uint32_t kFaultHeldFrames = 64;  // frames that FaultLine lets be overtaken
constexpr std::uint32_t kThreadsMax = 64;       // as the key runtime.workers
constexpr std::uint64_t kRingMax = 1u << 30;    // ring indices are 32 bits wide
constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::uint64_t kPoolMax = 0x7FFF'FFFF;  // rte_mempool counts in 32 bits

std::uint64_t rounded_up(std::uint64_t n, std::uint64_t to) {
    return (n + to - 1) / to * to;
}

bool runs_llr(const LinkProfile& link) {
    return link.llr_local && link.llr_remote;
}

/// Unacknowledged frames at most: the window in frames, or in bytes full of the shortest frames.
std::uint32_t window_frames(const LlrProfile& llr) {
    const std::uint32_t by_bytes = std::max(llr.max_outstanding_bytes / kMinFrameBytes, 1u);
    return std::min(llr.max_outstanding_frames, by_bytes);
}

class Planner {
public:
    Planner(const Fabric& fabric, std::optional<NodeId> only, bool impairable)
        : fabric_(fabric), only_(only), impairable_(impairable) {}

    Expected<CapacityPlan, std::vector<ConfigError>> run() {
        errors_ = check_limits(fabric_);
        if (!errors_.empty()) return failure();
        for (std::uint32_t n = 0; n < fabric_.nodes.size(); ++n) {
            if (only_ && *only_ != NodeId{n}) continue;
            plan_.nodes.push_back(plan_node({n}));
            if (fabric_.node(NodeId{n}).kind == NodeKind::kEndpoint) {
                plan_.channel_bytes +=
                    TxnEndpoint::bytes_needed(fabric_.profiles.front().transport, TxnLimits{});
            }
        }
        if (!errors_.empty()) return failure();
        plan_.threads = threads();
        plan_.pool.caches = cached_frames();
        size_buffers();
        check_memory();
        if (!errors_.empty()) return failure();
        plan_.warnings = limit_warnings(fabric_);
        return std::move(plan_);
    }

private:
    Unexpected<std::vector<ConfigError>> failure() {
        return Unexpected<std::vector<ConfigError>>(std::move(errors_));
    }

    NodePlan plan_node(NodeId id) {
        const FabricNode& node = fabric_.node(id);
        NodePlan plan;
        plan.node = id;
        plan.name = node.name;
        plan.workers = node.workers;
        for (std::size_t p = 0; p < node.ports.size(); ++p) {
            plan.ports.push_back(plan_port(node, node.ports[p]));
            plan.ports.back().worker = static_cast<std::uint32_t>(p) % node.workers;
        }
        plan_egress(node, plan);
        plan_crossbar(node, plan);
        for (const PortPlan& port : plan.ports) add_to_pool(node, port);
        return plan;
    }

    PortPlan plan_port(const FabricNode& node, const FabricPort& port) {
        const Profile& profile = fabric_.profile(port.profile);
        PortPlan plan;
        plan.name = port.name;
        plan.kind = port.kind;
        plan.device_frames =
            on_wire(port) ? 0 : fabric_.runtime.rx_descriptors + fabric_.runtime.tx_descriptors;
        plan.wire_frames = on_wire(port) ? std::bit_ceil(fabric_.runtime.wire_frames) : 0;
        plan_vcs(node, port, profile, plan);
        if (port.kind == PortKind::kLink && runs_llr(profile.link)) {
            plan.window_frames = window_frames(profile.link.llr);
            plan.replay_entries = std::bit_ceil(profile.link.llr.max_outstanding_frames);
        }
        if (has_fault_line(port)) {
            plan.fault_frames = fault_frames(port.transmit_faults, plan, impairable_);
        }
        plan.keep = keep_of(port);
        return plan;
    }

    bool has_fault_line(const FabricPort& port) const {
        return port.transmit_faults.any() || (impairable_ && port.kind == PortKind::kLink);
    }

    /// A line of faults damages frames in both directions: nobody lends to one, from either end.
    Keep keep_of(const FabricPort& port) const {
        if (has_fault_line(port) || port.device.starts_with("net_ring")) return Keep::kCopy;
        if (!on_wire(port)) return Keep::kShare;
        if (port.peer && has_fault_line(fabric_.port(*port.peer))) return Keep::kCopy;
        return port.software_fcs ? with_fcs(Keep::kLend) : Keep::kLend;
    }

    /// Whether the port's neighbour runs in this process too.
    bool on_wire(const FabricPort& port) const { return !only_ && port.kind == PortKind::kLink; }

    void plan_vcs(const FabricNode& node, const FabricPort& port, const Profile& profile,
                  PortPlan& plan) {
        const LinkProfile& link = profile.link;
        const CreditPool credits(link);
        std::uint64_t beyond_own = 0;
        for (std::uint8_t i = 0; i < link.vc_count; ++i) {
            VcPlan vc;
            vc.name = profile.vc_names[i].name;
            vc.lossless = is_lossless(port, Vc{i});
            const Credits limit = credits.limit({i});
            if (vc.lossless && port.kind == PortKind::kLink) vc.credits = limit;
            vc.ingress_frames = vc.lossless ? limit.value : profile.best_effort_queue_frames;
            vc.egress_queue_frames = node.kind == NodeKind::kEndpoint
                                         ? fabric_.runtime.endpoint_queue_frames
                                         : profile.best_effort_queue_frames;
            const std::uint32_t own = vc.lossless ? link.vcs[i].reserved.value : vc.ingress_frames;
            beyond_own += vc.ingress_frames - own;
            plan.ingress_frames += own;
            plan.vcs.push_back(std::move(vc));
        }
        const std::uint32_t shared = link.cbfc_profile.shared_size.value;
        plan.ingress_frames +=
            static_cast<std::uint32_t>(std::min<std::uint64_t>(beyond_own, shared));
    }

    bool is_lossless(const FabricPort& port, Vc vc) const {
        const LinkProfile& link = fabric_.profile(port.profile).link;
        return link.cbfc && link.vcs[vc.value].lossless;
    }

    /// Lossless queues of a switch: all that the other ports may have inside the node.
    void plan_egress(const FabricNode& node, NodePlan& plan) {
        if (node.kind == NodeKind::kEndpoint || plan.ports.empty()) return;
        for (std::size_t vc = 0; vc < plan.ports[0].vcs.size(); ++vc) {
            std::uint64_t all = 0;
            for (const PortPlan& port : plan.ports) all += port.vcs[vc].ingress_frames;
            for (PortPlan& port : plan.ports) {
                if (!port.vcs[vc].lossless) continue;
                const std::uint64_t others = all - port.vcs[vc].ingress_frames;
                port.vcs[vc].egress_queue_frames =
                    ring_size(std::max<std::uint64_t>(others, 1), node, "credits of the VC");
            }
        }
    }

    void plan_crossbar(const FabricNode& node, NodePlan& plan) {
        if (node.workers < 2) return;
        for (std::uint32_t worker = 0; worker < node.workers; ++worker) {
            std::uint64_t frames = 0;
            for (const PortPlan& port : plan.ports) {
                if (port.worker == worker) frames += port.ingress_frames;
            }
            const std::uint64_t entries = std::bit_ceil(std::max<std::uint64_t>(frames, 2));
            plan.crossbar_frames.push_back(ring_size(entries, node, "credits of a worker's ports"));
        }
        // Crossbar gives all its rings the size of the largest.
        const std::uint64_t rings = std::uint64_t{node.workers} * (node.workers - 1);
        plan_.ring_bytes += rings * kTransferBytes * std::ranges::max(plan.crossbar_frames);
    }

    std::uint32_t ring_size(std::uint64_t frames, const FabricNode& node, const std::string& what) {
        if (frames <= kRingMax) return static_cast<std::uint32_t>(frames);
        errors_.push_back(fabric_.error(
            "nodes." + node.name,
            "the " + what + " add up to " + std::to_string(frames) + " frames in one queue",
            "at most " + std::to_string(kRingMax) + ": lower the credits"));
        return static_cast<std::uint32_t>(kRingMax);
    }

    /// Without delay a line only has to hold what one turn brings; with it, all that is in flight.
    static std::uint32_t fault_frames(const FaultOptions& faults, const PortPlan& port,
                                      bool any_fault) {
        constexpr std::uint32_t kTurn = 2 * kBurstSize;
        const bool waits = any_fault || faults.delay > Duration::zero() ||
                           faults.jitter > Duration::zero() || faults.rate_mbps > 0;
        if (!waits) return kTurn;
        const std::uint32_t in_flight = std::max(port.window_frames, port.ingress_frames);
        const bool copies = any_fault || faults.duplicate > 0 || faults.seq_dup > 0;
        return kTurn + in_flight * (copies ? 2 : 1);
    }

    void add_to_pool(const FabricNode& node, const PortPlan& port) {
        add_vcs_to_pool(node, port);
        PoolPlan& pool = plan_.pool;
        pool.replay += port.window_frames;
        pool.wire += port.wire_frames;
        pool.devices += port.device_frames;
        pool.bursts += 2 * kBurstSize;
        if (port.kind == PortKind::kLink) pool.control += kControlFramesPerPort;
        if (port.fault_frames > 0) {
            // A line in each direction, and what it has taken from, or not yet given to, the
            // medium.
            pool.faults += 2 * (port.fault_frames + kFaultHeldFrames + kBurstSize);
        }
        plan_.ring_bytes += std::uint64_t{port.replay_entries} * kReplaySlotBytes;
        plan_.ring_bytes += std::uint64_t{port.wire_frames} * kHandleBytes;
        if (port.kind == PortKind::kLink) plan_.ring_bytes += HostInterface::kBytes;
    }

    void add_vcs_to_pool(const FabricNode& node, const PortPlan& port) {
        PoolPlan& pool = plan_.pool;
        pool.ingress += port.ingress_frames;
        for (const VcPlan& vc : port.vcs) {
            if (!vc.lossless) pool.ingress -= vc.ingress_frames;
            if (!vc.lossless) pool.best_effort += vc.ingress_frames;
            if (node.kind == NodeKind::kEndpoint) {
                pool.endpoint += vc.egress_queue_frames;
            } else if (!vc.lossless) {
                pool.best_effort += vc.egress_queue_frames;
            }
            plan_.ring_bytes += std::uint64_t{std::bit_ceil(vc.egress_queue_frames)} * kSlotBytes;
        }
    }

    std::uint32_t threads() const {
        if (fabric_.runtime.workers != 0) return fabric_.runtime.workers;
        std::uint32_t loops = 0;
        for (const NodePlan& node : plan_.nodes) loops += node.workers;
        return std::min(loops, kThreadsMax);
    }

    /// What idles in the caches of the poll threads and of the main thread while another one asks.
    std::uint64_t cached_frames() const {
        const std::uint64_t caches = std::uint64_t{plan_.threads} + 1;
        return caches * fabric_.runtime.pool_cache_frames * kCacheFlushNumerator /
               kCacheFlushDenominator;
    }

    void size_buffers() {
        std::uint32_t largest = 0;
        for (const NodePlan& node : plan_.nodes) {
            for (const FabricPort& port : fabric_.node(node.node).ports) {
                const bool kernel = port.device.starts_with("net_af_packet");
                largest = std::max(largest, longest_frame(fabric_.profile(port.profile)) +
                                                (kernel ? kPacketRingBytes : 0));
            }
        }
        plan_.headroom_bytes = kHeadroomBytes;
        plan_.buffer_bytes = static_cast<std::uint32_t>(
            rounded_up(kHeadroomBytes + largest + kFcsBytes, kBufferAlign));
        plan_.pool_bytes =
            plan_.pool.total() * (plan_.buffer_bytes + kMbufBytes + kPoolHeaderBytes);
    }

    void check_memory() {
        if (plan_.pool.total() > kPoolMax) {
            errors_.push_back(fabric_.error(
                "profiles",
                std::to_string(plan_.pool.total()) + " buffers are more than one pool "
                                                     "can hold",
                "at most " + std::to_string(kPoolMax) + ": lower credits or windows"));
        }
        const std::uint64_t needed_mb = (plan_.memory_bytes() + kMegabyte - 1) / kMegabyte;
        const std::uint64_t limit_mb = fabric_.runtime.memory_mb;
        if (limit_mb == 0 || needed_mb <= limit_mb) return;
        errors_.push_back(fabric_.error(
            "runtime.memory_mb",
            std::to_string(limit_mb) + " MB are too few: " + std::to_string(plan_.pool.total()) +
                " buffers of " + std::to_string(plan_.buffer_bytes) +
                " bytes and their queues take " + std::to_string(needed_mb) + " MB",
            "set it to at least " + std::to_string(needed_mb) + ", or lower credits or windows"));
    }

    const Fabric& fabric_;
    std::optional<NodeId> only_;
    bool impairable_;
    CapacityPlan plan_;
    std::vector<ConfigError> errors_;
};

}  // namespace

std::uint64_t PoolPlan::total() const {
    return ingress + best_effort + endpoint + replay + wire + faults + devices + bursts + control +
           caches;
}

Expected<CapacityPlan, std::vector<ConfigError>> plan_capacity(const Fabric& fabric,
                                                               std::optional<NodeId> only,
                                                               bool impairable) {
    return Planner(fabric, only, impairable).run();
}

}  // namespace ethlink::control
