// SPDX-License-Identifier: BSD-3-Clause
// Compact forms: a few numbers become nodes and links with predictable names.
#include "control/topology_form.h"

#include <cstdint>
#include <string>
#include <vector>

#include "control/config_keys.h"
#include "control/config_profile.h"
#include "control/topology.h"

namespace ethlink::control {
namespace {

enum class Form { kSingleRack, kBackToBack };

constexpr Choice<Form> kForms[] = {
    {"single-rack", Form::kSingleRack},
    {"back-to-back", Form::kBackToBack},
};

/// What all links of a compact form have in common.
struct Common {
    ProfileId profile;
    LinkFaults faults;
    Where where;
};

std::string numbered(std::string_view word, std::uint32_t i) {
    return std::string(word) + std::to_string(i);
}

void add_gpus(std::uint32_t count, const Common& common, GraphBuilder& graph) {
    for (std::uint32_t g = 0; g < count; ++g) {
        graph.add_node(
            {numbered("gpu", g), NodeKind::kEndpoint, 1, generated_gpu_id(g), {}, common.where});
    }
}

void add_cable(const std::string& node_a, std::uint32_t port_a, const std::string& node_b,
               std::uint32_t port_b, const Common& common, GraphBuilder& graph) {
    LinkSpec link;
    link.ends = {PortName{node_a, numbered("e", port_a), common.where},
                 PortName{node_b, numbered("e", port_b), common.where}};
    link.profile = common.profile;
    link.faults = common.faults;
    link.where = common.where;
    graph.add_link(link);
}

void add_single_rack(MapReader& map, const Common& common, GraphBuilder& graph) {
    const std::uint32_t gpus = map.number(keys::kGpus, std::uint32_t{4});
    const std::uint32_t switches = map.number(keys::kSwitches, std::uint32_t{1});
    const std::uint32_t workers = map.number(keys::kNodeWorkers, std::uint32_t{1});
    for (std::uint32_t t = 0; t < switches; ++t) {
        graph.add_node({numbered("leaf", t), NodeKind::kSwitch, workers, {}, {}, common.where});
    }
    add_gpus(gpus, common, graph);
    for (std::uint32_t t = 0; t < switches; ++t) {
        for (std::uint32_t g = 0; g < gpus; ++g) {
            add_cable(numbered("leaf", t), g, numbered("gpu", g), t, common, graph);
        }
    }
}

void add_back_to_back(MapReader& map, const Common& common, GraphBuilder& graph) {
    const std::uint32_t tracks = map.number(keys::kTracks, std::uint32_t{1});
    add_gpus(2, common, graph);
    for (std::uint32_t t = 0; t < tracks; ++t) add_cable("gpu0", t, "gpu1", t, common, graph);
}

}  // namespace

void add_topology(const ConfigValue& value, const std::vector<Profile>& profiles,
                  GraphBuilder& graph, ConfigLog& log) {
    MapReader map(value, log);
    const Where where{value.mark, value.path};
    log.note("nodes", value.mark);  // what later checks say of nodes and links points here
    log.note("links", value.mark);
    if (!map.required("kind", "kind: single-rack")) return;
    const Form form = map.choice("kind", kForms, Form::kSingleRack);
    Common common{read_profile_name(map, profiles, log), {}, where};
    if (const auto faults = map.value("faults")) common.faults = read_faults(*faults, log);
    switch (form) {
        case Form::kSingleRack: add_single_rack(map, common, graph); break;
        case Form::kBackToBack: add_back_to_back(map, common, graph); break;
    }
    map.finish();
}

}  // namespace ethlink::control
