// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/arrivals.h"

#include "control/cli/common.h"
#include "control/runtime/stats_json.h"

namespace ethlink::cli {

Arrivals Arrivals::of(const control::Process& process) {
    Arrivals arrivals{.totals = control::frame_totals(process),
                      .missing = 0,
                      .latency = control::latency(process)};
    for (const auto& endpoint : process.endpoints())
        arrivals.missing += endpoint->stage().missing();
    return arrivals;
}

bool Arrivals::is_clean() const {
    return totals.received > 0 && missing == 0 && totals.duplicated == 0 && totals.reordered == 0 &&
           totals.unexpected == 0;
}

nlohmann::json Arrivals::to_json() const {
    return {{"received", totals.received},
            {"received_bytes", totals.received_bytes},
            {"missing", missing},
            {"duplicated", totals.duplicated},
            {"reordered", totals.reordered},
            {"unexpected", totals.unexpected},
            {"latency_ns", control::histogram_json(latency)}};
}

std::string Arrivals::text() const {
    std::string text = "received " + grouped(totals.received) + ", missing " + grouped(missing) +
                       ", doubled " + grouped(totals.duplicated) + ", reordered " +
                       grouped(totals.reordered) + ", unexpected " + grouped(totals.unexpected) +
                       "\n";
    if (!latency.empty()) {
        text += "latency: p50 " + human_ns(latency.at_percentile(50)) + ", p99 " +
                human_ns(latency.at_percentile(99)) + ", max " + human_ns(latency.max()) + "\n";
    }
    return text;
}

}  // namespace ethlink::cli
