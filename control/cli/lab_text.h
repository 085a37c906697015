// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink lab` prints: a page for people, one object for scripts.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "control/runtime/lab.h"

namespace ethlink::cli {

nlohmann::json to_json(const control::LabReport& report);
std::string to_text(const control::LabReport& report);

}  // namespace ethlink::cli
