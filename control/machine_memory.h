// SPDX-License-Identifier: BSD-3-Clause
// Whether this machine has the memory that a plan needs.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>

#include "control/capacity.h"
#include "control/config.h"
#include "control/config_error.h"

namespace ethlink::control {

/// What is left for a new process, in bytes.
struct MachineMemory {
    std::uint64_t available = 0;       // ordinary pages
    std::uint64_t free_hugepages = 0;  // of all sizes
};

/// MemAvailable of a text like /proc/meminfo; nothing if it does not say.
std::optional<std::uint64_t> available_memory(std::istream& meminfo);

/// A plan in ordinary pages that is larger than what the machine has: the kernel would give the
/// addresses and kill somebody later. Hugepages are taken at the start: EAL itself says what is
/// missing.
[[nodiscard]] std::optional<ConfigError> check_machine(const Fabric& fabric,
                                                       const CapacityPlan& plan, MemoryMode mode,
                                                       const MachineMemory& machine);

}  // namespace ethlink::control
