// SPDX-License-Identifier: BSD-3-Clause
// What a change of health touches: labels that no longer follow from those of the neighbours.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <set>
#include <span>
#include <vector>

#include <oneapi/tbb/parallel_for.h>

#include "control/route_ports.h"
#include "control/routes.h"

namespace ethlink::control {

struct Routes::Touched {
    std::vector<std::uint32_t> arcs;          // with a cable whose state is another
    std::vector<std::uint32_t> destinations;  // the same of what they hang on
    std::vector<std::uint32_t> endpoints;     // and of their own links; nodes, ascending
};

namespace {

PathView view_of(const FabricGraph& graph, const RouteState& state, const RouteGroup& group) {
    return {{&graph, &state.arcs}, &state.health, &group.labels, &group.widths};
}

/// A destination's ports at this switch.
std::vector<PortId> ports_to(const FabricGraph& graph, const RouteState& state, std::uint32_t at,
                             std::size_t destination) {
    const std::uint32_t g = state.group_of[destination];
    if (g == RouteGroup::kNone) return {};
    const RouteGroup& group = state.groups[g];
    if (group.labels[at].way != Way::kHome) return ports_of(view_of(graph, state, group), at);
    return home_ports(graph, state.health, at, graph.destinations()[destination]);
}

/// The switches where one group's ports may differ from those of another, or of itself before.
std::vector<std::uint32_t> where_different(const FabricGraph& graph, const RouteGroup& a,
                                           const RouteGroup& b,
                                           std::span<const std::uint32_t> touched_arcs) {
    std::vector<bool> marked(graph.switch_count(), false);
    for (const std::uint32_t arc : touched_arcs) marked[graph.arc(arc).from] = true;
    for (std::uint32_t at = 0; at < graph.switch_count(); ++at) {
        if (a.labels[at] == b.labels[at] && a.widths[at] == b.widths[at]) continue;
        marked[at] = true;
        const std::uint32_t end = graph.first_arc(at + 1);
        for (std::uint32_t arc = graph.first_arc(at); arc < end; ++arc) {
            marked[graph.arc(arc).to] = true;
        }
    }
    std::vector<std::uint32_t> list;
    for (std::uint32_t at = 0; at < graph.switch_count(); ++at) {
        if (marked[at]) list.push_back(at);
    }
    return list;
}

}  // namespace

std::vector<NodeId> Routes::update(const FabricHealth& health) {
    const Touched touched = touched_by(health);
    const RouteState before = state_;
    state_.health = health;
    for (const std::uint32_t arc : touched.arcs) {
        state_.arcs[arc] = state_of_arc(graph_, health, arc);
    }
    regroup(touched);
    relabel(touched, before);

    std::vector<bool> changed(graph_.fabric().nodes.size(), false);
    const std::vector<Pair> pairs = changed_pairs(touched, before);
    compare_switches(touched, before, pairs, changed);
    compare_endpoints(touched, before, pairs, changed);
    std::vector<NodeId> nodes;
    for (std::uint32_t n = 0; n < changed.size(); ++n) {
        if (changed[n]) nodes.push_back({n});
    }
    return nodes;
}

Routes::Touched Routes::touched_by(const FabricHealth& health) const {
    Touched touched;
    const Fabric& fabric = graph_.fabric();
    const auto differs = [&](NodeId node, const Cable& cable) {
        return seen(graph_, health, node, cable) != seen(graph_, state_.health, node, cable);
    };
    for (std::uint32_t arc = 0; arc < graph_.arc_count(); ++arc) {
        const NodeId node = graph_.node(graph_.arc(arc).from);
        const bool any = std::ranges::any_of(
            graph_.cables(arc), [&](const Cable& cable) { return differs(node, cable); });
        if (any) touched.arcs.push_back(arc);
    }
    for (std::uint32_t d = 0; d < graph_.destinations().size(); ++d) {
        const bool any = std::ranges::any_of(
            graph_.destinations()[d].attachments, [&](const Attachment& attachment) {
                return differs(graph_.node(attachment.at), attachment.cable);
            });
        if (any) touched.destinations.push_back(d);
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].kind != NodeKind::kEndpoint) continue;
        const bool any = std::ranges::any_of(fabric.nodes[n].ports, [&](const FabricPort& port) {
            return port.link && differs({n}, {{}, *port.link});
        });
        if (any) touched.endpoints.push_back(n);
    }
    return touched;
}

