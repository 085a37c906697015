// SPDX-License-Identifier: BSD-3-Clause
// Text and JSON from the same numbers.
#include "control/report.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "control/report_table.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

std::string_view word(NodeKind kind) {
    switch (kind) {
        case NodeKind::kSwitch: return "switch";
        case NodeKind::kEndpoint: return "endpoint";
    }
    return "";
}

std::string_view word(PortKind kind) {
    switch (kind) {
        case PortKind::kLink: return "link";
        case PortKind::kPlain: return "plain";
    }
    return "";
}

std::string_view word(FcsMode mode) {
    switch (mode) {
        case FcsMode::kAuto: return "auto";
        case FcsMode::kHardware: return "hardware";
        case FcsMode::kSoftware: return "software";
    }
    return "";
}

std::string_view word(FrameAction action) {
    switch (action) {
        case FrameAction::kDiscard: return "discard";
        case FrameAction::kBlock: return "block";
        case FrameAction::kBestEffort: return "best_effort";
    }
    return "";
}

std::string_view word(ThresholdMode mode) {
    switch (mode) {
        case ThresholdMode::kNone: return "none";
        case ThresholdMode::kStatic: return "static";
        case ThresholdMode::kDynamic: return "dynamic";
    }
    return "";
}

std::string_view word(MemoryMode mode) {
    switch (mode) {
        case MemoryMode::kAuto: return "auto";
        case MemoryMode::kHugepages: return "hugepages";
        case MemoryMode::kInMemory: return "in-memory";
        case MemoryMode::kNoHuge: return "no-huge";
    }
    return "";
}

std::string_view word(IdleMode mode) {
    switch (mode) {
        case IdleMode::kPoll: return "poll";
        case IdleMode::kSleep: return "sleep";
    }
    return "";
}

std::string_view word(TrafficPattern pattern) {
    switch (pattern) {
        case TrafficPattern::kAllToAll: return "all-to-all";
        case TrafficPattern::kPermutation: return "permutation";
        case TrafficPattern::kIncast: return "incast";
    }
    return "";
}

std::string_view word(Keep keep) {
    switch (keep) {
        case Keep::kShare: return "share";
        case Keep::kCopy: return "copy";
    }
    return "";
}

std::int64_t ns(Duration duration) { return duration.count(); }
std::int64_t us(Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}
std::int64_t ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

json to_json(const LlrProfile& llr, const LinkProfile& link) {
    return {{"llr_local", link.llr_local},
            {"llr_remote", link.llr_remote},
            {"max_outstanding_frames", llr.max_outstanding_frames},
            {"max_outstanding_bytes", llr.max_outstanding_bytes},
            {"max_replay_timer_ns", ns(llr.max_replay_timer)},
            {"max_replay_count", llr.max_replay_count},
            {"pcs_lost_timeout_ns", ns(llr.pcs_lost_timeout)},
            {"data_age_timeout_ns", ns(llr.data_age_timeout)},
            {"init_action", word(llr.init_action)},
            {"flush_action", word(llr.flush_action)},
            {"re_init_on_flush", llr.re_init_on_flush},
            {"ctlos_spacing_bytes", llr.ctlos_spacing_bytes},
            {"init_interval_us", us(llr.init_interval)},
            {"ack_delay_us", us(llr.ack_delay)}};
}

json to_json(const CbfcProfile& cbfc, bool enabled) {
    return {{"enabled", enabled},
            {"credit_size", cbfc.credit_size},
            {"packet_overhead", cbfc.packet_overhead},
            {"shared_credits", cbfc.shared_size.value},
            {"cc_message_timer_us", us(cbfc.cc_message_timer)},
            {"cf_update_interval_us", us(cbfc.cf_update_interval)}};
}

json to_json(const VcProfile& vc, const VcNames& names) {
    json object = {{"name", names.name},
                   {"lossless", vc.lossless},
                   {"llr_desired", vc.llr_desired},
                   {"priority", vc.priority},
                   {"quantum_bytes", vc.quantum_bytes},
                   {"dscp", names.dscp}};
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
            {"vcs", vcs}};
}

