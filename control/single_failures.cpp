// SPDX-License-Identifier: BSD-3-Clause
#include "control/single_failures.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>

#include "control/proof_words.h"

namespace ethlink::control {

/// Cables of endpoints whose loss looks alike.
struct SingleFailures::CableClass {
    std::uint32_t group = 0;
    std::uint32_t at = 0;
    std::uint64_t times = 0;
    std::size_t destination = 0;  // the first one's
    std::size_t link = 0;
};

/// What is taken away.
struct SingleFailures::Removed {
    std::vector<std::uint32_t> arcs;
    std::uint32_t dead = kNoSwitch;

    GroupKey rest_of(GroupKey key) const {
        for (auto& [at, cost] : key) {
            if (at == dead) cost = kFar;
        }
        return key;
    }
};

/// Groups whose labels are others then.
struct SingleFailures::After {
    struct Relabelled {
        GroupKey key;
        Labels labels;
    };
    std::map<std::uint32_t, Relabelled> groups;
    std::optional<Relabelled> split_off;  // of one destination that has lost a cable
    std::size_t split_off_destination = 0;
};

namespace {

bool joined(const GroupKey& from, const Labels& labels) {
    return std::ranges::any_of(from, [&](const auto& part) {
        return part.second != kFar && labels[part.first].way != Way::kNone;
    });
}

}  // namespace

SingleFailures::SingleFailures(const Routes& routes, bool ranked)
    : routes_(routes),
      graph_(routes.graph()),
      ranked_(ranked),
      lossless_(any_lossless(routes.graph().fabric())),
      example_(routes.state().groups.size(), 0) {
    for (std::size_t d = graph_.destinations().size(); d-- > 0;) {
        const std::uint32_t group = routes_.state().group_of[d];
        if (group != RouteGroup::kNone) example_[group] = d;
    }
}

std::vector<FailureResult> SingleFailures::run() const {
    std::vector<std::uint32_t> lone_arcs;  // of one cable; its reverse is the same cable
    for (std::uint32_t arc = 0; arc < graph_.arc_count(); ++arc) {
        const bool lone = graph_.cables(arc).size() == 1;
        if (lone && arc < graph_.arc(arc).reverse) lone_arcs.push_back(arc);
    }
    const std::vector<CableClass> classes = cable_classes();
    const std::size_t switches = graph_.switch_count();
    std::vector<FailureResult> results(lone_arcs.size() + switches + classes.size());
    oneapi::tbb::enumerable_thread_specific<std::vector<ArcState>> arcs(routes_.state().arcs);
    oneapi::tbb::parallel_for(std::size_t{0}, results.size(), [&](std::size_t i) {
        if (i < lone_arcs.size()) {
            results[i] = without_arc(lone_arcs[i], arcs.local());
        } else if (i < lone_arcs.size() + switches) {
            const std::size_t at = i - lone_arcs.size();
            results[i] = without_switch(static_cast<std::uint32_t>(at), arcs.local());
        } else {
            results[i] = without_cable(classes[i - lone_arcs.size() - switches]);
        }
    });
    std::uint64_t links_done = lone_arcs.size();
    for (const CableClass& one : classes) links_done += one.times;
    for (FailureResult& result : between_endpoints()) {
        links_done += result.times;
        results.push_back(std::move(result));
    }
    // One of several cables.
    results.emplace_back().times = graph_.fabric().links.size() - links_done;
    return results;
}

std::vector<SingleFailures::CableClass> SingleFailures::cable_classes() const {
    std::map<std::pair<std::uint32_t, std::uint32_t>, CableClass> classes;
    const auto destinations = graph_.destinations();
    for (std::size_t d = 0; d < destinations.size(); ++d) {
        const std::vector<Attachment>& all = destinations[d].attachments;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::uint32_t at = all[i].at;
            const bool lone =
                (i == 0 || all[i - 1].at != at) && (i + 1 == all.size() || all[i + 1].at != at);
            if (!lone || all[i].cable.link == kNoLink) continue;
            const std::uint32_t group = routes_.state().group_of[d];
            CableClass& one = classes[{group, at}];
            if (one.times == 0) one = {group, at, 0, d, all[i].cable.link};
            ++one.times;
        }
    }
    std::vector<CableClass> list;
    for (const auto& [key, one] : classes) list.push_back(one);
    return list;
}

FailureResult SingleFailures::without_arc(std::uint32_t arc, std::vector<ArcState>& arcs) const {
    const Removed removed{{arc, graph_.arc(arc).reverse}, kNoSwitch};
    const std::size_t link = graph_.cables(arc).front().link;
    return without(removed, link_words(graph_, link), arcs);
}

