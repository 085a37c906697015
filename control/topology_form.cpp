// SPDX-License-Identifier: BSD-3-Clause
// Compact forms: a few numbers become nodes and links with predictable names.
#include "control/topology_form.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_keys.h"
#include "control/config_profile.h"
#include "control/topology.h"

namespace ethlink::control {
namespace {

constexpr Choice<std::optional<TopologyKind>> kKinds[] = {
    {"single-rack", TopologyKind::kSingleRack},
    {"dual-rack", TopologyKind::kDualRack},
    {"leaf-spine", TopologyKind::kLeafSpine},
    {"back-to-back", TopologyKind::kBackToBack},
};

/// What all links of a compact form have in common.
struct Common {
    ProfileId profile;
    ProfileId uplink_profile;  // of links between switches
    LinkFaults faults;
    Where where;
};

std::optional<std::uint32_t> read_count(MapReader& map, const NumberKey& key) {
    const auto number = map.number(key);
    if (!number) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

/// The key had this name when a rack was the largest fabric.
void refuse_old_key(MapReader& map, ConfigLog& log) {
    constexpr std::string_view kOld = "switches";
    if (!map.has(kOld)) return;
    map.value(kOld);
    log.error(map.mark(kOld), map.path(kOld), "this key is called `tracks`",
              "tracks: N, a switch in each rack for each track");
}

/// Only the keys that this kind has: finish() tells of the others.
ShapeRequest read_request(MapReader& map, TopologyKind kind) {
    ShapeRequest request;
    request.kind = kind;
    request.tracks = read_count(map, keys::kTracks);
    if (kind == TopologyKind::kBackToBack) return request;
    request.gpus = read_count(map, keys::kGpus);
    request.workers = read_count(map, keys::kNodeWorkers);
    if (kind == TopologyKind::kSingleRack) return request;
    request.uplinks = read_count(map, keys::kUplinks);
    if (map.has(keys::kOversubscription.name)) {
        request.oversubscription = map.real(keys::kOversubscription, 1);
    } else {
        map.value(keys::kOversubscription.name);  // known, so that it is suggested
    }
    if (kind == TopologyKind::kDualRack) return request;
    request.racks = read_count(map, keys::kRacks);
    request.spines = read_count(map, keys::kSpines);
    return request;
}

void add_to(GraphBuilder& graph, const TopologyShape& shape, const Common& common) {
    std::set<std::string, std::less<>> switches;
    for_each_node(shape, [&](const ShapeNode& node) {
        if (!node.gpu) switches.insert(node.name);
        NodeSpec spec;
        spec.name = node.name;
        spec.kind = node.gpu ? NodeKind::kEndpoint : NodeKind::kSwitch;
        spec.workers = node.gpu ? 1 : shape.workers;
        if (node.gpu) spec.gpu = generated_gpu_id(*node.gpu);
        spec.where = common.where;
        graph.add_node(spec);
    });
    for_each_link(shape, [&](const ShapePort& a, const ShapePort& b) {
        LinkSpec link;
        link.ends = {PortName{a.node, a.port, common.where},
                     PortName{b.node, b.port, common.where}};
        link.profile = common.profile;
        if (common.uplink_profile != common.profile && switches.contains(a.node) &&
            switches.contains(b.node)) {
            link.profile = common.uplink_profile;
        }
        link.faults = common.faults;
        link.where = common.where;
        graph.add_link(link);
    });
}

}  // namespace

std::optional<TopologyShape> read_shape(MapReader& map, ConfigLog& log) {
    const std::size_t errors = log.error_count();
    map.required("kind", "kind: single-rack");
    const auto kind = map.choice<std::optional<TopologyKind>>("kind", kKinds, std::nullopt);
    // Of a kind that nobody knows, any key may be one.
    const ShapeRequest request = read_request(map, kind.value_or(TopologyKind::kLeafSpine));
    refuse_old_key(map, log);
    if (!kind || log.error_count() != errors) return std::nullopt;
    const auto shape = make_shape(request);
    if (shape) return *shape;
    const ShapeMistake& mistake = shape.error();
    const auto value = map.value(mistake.key);
    const Mark mark = value ? value->mark : map.mark(mistake.key);
    log.error(mark, map.path(mistake.key), mistake.why, mistake.hint);
    return std::nullopt;
}

void add_topology(const ConfigValue& value, const std::vector<Profile>& profiles,
                  GraphBuilder& graph, ConfigLog& log) {
    MapReader map(value, log);
    log.note("nodes", value.mark);  // what later checks say of nodes and links points here
    log.note("links", value.mark);
    const auto shape = read_shape(map, log);
    const ProfileId profile = read_profile_name(map, "profile", profiles, log);
    Common common{profile, profile, {}, {value.mark, value.path}};
    const bool has_uplinks = shape && (shape->kind == TopologyKind::kDualRack ||
                                       shape->kind == TopologyKind::kLeafSpine);
    if (has_uplinks && map.has("uplink_profile")) {
        common.uplink_profile = read_profile_name(map, "uplink_profile", profiles, log);
    }
    if (const auto faults = map.value("faults")) common.faults = read_faults(*faults, log);
    map.finish();
    if (shape) add_to(graph, *shape, common);
}

}  // namespace ethlink::control
