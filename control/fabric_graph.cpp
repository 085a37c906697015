// SPDX-License-Identifier: BSD-3-Clause
#include "control/fabric_graph.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <tuple>
#include <vector>

namespace ethlink::control {
namespace {

bool is_switch(const Fabric& fabric, NodeId node) {
    return fabric.node(node).kind == NodeKind::kSwitch;
}

/// Frames come in or go out here: a cable to an endpoint, or a plain port.
bool is_edge_port(const Fabric& fabric, const FabricPort& port) {
    return port.kind == PortKind::kPlain || (port.peer && !is_switch(fabric, port.peer->node));
}

ArcKind kind_of(std::uint32_t from_level, std::uint32_t to_level) {
    if (to_level < from_level) return ArcKind::kDown;
    return to_level == from_level ? ArcKind::kPeer : ArcKind::kUp;
}

/// A cable between switches, seen from one end.
struct SwitchPort {
    std::uint32_t from, to;
    ArcKind kind;
    Cable cable;
    auto order() const { return std::tuple(from, kind, to, cable.port); }
};

}  // namespace

FabricGraph::FabricGraph(const Fabric& fabric) : fabric_(&fabric) {
    find_switches();
    find_destinations();
    find_levels();
    make_arcs();
}

void FabricGraph::flatten() {
    flat_ = true;
    std::ranges::fill(levels_, 0);
    std::iota(upwards_.begin(), upwards_.end(), 0u);
    make_arcs();
}

void FabricGraph::find_switches() {
    switch_of_.assign(fabric_->nodes.size(), kNoSwitch);
    for (std::uint32_t n = 0; n < fabric_->nodes.size(); ++n) {
        if (!is_switch(*fabric_, {n})) continue;
        switch_of_[n] = switch_count();
        nodes_.push_back({n});
    }
}

void FabricGraph::find_destinations() {
    std::map<GpuId, Destination> found;
    for (const FabricNode& node : fabric_->nodes) {
        if (node.gpu) found[*node.gpu].gpu = *node.gpu;
    }
    for (std::uint32_t at = 0; at < switch_count(); ++at) {
        const std::vector<FabricPort>& ports = fabric_->node(nodes_[at]).ports;
        for (std::uint16_t p = 0; p < ports.size(); ++p) {
            if (!is_edge_port(*fabric_, ports[p])) continue;
            // A plain port has the GPU-IDs bound to it, a link that of its endpoint.
            std::vector<GpuId> gpus = ports[p].gpus;
            if (ports[p].peer) {
                gpus.clear();
                const auto& gpu = fabric_->node(ports[p].peer->node).gpu;
                if (gpu) gpus = {*gpu};
            }
            for (const GpuId gpu : gpus) {
                Destination& destination = found[gpu];
                destination.gpu = gpu;
                destination.attachments.push_back({at, {{p}, ports[p].link.value_or(kNoLink)}});
            }
        }
    }
    for (auto& [gpu, destination] : found) destinations_.push_back(std::move(destination));
}

void FabricGraph::find_levels() {
    levels_.assign(switch_count(), kFar);
    edge_.assign(switch_count(), false);
    upwards_.clear();
    for (std::uint32_t at = 0; at < switch_count(); ++at) {
        const std::vector<FabricPort>& ports = fabric_->node(nodes_[at]).ports;
        edge_[at] = std::ranges::any_of(
            ports, [&](const FabricPort& port) { return is_edge_port(*fabric_, port); });
        if (!edge_[at]) continue;
        levels_[at] = 0;
        upwards_.push_back(at);
    }
    for (std::size_t next = 0; next < upwards_.size(); ++next) {
        for (const FabricPort& port : fabric_->node(nodes_[upwards_[next]]).ports) {
            if (!port.peer) continue;
            const std::uint32_t to = switch_of_[port.peer->node.value];
            if (to == kNoSwitch || levels_[to] != kFar) continue;
            levels_[to] = levels_[upwards_[next]] + 1;
            has_layers_ = true;
            upwards_.push_back(to);
        }
    }
    for (std::uint32_t at = 0; at < switch_count(); ++at) {
        if (levels_[at] == kFar) upwards_.push_back(at);
    }
}

void FabricGraph::make_arcs() {
    std::vector<SwitchPort> ports;
    for (const FabricLink& link : fabric_->links) {
        const std::uint32_t a = switch_of_[link.a.node.value];
        const std::uint32_t b = switch_of_[link.b.node.value];
        if (a == kNoSwitch || b == kNoSwitch) continue;
        const auto index = static_cast<std::size_t>(&link - fabric_->links.data());
        ports.push_back({a, b, kind_of(levels_[a], levels_[b]), {link.a.port, index}});
        ports.push_back({b, a, kind_of(levels_[b], levels_[a]), {link.b.port, index}});
    }
    std::ranges::sort(ports, {}, &SwitchPort::order);
    arcs_.clear();
    cables_.clear();
    first_cable_.clear();
    first_arc_.assign(switch_count() + 1, 0);
    has_peers_ = false;
    for (const SwitchPort& port : ports) {
        if (arcs_.empty() || arcs_.back().from != port.from || arcs_.back().to != port.to) {
            arcs_.push_back({port.from, port.to, 0, port.kind});
            first_cable_.push_back(static_cast<std::uint32_t>(cables_.size()));
            ++first_arc_[port.from + 1];
            has_peers_ = has_peers_ || port.kind == ArcKind::kPeer;
        }
        cables_.push_back(port.cable);
    }
    first_cable_.push_back(static_cast<std::uint32_t>(cables_.size()));
    std::partial_sum(first_arc_.begin(), first_arc_.end(), first_arc_.begin());
    for (Arc& arc : arcs_) arc.reverse = find_arc(arc.to, arc.from);
}

std::uint32_t FabricGraph::find_arc(std::uint32_t from, std::uint32_t to) const {
    const auto begin = arcs_.begin() + first_arc_[from];
    const auto end = arcs_.begin() + first_arc_[from + 1];
    const auto order = [](const Arc& arc) { return std::tuple(arc.kind, arc.to); };
    const ArcKind kind = kind_of(levels_[from], levels_[to]);
    const auto found = std::ranges::lower_bound(begin, end, std::tuple(kind, to), {}, order);
    if (found == end || found->to != to) return arc_count();
    return static_cast<std::uint32_t>(found - arcs_.begin());
}

LinkHealth seen(const FabricGraph& graph, const FabricHealth& health, NodeId node,
                const Cable& cable) {
    return cable.link == kNoLink ? health.of_node(node) : health.seen(graph.fabric(), cable.link);
}

ArcState state_of_arc(const FabricGraph& graph, const FabricHealth& health, std::uint32_t arc) {
    const NodeId node = graph.node(graph.arc(arc).from);
    ArcState up{1, 0}, draining{1 + kDrainCost, 0};
    for (const Cable& cable : graph.cables(arc)) {
        const LinkHealth state = seen(graph, health, node, cable);
        if (state == LinkHealth::kUp) ++up.cables;
        if (state == LinkHealth::kDraining) ++draining.cables;
    }
    if (up.cables > 0) return up;
    return draining.cables > 0 ? draining : ArcState{kFar, 0};
}

std::vector<ArcState> states_of_arcs(const FabricGraph& graph, const FabricHealth& health) {
    std::vector<ArcState> states(graph.arc_count());
    for (std::uint32_t arc = 0; arc < states.size(); ++arc) {
        states[arc] = state_of_arc(graph, health, arc);
    }
    return states;
}

}  // namespace ethlink::control
