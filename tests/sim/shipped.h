// SPDX-License-Identifier: BSD-3-Clause
// The shapes of configs/, in virtual time: cables with a rate, timers that fit it.
#pragma once

#include <string>

namespace ethlink::sim {

inline constexpr const char* kDualRack =
    "  kind: dual-rack\n"
    "  gpus: 8\n"
    "  tracks: 2\n"
    "  uplinks: 4\n";

inline constexpr const char* kLeafSpine =
    "  kind: leaf-spine\n"
    "  racks: 3\n"
    "  gpus: 12\n"
    "  tracks: 2\n"
    "  spines: 4\n"
    "  oversubscription: 2\n";

/// A fabric of this `topology`, all cables at 10 Gbit/s: four frames of 256 bytes in 1 us.
inline std::string with_rate(const std::string& topology, int workers = 1,
                             const std::string& more_profiles = {}) {
    return "fabric: sim\n"
           "topology:\n" +
           topology + "  workers: " + std::to_string(workers) +
           "\n"
           "  faults: {both: {rate_mbps: 10000}}\n"
           "profiles:\n"
           "  default:\n"
           "    fcs: hardware\n"
           "    llr: {max_outstanding_frames: 256, max_replay_timer_ns: 1000000, ack_delay_us: 3,\n"
           "          init_interval_us: 20, ctlos_spacing_bytes: 4096}\n"
           "    cbfc: {cc_message_timer_us: 500, cf_update_interval_us: 100}\n"
           "    watchdog: {detection_time_ms: 8, restoration_time_ms: 1}\n"
           "    vcs:\n"
           "      - {name: first, credits: 256, dscp: [16]}\n"
           "      - {name: second, credits: 256, dscp: [24]}\n" +
           more_profiles +
           "runtime: {wire_frames: 64, endpoint_queue_frames: 32}\n"
           "traffic: {vc: first}\n";
}

/// Four times the credits, for cables behind which there are four GPUs.
inline constexpr const char* kUplinkProfile =
    "  uplink:\n"
    "    vcs:\n"
    "      - {name: first, credits: 1024, dscp: [16]}\n"
    "      - {name: second, credits: 1024, dscp: [24]}\n";

}  // namespace ethlink::sim
