// SPDX-License-Identifier: BSD-3-Clause
// What changes a running fabric: `drain`, `reload`, `link set`; and `routes`, which shows it.
#pragma once

#include "control/runtime/commands_table.h"
#include "control/runtime/process.h"

namespace ethlink::control {

/// The process outlives the table. They run on the thread that owns the process.
void add_live_commands(CommandTable& table, Process& process);

}  // namespace ethlink::control
