// SPDX-License-Identifier: BSD-3-Clause
// From labels to ports: what a switch or an endpoint writes into its table.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/fabric_graph.h"
#include "control/fabric_health.h"
#include "control/route_labels.h"
#include "dataplane/forwarding_table.h"
#include "proto/ids.h"

namespace ethlink::control {

/// What a switch knows of its paths.
struct PathView {
    PathCosts costs;
    const FabricHealth* health;
    const Labels* labels;
    const Widths* widths;
};

/// Beyond this many shares of one list, weights are rounded.
inline constexpr std::size_t kSharesMax = ForwardingTable::kMaxPaths;

/// How many times each port of hop i stands in the list, so that hop i gets flows in proportion to
/// its weight: at least once.
std::vector<std::uint32_t> shares_of(const std::vector<Hop>& hops,
                                     const std::vector<ArcState>& arcs);

/// The ports of a switch to its next hops, ascending, by shares; none at home.
std::vector<PortId> ports_of(const PathView& view, std::uint32_t at);

/// The ports by which a destination hangs on this switch: all that are up, else those that drain.
std::vector<PortId> home_ports(const FabricGraph& graph, const FabricHealth& health,
                               std::uint32_t at, const Destination& destination);

/// The switches that a destination hangs on.
GroupKey key_of(const FabricGraph& graph, const FabricHealth& health,
                const Destination& destination);

/// The ports of an endpoint to switches from which these labels lead on, and to `neighbour` itself
/// if it is an endpoint; those that drain only if there are no others. Not yet plain ports.
/// `labels` may be nullptr.
std::vector<PortId> tracks_of(const FabricGraph& graph, const FabricHealth& health, NodeId endpoint,
                              const Labels* labels, std::optional<GpuId> neighbour);

}  // namespace ethlink::control
