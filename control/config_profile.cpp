// SPDX-License-Identifier: BSD-3-Clause
// Profiles: what is not written keeps the value of `default`.
#include "control/config_profile.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config_keys.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kProfilesMax = 64;
constexpr std::uint8_t kNoVc = 0xFF;

constexpr Choice<FrameAction> kFrameActions[] = {
    {"discard", FrameAction::kDiscard},
    {"block", FrameAction::kBlock},
    {"best_effort", FrameAction::kBestEffort},
};
constexpr Choice<FcsMode> kFcsModes[] = {
    {"auto", FcsMode::kAuto},
    {"hardware", FcsMode::kHardware},
    {"software", FcsMode::kSoftware},
};
constexpr Choice<ThresholdMode> kThresholdModes[] = {
    {"none", ThresholdMode::kNone},
    {"static", ThresholdMode::kStatic},
    {"dynamic", ThresholdMode::kDynamic},
};

constexpr Choice<WatchdogAction> kWatchdogActions[] = {
    {"drop", WatchdogAction::kDrop},
    {"alert", WatchdogAction::kAlert},
    {"disable", WatchdogAction::kDisable},
};

struct BuiltInVc {
    std::string_view name;
    bool lossless;
    std::uint8_t priority;  // synchronous Load/Store before bulk RDMA before the rest
    std::uint8_t dscp;      // a class selector (RFC 2474) each
};
constexpr BuiltInVc kBuiltInVcs[] = {
    {"ls-request", true, 2, 32},    {"ls-response", true, 2, 40}, {"rdma-request", true, 1, 16},
    {"rdma-response", true, 1, 24}, {"best-effort", false, 0, 0},
};

void read_llr(const ConfigValue& value, LinkProfile& link, ConfigLog& log) {
    MapReader map(value, log);
    LlrProfile& llr = link.llr;
    link.llr_local = map.flag("llr_local", link.llr_local);
    link.llr_remote = map.flag("llr_remote", link.llr_remote);
    llr.max_outstanding_frames =
        map.number(keys::kMaxOutstandingFrames, llr.max_outstanding_frames);
    llr.max_outstanding_bytes = map.number(keys::kMaxOutstandingBytes, llr.max_outstanding_bytes);
    llr.max_replay_timer = map.duration(keys::kMaxReplayTimer, llr.max_replay_timer);
    llr.max_replay_count = map.number(keys::kMaxReplayCount, llr.max_replay_count);
    llr.pcs_lost_timeout = map.duration(keys::kPcsLostTimeout, llr.pcs_lost_timeout);
    llr.data_age_timeout = map.duration(keys::kDataAgeTimeout, llr.data_age_timeout);
    llr.init_action = map.choice("init_action", kFrameActions, llr.init_action);
    llr.flush_action = map.choice("flush_action", kFrameActions, llr.flush_action);
    llr.re_init_on_flush = map.flag("re_init_on_flush", llr.re_init_on_flush);
    llr.ctlos_spacing_bytes = map.number(keys::kCtlosSpacing, llr.ctlos_spacing_bytes);
    llr.init_interval = map.duration(keys::kInitInterval, llr.init_interval);
    llr.ack_delay = map.duration(keys::kAckDelay, llr.ack_delay);
    map.finish();
}

void read_cbfc(const ConfigValue& value, LinkProfile& link, ConfigLog& log) {
    MapReader map(value, log);
    CbfcProfile& cbfc = link.cbfc_profile;
    link.cbfc = map.flag("enabled", link.cbfc);
    cbfc.credit_size = map.number(keys::kCreditSize, cbfc.credit_size);
    cbfc.packet_overhead = map.number(keys::kPacketOverhead, cbfc.packet_overhead);
    cbfc.shared_size.value = map.number(keys::kSharedCredits, cbfc.shared_size.value);
    cbfc.cc_message_timer = map.duration(keys::kCcMessageTimer, cbfc.cc_message_timer);
    cbfc.cf_update_interval = map.duration(keys::kCfUpdateInterval, cbfc.cf_update_interval);
    map.finish();
}

