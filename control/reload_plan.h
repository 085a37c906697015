// SPDX-License-Identifier: BSD-3-Clause
// What of a changed file a running fabric can follow, and what only a restart can do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "control/config.h"

namespace ethlink::control {

struct FabricDifference {
    /// What cannot change while frames flow, one sentence each: nodes, ports, profiles, sizes.
    std::vector<std::string> restart_needed;
    /// By index of the running fabric's links: whether the file has it no more. Such a link leaves
    /// the tables, and comes back with a file that has it again.
    std::vector<bool> left_out;
};

/// Everything is found by its name, so the order in the file says nothing. Not looked at: the
/// section `traffic`, which is of use only at start, and devices, which `--device` may have
/// replaced.
[[nodiscard]] FabricDifference difference(const Fabric& running, const Fabric& file);

}  // namespace ethlink::control
