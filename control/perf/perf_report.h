// SPDX-License-Identifier: BSD-3-Clause
// Results of `ethlink perf` as perftest's columns, and as JSON.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/perf/perf_run.h"

namespace ethlink::control {

/// The line above the rows of this mode.
std::string perf_heading(PerfMode mode);
std::string perf_row(const PerfResult& result);

/// One object: that of the last row; with several rows all of them under "sweep", too.
nlohmann::json perf_json(const std::vector<PerfResult>& results);

}  // namespace ethlink::control
