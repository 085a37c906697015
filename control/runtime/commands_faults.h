// SPDX-License-Identifier: BSD-3-Clause
// Faults of a wire as the control socket says them: the keys of the fabric file, one by one.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "dataplane/fault_options.h"
#include "proto/expected.h"

namespace ethlink::control {

/// loss, bit_error, ..., delay_ns, rate_mbps: as under `faults` of a fabric file. No seed: it
/// counts only when the wire is made.
const std::vector<std::string>& fault_keys();

/// `faults` with what the request says changed; keys that it does not name stay. Nothing of it is
/// done if one value is wrong.
[[nodiscard]] Expected<FaultOptions, std::string> changed_faults(FaultOptions faults,
                                                                 const nlohmann::json& request);

nlohmann::json to_json(const FaultOptions& faults);

}  // namespace ethlink::control
