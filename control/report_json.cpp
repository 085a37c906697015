// SPDX-License-Identifier: BSD-3-Clause
// Fabric, plan and routes for scripts; keys as in the fabric file.
#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/report.h"
#include "control/report_words.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

json to_json(const LlrProfile& llr, const LinkProfile& link) {
    return {{"llr_local", link.llr_local},
            {"llr_remote", link.llr_remote},
            {"max_outstanding_frames", llr.max_outstanding_frames},
            {"max_outstanding_bytes", llr.max_outstanding_bytes},
            {"max_replay_timer_ns", to_ns(llr.max_replay_timer)},
            {"max_replay_count", llr.max_replay_count},
            {"pcs_lost_timeout_ns", to_ns(llr.pcs_lost_timeout)},
            {"data_age_timeout_ns", to_ns(llr.data_age_timeout)},
            {"init_action", word(llr.init_action)},
            {"flush_action", word(llr.flush_action)},
            {"re_init_on_flush", llr.re_init_on_flush},
            {"ctlos_spacing_bytes", llr.ctlos_spacing_bytes},
            {"init_interval_us", to_us(llr.init_interval)},
            {"ack_delay_us", to_us(llr.ack_delay)}};
}

json to_json(const CbfcProfile& cbfc, bool enabled) {
    return {{"enabled", enabled},
            {"credit_size", cbfc.credit_size},
            {"packet_overhead", cbfc.packet_overhead},
            {"shared_credits", cbfc.shared_size.value},
            {"cc_message_timer_us", to_us(cbfc.cc_message_timer)},
            {"cf_update_interval_us", to_us(cbfc.cf_update_interval)}};
}

json to_json(const WatchdogProfile& watchdog) {
    return {{"action", word(watchdog.action)},
            {"detection_time_ms", to_ms(watchdog.detection)},
            {"restoration_time_ms", to_ms(watchdog.restoration)}};
}

json to_json(const txn::TxnProfile& transport) {
    return {{"max_outstanding_transactions", transport.transactions_max},
            {"max_outstanding_items", transport.items_max},
            {"response_buffer_bytes", transport.response_bytes_max},
            {"ack_delay_us", to_us(transport.ack_delay)},
            {"retry_timer_min_us", to_us(transport.retry_min)},
            {"retry_timer_max_us", to_us(transport.retry_max)},
            {"retries_per_path", transport.path_retries},
            {"give_up_timer_ms", to_ms(transport.give_up_after)}};
}

json to_json(const VcProfile& vc, const VcNames& names) {
    json object = {{"name", names.name},
                   {"lossless", vc.lossless},
                   {"llr_desired", vc.llr_desired},
                   {"priority", vc.priority},
                   {"quantum_bytes", vc.quantum_bytes},
                   {"dscp", names.dscp},
                   {"pcp_dei", names.pcp_dei}};
    if (!vc.lossless) return object;
    object["credits"] = vc.reserved.value;
    object["threshold_mode"] = word(vc.threshold_mode);
    object["shared_static"] = vc.shared_static.value;
    object["shared_dynamic"] = vc.shared_dynamic;
    return object;
}

json to_json(const Profile& profile) {
    json vcs = json::array();
    for (std::size_t i = 0; i < profile.link.vc_count; ++i) {
        vcs.push_back(to_json(profile.link.vcs[i], profile.vc_names[i]));
    }
    return {{"max_frame_bytes", profile.max_frame_bytes},
            {"best_effort_queue_frames", profile.best_effort_queue_frames},
            {"fcs", word(profile.fcs)},
            {"llr", to_json(profile.link.llr, profile.link)},
            {"cbfc", to_json(profile.link.cbfc_profile, profile.link.cbfc)},
            {"watchdog", to_json(profile.watchdog)},
            {"transport", to_json(profile.transport)},
            {"vcs", vcs}};
}

json to_json(const FaultOptions& faults) {
    return {{"seed", faults.seed},
            {"loss", faults.loss},
            {"bit_error", faults.bit_error},
            {"duplicate", faults.duplicate},
            {"reorder", faults.reorder},
            {"reorder_distance", faults.reorder_distance},
            {"delay_ns", to_ns(faults.delay)},
            {"jitter_ns", to_ns(faults.jitter)},
            {"rate_mbps", faults.rate_mbps},
            {"seq_drop", faults.seq_drop},
            {"seq_dup", faults.seq_dup},
            {"fcs_bad", faults.fcs_bad},
            {"fcs_poisoned", faults.fcs_poisoned},
            {"llr_ack_drop", faults.llr_ack_drop},
            {"llr_nack_drop", faults.llr_nack_drop},
            {"cf_update_drop", faults.cf_update_drop}};
}

json to_json(const Fabric& fabric, const FabricPort& port, std::size_t index) {
    json gpus = json::array();
    for (const GpuId gpu : port.gpus) gpus.push_back(gpu.value);
    json object = {{"port", index},
                   {"name", port.name},
                   {"kind", word(port.kind)},
                   {"profile", fabric.profile(port.profile).name},
                   {"gpu", gpus},
                   {"tenant", port.tenant.value},
                   {"software_fcs", port.software_fcs}};
    if (port.peer) object["peer"] = fabric.port_name(*port.peer);
    if (!port.device.empty()) object["device"] = port.device;
    if (port.transmit_faults.any()) object["transmit_faults"] = to_json(port.transmit_faults);
    return object;
}

