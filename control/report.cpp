// SPDX-License-Identifier: BSD-3-Clause
// Fabric, plan and routes for people; what is alike is shown once.
#include "control/report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "control/counted.h"
#include "control/report_table.h"
#include "control/report_words.h"

namespace ethlink::control {
namespace {

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
    add("delay_ns", static_cast<double>(to_ns(faults.delay)));
    add("jitter_ns", static_cast<double>(to_ns(faults.jitter)));
    add("rate_mbps", faults.rate_mbps);
    add("seq_drop", faults.seq_drop);
    add("seq_dup", faults.seq_dup);
    add("fcs_bad", faults.fcs_bad);
    add("fcs_poisoned", faults.fcs_poisoned);
    add("llr_ack_drop", faults.llr_ack_drop);
    add("llr_nack_drop", faults.llr_nack_drop);
    add("cf_update_drop", faults.cf_update_drop);
    return text.str();
}

std::string profile_text(const Profile& profile) {
    const LinkProfile& link = profile.link;
    std::ostringstream text;
    text << "profile " << profile.name << ": frames up to " << profile.max_frame_bytes
         << " bytes, LLR " << (link.llr_local && link.llr_remote ? "on" : "off") << " (window "
         << link.llr.max_outstanding_frames << " frames, " << link.llr.max_outstanding_bytes
         << " bytes; replay after " << to_us(link.llr.max_replay_timer) << " us), CBFC "
         << (link.cbfc ? "on" : "off") << " (" << link.cbfc_profile.credit_size
         << "-byte credits), FCS " << word(profile.fcs) << "\n";
    Table table({"vc", "name", "lossless", "credits", "priority", "dscp"});
    for (std::size_t i = 0; i < link.vc_count; ++i) {
        std::string dscps;
        for (const std::uint8_t dscp : profile.vc_names[i].dscp) {
            dscps += (dscps.empty() ? "" : ",") + std::to_string(dscp);
        }
        table.add({std::to_string(i), profile.vc_names[i].name, link.vcs[i].lossless ? "yes" : "no",
                   std::to_string(link.vcs[i].reserved.value), std::to_string(link.vcs[i].priority),
                   dscps.empty() ? "-" : dscps});
    }
    return text.str() + table.text();
}

/// Names of things that are alike: "gpu0", "gpu0, gpu1", "gpu0 .. gpu7 (8)".
std::string group_name(const std::vector<std::string>& names) {
    constexpr std::size_t kListedMax = 3;
    if (names.size() > kListedMax) {
        return names.front() + " .. " + names.back() + " (" + std::to_string(names.size()) + ")";
    }
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

/// Things that are alike, in the order of their first one.
template <class T>
struct Group {
    const T* first;
    std::vector<std::string> names;
};

template <class T, class Alike>
std::vector<Group<T>> grouped(const std::vector<T>& all, Alike alike) {
    std::vector<Group<T>> groups;
    for (const T& one : all) {
        const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group<T>& group) {
            return alike(*group.first, one);
        });
        if (same == groups.end()) {
            groups.push_back({&one, {one.name}});
        } else {
            same->names.push_back(one.name);
        }
    }
    return groups;
}

/// All but name and worker.
bool alike_ports(const PortPlan& a, const PortPlan& b) {
    PortPlan like_b = a;
    like_b.name = b.name;
    like_b.worker = b.worker;
    return like_b == b;
}

bool alike_nodes(const NodePlan& a, const NodePlan& b) {
    NodePlan like_b = a;
    like_b.name = b.name;
    like_b.node = b.node;
    return like_b == b;
}

void add_rows(Table& table, const Group<PortPlan>& group) {
    const PortPlan& port = *group.first;
    std::vector<std::string> cells = {group_name(group.names),
                                      std::to_string(port.window_frames),
                                      std::to_string(port.replay_entries),
                                      std::to_string(port.wire_frames),
                                      std::to_string(port.fault_frames),
                                      std::to_string(port.device_frames)};
    for (const VcPlan& vc : port.vcs) {
        cells.push_back(vc.name);
        cells.push_back(vc.credits.value == 0 ? "-" : std::to_string(vc.credits.value));
        cells.push_back(std::to_string(vc.ingress_frames));
        cells.push_back(std::to_string(vc.egress_queue_frames));
        table.add(cells);
        cells.assign(6, "");
    }
}

std::string plan_text(const Group<NodePlan>& group) {
    const NodePlan& node = *group.first;
    std::string text = group_name(group.names) + ": " + std::to_string(node.workers) +
                       (node.workers == 1 ? " worker" : " workers");
    if (!node.crossbar_frames.empty()) text += ", crossbar rings of";
    for (const std::uint32_t frames : node.crossbar_frames) text += " " + std::to_string(frames);
    if (!node.crossbar_frames.empty()) text += " frames";
    Table table({"port", "window", "replay", "wire", "faults", "device", "vc", "credits", "ingress",
                 "queue"});
    for (const auto& ports : grouped(node.ports, alike_ports)) add_rows(table, ports);
    return text + "\n" + table.text() + "\n";
}

}  // namespace

std::string to_text(const Fabric& fabric) {
    std::size_t switches = 0;
    for (const FabricNode& node : fabric.nodes) switches += node.kind == NodeKind::kSwitch ? 1 : 0;
    std::ostringstream text;
    text << "fabric " << fabric.name << ": " << counted(fabric.nodes.size() - switches, "endpoint")
         << ", " << counted(switches, "switch", "switches") << ", "
         << counted(fabric.links.size(), "link") << "\n\n";
    for (const Profile& profile : fabric.profiles) text << profile_text(profile) << "\n";
    Table table({"port", "kind", "neighbour", "profile", "gpu", "fcs", "device", "faults sent"});
    for (const FabricNode& node : fabric.nodes) {
        for (const FabricPort& port : node.ports) {
            table.add(
                {node.name + ":" + port.name, std::string(word(port.kind)),
                 port.peer ? fabric.port_name(*port.peer) : "-", fabric.profile(port.profile).name,
                 gpu_text(port.gpus), port.software_fcs ? "software" : "hardware",
                 port.device.empty() ? "wire" : port.device, fault_text(port.transmit_faults)});
        }
    }
    text << table.text();
    return text.str();
}

std::string to_text(const CapacityPlan& plan) {
    std::ostringstream text;
    for (const auto& nodes : grouped(plan.nodes, alike_nodes)) text << plan_text(nodes);
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
    table.add(
        {"caches of " + std::to_string(plan.threads) + "+1 threads", std::to_string(pool.caches)});
    table.add({"total", std::to_string(pool.total())});
    text << table.text() << "\nmemory: " << megabytes(plan.memory_bytes()) << " (" << pool.total()
         << " buffers of " << plan.buffer_bytes << " bytes: " << megabytes(plan.pool_bytes)
         << "; queues, rings and replay slots: " << megabytes(plan.ring_bytes)
         << "; channels of endpoints: " << megabytes(plan.channel_bytes) << ")\n";
    return text.str();
}

std::string to_text(const Fabric& fabric, const std::vector<RouteTable>& tables) {
    Table table({"node", "gpu", "ports"});
    for (std::size_t n = 0; n < tables.size(); ++n) {
        const FabricNode& node = fabric.nodes[n];
        for (const Route route : tables[n]) {
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
