// SPDX-License-Identifier: BSD-3-Clause
// Counters and published states as JSON, under the names that operators know (SAI, SONiC).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <nlohmann/json.hpp>

#include "control/config.h"
#include "dataplane/burst.h"
#include "dataplane/histogram.h"
#include "dataplane/port_state.h"
#include "proto/link_stats.h"
#include "proto/profile.h"

namespace ethlink::control {

// Only atomics are read: any thread may call these while workers run.

/// "tx_off", "tx_init", "tx_adv", "tx_replay", "tx_flush" (SONiC); "unknown" beyond them.
std::string_view llr_tx_word(std::uint64_t state);
/// "off", "send_acks", "send_nack", "nack_sent".
std::string_view llr_rx_word(std::uint64_t state);
/// Whether LLR runs in both directions, as far as the profile wants it.
bool link_is_up(const LinkStats& stats, const LinkProfile& profile);

nlohmann::json link_json(const LinkStats& stats, const LinkProfile& profile);
/// All of LinkStat by name.
nlohmann::json llr_counters_json(const LinkStats& stats);
/// An array, by VC: S_CC, S_CF, R_CC, R_CF and what follows from them. VCs without credits are left
/// out.
nlohmann::json cbfc_json(const LinkStats& stats, const Profile& profile);
/// An array, by VC: frames and bytes.
nlohmann::json vcs_json(const LinkStats& stats, const Profile& profile);

/// An array, by VC that is watched; without `all` only those that have been stuck.
nlohmann::json watchdog_json(const PortWatchdog& watchdog, const Profile& profile, bool all);

/// Frames and bytes as the medium carried them.
nlohmann::json port_counters_json(const PortCounters& counters);
/// By reason; without `all` only those that have happened.
nlohmann::json drops_json(const PortCounters& counters, bool all);

/// Polls by the number of frames that they found.
using Bursts = std::array<std::uint64_t, kBurstSize + 1>;
void add_bursts(Bursts& sum, const PortCounters& counters);
nlohmann::json bursts_json(const Bursts& bursts);

/// Count, least, mean, percentiles and greatest, in the histogram's unit.
nlohmann::json histogram_json(const HistogramSnapshot& histogram);

}  // namespace ethlink::control
