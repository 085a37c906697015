// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink show` says of routes: which links and nodes are in use, drained, or left.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "control/config.h"
#include "control/runtime/process.h"

namespace ethlink::control {

/// "up"; "down": not used; "draining": drained, but frames are still under way or have no other
/// path; "drained": may be unplugged. Of what one process can see.
std::string_view routing_of_link(const Process& process, std::size_t link);
/// The same of a node: it has drained when all its links have.
std::string_view routing_of_node(const Process& process, NodeId node);

/// A row per destination of a switch: {"node", "gpu", "to", "ports": ["e0", ...]}.
nlohmann::json routes_json(const Process& process, NodeId node);
/// A row per switch here: {"node", "destinations", "lists", "tables", "bytes"}; `tables`: how many
/// have been published since the start.
nlohmann::json route_summary_json(const Process& process);

}  // namespace ethlink::control
