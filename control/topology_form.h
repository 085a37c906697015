// SPDX-License-Identifier: BSD-3-Clause
// The compact forms of a fabric (`topology:`), written out into nodes and links.
#pragma once

#include <optional>
#include <vector>

#include "control/config_graph.h"
#include "control/config_reader.h"
#include "control/topology_shape.h"

namespace ethlink::control {

/// Reads `kind` and the numbers of `topology`, other keys not; reports what cannot be built. Which
/// nodes and links it stands for: topology_shape.h.
std::optional<TopologyShape> read_shape(MapReader& map, ConfigLog& log);

/// Reads `topology` and adds its nodes and links.
void add_topology(const ConfigValue& value, const std::vector<Profile>& profiles,
                  GraphBuilder& graph, ConfigLog& log);

}  // namespace ethlink::control
