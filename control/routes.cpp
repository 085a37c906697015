// SPDX-License-Identifier: BSD-3-Clause
// Groups of destinations are independent of each other: each is labelled by one thread.
#include "control/routes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <oneapi/tbb/parallel_for.h>

#include "control/route_ports.h"

namespace ethlink::control {
namespace {

PathView view_of(const FabricGraph& graph, const RouteState& state, const RouteGroup& group) {
    return {{&graph, &state.arcs}, &state.health, &group.labels, &group.widths};
}

/// Numbers the islands of switches, all cables taken as up.
std::vector<std::uint32_t> islands(const FabricGraph& graph) {
    std::vector<std::uint32_t> island(graph.switch_count(), kNoSwitch);
    std::vector<std::uint32_t> queue;
    for (std::uint32_t start = 0; start < island.size(); ++start) {
        if (island[start] != kNoSwitch) continue;
        island[start] = start;
        queue.assign(1, start);
        for (std::size_t next = 0; next < queue.size(); ++next) {
            const std::uint32_t end = graph.first_arc(queue[next] + 1);
            for (std::uint32_t a = graph.first_arc(queue[next]); a < end; ++a) {
                const std::uint32_t to = graph.arc(a).to;
                if (island[to] != kNoSwitch) continue;
                island[to] = start;
                queue.push_back(to);
            }
        }
    }
    return island;
}

/// Writes a table, and each list of ports once.
class TableWriter {
public:
    void add(GpuId dst, const std::vector<PortId>& ports) {
        if (ports.empty()) return;
        const auto [found, is_new] = lists_.emplace(ports, 0);
        if (is_new) found->second = table_.append(ports);
        table_.add(dst, found->second);
    }
    /// The same for all destinations of a group: looked up once.
    template <class MakePorts>
    void add(GpuId dst, std::uint32_t group, MakePorts make_ports) {
        if (of_group_.size() <= group) of_group_.resize(group + 1, kUnknown);
        if (of_group_[group] == kUnknown) {
            const std::vector<PortId> ports = make_ports();
            of_group_[group] = kNoList;
            if (ports.empty()) return;
            add(dst, ports);
            of_group_[group] = table_.list_of(table_.size() - 1);
        } else if (of_group_[group] != kNoList) {
            table_.add(dst, of_group_[group]);
        }
    }
    RouteTable take() { return std::move(table_); }

private:
    static constexpr std::size_t kUnknown = static_cast<std::size_t>(-1);
    static constexpr std::size_t kNoList = kUnknown - 1;
    RouteTable table_;
    std::map<std::vector<PortId>, std::size_t> lists_;
    std::vector<std::size_t> of_group_;
};

}  // namespace

// Groups.

Routes::Routes(const Fabric& fabric, const FabricHealth& health)
    : graph_(fabric), state_{FabricHealth(fabric), {}, {}, {}} {
    // Levels are a matter of how the fabric is built, not of how it does.
    make_state(state_.health);
    if (!graph_.has_layers() || !leads_everywhere()) {
        graph_.flatten();
        make_state(state_.health);
    }
    if (health != state_.health) make_state(health);
}

void Routes::make_state(const FabricHealth& health) {
    state_.health = health;
    state_.arcs = states_of_arcs(graph_, health);
    state_.groups.clear();
    state_.group_of.clear();
    group_index_.clear();
    free_groups_.clear();
    for (const Destination& destination : graph_.destinations()) {
        state_.group_of.push_back(join_group(key_of(graph_, health, destination)));
    }
    oneapi::tbb::parallel_for(std::size_t{0}, state_.groups.size(), [&](std::size_t g) {
        RouteGroup& group = state_.groups[g];
        group.labels = make_labels(costs(), group.key);
        group.widths = make_widths(costs(), group.labels);
    });
}

std::uint32_t Routes::join_group(const GroupKey& key) {
    if (!is_usable(key)) return RouteGroup::kNone;
    const auto [found, is_new] = group_index_.emplace(key, 0);
    if (is_new && free_groups_.empty()) {
        found->second = static_cast<std::uint32_t>(state_.groups.size());
        state_.groups.push_back({key, 0, {}, {}});
    } else if (is_new) {
        found->second = free_groups_.back();
        free_groups_.pop_back();
        state_.groups[found->second] = {key, 0, {}, {}};
    }
    ++state_.groups[found->second].members;
    return found->second;
}

void Routes::leave_group(std::uint32_t index) {
    if (index == RouteGroup::kNone) return;
    RouteGroup& group = state_.groups[index];
    if (--group.members > 0) return;
    group_index_.erase(group.key);
    group = {};
    free_groups_.push_back(index);
}

bool Routes::leads_everywhere() const {
    const std::vector<std::uint32_t> island = islands(graph_);
    for (const RouteGroup& group : state_.groups) {
        std::vector<bool> joined(graph_.switch_count(), false);
        for (const auto& [at, cost] : group.key) joined[island[at]] = true;
        for (std::uint32_t at = 0; at < graph_.switch_count(); ++at) {
            const bool stuck = joined[island[at]] && group.labels[at].way == Way::kNone;
            if (stuck && graph_.is_edge(at)) return false;
        }
    }
    return true;
}

// Tables.

RouteTable Routes::table_of(NodeId node) const {
    const std::uint32_t at = graph_.switch_at(node);
    return at == kNoSwitch ? table_of_endpoint(node) : table_of_switch(at);
}

RouteTable Routes::table_of_switch(std::uint32_t at) const {
    TableWriter writer;
    const auto destinations = graph_.destinations();
    for (std::size_t d = 0; d < destinations.size(); ++d) {
        const std::uint32_t g = state_.group_of[d];
        if (g == RouteGroup::kNone) continue;
        const RouteGroup& group = state_.groups[g];
        if (group.labels[at].way == Way::kHome) {
            writer.add(destinations[d].gpu, home_ports(graph_, state_.health, at, destinations[d]));
        } else {
            writer.add(destinations[d].gpu, g,
                       [&] { return ports_of(view_of(graph_, state_, group), at); });
        }
    }
    return writer.take();
}

RouteTable Routes::table_of_endpoint(NodeId node) const {
    const FabricNode& self = graph_.fabric().node(node);
    std::set<GpuId> neighbours;  // endpoints at the other end of a cable
    std::vector<PortId> plain;   // where it looks for whom it cannot reach by a link
    for (std::uint16_t p = 0; p < self.ports.size(); ++p) {
        const FabricPort& port = self.ports[p];
        if (port.kind == PortKind::kPlain) plain.push_back({p});
        const bool direct = port.peer && graph_.switch_at(port.peer->node) == kNoSwitch;
        if (direct && graph_.fabric().node(port.peer->node).gpu) {
            neighbours.insert(*graph_.fabric().node(port.peer->node).gpu);
        }
    }
    TableWriter writer;
    const auto destinations = graph_.destinations();
    for (std::size_t d = 0; d < destinations.size(); ++d) {
        const GpuId gpu = destinations[d].gpu;
        if (self.gpu == gpu) continue;
        const std::uint32_t g = state_.group_of[d];
        const auto make_ports = [&] {
            const Labels* labels = g == RouteGroup::kNone ? nullptr : &state_.groups[g].labels;
            std::vector<PortId> ports = tracks_of(graph_, state_.health, node, labels, gpu);
            return ports.empty() ? plain : ports;
        };
        if (g == RouteGroup::kNone || neighbours.contains(gpu)) {
            writer.add(gpu, make_ports());
        } else {
            writer.add(gpu, g, make_ports);
        }
    }
    return writer.take();
}

bool Routes::reaches(NodeId endpoint, GpuId dst) const {
    const auto destinations = graph_.destinations();
    const auto found = std::ranges::lower_bound(destinations, dst, {}, &Destination::gpu);
    if (found == destinations.end() || found->gpu != dst) return false;
    const std::uint32_t g = state_.group_of[static_cast<std::size_t>(found - destinations.begin())];
    const Labels* labels = g == RouteGroup::kNone ? nullptr : &state_.groups[g].labels;
    if (!tracks_of(graph_, state_.health, endpoint, labels, dst).empty()) return true;
    return std::ranges::any_of(graph_.fabric().node(endpoint).ports, [](const FabricPort& port) {
        return port.kind == PortKind::kPlain;
    });
}

bool Routes::joins_all() const {
    if (std::ranges::count(state_.group_of, RouteGroup::kNone) > 0) return false;
    const Fabric& fabric = graph_.fabric();
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].kind != NodeKind::kEndpoint) continue;
        for (const RouteGroup& group : state_.groups) {
            if (group.members == 0) continue;
            if (tracks_of(graph_, state_.health, {n}, &group.labels, {}).empty()) return false;
        }
    }
    return true;
}

std::vector<RouteTable> compute_routes(const Fabric& fabric) {
    const Routes routes(fabric);
    std::vector<RouteTable> tables(fabric.nodes.size());
    oneapi::tbb::parallel_for(std::size_t{0}, tables.size(), [&](std::size_t n) {
        tables[n] = routes.table_of({static_cast<std::uint32_t>(n)});
    });
    return tables;
}

}  // namespace ethlink::control