json to_json(const FaultOptions& faults) {
    return {{"seed", faults.seed},
            {"loss", faults.loss},
            {"bit_error", faults.bit_error},
            {"duplicate", faults.duplicate},
            {"reorder", faults.reorder},
            {"reorder_distance", faults.reorder_distance},
            {"delay_ns", ns(faults.delay)},
            {"jitter_ns", ns(faults.jitter)},
            {"rate_mbps", faults.rate_mbps},
            {"seq_drop", faults.seq_drop},
            {"seq_dup", faults.seq_dup},
            {"fcs_bad", faults.fcs_bad},
            {"fcs_poisoned", faults.fcs_poisoned},
            {"llr_ack_drop", faults.llr_ack_drop},
            {"llr_nack_drop", faults.llr_nack_drop}};
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
            {"idle_sleep_us", us(runtime.idle_sleep)},
            {"memory", word(runtime.memory)},
            {"memory_mb", runtime.memory_mb},
            {"wire_frames", runtime.wire_frames},
            {"endpoint_queue_frames", runtime.endpoint_queue_frames},
            {"rx_descriptors", runtime.rx_descriptors},
            {"tx_descriptors", runtime.tx_descriptors},
            {"pool_cache_frames", runtime.pool_cache_frames}};
}

json to_json(const Traffic& traffic, const Profile& profile) {
    json frame_bytes = traffic.frame_bytes;
    if (traffic.frame_bytes == 0) frame_bytes = "imix";
    return {{"pattern", word(traffic.pattern)},
            {"frame_bytes", frame_bytes},
            {"duration_ms", ms(traffic.duration)},
            {"seed", traffic.seed},
            {"rate_pps", traffic.rate_pps},
            {"vc", profile.vc_names[traffic.vc.value].name}};
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

std::string megabytes(std::uint64_t bytes) {
    const std::uint64_t tenths = (bytes + 50'000) / 100'000;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MB";
}

std::string gpu_text(const std::vector<GpuId>& gpus) {
    if (gpus.empty()) return "any";
    std::string text = hex(gpus.front());
    if (gpus.size() > 1) text += " +" + std::to_string(gpus.size() - 1);
    return text;
}

std::string fault_text(const FaultOptions& faults) {
    if (!faults.any()) return "-";
    std::ostringstream text;
    const auto add = [&](std::string_view key, double value) {
        if (value > 0) text << (text.tellp() == 0 ? "" : " ") << key << "=" << value;
    };
    add("loss", faults.loss);
    add("bit_error", faults.bit_error);
    add("duplicate", faults.duplicate);
    add("reorder", faults.reorder);
    add("delay_ns", static_cast<double>(ns(faults.delay)));
    add("jitter_ns", static_cast<double>(ns(faults.jitter)));
    add("rate_mbps", faults.rate_mbps);
    add("seq_drop", faults.seq_drop);
    add("seq_dup", faults.seq_dup);
    add("fcs_bad", faults.fcs_bad);
    add("fcs_poisoned", faults.fcs_poisoned);
    add("llr_ack_drop", faults.llr_ack_drop);
    add("llr_nack_drop", faults.llr_nack_drop);
    return text.str();
}

std::string profile_text(const Profile& profile) {
    const LinkProfile& link = profile.link;
    std::ostringstream text;
    text << "profile " << profile.name << ": frames up to " << profile.max_frame_bytes
         << " bytes, LLR " << (link.llr_local && link.llr_remote ? "on" : "off") << " (window "
         << link.llr.max_outstanding_frames << " frames, " << link.llr.max_outstanding_bytes
         << " bytes; replay after " << us(link.llr.max_replay_timer) << " us), CBFC "
         << (link.cbfc ? "on" : "off") << " (" << link.cbfc_profile.credit_size
         << "-byte credits), FCS " << word(profile.fcs) << "\n";
    Table table({"vc", "name", "lossless", "credits", "priority", "dscp"});
    for (std::size_t i = 0; i < link.vc_count; ++i) {
        std::string dscps;
        for (const std::uint8_t dscp : profile.vc_names[i].dscp) {
            dscps += (dscps.empty() ? "" : ",") + std::to_string(dscp);
        }
        table.add({std::to_string(i), profile.vc_names[i].name,
                   link.vcs[i].lossless ? "yes" : "no", std::to_string(link.vcs[i].reserved.value),
                   std::to_string(link.vcs[i].priority), dscps.empty() ? "-" : dscps});
    }
    return text.str() + table.text();
}

std::string plan_text(const NodePlan& node) {
    std::ostringstream text;
    text << "\n" << node.name << ": " << node.workers
         << (node.workers == 1 ? " worker" : " workers");
    if (!node.crossbar_frames.empty()) {
        text << ", crossbar rings of";
        for (const std::uint32_t frames : node.crossbar_frames) text << " " << frames;
    }
    text << "\n";
    Table table({"port", "worker", "window", "replay", "wire", "faults", "device", "vc", "credits",
                 "queue"});
    for (const PortPlan& port : node.ports) {
        bool first = true;
        for (const VcPlan& vc : port.vcs) {
            const std::string credits =
                vc.credits.value == 0 ? "-" : std::to_string(vc.credits.value);
            const std::string queue = std::to_string(vc.egress_queue_frames);
            if (first) {
                table.add({port.name, std::to_string(port.worker),
                           std::to_string(port.window_frames), std::to_string(port.replay_entries),
                           std::to_string(port.wire_frames), std::to_string(port.fault_frames),
                           std::to_string(port.device_frames), vc.name, credits, queue});
            } else {
                table.add({"", "", "", "", "", "", "", vc.name, credits, queue});
            }
            first = false;
        }
    }
    return text.str() + table.text();
}

}  // namespace

std::string hex(GpuId gpu) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "0x";
    for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[(gpu.value >> shift) & 0xF];
    return text;
}

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
            {"ethertype", fabric.ethertype},
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
            {"memory_bytes", plan.memory_bytes()},
            {"warnings", errors_json(plan.warnings)}};
}

