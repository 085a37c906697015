// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink pktgen` says of the test frames that came to the endpoints of this process.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "control/runtime/process.h"
#include "control/runtime/totals.h"
#include "dataplane/histogram.h"

namespace ethlink::cli {

struct Arrivals {
    control::FrameTotals totals;
    std::uint64_t missing = 0;  // gaps in the numbers of the streams
    HistogramSnapshot latency;  // ns

    static Arrivals of(const control::Process& process);

    /// Something came, of known streams, each frame once and in its place.
    bool is_clean() const;
    /// {"received", "received_bytes", "missing", "duplicated", "reordered", "unexpected",
    /// "latency_ns"}.
    nlohmann::json to_json() const;
    /// Lines for people.
    std::string text() const;
};

}  // namespace ethlink::cli
