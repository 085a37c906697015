// SPDX-License-Identifier: BSD-3-Clause
// Reads `faults`, `runtime` and `traffic` of a fabric file.
#pragma once

#include <cstdint>

#include "control/config.h"
#include "control/config_reader.h"
#include "dataplane/fault_options.h"

namespace ethlink::control {

/// The faults of both directions of a link.
struct LinkFaults {
    FaultOptions a_to_b;
    FaultOptions b_to_a;
};

/// `{seed, both}` or `{seed, a_to_b, b_to_a}`. The seeds of the two directions are still the one of
/// the file: see direction_seed().
LinkFaults read_faults(const ConfigValue& value, ConfigLog& log);

/// A seed of its own for each direction (0, 1) of each link, so that equal seeds in the file do not
/// make all links lose the same frames.
std::uint64_t direction_seed(std::uint64_t seed, std::uint64_t link, std::uint64_t direction);

Runtime read_runtime(const ConfigValue& value, ConfigLog& log);

/// `profile` names the VCs.
Traffic read_traffic(const ConfigValue& value, const Profile& profile, ConfigLog& log);

/// What `traffic` is without a word in the file.
Traffic built_in_traffic(const Profile& profile);

}  // namespace ethlink::control
