// SPDX-License-Identifier: BSD-3-Clause
#include "control/proof_words.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ethlink::control {
namespace {

std::string names(const FabricGraph& graph, const std::vector<std::uint32_t>& way) {
    std::string text;
    for (const std::uint32_t at : way) text += graph.name(at) + " -> ";
    return text + graph.name(way.front());
}

PortRef first_port(const FabricGraph& graph, std::uint32_t arc) {
    return {graph.node(graph.arc(arc).from), graph.cables(arc).front().port};
}

}  // namespace

ConfigError cycle_error(const FabricGraph& graph, const std::vector<std::uint32_t>& arcs,
                        const std::string& when) {
    const Fabric& fabric = graph.fabric();
    std::string hops;
    for (const std::uint32_t arc : arcs) hops += fabric.port_name(first_port(graph, arc)) + " -> ";
    const std::size_t link = graph.cables(arcs.front()).front().link;
    return fabric.error("links[" + std::to_string(link) + "]",
                        when + "frames of a lossless VC can wait for each other for ever: " + hops +
                            fabric.port_name(first_port(graph, arcs.front())),
                        "take a link out of the circle of switches, or join them by spines");
}

ConfigError fault_error(const FabricGraph& graph, const ColumnFault& fault, GpuId dst,
                        const std::string& when) {
    const std::string path = "nodes." + graph.name(fault.way.front());
    const std::string frames = when + "frames for " + hex(dst) + " ";
    const auto advice = [&](const char* table) {
        return when.empty() ? table : "join these switches by spines, or each with each";
    };
    switch (fault.kind) {
        case ColumnFault::Kind::kHole:
            return graph.fabric().error(
                path,
                frames + "are lost: `" + graph.name(fault.way[0]) + "` sends them to `" +
                    graph.name(fault.way[1]) + "`, which has no route",
                "give `" + graph.name(fault.way[1]) + "` a route, or send them elsewhere");
        case ColumnFault::Kind::kBounce:
            return graph.fabric().error(
                path, frames + "bounce: " + names(graph, fault.way),
                advice("the second switch must not send them back where they come from"));
        case ColumnFault::Kind::kLoop:
            return graph.fabric().error(path, frames + "go round: " + names(graph, fault.way),
                                        advice("one of these switches must send them elsewhere"));
    }
    return {};
}

ConfigError port_error(const FabricGraph& graph, const PortFault& fault) {
    const NodeId node = graph.node(fault.at);
    const std::vector<FabricPort>& ports = graph.fabric().node(node).ports;
    const std::string path = "nodes." + graph.name(fault.at);
    const std::string frames = "frames for " + hex(fault.dst) + " are lost: ";
    if (fault.port.value >= ports.size()) {
        return graph.fabric().error(path,
                                    frames + "`" + graph.name(fault.at) + "` has no port " +
                                        std::to_string(fault.port.value),
                                    "it has " + std::to_string(ports.size()));
    }
    return graph.fabric().error(path,
                                frames + "`" + graph.fabric().port_name({node, fault.port}) +
                                    "` leads out of the fabric, but not to this GPU-ID",
                                "endpoints do not forward");
}

std::string endpoint_words(const FabricGraph& graph, std::size_t destination) {
    const GpuId gpu = graph.destinations()[destination].gpu;
    for (const FabricNode& node : graph.fabric().nodes) {
        if (node.gpu == gpu) return "`" + node.name + "`";
    }
    return "GPU-ID " + hex(gpu);
}

std::string link_words(const FabricGraph& graph, std::size_t link) {
    const FabricLink& ends = graph.fabric().links[link];
    return "`" + graph.fabric().port_name(ends.a) + " - " + graph.fabric().port_name(ends.b) + "`";
}

bool any_lossless(const Fabric& fabric) {
    const LinkProfile& link = fabric.profiles.front().link;
    return std::any_of(link.vcs.begin(), link.vcs.begin() + link.vc_count,
                       [](const VcProfile& vc) { return vc.lossless; });
}

}  // namespace ethlink::control