json to_json(const Fabric& fabric, const std::vector<RouteTable>& tables) {
    json nodes = json::object();
    for (std::size_t n = 0; n < tables.size(); ++n) {
        json routes = json::array();
        for (const Route& route : tables[n].routes) {
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

std::string to_text(const Fabric& fabric) {
    std::size_t switches = 0;
    for (const FabricNode& node : fabric.nodes) switches += node.kind == NodeKind::kSwitch ? 1 : 0;
    std::ostringstream text;
    text << "fabric " << fabric.name << ": " << fabric.nodes.size() - switches << " endpoints, "
         << switches << " switches, " << fabric.links.size() << " links\n\n";
    for (const Profile& profile : fabric.profiles) text << profile_text(profile) << "\n";
    Table table({"port", "kind", "neighbour", "profile", "gpu", "fcs", "device", "faults sent"});
    for (const FabricNode& node : fabric.nodes) {
        for (const FabricPort& port : node.ports) {
            table.add({node.name + ":" + port.name, std::string(word(port.kind)),
                       port.peer ? fabric.port_name(*port.peer) : "-",
                       fabric.profile(port.profile).name, gpu_text(port.gpus),
                       port.software_fcs ? "software" : "hardware",
                       port.device.empty() ? "wire" : port.device,
                       fault_text(port.transmit_faults)});
        }
    }
    text << table.text();
    return text.str();
}

std::string to_text(const CapacityPlan& plan) {
    std::ostringstream text;
    for (const NodePlan& node : plan.nodes) text << plan_text(node);
    Table table({"buffers for", "frames"});
    const PoolPlan& pool = plan.pool;
    table.add({"credits granted", std::to_string(pool.ingress)});
    table.add({"best effort", std::to_string(pool.best_effort)});
    table.add({"endpoints' own frames", std::to_string(pool.endpoint)});
    table.add({"replay windows", std::to_string(pool.replay)});
    table.add({"in-process wires", std::to_string(pool.wire)});
    table.add({"fault lines", std::to_string(pool.faults)});
    table.add({"device descriptors", std::to_string(pool.devices)});
    table.add({"bursts in hand", std::to_string(pool.bursts)});
    table.add({"link control", std::to_string(pool.control)});
    table.add({"caches of " + std::to_string(plan.threads) + "+1 threads",
               std::to_string(pool.caches)});
    table.add({"total", std::to_string(pool.total())});
    text << "\n" << table.text() << "\nmemory: " << megabytes(plan.memory_bytes()) << " ("
         << pool.total() << " buffers of " << plan.buffer_bytes << " bytes: "
         << megabytes(plan.pool_bytes) << "; queues, rings and replay slots: "
         << megabytes(plan.ring_bytes) << ")\n";
    return text.str();
}

std::string to_text(const Fabric& fabric, const std::vector<RouteTable>& tables) {
    Table table({"node", "gpu", "ports"});
    for (std::size_t n = 0; n < tables.size(); ++n) {
        const FabricNode& node = fabric.nodes[n];
        for (const Route& route : tables[n].routes) {
            std::string ports;
            for (const PortId port : route.ports) {
                ports += (ports.empty() ? "" : " ") + node.ports[port.value].name;
            }
            table.add({node.name, hex(route.dst), ports});
        }
    }
    return table.text();
}

}  // namespace ethlink::control
