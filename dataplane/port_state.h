// SPDX-License-Identifier: BSD-3-Clause
// Everything that a worker keeps of one port: device, link, queues, rules, counters.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/attended_clock.h"
#include "dataplane/burst.h"
#include "dataplane/egress_queue.h"
#include "dataplane/host_interface.h"
#include "dataplane/port.h"
#include "dataplane/port_watchdog.h"
#include "dataplane/scheduler.h"
#include "proto/counter.h"
#include "proto/drop.h"
#include "proto/ids.h"
#include "proto/link.h"
#include "proto/profile.h"
#include "proto/vc_map.h"

namespace ethlink {

/// What a port is, and whom it lets in. Fixed for the port's life.
struct PortRules {
    PortId id{};                                        // in its node
    bool is_link = true;                                // false: plain, best effort, no link word
    bool software_fcs = false;                          // the medium checks none
    std::uint32_t max_frame_bytes = 2048;               // 802.1Q tag and FCS not counted
    VcMap vc_map{VcMap::ByDscp{}};                      // of frames that come in by a plain port
    std::array<std::uint32_t, kMaxVcs> admitted_max{};  // frames in the node from here, by VC that
                                                        // has no credits
    bool guard_source = false;                          // only frames from `gpus`
    std::vector<GpuId> gpus;                            // whom this port leads to directly
    bool guard_tenant = false;                          // only frames of `tenant`
    Tenant tenant{};
    WatchdogProfile watchdog{.action = WatchdogAction::kDisable};  // of what leaves here

    /// One GPU behind a port, nearly always.
    bool leads_to(GpuId gpu) const {
        for (const GpuId known : gpus) {
            if (known == gpu) return true;
        }
        return false;
    }
};

struct PortCounters {
    Counter rx_frames, rx_bytes, tx_frames, tx_bytes;  // as the medium carried them
    CounterSet<Drop> drops;                            // refused frames, by reason
    std::array<Counter, kBurstSize + 1> rx_bursts;     // by size; [0] = polls that found nothing
};

/// One port of one worker. Only its worker touches it, but for the counters.
template <FrameHandle F>
struct PortState {
    PortState(Port<F>& device_, const PortRules& rules_, const LinkProfile& profile,
              const LinkEnd& end, std::span<const std::uint32_t> queue_frames,
              std::size_t replay_slots, typename F::Pool& pool)
        : device(&device_),
          rules(rules_),
          queues(queue_frames),
          scheduler(std::span(profile.vcs).first(profile.vc_count)),
          watchdog(rules_.watchdog, rules_.max_frame_bytes, rules_.is_link ? profile.vc_count : 0),
          slots(rules_.is_link ? replay_slots : 0) {
        if (rules.is_link) link.emplace(profile, end, std::span(slots), pool);
        if (rules.is_link) host = std::make_unique<HostInterface>();
        device->count_refused_in(counters.drops);
    }

    Port<F>* device;
    std::optional<Link<F>> link;          // none on a plain port
    AttendedClock clock;                  // what the link and its watchdog go by
    std::unique_ptr<HostInterface> host;  // where there is a link; the control thread has one side
    PortRules rules;
    /// Frames of this ingress that are in the node on a VC without credits: what credits do for a
    /// lossless VC, this bound does here, so that rings and queues hold what they were made for.
    bool admits(Vc vc) const { return admitted[vc.value] < rules.admitted_max[vc.value]; }
    bool has_credits(Vc vc) const { return link && link->is_lossless(vc); }

    /// What adaptive routing goes by: bytes that wait here, and those for which the neighbour has
    /// not given credits back. kNoWay while nothing can leave.
    std::uint64_t load() const {
        if (link && (!was_up || !link->is_up())) return kNoWay;
        std::uint64_t bytes = 0;
        for (std::uint32_t ready = queues.ready(); ready != 0; ready &= ready - 1) {
            bytes += queues[Vc{static_cast<std::uint8_t>(std::countr_zero(ready))}].bytes();
        }
        return link ? bytes + link->bytes_at_neighbour() : bytes;
    }
    static constexpr std::uint64_t kNoWay = UINT64_MAX;

    EgressQueues<F> queues;
    std::array<std::uint32_t, kMaxVcs> admitted{};
    Scheduler scheduler;
    PortWatchdog watchdog;
    Burst<F> arrived;
    Burst<F> staged;       // what the device refused last turn is still in it
    bool refused = false;  // ... and there are frames of somebody among it
    bool was_up = true;
    PortCounters counters;
    std::vector<typename ReplayBuffer<F>::Slot> slots;
};

}  // namespace ethlink
