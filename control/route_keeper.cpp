// SPDX-License-Identifier: BSD-3-Clause
#include "control/route_keeper.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "control/fabric_proof.h"
#include "control/proof_words.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kSentencesMax = 4;
constexpr std::size_t kNamesMax = 3;

bool is_endpoint(const Fabric& fabric, NodeId node) {
    return fabric.node(node).kind == NodeKind::kEndpoint;
}

/// Whether no link of this endpoint but perhaps `link` is alive.
bool is_last(const Fabric& fabric, const FabricCondition& condition, NodeId endpoint,
             std::size_t link) {
    return std::ranges::none_of(fabric.node(endpoint).ports, [&](const FabricPort& port) {
        return port.link && *port.link != link && !condition.dead[*port.link];
    });
}

/// All of drained links and nodes gone: what the operator is about to do.
FabricHealth without_drained(const Fabric& fabric, const FabricCondition& condition) {
    FabricHealth health = health_of(fabric, condition);
    for (std::size_t i = 0; i < fabric.links.size(); ++i) {
        if (condition.is_drained(i)) health.set_link(i, LinkHealth::kDown);
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (condition.drained_nodes[n]) health.set_node({n}, NodeHealth::kDown);
    }
    return health;
}

std::vector<RouteTable> all_tables(const Routes& routes) {
    std::vector<RouteTable> tables;
    for (std::uint32_t n = 0; n < routes.graph().fabric().nodes.size(); ++n) {
        tables.push_back(routes.table_of({n}));
    }
    return tables;
}

/// "`gpu0` no longer reaches `gpu1`, `gpu2` and 5 more"; empty: it reaches all as before.
std::string lost_by(NodeId endpoint, const Routes& before, const Routes& after) {
    const FabricGraph& graph = before.graph();
    std::size_t lost = 0;
    std::string names;
    for (std::size_t d = 0; d < graph.destinations().size(); ++d) {
        const GpuId gpu = graph.destinations()[d].gpu;
        if (after.reaches(endpoint, gpu) || !before.reaches(endpoint, gpu)) continue;
        if (++lost > kNamesMax) continue;
        names += (lost == 1 ? "" : ", ") + endpoint_words(graph, d);
    }
    if (lost == 0) return {};
    const std::string more =
        lost > kNamesMax ? " and " + std::to_string(lost - kNamesMax) + " more" : std::string();
    return "`" + graph.fabric().node(endpoint).name + "` would no longer reach " + names + more;
}

/// Whether frames enter the fabric here.
bool is_entrance(const Fabric& fabric, NodeId node) {
    return fabric.node(node).kind == NodeKind::kSwitch &&
           std::ranges::any_of(fabric.node(node).ports, [&](const FabricPort& port) {
               return !port.peer || is_endpoint(fabric, port.peer->node);
           });
}

/// Follows frames for one destination from all entrances, and marks the links that they may take.
void follow(const Fabric& fabric, const std::vector<RouteTable>& tables, GpuId dst,
            std::vector<bool>& used) {
    std::vector<bool> seen(fabric.nodes.size());
    std::vector<NodeId> next;
    const auto enter = [&](NodeId node) {
        if (seen[node.value] || is_endpoint(fabric, node)) return;
        seen[node.value] = true;
        next.push_back(node);
    };
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (is_entrance(fabric, {n})) enter({n});
    }
    while (!next.empty()) {
        const NodeId node = next.back();
        next.pop_back();
        for (const PortId port : tables[node.value].ports(dst)) {
            const FabricPort& config = fabric.node(node).ports[port.value];
            if (config.link) used[*config.link] = true;
            if (config.peer) enter(config.peer->node);
        }
    }
}

}  // namespace

FabricHealth health_of(const Fabric& fabric, const FabricCondition& condition) {
    FabricHealth health(fabric);
    for (std::size_t i = 0; i < fabric.links.size(); ++i) {
        if (condition.is_drained(i)) health.set_link(i, LinkHealth::kDraining);
        if (!condition.dead[i]) continue;
        const FabricLink& link = fabric.links[i];
        const bool last =
            std::ranges::any_of(std::array{link.a.node, link.b.node}, [&](NodeId end) {
                return is_endpoint(fabric, end) && is_last(fabric, condition, end, i);
            });
        health.set_link(i, last ? LinkHealth::kDraining : LinkHealth::kDown);
    }
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (condition.drained_nodes[n]) health.set_node({n}, NodeHealth::kDrained);
    }
    return health;
}

std::vector<std::string> cut_off(const Fabric& fabric, const FabricCondition& before,
                                 const FabricCondition& after) {
    std::vector<std::string> sentences;
    const Routes routes_after(fabric, without_drained(fabric, after));
    if (routes_after.joins_all()) return sentences;
    const Routes routes_before(fabric, without_drained(fabric, before));
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (!is_endpoint(fabric, {n})) continue;
        std::string sentence = lost_by({n}, routes_before, routes_after);
        if (sentence.empty()) continue;
        if (sentences.size() == kSentencesMax) {
            sentences.push_back("and so on");
            break;
        }
        sentences.push_back(std::move(sentence));
    }
    return sentences;
}

RouteKeeper::Update RouteKeeper::apply(const FabricCondition& condition) {
    const FabricHealth before = routes_.health();
    const FabricHealth after = health_of(*fabric_, condition);
    Update update;
    if (after == before) {
        condition_ = condition;
        return update;
    }
    used_.clear();
    // In layers any two go together; who may drop frames waits for nobody, and TTL ends loops.
    const bool must_fit = routes_.graph().is_flat() && any_lossless(*fabric_);
    const std::vector<RouteTable> old = must_fit ? all_tables(routes_) : std::vector<RouteTable>();
    update.changed = routes_.update(after);
    if (must_fit) {
        for (const ConfigError& error :
             prove_transition(routes_.graph(), old, all_tables(routes_))) {
            update.refused.push_back(error.why);
        }
    }
    if (update.refused.empty()) {
        condition_ = condition;
    } else {
        routes_.update(before);
        update.changed.clear();
    }
    return update;
}

const std::vector<bool>& RouteKeeper::used_links() const {
    if (!used_.empty()) return used_;
    used_.resize(fabric_->links.size());
    const std::vector<RouteTable> tables = all_tables(routes_);
    for (const Destination& destination : routes_.graph().destinations()) {
        follow(*fabric_, tables, destination.gpu, used_);
    }
    return used_;
}

RouteKeeper::Plan RouteKeeper::plan(const FabricCondition& condition) const {
    RouteKeeper copy(*this);
    Update update = copy.apply(condition);
    Plan plan{.changes = {}, .refused = std::move(update.refused)};
    for (const NodeId node : update.changed) {
        auto routes = changes(routes_.table_of(node), copy.routes_.table_of(node));
        if (!routes.empty()) plan.changes.push_back({node, std::move(routes)});
    }
    return plan;
}

}  // namespace ethlink::control
