// SPDX-License-Identifier: BSD-3-Clause
// Which ports lead to which GPU-ID: shortest paths, all of equal length, for every node.
#pragma once

#include <vector>

#include "control/config.h"
#include "proto/ids.h"

namespace ethlink::control {

/// The ports towards one destination, ascending, at least one.
struct Route {
    GpuId dst;
    std::vector<PortId> ports;
    friend bool operator==(const Route&, const Route&) = default;
};

/// One node's routes, ascending by destination. A destination that cannot be reached has none.
///
/// On a switch: the ports of all shortest paths. On an endpoint: all its ports (tracks) from which
/// the destination can be reached; its own GPU-ID is not a destination.
struct RouteTable {
    std::vector<Route> routes;
    const Route* find(GpuId dst) const;  // nullptr: no route
};

/// One table per node, in the order of Fabric::nodes. Endpoints do not forward: no path leads
/// through one. Runs in parallel over the destinations; the result does not depend on threads.
[[nodiscard]] std::vector<RouteTable> compute_routes(const Fabric& fabric);

}  // namespace ethlink::control
