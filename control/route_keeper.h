// SPDX-License-Identifier: BSD-3-Clause
// Keeps the routes of a running fabric: from dead and drained links to tables that may be taken.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/fabric_health.h"
#include "control/route_table.h"
#include "control/routes.h"

namespace ethlink::control {

/// What of a fabric frames should not use, and why. Indices as in Fabric::links and Fabric::nodes.
struct FabricCondition {
    explicit FabricCondition(const Fabric& fabric)
        : dead(fabric.links.size()),
          drained_links(fabric.links.size()),
          left_out(fabric.links.size()),
          drained_nodes(fabric.nodes.size()) {}

    std::vector<bool> dead;           // links, by what their ports say
    std::vector<bool> drained_links;  // by the operator
    std::vector<bool> left_out;       // by a file read again that does not have them
    std::vector<bool> drained_nodes;  // by the operator
    bool is_drained(std::size_t link) const { return drained_links[link] || left_out[link]; }
    friend bool operator==(const FabricCondition&, const FabricCondition&) = default;
};

/// What routes are computed from. A dead link is down. But the last one of an endpoint only drains:
/// nothing else leads there, so frames wait (decision 0006) and a short break costs none.
[[nodiscard]] FabricHealth health_of(const Fabric& fabric, const FabricCondition& condition);

/// Whom `after` separates that `before` joins, if all that is drained is taken away: at most a few
/// sentences.
[[nodiscard]] std::vector<std::string> cut_off(const Fabric& fabric, const FabricCondition& before,
                                               const FabricCondition& after);

/// What changes in the table of one node.
struct NodeChanges {
    NodeId node;
    std::vector<RouteChange> routes;
};

/// One thread. The fabric outlives it.
class RouteKeeper {
public:
    explicit RouteKeeper(const Fabric& fabric)
        : fabric_(&fabric), condition_(fabric), routes_(fabric) {}

    struct Update {
        std::vector<NodeId> changed;       // nodes whose tables are new, ascending
        std::vector<std::string> refused;  // why nothing was changed; empty: all is well
    };

    /// Takes a new condition. Where the order of updates matters (flat lossless fabrics, decision
    /// 0014) the mixture of old and new tables is proven first; if it is not safe all stays as it
    /// was. After the first failure of a fabric that was accepted (prove_fabric()) it is safe.
    Update apply(const FabricCondition& condition);

    /// The same on a copy, told route by route.
    struct Plan {
        std::vector<NodeChanges> changes;
        std::vector<std::string> refused;
    };
    [[nodiscard]] Plan plan(const FabricCondition& condition) const;

    /// By link: whether any frame that enters a switch from an endpoint or a plain port may be led
    /// over it. Computed when asked for after a change.
    const std::vector<bool>& used_links() const;

    /// As last applied.
    const FabricCondition& condition() const { return condition_; }
    const Routes& routes() const { return routes_; }
    const Fabric& fabric() const { return *fabric_; }

private:
    const Fabric* fabric_;
    FabricCondition condition_;
    Routes routes_;
    mutable std::vector<bool> used_;  // empty: not computed
};

}  // namespace ethlink::control