FailureResult SingleFailures::without_switch(std::uint32_t at, std::vector<ArcState>& arcs) const {
    Removed removed{{}, at};
    for (std::uint32_t a = graph_.first_arc(at); a < graph_.first_arc(at + 1); ++a) {
        removed.arcs.push_back(a);
        removed.arcs.push_back(graph_.arc(a).reverse);
    }
    return without(removed, "`" + graph_.name(at) + "`", arcs);
}

FailureResult SingleFailures::without(const Removed& removed, const std::string& what,
                                      std::vector<ArcState>& arcs) const {
    for (const std::uint32_t arc : removed.arcs) arcs[arc] = {kFar, 0};
    const After after = relabelled(removed, arcs);
    FailureResult result;
    look_at(after, arcs, what, result);
    if (const std::string lost = lost_pair(after, removed); !lost.empty()) {
        result.disconnects = "without " + what + ", " + lost;
    }
    for (const std::uint32_t arc : removed.arcs) arcs[arc] = routes_.state().arcs[arc];
    return result;
}

/// An endpoint without one of its cables is a group of its own; everybody else stays as he is.
FailureResult SingleFailures::without_cable(const CableClass& one) const {
    const RouteGroup& group = routes_.state().groups[one.group];
    const std::string what = link_words(graph_, one.link);
    const std::string when = "without " + what + ", ";
    FailureResult result;
    result.times = one.times;
    After after;
    after.split_off_destination = one.destination;
    after.split_off.emplace();
    GroupKey& key = after.split_off->key;
    key = Removed{{}, one.at}.rest_of(group.key);
    if (!is_usable(key)) {
        if (is_alone(one.group)) return result;
        result.disconnects = when + endpoint_words(graph_, one.destination) + " is cut off";
        return result;
    }
    after.split_off->labels = make_labels(routes_.costs(), key);
    look_at(after, routes_.state().arcs, what, result);
    for (std::uint32_t g = 0; g < example_.size(); ++g) {
        const RouteGroup& other = routes_.state().groups[g];
        const bool there = joined(key, other.labels) || !joined(group.key, other.labels);
        const bool back =
            joined(other.key, after.split_off->labels) || !joined(other.key, group.labels);
        if (there && back) continue;
        result.disconnects = when + endpoint_words(graph_, one.destination) +
                             " no longer reaches " + endpoint_words(graph_, example_[g]);
        break;
    }
    return result;
}

std::vector<FailureResult> SingleFailures::between_endpoints() const {
    const Fabric& fabric = graph_.fabric();
    const auto direct = [&](const FabricLink& link) {
        return graph_.switch_at(link.a.node) == kNoSwitch &&
               graph_.switch_at(link.b.node) == kNoSwitch;
    };
    std::map<std::pair<NodeId, NodeId>, std::uint64_t> cables;
    const auto pair = [](const FabricLink& link) { return std::minmax(link.a.node, link.b.node); };
    for (const FabricLink& link : fabric.links) {
        if (direct(link)) ++cables[pair(link)];
    }
    std::vector<FailureResult> results;
    for (std::size_t i = 0; i < fabric.links.size(); ++i) {
        const FabricLink& link = fabric.links[i];
        if (!direct(link)) continue;
        FailureResult& result = results.emplace_back();
        const auto gpu = fabric.node(link.b.node).gpu;
        const bool others = cables[pair(link)] > 1 || (gpu && is_joined(link.a.node, *gpu));
        if (others) continue;
        result.disconnects = "without " + link_words(graph_, i) + ", `" +
                             fabric.node(link.a.node).name + "` no longer reaches `" +
                             fabric.node(link.b.node).name + "`";
    }
    return results;
}

/// By switches.
bool SingleFailures::is_joined(NodeId from, GpuId to) const {
    const auto destinations = graph_.destinations();
    const auto found = std::ranges::lower_bound(destinations, to, {}, &Destination::gpu);
    if (found == destinations.end() || found->gpu != to) return false;
    const std::uint32_t group =
        routes_.state().group_of[static_cast<std::size_t>(found - destinations.begin())];
    if (group == RouteGroup::kNone) return false;
    const Labels& labels = routes_.state().groups[group].labels;
    return std::ranges::any_of(graph_.fabric().node(from).ports, [&](const FabricPort& port) {
        const std::uint32_t at = port.peer ? graph_.switch_at(port.peer->node) : kNoSwitch;
        return at != kNoSwitch && labels[at].way != Way::kNone;
    });
}

/// Whether nobody else is joined with the one member of this group.
bool SingleFailures::is_alone(std::uint32_t group) const {
    const std::vector<RouteGroup>& groups = routes_.state().groups;
    if (groups[group].members > 1) return false;
    return std::ranges::none_of(groups, [&](const RouteGroup& other) {
        return &other != &groups[group] && joined(groups[group].key, other.labels);
    });
}

