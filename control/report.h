// SPDX-License-Identifier: BSD-3-Clause
// The fabric and its capacity plan as `ethlink check` shows them: text for people, JSON for
// scripts.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/capacity.h"
#include "control/config.h"
#include "control/config_error.h"
#include "control/routes.h"

namespace ethlink::control {

/// Every value in force, the defaults included.
[[nodiscard]] nlohmann::json to_json(const Fabric& fabric);
[[nodiscard]] nlohmann::json to_json(const CapacityPlan& plan);
[[nodiscard]] nlohmann::json to_json(const Fabric& fabric, const std::vector<RouteTable>& tables);
[[nodiscard]] nlohmann::json to_json(const ConfigError& error);

[[nodiscard]] std::string to_text(const Fabric& fabric);
[[nodiscard]] std::string to_text(const CapacityPlan& plan);
[[nodiscard]] std::string to_text(const Fabric& fabric, const std::vector<RouteTable>& tables);

}  // namespace ethlink::control