json to_json(const Fabric& fabric, const FabricNode& node) {
    json ports = json::array();
    for (std::size_t i = 0; i < node.ports.size(); ++i) {
        ports.push_back(to_json(fabric, node.ports[i], i));
    }
    json object = {{"name", node.name},
                   {"kind", word(node.kind)},
                   {"workers", node.workers},
                   {"ports", ports}};
    if (node.gpu) object["gpu"] = node.gpu->value;
    if (node.kind == NodeKind::kEndpoint) object["tenant"] = node.tenant.value;
    return object;
}

json to_json(const Runtime& runtime) {
    json workers = runtime.workers;
    if (runtime.workers == 0) workers = "auto";
    return {{"workers", workers},
            {"idle", word(runtime.idle)},
            {"idle_sleep_us", to_us(runtime.idle_sleep)},
            {"idle_sleep_max_us", to_us(runtime.idle_sleep_max)},
            {"hello_interval_ms", to_ms(runtime.hello_interval)},
            {"memory", word(runtime.memory)},
            {"memory_mb", runtime.memory_mb},
            {"wire_frames", runtime.wire_frames},
            {"endpoint_queue_frames", runtime.endpoint_queue_frames},
            {"rx_descriptors", runtime.rx_descriptors},
            {"tx_descriptors", runtime.tx_descriptors},
            {"pool_cache_frames", runtime.pool_cache_frames}};
}

json to_json(const Traffic& traffic, const Profile& profile) {
    return {
        {"pattern", word(traffic.pattern)},       {"frame_size", traffic.frame_size},
        {"duration_ms", to_ms(traffic.duration)}, {"seed", traffic.seed},
        {"rate_pps", traffic.rate_pps},           {"vc", profile.vc_names[traffic.vc.value].name}};
}

json errors_json(const std::vector<ConfigError>& errors) {
    json list = json::array();
    for (const ConfigError& error : errors) list.push_back(to_json(error));
    return list;
}

json to_json(const VcPlan& vc) {
    return {{"name", vc.name},
            {"lossless", vc.lossless},
            {"credits", vc.credits.value},
            {"ingress_frames", vc.ingress_frames},
            {"egress_queue_frames", vc.egress_queue_frames}};
}

json to_json(const PortPlan& port) {
    json vcs = json::array();
    for (const VcPlan& vc : port.vcs) vcs.push_back(to_json(vc));
    return {{"name", port.name},
            {"kind", word(port.kind)},
            {"worker", port.worker},
            {"keep", word(port.keep)},
            {"ingress_frames", port.ingress_frames},
            {"window_frames", port.window_frames},
            {"replay_entries", port.replay_entries},
            {"wire_frames", port.wire_frames},
            {"fault_frames", port.fault_frames},
            {"device_frames", port.device_frames},
            {"vcs", vcs}};
}

json to_json(const NodePlan& node) {
    json ports = json::array();
    for (const PortPlan& port : node.ports) ports.push_back(to_json(port));
    return {{"name", node.name},
            {"workers", node.workers},
            {"crossbar_frames", node.crossbar_frames},
            {"ports", ports}};
}

json to_json(const PoolPlan& pool) {
    return {{"ingress", pool.ingress},   {"best_effort", pool.best_effort},
            {"endpoint", pool.endpoint}, {"replay", pool.replay},
            {"wire", pool.wire},         {"faults", pool.faults},
            {"devices", pool.devices},   {"bursts", pool.bursts},
            {"control", pool.control},   {"caches", pool.caches},
            {"total", pool.total()}};
}

}  // namespace

json to_json(const ConfigError& error) {
    return {{"file", error.file}, {"line", error.line}, {"column", error.column},
            {"key", error.key},   {"why", error.why},   {"hint", error.hint}};
}

json to_json(const Fabric& fabric) {
    json profiles = json::object();
    for (const Profile& profile : fabric.profiles) profiles[profile.name] = to_json(profile);
    json nodes = json::array();
    for (const FabricNode& node : fabric.nodes) nodes.push_back(to_json(fabric, node));
    json links = json::array();
    for (const FabricLink& link : fabric.links) {
        links.push_back({{"endpoints", {fabric.port_name(link.a), fabric.port_name(link.b)}},
                         {"profile", fabric.profile(link.profile).name}});
    }
    return {{"fabric", fabric.name},
            {"profiles", profiles},
            {"nodes", nodes},
            {"links", links},
            {"runtime", to_json(fabric.runtime)},
            {"traffic", to_json(fabric.traffic, fabric.profiles[0])},
            {"warnings", errors_json(fabric.warnings)}};
}

json to_json(const CapacityPlan& plan) {
    json nodes = json::array();
    for (const NodePlan& node : plan.nodes) nodes.push_back(to_json(node));
    return {{"nodes", nodes},
            {"pool", to_json(plan.pool)},
            {"threads", plan.threads},
            {"headroom_bytes", plan.headroom_bytes},
            {"buffer_bytes", plan.buffer_bytes},
            {"pool_bytes", plan.pool_bytes},
            {"ring_bytes", plan.ring_bytes},
            {"channel_bytes", plan.channel_bytes},
            {"memory_bytes", plan.memory_bytes()},
            {"warnings", errors_json(plan.warnings)}};
}

json to_json(const Fabric& fabric, const std::vector<RouteTable>& tables) {
    json nodes = json::object();
    for (std::size_t n = 0; n < tables.size(); ++n) {
        json routes = json::array();
        for (const Route route : tables[n]) {
            json ports = json::array();
            for (const PortId port : route.ports) {
                ports.push_back(fabric.nodes[n].ports[port.value].name);
            }
            routes.push_back({{"gpu", route.dst.value}, {"ports", ports}});
        }
        nodes[fabric.nodes[n].name] = routes;
    }
    return nodes;
}

}  // namespace ethlink::control