/// Names of SONiC's PFC_WD table.
void read_watchdog(const ConfigValue& value, WatchdogProfile& watchdog, ConfigLog& log) {
    MapReader map(value, log);
    watchdog.action = map.choice("action", kWatchdogActions, watchdog.action);
    watchdog.detection = map.duration(keys::kDetectionTime, watchdog.detection);
    watchdog.restoration = map.duration(keys::kRestorationTime, watchdog.restoration);
    map.finish();
}

/// Timers that contradict each other: what the first one waits for comes after the second.
void check_transport(const MapReader& map, const txn::TxnProfile& transport, ConfigLog& log) {
    const auto later = [&](const NumberKey& first, const NumberKey& second, const char* why) {
        const std::string_view place = map.has(first.name) ? first.name : second.name;
        log.error(map.mark(place), map.path(place), why,
                  "set " + std::string(first.name) + " below " + std::string(second.name));
    };
    if (transport.retry_min > transport.retry_max) {
        later(keys::kRetryTimerMin, keys::kRetryTimerMax,
              "the retry timer lies between retry_timer_min_us and retry_timer_max_us, and the "
              "first is larger");
    } else if (transport.retry_max >= transport.give_up_after) {
        later(keys::kRetryTimerMax, keys::kGiveUpTimer,
              "a channel would give up before it has tried again");
    }
    if (transport.ack_delay >= transport.retry_min) {
        later(keys::kTransportAckDelay, keys::kRetryTimerMin,
              "an ACK may wait until the sender has sent everything again");
    }
}

/// The end-to-end layer of endpoints; links know nothing of it.
void read_transport(const ConfigValue& value, Profile& profile, ConfigLog& log) {
    MapReader map(value, log);
    txn::TxnProfile& transport = profile.transport;
    transport.transactions_max =
        map.number(keys::kMaxOutstandingTransactions, transport.transactions_max);
    transport.items_max = map.number(keys::kMaxOutstandingItems, transport.items_max);
    transport.response_bytes_max = map.number(keys::kResponseBuffer, transport.response_bytes_max);
    transport.ack_delay = map.duration(keys::kTransportAckDelay, transport.ack_delay);
    transport.retry_min = map.duration(keys::kRetryTimerMin, transport.retry_min);
    transport.retry_max = map.duration(keys::kRetryTimerMax, transport.retry_max);
    transport.give_up_after = map.duration(keys::kGiveUpTimer, transport.give_up_after);
    transport.path_retries = map.number(keys::kRetriesPerPath, transport.path_retries);
    check_transport(map, transport, log);
    map.finish();
    if (profile.name != "default") {
        log.error(value.mark, value.path,
                  "the end-to-end layer is no part of a link: all endpoints take it from profile "
                  "`default`",
                  "move it to profiles.default.transport");
    }
}

/// Code points of a tag or a header that are classified into a VC.
std::vector<std::uint8_t> read_points(const ConfigValue& value, const NumberKey& key,
                                      ConfigLog& log) {
    std::vector<std::uint8_t> points;
    for (const ConfigValue& item :
         read_one_or_list(value, static_cast<std::size_t>(key.max) + 1, log)) {
        if (const auto point = read_number(item, key, log)) {
            points.push_back(static_cast<std::uint8_t>(*point));
        }
    }
    return points;
}

/// Keys that only a VC with credits has; on another one they are a misunderstanding.
void refuse_credit_keys(const MapReader& map, ConfigLog& log) {
    for (const std::string_view key :
         {"credits", "threshold_mode", "shared_static", "shared_dynamic"}) {
        if (!map.has(key)) continue;
        log.error(map.mark(key), map.path(key), "a VC with `lossless: false` has no credits",
                  "remove this key, or set `lossless: true`");
    }
}

