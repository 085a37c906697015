// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink show` prints for people, from what the process answered.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace ethlink::cli {

// Each takes the result of the command of that name (control/runtime/commands.h).

std::string ports_table(const nlohmann::json& ports);
std::string links_table(const nlohmann::json& links);
std::string cycles_table(const nlohmann::json& cycles);
std::string routes_table(const nlohmann::json& routes);
std::string route_summary_table(const nlohmann::json& switches);
std::string endpoints_table(const nlohmann::json& endpoints);
std::string nodes_table(const nlohmann::json& nodes);
std::string neighbours_table(const nlohmann::json& neighbours);
std::string link_states_table(const nlohmann::json& states);
std::string cbfc_table(const nlohmann::json& cbfc);
std::string vcs_table(const nlohmann::json& vcs);
std::string flows_table(const nlohmann::json& flows);
std::string watchdog_table(const nlohmann::json& watchdog);
std::string drops_table(const nlohmann::json& drops);
std::string pool_table(const nlohmann::json& pool);
std::string latency_table(const nlohmann::json& latency);
std::string traffic_table(const nlohmann::json& traffic);
std::string faults_table(const nlohmann::json& faults);

/// SONiC's `show llr interface` and `show llr counters [detailed]`.
std::string llr_interface_table(const nlohmann::json& links);
std::string llr_counters_table(const nlohmann::json& counters, const nlohmann::json& links);
std::string llr_detailed_table(const nlohmann::json& counters);

/// What the threads did between two answers to `workers`.
std::string workers_table(const nlohmann::json& earlier, const nlohmann::json& later);

}  // namespace ethlink::cli