void Routes::regroup(const Touched& touched) {
    for (const std::uint32_t d : touched.destinations) {
        const GroupKey key = key_of(graph_, state_.health, graph_.destinations()[d]);
        std::uint32_t& group = state_.group_of[d];
        if (group != RouteGroup::kNone && state_.groups[group].key == key) continue;
        leave_group(group);
        group = join_group(key);
    }
}

void Routes::relabel(const Touched& touched, const RouteState& before) {
    const PathCosts costs_before{&graph_, &before.arcs};
    oneapi::tbb::parallel_for(std::size_t{0}, state_.groups.size(), [&](std::size_t g) {
        RouteGroup& group = state_.groups[g];
        if (group.members == 0) return;
        const bool is_new = group.labels.empty();
        const bool stale =
            is_new || std::ranges::any_of(touched.arcs, [&](std::uint32_t arc) {
                const std::uint32_t at = graph_.arc(arc).from;
                return group.labels[at].way != Way::kHome &&
                       label_from_neighbours(costs(), group.labels, at) != group.labels[at];
            });
        const bool used = std::ranges::any_of(touched.arcs, [&](std::uint32_t arc) {
            return !is_new &&
                   (is_hop(costs_before, group.labels, arc) || is_hop(costs(), group.labels, arc));
        });
        if (stale) group.labels = make_labels(costs(), group.key);
        if (stale || used) group.widths = make_widths(costs(), group.labels);
    });
}

/// Groups with destinations whose ports may be others, on any switch but their own.
std::vector<Routes::Pair> Routes::changed_pairs(const Touched& touched,
                                                const RouteState& before) const {
    std::set<Pair> pairs;
    for (const std::uint32_t d : touched.destinations) {
        pairs.emplace(before.group_of[d], state_.group_of[d]);
    }
    // Who has not moved is still in the group of this number; a group may have its number anew.
    for (std::uint32_t g = 0; g < before.groups.size(); ++g) {
        if (before.groups[g].members > 0 && before.groups[g].key == state_.groups[g].key) {
            pairs.emplace(g, g);
        }
    }
    return {pairs.begin(), pairs.end()};
}

void Routes::compare_switches(const Touched& touched, const RouteState& before,
                              std::span<const Pair> pairs, std::vector<bool>& changed) const {
    RouteGroup none;
    none.labels.resize(graph_.switch_count());
    none.widths.resize(graph_.switch_count(), 0);
    for (const auto& [old_group, new_group] : pairs) {
        const RouteGroup& a = old_group == RouteGroup::kNone ? none : before.groups[old_group];
        const RouteGroup& b = new_group == RouteGroup::kNone ? none : state_.groups[new_group];
        for (const std::uint32_t at : where_different(graph_, a, b, touched.arcs)) {
            if (changed[graph_.node(at).value]) continue;
            changed[graph_.node(at).value] = ports_of(view_of(graph_, before, a), at) !=
                                             ports_of(view_of(graph_, state_, b), at);
        }
    }
    for (const std::uint32_t d : touched.destinations) {
        for (const Attachment& attachment : graph_.destinations()[d].attachments) {
            if (changed[graph_.node(attachment.at).value]) continue;
            changed[graph_.node(attachment.at).value] =
                ports_to(graph_, before, attachment.at, d) !=
                ports_to(graph_, state_, attachment.at, d);
        }
    }
}

void Routes::compare_endpoints(const Touched& touched, const RouteState& before,
                               std::span<const Pair> pairs, std::vector<bool>& changed) const {
    for (const std::uint32_t n : touched.endpoints) changed[n] = true;
    const Fabric& fabric = graph_.fabric();
    for (const auto& [old_group, new_group] : pairs) {
        const auto labels = [](const RouteState& state, std::uint32_t group) {
            return group == RouteGroup::kNone ? nullptr : &state.groups[group].labels;
        };
        const Labels* const a = labels(before, old_group);
        const Labels* const b = labels(state_, new_group);
        if (a != nullptr && b != nullptr && *a == *b) continue;
        for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
            if (changed[n] || fabric.nodes[n].kind != NodeKind::kEndpoint) continue;
            changed[n] = tracks_of(graph_, before.health, {n}, a, {}) !=
                         tracks_of(graph_, state_.health, {n}, b, {});
        }
    }
}

}  // namespace ethlink::control
