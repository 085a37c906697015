// SPDX-License-Identifier: BSD-3-Clause
#include "control/route_ports.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

namespace ethlink::control {
namespace {

/// Times each port of a hop, if one that carries its full weight per cable has `scale` shares.
std::vector<std::uint32_t> shares_at(const std::vector<Hop>& hops,
                                     const std::vector<ArcState>& arcs, std::uint32_t scale) {
    std::vector<std::uint32_t> shares;
    std::uint32_t common = 0;
    for (const Hop& hop : hops) {
        const std::uint32_t cables = arcs[hop.arc].cables;
        shares.push_back(std::max(1u, (hop.weight * scale + cables / 2) / cables));
        common = std::gcd(common, shares.back());
    }
    for (std::uint32_t& share : shares) share /= common;
    return shares;
}

/// Of several cables that may be draining: the state of the best.
LinkHealth best(LinkHealth a, LinkHealth b) {
    return std::min(a, b);
}

}  // namespace

std::vector<std::uint32_t> shares_of(const std::vector<Hop>& hops,
                                     const std::vector<ArcState>& arcs) {
    constexpr std::uint32_t kScaleMax = 64;
    std::uint32_t scale = 1;
    for (const Hop& hop : hops) {
        const std::uint32_t cables = arcs[hop.arc].cables;
        scale = std::min(std::lcm(scale, cables / std::gcd(hop.weight, cables)), kScaleMax);
    }
    for (;; scale /= 2) {
        std::vector<std::uint32_t> shares = shares_at(hops, arcs, scale);
        std::size_t total = 0;
        for (std::size_t i = 0; i < hops.size(); ++i) total += shares[i] * arcs[hops[i].arc].cables;
        if (total <= kSharesMax || scale <= 1) return shares;
    }
}

std::vector<PortId> ports_of(const PathView& view, std::uint32_t at) {
    const FabricGraph& graph = *view.costs.graph;
    const std::vector<ArcState>& arcs = *view.costs.arcs;
    const std::vector<Hop> hops = hops_of(view.costs, *view.labels, *view.widths, at);
    const std::vector<std::uint32_t> shares = shares_of(hops, arcs);
    std::vector<PortId> ports;
    for (std::size_t i = 0; i < hops.size(); ++i) {
        const bool drains = arcs[hops[i].arc].cost > kDrainCost;
        const LinkHealth wanted = drains ? LinkHealth::kDraining : LinkHealth::kUp;
        for (const Cable& cable : graph.cables(hops[i].arc)) {
            if (seen(graph, *view.health, graph.node(at), cable) != wanted) continue;
            ports.insert(ports.end(), shares[i], cable.port);
        }
    }
    std::ranges::sort(ports);
    return ports;
}

std::vector<PortId> home_ports(const FabricGraph& graph, const FabricHealth& health,
                               std::uint32_t at, const Destination& destination) {
    std::vector<PortId> up, draining;
    for (const Attachment& attachment : destination.attachments) {
        if (attachment.at != at) continue;
        const LinkHealth state = seen(graph, health, graph.node(at), attachment.cable);
        if (state == LinkHealth::kUp) up.push_back(attachment.cable.port);
        if (state == LinkHealth::kDraining) draining.push_back(attachment.cable.port);
    }
    return up.empty() ? draining : up;
}

GroupKey key_of(const FabricGraph& graph, const FabricHealth& health,
                const Destination& destination) {
    GroupKey key;
    const std::vector<Attachment>& all = destination.attachments;
    for (std::size_t i = 0; i < all.size();) {
        const std::uint32_t at = all[i].at;
        LinkHealth state = LinkHealth::kDown;
        for (; i < all.size() && all[i].at == at; ++i) {
            state = best(state, seen(graph, health, graph.node(at), all[i].cable));
        }
        constexpr std::uint32_t kCosts[] = {0, kDrainCost, kFar};
        key.emplace_back(at, kCosts[static_cast<std::size_t>(state)]);
    }
    return key;
}

std::vector<PortId> tracks_of(const FabricGraph& graph, const FabricHealth& health, NodeId endpoint,
                              const Labels* labels, std::optional<GpuId> neighbour) {
    const FabricNode& node = graph.fabric().node(endpoint);
    std::vector<PortId> ports;
    std::uint32_t fewest = kFar;  // links that drain on the way
    for (std::uint16_t p = 0; p < node.ports.size(); ++p) {
        const FabricPort& port = node.ports[p];
        if (!port.peer) continue;
        const LinkHealth state = health.seen(graph.fabric(), *port.link);
        if (state == LinkHealth::kDown) continue;
        std::uint32_t drained = state == LinkHealth::kDraining ? 1 : 0;
        const std::uint32_t at = graph.switch_at(port.peer->node);
        if (at == kNoSwitch) {
            if (!neighbour || graph.fabric().node(port.peer->node).gpu != neighbour) continue;
        } else {
            if (labels == nullptr || (*labels)[at].way == Way::kNone) continue;
            drained += (*labels)[at].cost / kDrainCost;
        }
        if (drained > fewest) continue;
        if (drained < fewest) ports.clear();
        fewest = drained;
        ports.push_back({p});
    }
    return ports;
}

}  // namespace ethlink::control
