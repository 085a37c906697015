// SPDX-License-Identifier: BSD-3-Clause
#include "control/deadlock.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ethlink::control {

WaitGraph::WaitGraph(const FabricGraph& graph) : graph_(&graph), first_(graph.arc_count() + 1, 0) {
    for (std::uint32_t arc = 0; arc < graph.arc_count(); ++arc) {
        const std::uint32_t to = graph.arc(arc).to;
        first_[arc + 1] = first_[arc] + graph.first_arc(to + 1) - graph.first_arc(to);
    }
    waits_.resize(first_.back(), false);
}

void WaitGraph::add(const Column& column) {
    for (const std::uint32_t arc : column.arcs) {
        const std::uint32_t to = graph_->arc(arc).to;
        for (const std::uint32_t next : column.hops(to)) {
            // A frame that would turn round is refused by the switch and waits for nobody.
            if (next == graph_->arc(arc).reverse) continue;
            waits_[first_[arc] + next - graph_->first_arc(to)] = true;
        }
    }
}

std::vector<std::uint32_t> WaitGraph::waits_for(std::uint32_t arc) const {
    std::vector<std::uint32_t> list;
    const std::uint32_t begin = graph_->first_arc(graph_->arc(arc).to);
    for (std::size_t i = first_[arc]; i < first_[arc + 1]; ++i) {
        if (waits_[i]) list.push_back(begin + static_cast<std::uint32_t>(i - first_[arc]));
    }
    return list;
}

std::vector<std::uint32_t> WaitGraph::find_cycle() const {
    // What is left when again and again everything that nobody waits for is taken away: circles,
    // and what is behind them.
    const std::uint32_t count = graph_->arc_count();
    std::vector<std::uint32_t> waiting(count, 0);
    for (std::uint32_t arc = 0; arc < count; ++arc) {
        for (const std::uint32_t next : waits_for(arc)) ++waiting[next];
    }
    std::vector<std::uint32_t> free;
    for (std::uint32_t arc = 0; arc < count; ++arc) {
        if (waiting[arc] == 0) free.push_back(arc);
    }
    std::vector<bool> stuck(count, true);
    for (std::size_t i = 0; i < free.size(); ++i) {
        stuck[free[i]] = false;
        for (const std::uint32_t next : waits_for(free[i])) {
            if (--waiting[next] == 0) free.push_back(next);
        }
    }
    const auto start = std::ranges::find(stuck, true);
    if (start == stuck.end()) return {};
    // Somebody among them waits for each of them: going back from any one comes round at last.
    std::vector<std::uint32_t> back(count, count);
    for (std::uint32_t arc = 0; arc < count; ++arc) {
        if (!stuck[arc]) continue;
        for (const std::uint32_t next : waits_for(arc)) back[next] = std::min(back[next], arc);
    }
    std::vector<std::uint32_t> way{static_cast<std::uint32_t>(start - stuck.begin())};
    for (;;) {
        const std::uint32_t before = back[way.back()];
        const auto seen = std::ranges::find(way, before);
        if (seen == way.end()) {
            way.push_back(before);
            continue;
        }
        std::vector<std::uint32_t> cycle(seen, way.end());
        std::ranges::reverse(cycle);
        std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
        return cycle;
    }
}

}  // namespace ethlink::control