VcProfile read_vc(MapReader& map, ConfigLog& log) {
    VcProfile vc;
    vc.lossless = map.flag("lossless", vc.lossless);
    vc.llr_desired = map.flag("llr_desired", vc.llr_desired);
    vc.reserved.value = map.number(keys::kCredits, vc.reserved.value);
    vc.threshold_mode = map.choice("threshold_mode", kThresholdModes, vc.threshold_mode);
    vc.shared_static.value = map.number(keys::kSharedStatic, vc.shared_static.value);
    vc.shared_dynamic = map.number(keys::kSharedDynamic, vc.shared_dynamic);
    vc.priority = map.number(keys::kPriority, vc.priority);
    if (!vc.lossless) {
        refuse_credit_keys(map, log);
        vc.reserved = Credits{0};
    }
    return vc;
}

std::string read_vc_name(MapReader& map, const Profile& profile, ConfigLog& log) {
    const auto value = map.required("name", "name: ls-request");
    if (!value) return {};
    const auto name = read_text(*value, log);
    if (!name) return {};
    if (!is_name(*name)) {
        log.error(value->mark, value->path, "this cannot be a name",
                  "letters, digits, `-` and `_`, a letter first, at most 31");
        return {};
    }
    if (profile.find_vc(*name)) {
        log.error(value->mark, value->path, "the VC `" + *name + "` is listed twice",
                  "give every VC a name of its own");
    }
    return *name;
}

void read_vcs(const ConfigValue& value, Profile& profile, ConfigLog& log) {
    const std::vector<ConfigValue> items = read_list(value, kMaxVcs, log);
    if (items.empty()) {
        log.error(value.mark, value.path, "a link needs at least one VC",
                  "list 1 to 32 VCs, or remove this key to take the default five");
        return;
    }
    profile.link.vc_count = 0;
    profile.vc_names = {};
    for (const ConfigValue& item : items) {
        MapReader map(item, log);
        const std::size_t index = profile.link.vc_count;
        profile.vc_names[index].name = read_vc_name(map, profile, log);
        profile.link.vcs[index] = read_vc(map, log);
        VcProfile& vc = profile.link.vcs[index];
        vc.quantum_bytes =
            map.number(keys::kQuantumBytes, std::max(vc.quantum_bytes, profile.max_frame_bytes));
        if (const auto dscp = map.value("dscp")) {
            profile.vc_names[index].dscp = read_points(*dscp, keys::kDscp, log);
        }
        if (const auto pcp_dei = map.value("pcp_dei")) {
            profile.vc_names[index].pcp_dei = read_points(*pcp_dei, keys::kPcpDei, log);
        }
        map.finish();
        ++profile.link.vc_count;
    }
}

/// Which VC each code point belongs to; one that two VCs list is a mistake at `place`. Those that
/// nobody lists go to the best-effort VC.
template <std::size_t kPoints>
std::array<Vc, kPoints> map_points(const Profile& profile,
                                   std::vector<std::uint8_t> VcNames::*points, const char* key,
                                   const ConfigValue& place, ConfigLog& log) {
    std::array<std::uint8_t, kPoints> owner;
    owner.fill(kNoVc);
    for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) {
        for (const std::uint8_t point : profile.vc_names[i].*points) {
            if (owner[point] != kNoVc) {
                log.error(place.mark, place.path + ".vcs[" + std::to_string(i) + "]." + key,
                          std::to_string(point) + " is already mapped to VC `" +
                              profile.vc_names[owner[point]].name + "`",
                          "list every code point once");
            }
            owner[point] = i;
        }
    }
    std::array<Vc, kPoints> vcs;
    const Vc fallback = profile.best_effort_vc().value_or(Vc{0});
    for (std::size_t i = 0; i < kPoints; ++i) vcs[i] = owner[i] == kNoVc ? fallback : Vc{owner[i]};
    return vcs;
}

