// SPDX-License-Identifier: BSD-3-Clause
// Which way each switch sends frames for one group of destinations: up, then across, then down.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "control/fabric_graph.h"

namespace ethlink::control {

/// Destinations that hang on the same switches have one set of labels.
///
/// For each of these switches, ascending: its index and what the last hop costs beyond its one:
/// 0, kDrainCost if all cables to the destination drain, kFar if all are down.
using GroupKey = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// The best kind of path that a switch has, in this order.
enum class Way : std::uint8_t { kHome, kDown, kPeer, kUp, kNone };

struct Label {
    std::uint32_t cost = kFar;  // hops to the last switch, kDrainCost more for each that drains
    Way way = Way::kNone;
    // As the fabric is built there is a path down, so frames may come from above: they never go
    // another way, whatever is down just now. So the tables of switches that know of different
    // failures still fit together. Not in a flat fabric.
    bool down_only = false;
    friend bool operator==(const Label&, const Label&) = default;
};

using Labels = std::vector<Label>;  // by switch

/// One next switch; of all cables in use between the two, `weight` stands for the sum.
struct Hop {
    std::uint32_t arc = 0;
    std::uint32_t weight = 0;
    friend bool operator==(const Hop&, const Hop&) = default;
};

/// Everything that depends on health but not on the destination.
struct PathCosts {
    const FabricGraph* graph;
    const std::vector<ArcState>* arcs;
};

/// Switches to which a path across may lead: in layers it goes down from there.
inline Way last_way_across(const FabricGraph& graph) {
    return graph.is_flat() ? Way::kPeer : Way::kDown;
}

/// Whether anything of a key passes frames.
bool is_usable(const GroupKey& key);

/// Labels of all switches. They are the only solution of label_from_neighbours() everywhere.
Labels make_labels(const PathCosts& costs, const GroupKey& key);

/// What a switch other than those of the key says when its neighbours say what they say.
Label label_from_neighbours(const PathCosts& costs, const Labels& labels, std::uint32_t at);

/// Whether `arc` is one of the equally good next hops of its switch.
inline bool is_hop(const PathCosts& costs, const Labels& labels, std::uint32_t index) {
    const Arc& arc = costs.graph->arc(index);
    const std::uint32_t cost = (*costs.arcs)[index].cost;
    const Label& own = labels[arc.from];
    const Label& next = labels[arc.to];
    if (cost == kFar || next.cost == kFar || next.cost + cost != own.cost) return false;
    switch (own.way) {
        case Way::kDown: return arc.kind == ArcKind::kDown && next.way <= Way::kDown;
        case Way::kPeer:
            return arc.kind == ArcKind::kPeer && next.way <= last_way_across(*costs.graph);
        case Way::kUp: return arc.kind == ArcKind::kUp;
        case Way::kHome:
        case Way::kNone: return false;
    }
    return false;
}

/// Cables that frames find on their way from each switch, at the narrowest place: what weights
/// are made of. Unlimited at home.
using Widths = std::vector<std::uint32_t>;
Widths make_widths(const PathCosts& costs, const Labels& labels);

/// The next hops of a switch, in the order of its arcs; none at home.
std::vector<Hop> hops_of(const PathCosts& costs, const Labels& labels, const Widths& widths,
                         std::uint32_t at);

}  // namespace ethlink::control
