// SPDX-License-Identifier: BSD-3-Clause
// In layers three passes: paths down from the lowest level on, across, up from the top on.
#include "control/route_labels.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

namespace ethlink::control {
namespace {

constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint16_t>::max();

/// The cheapest path by an arc of this kind to a switch that has at most this way.
std::uint32_t cheapest(const PathCosts& costs, const Labels& labels, std::uint32_t at, ArcKind kind,
                       Way at_most) {
    std::uint32_t best = kFar;
    const std::uint32_t end = costs.graph->first_arc(at + 1);
    for (std::uint32_t a = costs.graph->first_arc(at); a < end; ++a) {
        const Arc& arc = costs.graph->arc(a);
        const Label& next = labels[arc.to];
        if (arc.kind != kind || next.way > at_most) continue;
        const std::uint32_t cost = (*costs.arcs)[a].cost;
        if (cost != kFar) best = std::min(best, next.cost + cost);
    }
    return best;
}

/// Marks the switches from which a path leads down to one of the key, if all cables are up.
void mark_down_only(const FabricGraph& graph, const GroupKey& key, Labels& labels) {
    for (const auto& [at, cost] : key) labels[at].down_only = true;
    for (const std::uint32_t at : graph.upwards()) {
        const std::uint32_t end = graph.first_arc(at + 1);
        for (std::uint32_t a = graph.first_arc(at); a < end && !labels[at].down_only; ++a) {
            const Arc& arc = graph.arc(a);
            if (arc.kind != ArcKind::kDown) break;  // they come first
            labels[at].down_only = labels[arc.to].down_only;
        }
    }
}

/// In a flat fabric, shortest paths across: from every switch that has a path down, to those that
/// have none.
void label_peers(const PathCosts& costs, Labels& labels) {
    using Entry = std::pair<std::uint32_t, std::uint32_t>;  // cost, switch
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    for (std::uint32_t at = 0; at < labels.size(); ++at) {
        if (labels[at].way <= Way::kDown) queue.push({labels[at].cost, at});
    }
    while (!queue.empty()) {
        const auto [cost, at] = queue.top();
        queue.pop();
        if (cost != labels[at].cost) continue;
        const std::uint32_t end = costs.graph->first_arc(at + 1);
        for (std::uint32_t a = costs.graph->first_arc(at); a < end; ++a) {
            const Arc& arc = costs.graph->arc(a);
            const std::uint32_t hop = (*costs.arcs)[arc.reverse].cost;
            Label& before = labels[arc.to];
            if (arc.kind != ArcKind::kPeer || hop == kFar) continue;
            if (before.way <= Way::kDown || before.cost <= cost + hop) continue;
            before.cost = cost + hop;
            before.way = Way::kPeer;
            queue.push({before.cost, arc.to});
        }
    }
}

void label_layers(const PathCosts& costs, Labels& labels) {
    const auto label = [&](std::uint32_t at, ArcKind kind, Way at_most, Way way) {
        const std::uint32_t cost = cheapest(costs, labels, at, kind, at_most);
        if (cost == kFar) return;
        labels[at].cost = cost;
        labels[at].way = way;
    };
    const auto order = costs.graph->upwards();
    for (const std::uint32_t at : order) {
        if (!labels[at].down_only || labels[at].way == Way::kHome) continue;
        label(at, ArcKind::kDown, Way::kDown, Way::kDown);
    }
    for (const std::uint32_t at : order) {
        if (labels[at].down_only || !costs.graph->has_peers()) continue;
        label(at, ArcKind::kPeer, Way::kDown, Way::kPeer);
    }
    for (auto at = order.rbegin(); at != order.rend(); ++at) {
        if (labels[*at].down_only || labels[*at].way != Way::kNone) continue;
        label(*at, ArcKind::kUp, Way::kUp, Way::kUp);
    }
}

}  // namespace

bool is_usable(const GroupKey& key) {
    return std::ranges::any_of(key, [](const auto& part) { return part.second != kFar; });
}

Labels make_labels(const PathCosts& costs, const GroupKey& key) {
    const FabricGraph& graph = *costs.graph;
    Labels labels(graph.switch_count());
    if (!graph.is_flat()) mark_down_only(graph, key, labels);
    for (const auto& [at, cost] : key) {
        if (cost == kFar) continue;
        labels[at].cost = cost;
        labels[at].way = Way::kHome;
    }
    if (graph.is_flat()) {
        label_peers(costs, labels);
    } else {
        label_layers(costs, labels);
    }
    return labels;
}

Label label_from_neighbours(const PathCosts& costs, const Labels& labels, std::uint32_t at) {
    const auto find = [&](ArcKind kind, Way at_most, Way way) -> Label {
        const std::uint32_t cost = cheapest(costs, labels, at, kind, at_most);
        return {cost, cost == kFar ? Way::kNone : way, labels[at].down_only};
    };
    if (labels[at].down_only) return find(ArcKind::kDown, Way::kDown, Way::kDown);
    const Label across = find(ArcKind::kPeer, last_way_across(*costs.graph), Way::kPeer);
    return across.way == Way::kPeer ? across : find(ArcKind::kUp, Way::kUp, Way::kUp);
}

Widths make_widths(const PathCosts& costs, const Labels& labels) {
    // Every hop is cheaper than where it comes from: its width is known by then.
    std::vector<std::uint32_t> order(labels.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, {}, [&](std::uint32_t at) { return labels[at].cost; });
    Widths widths(labels.size(), 0);
    for (const std::uint32_t at : order) {
        if (labels[at].way == Way::kNone) break;
        if (labels[at].way == Way::kHome) widths[at] = kUnlimited;
        const std::uint32_t end = costs.graph->first_arc(at + 1);
        for (std::uint32_t a = costs.graph->first_arc(at); a < end; ++a) {
            if (!is_hop(costs, labels, a)) continue;
            const std::uint32_t width =
                std::min((*costs.arcs)[a].cables, widths[costs.graph->arc(a).to]);
            widths[at] = std::min(widths[at] + width, kUnlimited);
        }
    }
    return widths;
}

std::vector<Hop> hops_of(const PathCosts& costs, const Labels& labels, const Widths& widths,
                         std::uint32_t at) {
    std::vector<Hop> hops;
    const std::uint32_t end = costs.graph->first_arc(at + 1);
    for (std::uint32_t a = costs.graph->first_arc(at); a < end; ++a) {
        if (!is_hop(costs, labels, a)) continue;
        const std::uint32_t beyond = widths[costs.graph->arc(a).to];
        hops.push_back({a, std::min((*costs.arcs)[a].cables, beyond)});
    }
    return hops;
}

}  // namespace ethlink::control
