// SPDX-License-Identifier: BSD-3-Clause
#include "control/topology_reach.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace ethlink::control {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

void make_set(std::vector<std::uint32_t>& islands) {
    std::sort(islands.begin(), islands.end());
    islands.erase(std::unique(islands.begin(), islands.end()), islands.end());
}

}  // namespace

Reach::Reach(const Fabric& fabric)
    : fabric_(fabric),
      island_of_(fabric.nodes.size(), kNone),
      islands_(fabric.nodes.size()),
      neighbours_(fabric.nodes.size()),
      has_plain_port_(fabric.nodes.size(), false) {
    find_islands();
    for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
        if (fabric_.nodes[n].kind == NodeKind::kEndpoint) look_at_endpoint(n);
    }
    look_at_bound_gpus();
    for (std::vector<Island>& islands : islands_) make_set(islands);
    is_whole_ = has_common_island();
}

void Reach::find_islands() {
    Island next = 0;
    for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
        if (fabric_.nodes[n].kind != NodeKind::kSwitch || island_of_[n] != kNone) continue;
        std::vector<std::size_t> todo{n};
        island_of_[n] = next;
        while (!todo.empty()) {
            const FabricNode& node = fabric_.nodes[todo.back()];
            todo.pop_back();
            for (const FabricPort& port : node.ports) {
                if (!port.peer) continue;
                const std::size_t peer = port.peer->node.value;
                if (fabric_.nodes[peer].kind != NodeKind::kSwitch) continue;
                if (island_of_[peer] != kNone) continue;
                island_of_[peer] = next;
                todo.push_back(peer);
            }
        }
        ++next;
    }
}

void Reach::look_at_endpoint(std::size_t endpoint) {
    for (const FabricPort& port : fabric_.nodes[endpoint].ports) {
        if (port.kind == PortKind::kPlain) has_plain_port_[endpoint] = true;
        if (!port.peer) continue;
        const std::size_t peer = port.peer->node.value;
        if (fabric_.nodes[peer].kind == NodeKind::kSwitch) {
            islands_[endpoint].push_back(island_of_[peer]);
        } else {
            neighbours_[endpoint].push_back(peer);
        }
    }
}

/// An endpoint with a plain port may stand behind the plain port of a switch.
void Reach::look_at_bound_gpus() {
    std::map<GpuId, std::size_t> endpoints;
    for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
        if (fabric_.nodes[n].gpu) endpoints.emplace(*fabric_.nodes[n].gpu, n);
    }
    for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
        if (fabric_.nodes[n].kind != NodeKind::kSwitch) continue;
        for (const FabricPort& port : fabric_.nodes[n].ports) {
            if (port.kind != PortKind::kPlain) continue;
            for (const GpuId gpu : port.gpus) {
                const auto found = endpoints.find(gpu);
                if (found != endpoints.end()) islands_[found->second].push_back(island_of_[n]);
            }
        }
    }
}

/// Whether one island has all endpoints: the ordinary case.
bool Reach::has_common_island() const {
    std::vector<Island> common;
    bool is_first = true;
    for (std::size_t n = 0; n < fabric_.nodes.size(); ++n) {
        if (fabric_.nodes[n].kind != NodeKind::kEndpoint) continue;
        if (is_first) common = islands_[n];
        is_first = false;
        std::erase_if(common, [&](Island island) {
            return !std::ranges::binary_search(islands_[n], island);
        });
        if (common.empty()) return false;
    }
    return true;
}

bool Reach::reaches(std::size_t from, std::size_t to) const {
    if (has_plain_port_[from]) return true;
    if (std::ranges::find(neighbours_[from], to) != neighbours_[from].end()) return true;
    return std::ranges::any_of(islands_[from], [&](Island island) {
        return std::ranges::binary_search(islands_[to], island);
    });
}

}  // namespace ethlink::control
