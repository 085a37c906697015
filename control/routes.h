// SPDX-License-Identifier: BSD-3-Clause
// Which ports lead to which GPU-ID: up, across, down, by all paths that are equally good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "control/config.h"
#include "control/fabric_graph.h"
#include "control/fabric_health.h"
#include "control/route_labels.h"
#include "control/route_table.h"
#include "proto/ids.h"

namespace ethlink::control {

/// Destinations that hang on the same switches: their ways differ in the last hop only.
struct RouteGroup {
    static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
    GroupKey key;
    std::size_t members = 0;  // none: not in use
    Labels labels;
    Widths widths;
};

/// All that routes follow from at one health.
struct RouteState {
    FabricHealth health;
    std::vector<ArcState> arcs;
    std::vector<RouteGroup> groups;
    std::vector<std::uint32_t> group_of;  // by index of destination; kNone: on no switch that is up
};

/// The routes of a fabric, kept right while its health changes (decision 0014).
///
/// A frame goes up, then across, then down, and never up again once it went down. Levels count
/// from the endpoints, in the fabric as it is built. Where that does not lead everywhere, or all
/// switches have endpoints, the fabric is flat: all are on one level and paths are simply the
/// shortest. Endpoints do not forward.
///
/// Results depend neither on threads nor on the way to this health: an update ends where a new
/// object would begin. The fabric outlives it. One thread at a time.
class Routes {
public:
    explicit Routes(const Fabric& fabric) : Routes(fabric, FabricHealth(fabric)) {}
    Routes(const Fabric& fabric, const FabricHealth& health);

    [[nodiscard]] RouteTable table_of(NodeId node) const;

    /// Computes what the difference touches. The nodes whose tables are not as before, ascending;
    /// an endpoint with a link whose state changed is always among them. What has changed in a
    /// table: changes() of the one before and table_of().
    std::vector<NodeId> update(const FabricHealth& health);

    /// Whether this endpoint has a port towards this GPU-ID.
    [[nodiscard]] bool reaches(NodeId endpoint, GpuId dst) const;
    /// Whether switches alone join all endpoints: if not, reaches() knows more.
    [[nodiscard]] bool joins_all() const;

    const FabricHealth& health() const { return state_.health; }
    const FabricGraph& graph() const { return graph_; }
    const RouteState& state() const { return state_; }
    PathCosts costs() const { return {&graph_, &state_.arcs}; }

private:
    struct Touched;
    using Pair = std::pair<std::uint32_t, std::uint32_t>;  // a destination's group before and after

    void make_state(const FabricHealth& health);
    std::uint32_t join_group(const GroupKey& key);
    void leave_group(std::uint32_t group);
    bool leads_everywhere() const;

    RouteTable table_of_switch(std::uint32_t at) const;
    RouteTable table_of_endpoint(NodeId node) const;

    Touched touched_by(const FabricHealth& health) const;
    void regroup(const Touched& touched);
    void relabel(const Touched& touched, const RouteState& before);
    std::vector<Pair> changed_pairs(const Touched& touched, const RouteState& before) const;
    void compare_switches(const Touched& touched, const RouteState& before,
                          std::span<const Pair> pairs, std::vector<bool>& changed) const;
    void compare_endpoints(const Touched& touched, const RouteState& before,
                           std::span<const Pair> pairs, std::vector<bool>& changed) const;

    FabricGraph graph_;
    RouteState state_;
    std::map<GroupKey, std::uint32_t> group_index_;  // those in use
    std::vector<std::uint32_t> free_groups_;
};

/// The tables of all nodes, in the order of Fabric::nodes: for small fabrics and tests.
[[nodiscard]] std::vector<RouteTable> compute_routes(const Fabric& fabric);

}  // namespace ethlink::control
