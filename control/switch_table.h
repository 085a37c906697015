// SPDX-License-Identifier: BSD-3-Clause
// From routes to what poll cores look up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "control/route_table.h"
#include "dataplane/forwarding_table.h"

namespace ethlink::control {

/// The table that a switch publishes for its routes. Routes beyond ForwardingTable's limits are
/// cut to kMaxPaths ports. `before`: the table in use, so that flows stay where they are.
inline std::unique_ptr<const ForwardingTable> make_table(const RouteTable& routes,
                                                         const ForwardingTable* before = nullptr) {
    auto table = std::make_unique<ForwardingTable>();
    for (const Route route : routes) {
        const std::size_t n = std::min(route.ports.size(), ForwardingTable::kMaxPaths);
        if (!table->set(route.dst, route.ports.first(n), before)) return nullptr;
    }
    return table;
}

}  // namespace ethlink::control
