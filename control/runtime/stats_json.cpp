// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/stats_json.h"

#include <string>
#include <utility>

#include "control/report_words.h"
#include "proto/credit_pool.h"
#include "proto/drop.h"
#include "proto/llr_rx.h"
#include "proto/llr_tx.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

std::string_view word(LlrTxState state) {
    switch (state) {
        case LlrTxState::kOff: return "tx_off";
        case LlrTxState::kInit: return "tx_init";
        case LlrTxState::kAdvance: return "tx_adv";
        case LlrTxState::kReplay: return "tx_replay";
        case LlrTxState::kFlush: return "tx_flush";
    }
    return "unknown";
}

std::string_view word(LlrRxState state) {
    switch (state) {
        case LlrRxState::kOff: return "off";
        case LlrRxState::kSendAcks: return "send_acks";
        case LlrRxState::kSendNack: return "send_nack";
        case LlrRxState::kNackSent: return "nack_sent";
    }
    return "unknown";
}

/// Held = consumed - freed on the circle of 2^20 (UEC 5.2.1).
std::uint64_t held(std::uint64_t consumed, std::uint64_t freed) {
    return (consumed - freed) & ((1u << 20) - 1);
}

}  // namespace

std::string_view llr_tx_word(std::uint64_t state) {
    return word(static_cast<LlrTxState>(state));
}
std::string_view llr_rx_word(std::uint64_t state) {
    return word(static_cast<LlrRxState>(state));
}

bool link_is_up(const LinkStats& stats, const LinkProfile& profile) {
    const auto tx = static_cast<LlrTxState>(stats.status.llr_tx_state.read());
    const bool tx_up = tx == LlrTxState::kAdvance || tx == LlrTxState::kReplay;
    const bool rx_up = stats.status.rx_epoch.read() != 0;
    return (!profile.llr_remote || tx_up) && (!profile.llr_local || rx_up);
}

json link_json(const LinkStats& stats, const LinkProfile& profile) {
    const LinkStatus& status = stats.status;
    json times = json::object();
    for (std::size_t i = 0; i < status.ns_in_tx_state.size(); ++i) {
        times[std::string(llr_tx_word(i))] = status.ns_in_tx_state[i].read();
    }
    return {{"up", link_is_up(stats, profile)},
            {"llr_local", profile.llr_local},
            {"llr_remote", profile.llr_remote},
            {"cbfc", profile.cbfc},
            {"llr_tx_status", llr_tx_word(status.llr_tx_state.read())},
            {"llr_rx_status", llr_rx_word(status.llr_rx_state.read())},
            {"tx_epoch", status.tx_epoch.read()},
            {"rx_epoch", status.rx_epoch.read()},
            {"outstanding_frames", status.outstanding_frames.read()},
            {"outstanding_bytes", status.outstanding_bytes.read()},
            {"replay_count", status.replay_count.read()},
            {"rtt_ns", status.rtt_ns.read()},
            {"ns_in_tx_state", times}};
}

json llr_counters_json(const LinkStats& stats) {
    json counters = json::object();
    for (std::size_t i = 0; i < CounterSet<LinkStat>::kSize; ++i) {
        const auto stat = static_cast<LinkStat>(i);
        counters[std::string(name(stat))] = stats.read(stat);
    }
    return counters;
}

json cbfc_json(const LinkStats& stats, const Profile& profile) {
    json list = json::array();
    const CreditPool pool(profile.link);
    for (std::uint8_t i = 0; profile.link.cbfc && i < profile.link.vc_count; ++i) {
        if (!profile.link.vcs[i].lossless) continue;
        const LinkStatus::PerVc& vc = stats.status.vcs[i];
        list.push_back(
            {{"vc", i},
             {"name", profile.vc_names[i].name},
             {"limit", pool.limit(Vc{i}).value},
             {"sender_credits_consumed", vc.sender_credits_consumed.read()},
             {"sender_credits_freed", vc.sender_credits_freed.read()},
             {"sender_credits_used", vc.sender_credits_used.read()},
             {"sender_credits_used_watermark", stats.vcs[i].sender_credits_used_watermark.read()},
             {"receiver_credits_consumed", vc.receiver_credits_consumed.read()},
             {"receiver_credits_freed", vc.receiver_credits_freed.read()},
             {"receiver_credits_held",
              held(vc.receiver_credits_consumed.read(), vc.receiver_credits_freed.read())}});
    }
    return list;
}

