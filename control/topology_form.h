// SPDX-License-Identifier: BSD-3-Clause
// The compact forms of a fabric (`topology:`), written out into nodes and links.
#pragma once

#include <vector>

#include "control/config_graph.h"
#include "control/config_reader.h"

namespace ethlink::control {

/// Reads `topology` and adds its nodes and links:
///
///   single-rack   gpu0..gpuN-1 and leaf0..leafM-1; link "leafT:eG" to "gpuG:eT" for GPU G, track T
///   back-to-back  gpu0 and gpu1, joined by M links
void add_topology(const ConfigValue& value, const std::vector<Profile>& profiles,
                  GraphBuilder& graph, ConfigLog& log);

}  // namespace ethlink::control
