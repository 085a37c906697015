// SPDX-License-Identifier: BSD-3-Clause
// Numbers of profiles and links that contradict each other: refused, or worth a warning.
#pragma once

#include <vector>

#include "control/config.h"
#include "control/config_error.h"

namespace ethlink::control {

/// What stands still or overflows for certain.
[[nodiscard]] std::vector<ConfigError> check_limits(const Fabric& fabric);

/// What works, but slower or with more replays than its author expects.
[[nodiscard]] std::vector<ConfigError> limit_warnings(const Fabric& fabric);

}  // namespace ethlink::control
