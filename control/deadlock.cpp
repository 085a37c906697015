// SPDX-License-Identifier: BSD-3-Clause
#include "control/deadlock.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ethlink::control {
namespace {

using Graph = std::map<PortRef, std::set<PortRef>>;

bool is_switch(const Fabric& fabric, NodeId node) {
    return fabric.node(node).kind == NodeKind::kSwitch;
}

bool uses(const RouteTable& table, GpuId dst, PortId port) {
    const Route* const route = table.find(dst);
    return route != nullptr && std::ranges::find(route->ports, port) != route->ports.end();
}

/// What frames wait for that have gone out by `from`, a port of a switch towards a switch.
std::set<PortRef> waits_of(const Fabric& fabric, const std::vector<RouteTable>& routes,
                           PortRef from) {
    std::set<PortRef> waits;
    const PortRef into = *fabric.port(from).peer;
    for (const Route& route : routes[into.node.value].routes) {
        if (!uses(routes[from.node.value], route.dst, from.port)) continue;
        for (const PortId port : route.ports) {
            const auto& peer = fabric.port({into.node, port}).peer;
            // Whoever is at the end of the way waits for nobody; nor does a frame turn round.
            if (port != into.port && peer && is_switch(fabric, peer->node)) {
                waits.insert({into.node, port});
            }
        }
    }
    return waits;
}

Graph dependencies(const Fabric& fabric, const std::vector<RouteTable>& routes) {
    Graph graph;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (!is_switch(fabric, {n})) continue;
        for (std::uint16_t p = 0; p < fabric.nodes[n].ports.size(); ++p) {
            const auto& peer = fabric.nodes[n].ports[p].peer;
            if (!peer || !is_switch(fabric, peer->node)) continue;
            graph[{{n}, {p}}] = waits_of(fabric, routes, {{n}, {p}});
        }
    }
    return graph;
}

/// What is left when again and again everything that waits for nothing is taken away: all of it
/// waits, in a circle or for one.
Graph stuck_part(Graph graph) {
    for (bool any = true; any;) {
        const std::size_t before = graph.size();
        std::erase_if(graph, [&](const auto& entry) {
            return std::ranges::none_of(entry.second,
                                        [&](PortRef next) { return graph.contains(next); });
        });
        any = graph.size() != before;
    }
    return graph;
}

bool any_lossless(const Fabric& fabric) {
    const LinkProfile& link = fabric.profiles.front().link;
    return std::any_of(link.vcs.begin(), link.vcs.begin() + link.vc_count,
                       [](const VcProfile& vc) { return vc.lossless; });
}

}  // namespace

std::vector<PortRef> find_waiting_cycle(const Fabric& fabric,
                                        const std::vector<RouteTable>& routes) {
    const Graph stuck = stuck_part(dependencies(fabric, routes));
    if (stuck.empty()) return {};
    // Each of them has a successor among them: going on from any one comes round at last.
    std::vector<PortRef> way{stuck.begin()->first};
    for (;;) {
        const std::set<PortRef>& waits = stuck.at(way.back());
        const PortRef next =
            *std::ranges::find_if(waits, [&](PortRef port) { return stuck.contains(port); });
        const auto seen = std::ranges::find(way, next);
        if (seen != way.end()) return {seen, way.end()};
        way.push_back(next);
    }
}

std::vector<ConfigError> check_deadlock(const Fabric& fabric,
                                        const std::vector<RouteTable>& routes) {
    if (!any_lossless(fabric)) return {};
    const std::vector<PortRef> cycle = find_waiting_cycle(fabric, routes);
    if (cycle.empty()) return {};
    std::string hops;
    for (const PortRef port : cycle) hops += fabric.port_name(port) + " -> ";
    const std::size_t link = *fabric.port(cycle.front()).link;
    return {fabric.error("links[" + std::to_string(link) + "]",
                         "frames of a lossless VC can wait for each other for ever: " + hops +
                             fabric.port_name(cycle.front()),
                         "take a link out of the circle of switches, or join them by spines")};
}

}  // namespace ethlink::control