void map_all_points(Profile& profile, const ConfigValue& place, ConfigLog& log) {
    const auto by_dscp = map_points<64>(profile, &VcNames::dscp, "dscp", place, log);
    const auto by_tag = map_points<16>(profile, &VcNames::pcp_dei, "pcp_dei", place, log);
    const auto lists_tags = [](const VcNames& names) { return !names.pcp_dei.empty(); };
    const bool tags = std::any_of(profile.vc_names.begin(), profile.vc_names.end(), lists_tags);
    profile.vc_map = tags ? VcMap(by_dscp, by_tag) : VcMap(by_dscp);
}

/// The DRR quantum of VCs that nobody set follows the frame size.
void raise_quantums(Profile& profile) {
    for (VcProfile& vc : profile.link.vcs) {
        vc.quantum_bytes = std::max(vc.quantum_bytes, profile.max_frame_bytes);
    }
}

Profile read_profile(const std::string& name, const ConfigValue& value, Profile profile,
                     ConfigLog& log) {
    profile.name = name;
    MapReader map(value, log);
    profile.max_frame_bytes = map.number(keys::kMaxFrameBytes, profile.max_frame_bytes);
    profile.best_effort_queue_frames =
        map.number(keys::kBestEffortQueueFrames, profile.best_effort_queue_frames);
    profile.fcs = map.choice("fcs", kFcsModes, profile.fcs);
    if (const auto llr = map.value("llr")) read_llr(*llr, profile.link, log);
    if (const auto cbfc = map.value("cbfc")) read_cbfc(*cbfc, profile.link, log);
    if (const auto dog = map.value("watchdog")) read_watchdog(*dog, profile.watchdog, log);
    if (const auto transport = map.value("transport")) read_transport(*transport, profile, log);
    const auto vcs = map.value("vcs");
    if (vcs) read_vcs(*vcs, profile, log);
    if (!vcs) raise_quantums(profile);
    map.finish();
    ConfigValue place = value;
    if (vcs) place.mark = vcs->mark;
    map_all_points(profile, place, log);
    return profile;
}

}  // namespace

Profile built_in_profile() {
    Profile profile;
    profile.name = "default";
    profile.link.vc_count = 0;
    for (const BuiltInVc& built_in : kBuiltInVcs) {
        VcProfile& vc = profile.link.vcs[profile.link.vc_count];
        VcNames& names = profile.vc_names[profile.link.vc_count];
        names = {std::string(built_in.name), {built_in.dscp}, {}};
        vc.lossless = built_in.lossless;
        vc.priority = built_in.priority;
        if (!vc.lossless) vc.reserved = Credits{0};
        ++profile.link.vc_count;
    }
    VcMap::ByDscp by_dscp;
    by_dscp.fill(profile.best_effort_vc().value_or(Vc{0}));
    for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) {
        for (const std::uint8_t dscp : profile.vc_names[i].dscp) by_dscp[dscp] = Vc{i};
    }
    profile.vc_map = VcMap(by_dscp);
    return profile;
}

std::vector<Profile> read_profiles(const std::optional<ConfigValue>& value, ConfigLog& log) {
    std::vector<Profile> profiles = {built_in_profile()};
    if (!value) return profiles;
    const auto named = read_named(*value, kProfilesMax, log);
    for (const auto& [name, profile] : named) {
        if (name == "default") profiles[0] = read_profile(name, profile, profiles[0], log);
    }
    for (const auto& [name, profile] : named) {
        if (name != "default") profiles.push_back(read_profile(name, profile, profiles[0], log));
    }
    return profiles;
}

ProfileId read_profile_name(MapReader& map, std::string_view key,
                            const std::vector<Profile>& profiles, ConfigLog& log) {
    const auto value = map.value(key);
    if (!value) return {};
    const auto name = read_text(*value, log);
    if (!name) return {};
    std::vector<std::string_view> names;
    for (std::uint32_t i = 0; i < profiles.size(); ++i) {
        if (profiles[i].name == *name) return {i};
        names.push_back(profiles[i].name);
    }
    const std::string near(nearest(*name, names));
    log.error(value->mark, value->path, "there is no profile `" + *name + "`",
              near.empty() ? "describe it under `profiles`" : "did you mean `" + near + "`?");
    return {};
}

}  // namespace ethlink::control
