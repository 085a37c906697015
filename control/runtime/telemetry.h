// SPDX-License-Identifier: BSD-3-Clause
// /ethlink/... on DPDK's telemetry socket: for dpdk-telemetry.py and telegraf.
#pragma once

#include <string>
#include <vector>

#include "control/runtime/process.h"
#include "dataplane/dpdk/telemetry.h"

namespace ethlink::control {

/// /ethlink/ports, /ethlink/workers, and by port name /ethlink/port, /ethlink/llr, /ethlink/cbfc
/// and /ethlink/drops. They run on DPDK's thread and read atomics only, so they must be gone before
/// Process::stop(). A command that DPDK refuses is left out and told in `notices`.
std::vector<dpdk::TelemetryCommand> serve_telemetry(const Process& process,
                                                    std::vector<std::string>& notices);

}  // namespace ethlink::control
