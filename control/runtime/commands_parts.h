// SPDX-License-Identifier: BSD-3-Clause
// What add_commands() puts together.
#pragma once

#include "control/runtime/commands_table.h"
#include "control/runtime/process.h"

namespace ethlink::control {

// The process outlives the table. All of them run on the thread that owns the process.

/// What is counted and known by port: ports, links, LLR counters, credits, VCs, drops, watchdog.
void add_port_commands(CommandTable& table, Process& process);

/// What test frames did: traffic, flows, latency.
void add_traffic_commands(CommandTable& table, Process& process);

/// `faults`, and `fault set`, which changes them.
void add_fault_commands(CommandTable& table, Process& process);

/// What changes a running fabric: `drain`, `reload`, `link set`; and `routes`, which shows it.
void add_live_commands(CommandTable& table, Process& process);

}  // namespace ethlink::control
