// SPDX-License-Identifier: BSD-3-Clause
// Can frames of a lossless VC wait for each other in a circle? Then the fabric may stop for ever.
#pragma once

#include <vector>

#include "control/config.h"
#include "control/routes.h"

namespace ethlink::control {

/// Ports in whose direction frames wait for room on the next port of the list, and those of the
/// last for the first: a cycle of the channel-dependency graph. Empty: there is none.
///
/// A frame keeps its VC, so one graph stands for all of them; requests and responses meet only in
/// endpoints, which take requests whether or not responses can leave. Links that fail take
/// dependencies away and add none, as routes do not change while a switch runs.
std::vector<PortRef> find_waiting_cycle(const Fabric& fabric,
                                        const std::vector<RouteTable>& routes);

/// The cycle as a mistake of the file, hop by hop, at one of its links; nothing if there is none,
/// or no VC is lossless.
std::vector<ConfigError> check_deadlock(const Fabric& fabric,
                                        const std::vector<RouteTable>& routes);

}  // namespace ethlink::control
