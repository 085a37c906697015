// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink pktgen` prints: a line per trial, a table at the end, or one JSON object.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/pktgen/rate_search.h"
#include "control/runtime/pktgen_run.h"

namespace ethlink::cli {

/// Which ends of the streams are in this process.
enum class Sight : std::uint8_t {
    kBothEnds,
    kOwnEnd,    // and its links say what was acknowledged
    kPlainEnd,  // nobody says what became of what was sent
};

struct NamedResult {
    std::string name;    // "512"
    double offered = 0;  // frames/s of all endpoints here; 0 = as fast as credits allow
    control::PktgenResult result;
};

struct NamedSearch {
    std::string name;
    double mean_bytes = 0;  // of a frame, FCS included
    control::RateSearch search;
};

/// Nothing lost, doubled or (AR = 0) reordered, as far as this process sees it.
bool is_clean(const control::PktgenResult& result, Sight sight);

std::string trial_line(const NamedResult& trial, Sight sight);
std::string trials_table(const std::vector<NamedResult>& trials, Sight sight);
std::string searches_table(const std::vector<NamedSearch>& searches);
nlohmann::json to_json(const NamedResult& trial, Sight sight);
nlohmann::json to_json(const NamedSearch& search);

/// What the rates mean.
std::string rate_note();

}  // namespace ethlink::cli
