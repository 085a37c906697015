// SPDX-License-Identifier: BSD-3-Clause
// What a start would refuse because of the file, found before anything of the machine is touched.
#pragma once

#include <optional>
#include <vector>

#include "control/capacity.h"
#include "control/config.h"
#include "control/config_error.h"
#include "control/machine_memory.h"
#include "proto/expected.h"

namespace ethlink::control {

/// The plan of a process that runs `node`, or the whole fabric; or everything that is wrong with
/// the file for it: ports without a device, devices that cannot be, numbers that do not add up,
/// routes on which frames can wait for each other in a circle.
[[nodiscard]] Expected<CapacityPlan, std::vector<ConfigError>> plan_process(
    const Fabric& fabric, std::optional<NodeId> node, bool impairable);

/// The same for a fabric whose routes are proven already (prove_fabric).
[[nodiscard]] Expected<CapacityPlan, std::vector<ConfigError>> plan_proven_process(
    const Fabric& fabric, std::optional<NodeId> node, bool impairable);

/// A whole fabric in one process needs no NIC, so hugepages are no must: `hugepages` and
/// `in-memory` become `auto`.
MemoryMode memory_mode(const Fabric& fabric, std::optional<NodeId> node);

/// Of this machine, now.
MachineMemory machine_memory();

}  // namespace ethlink::control
