// SPDX-License-Identifier: BSD-3-Clause
// One breadth-first search per destination, from the destination outwards, through switches only.
#include "control/routes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

namespace ethlink::control {
namespace {

constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max();

/// Where a GPU-ID is at home: an endpoint, or the plain ports that it is bound to.
struct Destination {
    GpuId gpu;
    std::optional<NodeId> endpoint;
    std::vector<PortRef> plain_ports;
};

std::vector<Destination> destinations_of(const Fabric& fabric) {
    std::map<GpuId, Destination> found;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        const FabricNode& node = fabric.nodes[n];
        if (node.gpu) found[*node.gpu] = {*node.gpu, NodeId{n}, {}};
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        const std::vector<FabricPort>& ports = fabric.nodes[n].ports;
        for (std::size_t p = 0; p < ports.size(); ++p) {
            if (ports[p].kind != PortKind::kPlain) continue;
            for (const GpuId gpu : ports[p].gpus) {
                Destination& destination = found[gpu];
                destination.gpu = gpu;
                destination.plain_ports.push_back({{n}, {static_cast<std::uint16_t>(p)}});
            }
        }
    }
    std::vector<Destination> destinations;
    for (auto& [gpu, destination] : found) destinations.push_back(std::move(destination));
    return destinations;
}

/// Hops from every node to one destination: 0 at its endpoint, 1 at a switch beside it.
class Distances {
public:
    Distances(const Fabric& fabric, const Destination& destination)
        : fabric_(fabric), hops_(fabric.nodes.size(), kFar) {
        if (destination.endpoint) reach(*destination.endpoint, 0);
        for (const PortRef port : destination.plain_ports) reach(port.node, 1);
        // An endpoint hands nothing on, unless it is the destination itself.
        for (std::size_t next = 0; next < queue_.size(); ++next) {
            const NodeId node = queue_[next];
            const bool forwards = fabric_.node(node).kind == NodeKind::kSwitch;
            if (forwards || hops_[node.value] == 0) spread(node);
        }
    }

    std::uint32_t operator[](NodeId node) const { return hops_[node.value]; }

    /// Whether a frame handed to this node gets to the destination.
    bool delivers(NodeId node) const {
        const bool forwards = fabric_.node(node).kind == NodeKind::kSwitch;
        return hops_[node.value] == 0 || (forwards && hops_[node.value] != kFar);
    }

private:
    void spread(NodeId node) {
        for (const FabricPort& port : fabric_.node(node).ports) {
            if (port.peer) reach(port.peer->node, hops_[node.value] + 1);
        }
    }

    void reach(NodeId node, std::uint32_t hops) {
        if (hops_[node.value] != kFar) return;
        hops_[node.value] = hops;
        queue_.push_back(node);
    }

    const Fabric& fabric_;
    std::vector<std::uint32_t> hops_;
    std::vector<NodeId> queue_;
};

bool leads_there(const FabricNode& node, std::uint32_t own_hops, const FabricPort& port, GpuId gpu,
                 const Distances& hops) {
    if (port.kind == PortKind::kPlain) {
        return own_hops == 1 &&
               std::find(port.gpus.begin(), port.gpus.end(), gpu) != port.gpus.end();
    }
    if (!port.peer || !hops.delivers(port.peer->node)) return false;
    if (node.kind == NodeKind::kEndpoint) return true;
    return hops[port.peer->node] + 1 == own_hops;
}

/// Where an endpoint looks for whom it cannot reach by a link.
std::vector<PortId> plain_ports(const FabricNode& node) {
    std::vector<PortId> ports;
    for (std::size_t p = 0; p < node.ports.size(); ++p) {
        if (node.ports[p].kind == PortKind::kPlain)
            ports.push_back({static_cast<std::uint16_t>(p)});
    }
    return ports;
}

std::vector<PortId> ports_towards(const Fabric& fabric, NodeId id, GpuId gpu,
                                  const Distances& hops) {
    std::vector<PortId> ports;
    const FabricNode& node = fabric.node(id);
    const std::uint32_t own_hops = hops[id];
    if (own_hops == kFar && node.kind == NodeKind::kEndpoint) return plain_ports(node);
    if (own_hops == kFar || own_hops == 0) return ports;
    for (std::size_t p = 0; p < node.ports.size(); ++p) {
        if (!leads_there(node, own_hops, node.ports[p], gpu, hops)) continue;
        ports.push_back({static_cast<std::uint16_t>(p)});
    }
    return ports;
}

}  // namespace

const Route* RouteTable::find(GpuId dst) const {
    const auto found =
        std::lower_bound(routes.begin(), routes.end(), dst,
                         [](const Route& route, GpuId wanted) { return route.dst < wanted; });
    return found != routes.end() && found->dst == dst ? &*found : nullptr;
}

std::vector<RouteTable> compute_routes(const Fabric& fabric) {
    const std::vector<Destination> destinations = destinations_of(fabric);
    std::vector<RouteTable> tables(fabric.nodes.size());
    for (RouteTable& table : tables) table.routes.resize(destinations.size());

    // Each destination writes its own element of every table: no two threads meet.
    using Range = oneapi::tbb::blocked_range<std::size_t>;
    oneapi::tbb::parallel_for(Range(0, destinations.size()), [&](const Range& range) {
        for (std::size_t d = range.begin(); d != range.end(); ++d) {
            const GpuId gpu = destinations[d].gpu;
            const Distances hops(fabric, destinations[d]);
            for (std::uint32_t n = 0; n < tables.size(); ++n) {
                tables[n].routes[d] = {gpu, ports_towards(fabric, NodeId{n}, gpu, hops)};
            }
        }
    });

    for (RouteTable& table : tables) {
        std::erase_if(table.routes, [](const Route& route) { return route.ports.empty(); });
    }
    return tables;
}

}  // namespace ethlink::control
