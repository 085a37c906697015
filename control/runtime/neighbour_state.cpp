// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/neighbour_state.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ethlink::control {
namespace {

using nlohmann::json;

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

/// (what, state) -> who says so.
using Claims = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

std::string link_name(const Fabric& fabric, std::size_t link) {
    const FabricLink& ends = fabric.links[link];
    return fabric.port_name(ends.a) + " - " + fabric.port_name(ends.b);
}

void add_bits(const Fabric& fabric, NodeId node, std::uint16_t part, std::uint64_t bits,
              const char* state, Claims& claims) {
    for (std::size_t i = 0; i < wire::LinkAdvert::kPorts; ++i) {
        if ((bits >> i & 1) == 0) continue;
        const FabricPort& port = fabric.node(node).ports[part * wire::LinkAdvert::kPorts + i];
        claims[{link_name(fabric, *port.link), state}].push_back(fabric.node(node).name);
    }
}

void add_others(const Process& process, Claims& claims) {
    if (!process.neighbourhood()) return;
    const Fabric& fabric = process.fabric();
    const LinkStates& states = process.neighbourhood()->states();
    states.for_each([&](NodeId node, const wire::LinkAdvert& advert) {
        if (states.is_own(node)) return;
        add_bits(fabric, node, advert.part, advert.dead, "dead", claims);
        add_bits(fabric, node, advert.part, advert.drained, "drained", claims);
        if (advert.part == 0 && (advert.flags & wire::LinkAdvert::kNodeDrained) != 0) {
            claims[{fabric.node(node).name, "drained"}].push_back(fabric.node(node).name);
        }
    });
}

void add_own(const Process& process, Claims& claims) {
    const Fabric& fabric = process.fabric();
    const FabricCondition& own = process.own_condition();
    const auto here = [&](std::size_t link) {
        std::vector<std::string> ends;
        for (const PortRef end : {fabric.links[link].a, fabric.links[link].b}) {
            if (process.runs(end.node)) ends.push_back(fabric.node(end.node).name);
        }
        if (ends.empty()) ends.push_back("here");
        return ends;
    };
    for (std::size_t i = 0; i < fabric.links.size(); ++i) {
        for (const auto& [is, state] :
             {std::pair(own.dead[i], "dead"), std::pair(own.is_drained(i), "drained")}) {
            if (!is) continue;
            auto& by = claims[{link_name(fabric, i), state}];
            for (std::string& end : here(i)) by.push_back(std::move(end));
        }
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (!own.drained_nodes[n]) continue;
        const std::string& name = fabric.nodes[n].name;
        claims[{name, "drained"}].push_back(process.runs({n}) ? name : "here");
    }
}

}  // namespace

json neighbours_json(const Process& process) {
    json list = json::array();
    if (!process.neighbourhood()) return list;
    const Neighbourhood& all = *process.neighbourhood();
    const Fabric& fabric = process.fabric();
    for (std::size_t i = 0; i < all.port_count(); ++i) {
        const Neighbour& neighbour = all.neighbour(i);
        const bool said = neighbour.last().incarnation != 0 && !neighbour.runs_other_file();
        list.push_back({{"port", fabric.port_name(all.port(i))},
                        {"peer", fabric.port_name(*fabric.port(all.port(i)).peer)},
                        {"heard", said ? json(all.end_name(neighbour.last())) : json()},
                        {"state", name(neighbour.state())},
                        {"since_s", seconds(process.now() - neighbour.since())},
                        {"hold_ms", neighbour.hold() / std::chrono::milliseconds(1)},
                        {"hellos", neighbour.hellos()},
                        {"missed", neighbour.missed()},
                        {"remark", all.complaint(i)}});
    }
    return list;
}

json link_states_json(const Process& process) {
    Claims claims;
    add_own(process, claims);
    add_others(process, claims);
    json list = json::array();
    for (const auto& [claim, by] : claims) {
        list.push_back({{"what", claim.first}, {"state", claim.second}, {"told_by", by}});
    }
    return list;
}

}  // namespace ethlink::control
