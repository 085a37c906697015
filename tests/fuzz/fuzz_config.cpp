// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a fabric file. What is wrong is told with its place; what loads is a fabric whose
// routes, capacity and reports can be made, and which cannot stand still (R5, R8, S10, F1-F3).
#include <string>

#include "control/capacity.h"
#include "control/config.h"
#include "control/config_reader.h"
#include "control/fabric_proof.h"
#include "control/report.h"
#include "control/routes.h"
#include "control/topo_picture.h"
#include "control/topology.h"
#include "tests/fuzz/input.h"

namespace ethlink::fuzz {
namespace {

using control::ConfigError;
using control::Fabric;

constexpr std::size_t kNodesMax = 40, kLinksMax = 80;  // for all that grows faster than the file

void check_errors(const std::vector<ConfigError>& errors) {
    must(!errors.empty() && errors.size() <= 20, "refused for some reasons, and not too many");
    for (const ConfigError& error : errors) {
        must(error.line >= 1 && error.column >= 1, "a mistake has its place");
        must(!error.why.empty() && error.why.size() < 2000, "a mistake is a sentence");
    }
}

/// What has a name is found by it, and a node that has no devices is told so.
void check_names(const Fabric& fabric) {
    for (std::uint32_t i = 0; i < fabric.nodes.size(); ++i) {
        const control::FabricNode& node = fabric.nodes[i];
        must(fabric.find_node(node.name) == control::NodeId{i}, "F1: one node of this name");
        bool whole = true;
        for (std::uint16_t p = 0; p < node.ports.size(); ++p) {
            must(node.find_port(node.ports[p].name) == PortId{p}, "F1: one port of this name");
            whole &= !node.ports[p].device.empty();
        }
        const auto errors = control::check_runs_alone(fabric, control::NodeId{i});
        must(errors.empty() == whole, "R8: a node without devices does not run alone");
        if (!errors.empty()) check_errors(errors);
    }
    for (const control::Profile& profile : fabric.profiles) {
        for (std::uint8_t vc = 0; vc < profile.link.vc_count; ++vc) {
            must(profile.dscp_of(Vc{vc}) < 64, "a DSCP has six bits");
        }
    }
}

void check_ports(const Fabric& fabric) {
    for (const control::FabricNode& node : fabric.nodes) {
        must(control::is_name(node.name), "F1: names that can be written everywhere");
        must(node.workers >= 1, "somebody polls");
        for (const control::FabricPort& port : node.ports) {
            must(port.profile.value < fabric.profiles.size(), "a profile that is there");
            must(port.peer.has_value() == (port.kind == control::PortKind::kLink),
                 "F1: no dangling link");
            if (!port.peer) continue;
            const control::FabricPort& far = fabric.port(*port.peer);
            must(far.peer && fabric.port(*far.peer).name == port.name, "F1: both ends agree");
            must(far.software_fcs == port.software_fcs, "F1: both ends check alike");
        }
    }
}

/// What the proof lets pass has no circle and no hole; what it does not is told.
void check_proof(const Fabric& fabric, const std::vector<control::RouteTable>& routes) {
    const control::FabricProof proof = control::prove_fabric(fabric);
    if (!proof.errors.empty()) return check_errors(proof.errors);
    must(proof.deadlock_free, "S10: what may run cannot stand still");
    must(proof.single_failures_checked >= fabric.links.size(), "F2: each link fails once");
    must(control::prove_tables(control::FabricGraph(fabric), routes).empty(),
         "S10: the same, table by table");
}

/// Routes that follow a link down and up again end where new ones begin.
void check_updates(const Fabric& fabric) {
    if (fabric.links.empty()) return;
    control::Routes routes(fabric);
    control::FabricHealth health(fabric);
    for (const auto state :
         {control::LinkHealth::kDown, control::LinkHealth::kDraining, control::LinkHealth::kUp}) {
        health.set_link(fabric.links.size() / 2, state);
        routes.update(health);
        const control::Routes anew(fabric, health);
        for (std::uint32_t i = 0; i < fabric.nodes.size(); ++i) {
            const control::NodeId node{i};
            must(routes.table_of(node) == anew.table_of(node), "S4: an update, or all anew");
        }
    }
}

void check_pictures(const Fabric& fabric) {
    for (const bool fold : {false, true}) {
        const control::Picture picture = control::make_picture(fabric, fold);
        must(!control::to_dot(picture).empty(), "a picture");
        must(!control::to_mermaid(picture).empty(), "a flowchart");
    }
}

void check_fabric(const Fabric& fabric) {
    check_ports(fabric);
    check_names(fabric);
    if (fabric.nodes.size() > kNodesMax || fabric.links.size() > kLinksMax) return;
    const auto routes = control::compute_routes(fabric);
    must(routes.size() == fabric.nodes.size(), "a table for each node");
    check_proof(fabric, routes);
    check_updates(fabric);
    check_pictures(fabric);
    (void)control::to_json(fabric).dump();
    (void)control::to_text(fabric);
    (void)control::to_json(fabric, routes).dump();
    (void)control::to_text(fabric, routes);
    for (const bool impairable : {false, true}) {
        const auto plan = control::plan_capacity(fabric, std::nullopt, impairable);
        if (!plan) {
            check_errors(plan.error());
            continue;
        }
        must(plan->nodes.size() == fabric.nodes.size(), "a plan for each node");
        must(plan->pool.total() > 0 && plan->memory_bytes() > 0, "F3: it needs something");
        (void)control::to_json(*plan).dump();
        (void)control::to_text(*plan);
    }
}

}  // namespace

void run(Input& input) {
    const Bytes bytes = input.rest();
    const auto fabric = control::load_text(as_text(bytes), "fuzzed.yaml");
    if (fabric) {
        check_fabric(*fabric);
    } else {
        check_errors(fabric.error());
    }
}

}  // namespace ethlink::fuzz