json vcs_json(const LinkStats& stats, const Profile& profile) {
    json list = json::array();
    for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) {
        const VcStats& vc = stats.vcs[i];
        list.push_back({{"vc", i},
                        {"name", profile.vc_names[i].name},
                        {"lossless", profile.link.vcs[i].lossless},
                        {"tx_frames", vc.tx_frames.read()},
                        {"tx_bytes", vc.tx_bytes.read()},
                        {"rx_frames", vc.rx_frames.read()},
                        {"rx_bytes", vc.rx_bytes.read()}});
    }
    return list;
}

json watchdog_json(const PortWatchdog& watchdog, const Profile& profile, bool all) {
    json list = json::array();
    for (std::size_t i = 0; i < watchdog.counters().size(); ++i) {
        const VcWatchdogCounters& vc = watchdog.counters()[i];
        const bool watched = profile.link.cbfc && profile.link.vcs[i].lossless;
        if (!watched || (!all && vc.detected.read() == 0)) continue;
        list.push_back({{"vc", i},
                        {"name", profile.vc_names[i].name},
                        {"status", vc.stuck.read() != 0 ? "stuck" : "operational"},
                        {"action", word(watchdog.profile().action)},
                        {"detection_time_ms", to_ms(watchdog.profile().detection)},
                        {"restoration_time_ms", to_ms(watchdog.profile().restoration)},
                        {"detected", vc.detected.read()},
                        {"restored", vc.restored.read()},
                        {"dropped", vc.dropped.read()}});
    }
    return list;
}

json port_counters_json(const PortCounters& counters) {
    std::uint64_t drops = 0;
    for (std::size_t i = 0; i < kDropCount; ++i) drops += counters.drops.read(static_cast<Drop>(i));
    return {{"rx_frames", counters.rx_frames.read()},
            {"rx_bytes", counters.rx_bytes.read()},
            {"tx_frames", counters.tx_frames.read()},
            {"tx_bytes", counters.tx_bytes.read()},
            {"drops", drops}};
}

json drops_json(const PortCounters& counters, bool all) {
    json drops = json::object();
    for (std::size_t i = 0; i < kDropCount; ++i) {
        const auto reason = static_cast<Drop>(i);
        const std::uint64_t n = counters.drops.read(reason);
        if (all || n != 0) drops[std::string(name(reason))] = n;
    }
    return drops;
}

void add_bursts(Bursts& sum, const PortCounters& counters) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counters.rx_bursts[i].read();
}

json bursts_json(const Bursts& bursts) {
    std::uint64_t polls = 0;
    std::uint64_t frames = 0;
    for (std::size_t i = 0; i < bursts.size(); ++i) {
        polls += bursts[i];
        frames += bursts[i] * i;
    }
    const std::uint64_t found = polls - bursts[0];
    return {
        {"polls", polls},
        {"empty", bursts[0]},
        {"frames", frames},
        {"mean_burst", found == 0 ? 0.0 : static_cast<double>(frames) / static_cast<double>(found)},
        {"by_size", bursts}};
}

json histogram_json(const HistogramSnapshot& histogram) {
    return {{"count", histogram.count()},
            {"min", histogram.min()},
            {"mean", histogram.mean()},
            {"p50", histogram.at_percentile(50)},
            {"p90", histogram.at_percentile(90)},
            {"p99", histogram.at_percentile(99)},
            {"p999", histogram.at_percentile(99.9)},
            {"p9999", histogram.at_percentile(99.99)},
            {"max", histogram.max()}};
}

}  // namespace ethlink::control
