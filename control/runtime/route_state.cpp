// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/route_state.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace ethlink::control {
namespace {

using nlohmann::json;

/// Frames and credits of a link that are under way, seen from its ends here.
std::uint64_t under_way(const Process& process, std::size_t link) {
    std::uint64_t sum = 0;
    process.for_each_port(
        [&](const FabricNode& node, const NodePlan&, const PortState<Mbuf>& port) {
            if (!port.link || node.ports[port.rules.id.value].link != link) return;
            const LinkStatus& status = port.link->stats().status;
            sum += status.outstanding_frames.read();
            for (const LinkStatus::PerVc& vc : status.vcs) sum += vc.sender_credits_used.read();
        });
    return sum;
}

std::string name_of_gpu(const Fabric& fabric, GpuId gpu) {
    const auto found = std::ranges::find(fabric.nodes, std::optional(gpu), &FabricNode::gpu);
    return found == fabric.nodes.end() ? std::string("-") : found->name;
}

}  // namespace

std::string_view routing_of_link(const Process& process, std::size_t link) {
    const Fabric& fabric = process.fabric();
    const FabricCondition& condition = process.routes().condition();
    if (condition.dead[link]) return "down";
    const LinkHealth seen = process.routes().routes().health().seen(fabric, link);
    if (seen == LinkHealth::kUp) return "up";
    const bool used = process.routes().used_links()[link];
    return used || under_way(process, link) > 0 ? "draining" : "drained";
}

std::string_view routing_of_node(const Process& process, NodeId node) {
    if (!process.routes().condition().drained_nodes[node.value]) return "up";
    const bool has_drained =
        std::ranges::all_of(process.fabric().node(node).ports, [&](const FabricPort& port) {
            return !port.link || routing_of_link(process, *port.link) != "draining";
        });
    return has_drained ? "drained" : "draining";
}

json routes_json(const Process& process, NodeId node) {
    const Fabric& fabric = process.fabric();
    json list = json::array();
    for (const Route route : process.routes().routes().table_of(node)) {
        json ports = json::array();
        for (const PortId port : route.ports) {
            ports.push_back(fabric.node(node).ports[port.value].name);
        }
        list.push_back({{"node", fabric.node(node).name},
                        {"gpu", hex(route.dst)},
                        {"to", name_of_gpu(fabric, route.dst)},
                        {"ports", std::move(ports)}});
    }
    return list;
}

json route_summary_json(const Process& process) {
    json list = json::array();
    for (const auto& s : process.switches()) {
        const RouteTable table = process.routes().routes().table_of(s->node->plan().node);
        const ForwardingTable* published = s->tables.current();
        list.push_back({{"node", s->node->config().name},
                        {"destinations", table.size()},
                        {"lists", table.list_count()},
                        {"tables", s->tables.published()},
                        {"bytes", published == nullptr ? 0 : published->memory_bytes()}});
    }
    return list;
}

}  // namespace ethlink::control
