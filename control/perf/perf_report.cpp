// SPDX-License-Identifier: BSD-3-Clause
#include "control/perf/perf_report.h"

#include <cstdio>

namespace ethlink::control {
namespace {

nlohmann::json object(const PerfResult& r) {
    return {{"op", name(r.task.operation)},
            {"mode", r.task.mode == PerfMode::kLatency ? "latency" : "bandwidth"},
            {"bytes", r.task.bytes},
            {"depth", r.task.mode == PerfMode::kLatency ? 1 : r.task.depth},
            {"latency_us",
             {{"min", r.t_min},
              {"typical", r.t_typical},
              {"avg", r.t_avg},
              {"stdev", r.t_stdev},
              {"p99", r.p99},
              {"p999", r.p999},
              {"max", r.t_max}}},
            {"bandwidth_gbps", r.gbps()},
            {"bandwidth_peak_gbps", r.peak_gbps},
            {"rate_mops", r.rate() / 1e6},
            {"errors", r.errors},
            {"transactions", r.transactions},
            {"seconds", r.seconds}};
}

}  // namespace

std::string perf_heading(PerfMode mode) {
    return mode == PerfMode::kLatency
               ? " #bytes    #iterations   t_min[us]   t_max[us] t_typical[us]   t_avg[us] "
                 "t_stdev[us]    99%[us]  99.9%[us]"
               : " #bytes    #iterations   BW peak[Gb/s]   BW average[Gb/s]   MsgRate[Mops]";
}

std::string perf_row(const PerfResult& r) {
    char text[200];
    const auto n = static_cast<unsigned long long>(r.transactions);
    if (r.task.mode == PerfMode::kLatency) {
        std::snprintf(text, sizeof text,
                      "%7u  %13llu  %10.2f  %10.2f    %10.2f  %10.2f  %10.2f %10.2f %10.2f",
                      r.task.bytes, n, r.t_min, r.t_max, r.t_typical, r.t_avg, r.t_stdev, r.p99,
                      r.p999);
    } else {
        std::snprintf(text, sizeof text, "%7u  %13llu   %13.3f   %16.3f   %13.4f", r.task.bytes, n,
                      r.peak_gbps, r.gbps(), r.rate() / 1e6);
    }
    return text;
}

nlohmann::json perf_json(const std::vector<PerfResult>& results) {
    if (results.empty()) return nlohmann::json::object();
    nlohmann::json report = object(results.back());
    if (results.size() == 1) return report;
    for (const PerfResult& result : results) report["sweep"].push_back(object(result));
    return report;
}

}  // namespace ethlink::control