/// A group keeps its labels as long as each of them still follows from those of the neighbours:
/// then only lists of ports get shorter, which adds no hop anywhere.
SingleFailures::After SingleFailures::relabelled(const Removed& removed,
                                                 const std::vector<ArcState>& arcs) const {
    const PathCosts costs{&graph_, &arcs};
    After after;
    for (std::uint32_t g = 0; g < example_.size(); ++g) {
        const RouteGroup& group = routes_.state().groups[g];
        GroupKey key = removed.rest_of(group.key);
        const auto breaks = [&](std::uint32_t arc) {
            const std::uint32_t at = graph_.arc(arc).from;
            return at != removed.dead && is_hop(routes_.costs(), group.labels, arc) &&
                   label_from_neighbours(costs, group.labels, at) != group.labels[at];
        };
        if (key == group.key && std::ranges::none_of(removed.arcs, breaks)) continue;
        Labels labels = make_labels(costs, key);
        after.groups.emplace(g, After::Relabelled{std::move(key), std::move(labels)});
    }
    return after;
}

/// Of whom the routes change. Until all switches have the new tables, some still have the old ones:
/// the keeper of a running fabric would refuse what is not safe then, and go on sending to what has
/// failed.
std::vector<Column> SingleFailures::changed_columns(const After& after,
                                                    const std::vector<ArcState>& arcs,
                                                    const std::string& when,
                                                    FailureResult& result) const {
    std::vector<Column> columns;
    const auto add = [&](const Labels& labels, std::size_t destination) {
        const GpuId gpu = graph_.destinations()[destination].gpu;
        const RouteGroup& group = routes_.state().groups[routes_.state().group_of[destination]];
        Column column = column_of({&graph_, &arcs}, labels, gpu);
        if (const auto hole = find_hole(graph_, column)) {
            result.errors.push_back(fault_error(graph_, *hole, gpu, when));
        }
        if (lossless_) column = mixed(column_of(routes_.costs(), group.labels, gpu), column);
        columns.push_back(std::move(column));
    };
    for (const auto& [g, changed] : after.groups) add(changed.labels, example_[g]);
    if (after.split_off) add(after.split_off->labels, after.split_off_destination);
    return columns;
}

void SingleFailures::look_at(const After& after, const std::vector<ArcState>& arcs,
                             const std::string& what, FailureResult& result) const {
    const std::string when = "while tables change as " + what + " fails, ";
    const std::vector<Column> columns = changed_columns(after, arcs, when, result);
    const auto ranked = [&](const Column& column) { return is_ranked(graph_, column); };
    if (ranked_ && std::ranges::all_of(columns, ranked)) return;

    // Not by an order, so by the graph of all.
    for (const Column& column : columns) {
        if (const auto loop = find_loop(graph_, column)) {
            result.errors.push_back(fault_error(graph_, *loop, column.dst, when));
        }
    }
    if (!lossless_) return;
    WaitGraph waits = waits_as_built();
    for (const Column& column : columns) waits.add(column);
    const std::vector<std::uint32_t> cycle = waits.find_cycle();
    if (cycle.empty()) return;
    result.deadlock = true;
    result.errors.push_back(cycle_error(graph_, cycle, when));
}

WaitGraph SingleFailures::waits_as_built() const {
    WaitGraph waits(graph_);
    for (std::uint32_t g = 0; g < example_.size(); ++g) {
        const GpuId gpu = graph_.destinations()[example_[g]].gpu;
        waits.add(column_of(routes_.costs(), routes_.state().groups[g].labels, gpu));
    }
    return waits;
}

/// A pair of endpoints that have lost each other.
std::string SingleFailures::lost_pair(const After& after, const Removed& removed) const {
    const std::vector<RouteGroup>& groups = routes_.state().groups;
    for (std::uint32_t from = 0; from < example_.size(); ++from) {
        const GroupKey key = removed.rest_of(groups[from].key);
        const bool all = key != groups[from].key;  // or only to where labels changed
        if (!all && after.groups.empty()) continue;
        if (!is_usable(key)) {
            if (is_alone(from)) continue;
            return endpoint_words(graph_, example_[from]) + " is cut off";
        }
        const auto lost = [&](std::uint32_t to, const Labels& labels) {
            return joined(groups[from].key, groups[to].labels) && !joined(key, labels);
        };
        const auto words = [&](std::uint32_t to) {
            return endpoint_words(graph_, example_[from]) + " no longer reaches " +
                   endpoint_words(graph_, example_[to]);
        };
        for (const auto& [to, changed] : after.groups) {
            if (lost(to, changed.labels)) return words(to);
        }
        for (std::uint32_t to = 0; all && to < example_.size(); ++to) {
            if (!after.groups.contains(to) && lost(to, groups[to].labels)) return words(to);
        }
    }
    return {};
}

}  // namespace ethlink::control
