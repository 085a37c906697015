// SPDX-License-Identifier: BSD-3-Clause
// What a proof found, as mistakes of the file and sentences for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/config_error.h"
#include "control/fabric_graph.h"
#include "control/route_columns.h"

namespace ethlink::control {

/// `when` stands in front of a sentence: "while tables change as leaf0 fails, ", or nothing.
ConfigError cycle_error(const FabricGraph& graph, const std::vector<std::uint32_t>& arcs,
                        const std::string& when = {});
ConfigError fault_error(const FabricGraph& graph, const ColumnFault& fault, GpuId dst,
                        const std::string& when = {});
ConfigError port_error(const FabricGraph& graph, const PortFault& fault);

/// "`gpu3`", or "GPU-ID 0x0210" of one behind a plain port.
std::string endpoint_words(const FabricGraph& graph, std::size_t destination);
/// "`leaf0:e3 - gpu3:e0`".
std::string link_words(const FabricGraph& graph, std::size_t link);

/// Whether frames of some VC wait for room instead of being dropped.
bool any_lossless(const Fabric& fabric);

}  // namespace ethlink::control
