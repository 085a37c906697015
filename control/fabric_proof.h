// SPDX-License-Identifier: BSD-3-Clause
// Proves of a fabric what cannot be tried out: no frame is lost, goes round or waits for ever
// because of its routes, as it is built and after any one failure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/config_error.h"
#include "control/route_table.h"
#include "control/routes.h"

namespace ethlink::control {

struct FabricProof {
    /// Why the fabric is refused; empty: it may run. At most a few, the first ones found.
    std::vector<ConfigError> errors;
    /// Frames of lossless VCs never wait in a circle, as built, after each single failure, and
    /// while some switches have the tables of before it and some those of after it. True without
    /// such VCs: a frame that may be dropped waits for nobody.
    bool deadlock_free = true;
    /// Each link and each switch, one at a time, with the routes as they are then.
    std::uint64_t single_failures_checked = 0;
    /// No mistakes, but good to know: failures after which some endpoint no longer reaches
    /// another. How many, and sentences on the first few.
    std::uint64_t disconnecting_failures = 0;
    std::vector<std::string> disconnects;
};

/// The tables of all switches are looked at hop by hop, then what each failure changes in them, and
/// that a running fabric may change so (decision 0014).
[[nodiscard]] FabricProof prove_fabric(const Fabric& fabric);

/// The same without failures, for tables from anywhere: one per node, in the order of
/// Fabric::nodes. Those of endpoints are not looked at.
[[nodiscard]] std::vector<ConfigError> prove_tables(const FabricGraph& graph,
                                                    const std::vector<RouteTable>& tables);

/// Whether the switches may take the new tables one after the other, in any order, while frames
/// flow: of every mixture of both, no frame goes round and none waits in a circle. Routes that
/// only one of the two has are no mistake: frames on them are lost at most.
[[nodiscard]] std::vector<ConfigError> prove_transition(const FabricGraph& graph,
                                                        const std::vector<RouteTable>& before,
                                                        const std::vector<RouteTable>& after);

}  // namespace ethlink::control
