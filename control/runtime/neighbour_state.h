// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink show` says of neighbours, and of links and nodes that somebody has given up.
#pragma once

#include <nlohmann/json.hpp>

#include "control/runtime/process.h"

namespace ethlink::control {

/// A row per link port here: {"port", "peer": "leaf1:e3" by the file, "heard": who says hello,
/// "state", "since_s", "hold_ms", "hellos", "missed", "remark"}.
nlohmann::json neighbours_json(const Process& process);

/// A row per link or node that anybody holds for dead or drained: {"what", "state", "told_by"}.
nlohmann::json link_states_json(const Process& process);

}  // namespace ethlink::control
