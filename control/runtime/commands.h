// SPDX-License-Identifier: BSD-3-Clause
// What a running process answers on its control socket: ports, links, credits, drops, faults, ...
#pragma once

#include <string>

#include "control/runtime/commands_table.h"
#include "control/runtime/process.h"

namespace ethlink::control {

/// All commands for this process, which outlives them. They read counters and published states,
/// and `fault set` publishes; they run on the thread that owns the process.
void add_commands(CommandTable& table, Process& process, const std::string& instance);

}  // namespace ethlink::control
