// SPDX-License-Identifier: BSD-3-Clause
// Faults, runtime and traffic: plain keys with plain values.
#include "control/config_options.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_keys.h"
#include "control/pktgen/frame_sizes.h"
#include "proto/wire/fcs.h"

namespace ethlink::control {
namespace {

constexpr Choice<IdleMode> kIdleModes[] = {
    {"poll", IdleMode::kPoll},
    {"sleep", IdleMode::kSleep},
};
constexpr Choice<MemoryMode> kMemoryModes[] = {
    {"auto", MemoryMode::kAuto},
    {"hugepages", MemoryMode::kHugepages},
    {"in-memory", MemoryMode::kInMemory},
    {"no-huge", MemoryMode::kNoHuge},
};
constexpr Choice<TrafficPattern> kPatterns[] = {
    {"pairs", TrafficPattern::kPairs},
    {"all-to-all", TrafficPattern::kAllToAll},
    {"permutation", TrafficPattern::kPermutation},
    {"incast", TrafficPattern::kIncast},
};

double probability(MapReader& map, std::string_view key) {
    return map.real({key, 0, 1, ""}, 0);
}

FaultOptions read_direction(const ConfigValue& value, ConfigLog& log) {
    MapReader map(value, log);
    FaultOptions faults;
    faults.loss = probability(map, "loss");
    faults.bit_error = probability(map, "bit_error");
    faults.duplicate = probability(map, "duplicate");
    faults.reorder = probability(map, "reorder");
    faults.reorder_distance = map.number(keys::kReorderDistance, faults.reorder_distance);
    faults.delay = map.duration(keys::kDelay, faults.delay);
    faults.jitter = map.duration(keys::kJitter, faults.jitter);
    faults.rate_mbps = map.real(keys::kRate, faults.rate_mbps);
    faults.seq_drop = probability(map, "seq_drop");
    faults.seq_dup = probability(map, "seq_dup");
    faults.fcs_bad = probability(map, "fcs_bad");
    faults.fcs_poisoned = probability(map, "fcs_poisoned");
    faults.llr_ack_drop = probability(map, "llr_ack_drop");
    faults.llr_nack_drop = probability(map, "llr_nack_drop");
    faults.cf_update_drop = probability(map, "cf_update_drop");
    map.finish();
    return faults;
}

/// `auto`, or a number of threads.
std::uint32_t read_threads(MapReader& map, ConfigLog& log) {
    const auto value = map.value("workers");
    if (!value || value->node->text == "auto") return 0;
    return static_cast<std::uint32_t>(read_number(*value, keys::kThreads, log).value_or(0));
}

/// As --size of the packet generator reads it: with FCS.
std::string read_frame_size(MapReader& map, const Profile& profile, const std::string& fallback,
                            ConfigLog& log) {
    const auto value = map.value("frame_size");
    if (!value) return fallback;
    const auto text = read_text(*value, log);
    if (!text) return fallback;
    const auto largest = static_cast<std::uint32_t>(profile.max_frame_bytes + wire::kFcsSize);
    const auto sizes = FrameSizes::parse(*text, largest);
    if (sizes) return *text;
    log.error(value->mark, value->path, sizes.error(),
              "bytes with FCS: 64, a list `64,512`, a mix `64:7,570:4`, or imix");
    return fallback;
}

Vc read_vc(MapReader& map, const Profile& profile, Vc fallback, ConfigLog& log) {
    const auto value = map.value("vc");
    if (!value) return fallback;
    const auto name = read_text(*value, log);
    if (!name) return fallback;
    if (const auto vc = profile.find_vc(*name)) return *vc;
    std::string names;
    for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) {
        names += (i == 0 ? "" : ", ") + profile.vc_names[i].name;
    }
    log.error(value->mark, value->path, "there is no VC `" + *name + "`", "one of: " + names);
    return fallback;
}

}  // namespace

LinkFaults read_faults(const ConfigValue& value, ConfigLog& log) {
    MapReader map(value, log);
    LinkFaults faults;
    const std::uint64_t seed = map.number(keys::kSeed, std::uint64_t{1});
    const auto both = map.value("both");
    const auto a_to_b = map.value("a_to_b");
    const auto b_to_a = map.value("b_to_a");
    if (both && (a_to_b || b_to_a)) {
        log.error(both->mark, both->path, "`both` stands beside a single direction",
                  "write either `both`, or `a_to_b` and `b_to_a`");
    }
    if (both) faults.a_to_b = faults.b_to_a = read_direction(*both, log);
    if (a_to_b) faults.a_to_b = read_direction(*a_to_b, log);
    if (b_to_a) faults.b_to_a = read_direction(*b_to_a, log);
    faults.a_to_b.seed = faults.b_to_a.seed = seed;
    map.finish();
    return faults;
}

std::uint64_t direction_seed(std::uint64_t seed, std::uint64_t link, std::uint64_t direction) {
    // SplitMix64's finaliser: distinct inputs give distinct, unrelated outputs.
    std::uint64_t z = seed + 0x9E37'79B9'7F4A'7C15u * (2 * link + direction + 1);
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9u;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBu;
    return z ^ (z >> 31);
}

Runtime read_runtime(const ConfigValue& value, ConfigLog& log) {
    MapReader map(value, log);
    Runtime runtime;
    runtime.workers = read_threads(map, log);
    runtime.idle = map.choice("idle", kIdleModes, runtime.idle);
    runtime.idle_sleep = map.duration(keys::kIdleSleep, runtime.idle_sleep);
    runtime.idle_sleep_max = map.duration(keys::kIdleSleepMax, runtime.idle_sleep_max);
    runtime.hello_interval = map.duration(keys::kHelloInterval, runtime.hello_interval);
    runtime.memory = map.choice("memory", kMemoryModes, runtime.memory);
    runtime.memory_mb = map.number(keys::kMemoryMb, runtime.memory_mb);
    runtime.wire_frames = map.number(keys::kWireFrames, runtime.wire_frames);
    runtime.endpoint_queue_frames =
        map.number(keys::kEndpointQueueFrames, runtime.endpoint_queue_frames);
    runtime.rx_descriptors = map.number(keys::kRxDescriptors, runtime.rx_descriptors);
    runtime.tx_descriptors = map.number(keys::kTxDescriptors, runtime.tx_descriptors);
    runtime.pool_cache_frames = map.number(keys::kPoolCacheFrames, runtime.pool_cache_frames);
    map.finish();
    return runtime;
}

Traffic built_in_traffic(const Profile& profile) {
    Traffic traffic;
    traffic.vc = profile.find_vc("rdma-request").value_or(Vc{0});
    const std::size_t largest = profile.max_frame_bytes + wire::kFcsSize;
    if (largest < 256) traffic.frame_size = std::to_string(largest);
    return traffic;
}

Traffic read_traffic(const ConfigValue& value, const Profile& profile, ConfigLog& log) {
    MapReader map(value, log);
    Traffic traffic = built_in_traffic(profile);
    traffic.pattern = map.choice("pattern", kPatterns, traffic.pattern);
    traffic.frame_size = read_frame_size(map, profile, traffic.frame_size, log);
    traffic.duration = map.duration(keys::kDurationMs, traffic.duration);
    traffic.seed = map.number(keys::kSeed, traffic.seed);
    traffic.rate_pps = map.number(keys::kRatePps, traffic.rate_pps);
    traffic.vc = read_vc(map, profile, traffic.vc, log);
    map.finish();
    return traffic;
}

}  // namespace ethlink::control
