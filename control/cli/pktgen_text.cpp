// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/pktgen_text.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "control/cli/common.h"
#include "control/report_table.h"
#include "control/runtime/stats_json.h"

namespace ethlink::cli {
namespace {

using control::PktgenResult;
using control::RateStatus;
using nlohmann::json;

std::string fixed(double value, const char* format = "%.3f") {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string offered_text(double offered) {
    return offered <= 0 ? "open" : fixed(offered / 1e6);
}

std::string word(RateStatus status) {
    switch (status) {
        case RateStatus::kSearching: return "stopped";
        case RateStatus::kFound: return "found";
        case RateStatus::kAtMaximum: return "at the maximum offered";
        case RateStatus::kNothing: return "no rate passes";
        case RateStatus::kGaveUp: return "gave up";
    }
    return "unknown";
}

std::vector<std::string> latency_cells(const HistogramSnapshot& h) {
    if (h.empty()) return {"-", "-", "-", "-", "-", "-"};
    return {human_ns(h.at_percentile(50)),    human_ns(h.at_percentile(90)),
            human_ns(h.at_percentile(99)),    human_ns(h.at_percentile(99.9)),
            human_ns(h.at_percentile(99.99)), human_ns(h.max())};
}

}  // namespace

bool is_clean(const PktgenResult& r, Sight sight) {
    if (r.frames.duplicated != 0 || !r.drained) return false;
    if (r.frames.reordered != 0 && !r.adaptive) return false;
    switch (sight) {
        case Sight::kOwnEnd: return r.acknowledged == r.link_frames;
        case Sight::kPlainEnd: return r.frames.sent > 0;
        case Sight::kBothEnds: break;
    }
    return r.frames.sent > 0 && r.frames.lost() == 0;
}

std::string rate_note() {
    return "Gbit/s = 8 x (frame bytes, FCS included) / s; a size includes the FCS, as in RFC 2544. "
           "Rates: of all endpoints together.\n";
}

std::string trial_line(const NamedResult& trial, Sight sight) {
    const PktgenResult& r = trial.result;
    std::string line = trial.name + " bytes, offered " + offered_text(trial.offered) +
                       (trial.offered > 0 ? " Mpps" : "") + ": sent " +
                       fixed(r.sent_per_second() / 1e6) + " Mpps, ";
    if (sight == Sight::kBothEnds) {
        line += "received " + fixed(r.received_per_second() / 1e6) + " Mpps, " +
                fixed(r.received_bits_per_second() / 1e9, "%.2f") + " Gbit/s, lost " +
                grouped(r.frames.lost());
        if (!r.latency.empty()) line += ", p99 " + human_ns(r.latency.at_percentile(99));
    } else {
        line += fixed(r.sent_bits_per_second() / 1e9, "%.2f") + " Gbit/s";
        line += sight == Sight::kPlainEnd ? ", on a plain port: nobody acknowledges"
                                          : ", acknowledged " + grouped(r.acknowledged) + " of " +
                                                grouped(r.link_frames) + " frames";
    }
    return line;
}

std::string trials_table(const std::vector<NamedResult>& trials, Sight sight) {
    if (sight != Sight::kBothEnds) {
        control::Table table({"size", "offered Mpps", "sent", "Mpps", "Gbit/s", "acknowledged",
                              "replays", "received here", "doubled", "reordered"});
        for (const NamedResult& t : trials) {
            const PktgenResult& r = t.result;
            table.add({t.name, offered_text(t.offered), std::to_string(r.frames.sent),
                       fixed(r.sent_per_second() / 1e6),
                       fixed(r.sent_bits_per_second() / 1e9, "%.2f"),
                       sight == Sight::kPlainEnd ? "-" : std::to_string(r.acknowledged),
                       std::to_string(r.links.replays), std::to_string(r.frames.received),
                       std::to_string(r.frames.duplicated), std::to_string(r.frames.reordered)});
        }
        return table.text();
    }
    control::Table table({"size", "offered Mpps", "sent", "received", "Mpps", "Gbit/s", "lost",
                          "doubled", "reordered", "p50", "p90", "p99", "p99.9", "p99.99", "max"});
    for (const NamedResult& t : trials) {
        const PktgenResult& r = t.result;
        std::vector<std::string> row{t.name,
                                     offered_text(t.offered),
                                     std::to_string(r.frames.sent),
                                     std::to_string(r.frames.delivered()),
                                     fixed(r.received_per_second() / 1e6),
                                     fixed(r.received_bits_per_second() / 1e9, "%.2f"),
                                     std::to_string(r.frames.lost()),
                                     std::to_string(r.frames.duplicated),
                                     std::to_string(r.frames.reordered)};
        for (std::string& cell : latency_cells(r.latency)) row.push_back(std::move(cell));
        table.add(std::move(row));
    }
    return table.text();
}

std::string searches_table(const std::vector<NamedSearch>& searches) {
    control::Table table(
        {"size", "goal", "Mpps", "Gbit/s", "fails at Mpps", "lost", "trials", "result"});
    for (const NamedSearch& s : searches) {
        const auto& goals = s.search.options().goals;
        for (std::size_t g = 0; g < goals.size(); ++g) {
            const control::RateResult r = s.search.result(g);
            table.add({s.name, goals[g].name, fixed(r.lower / 1e6),
                       fixed(r.lower * s.mean_bytes * 8 / 1e9, "%.2f"),
                       r.status == RateStatus::kAtMaximum ? "-" : fixed(r.upper / 1e6),
                       r.at_lower ? std::to_string(r.at_lower->sent -
                                                   std::min(r.at_lower->sent, r.at_lower->received))
                                  : "-",
                       std::to_string(s.search.trials().size()), word(r.status)});
        }
    }
    return table.text();
}

json to_json(const NamedResult& trial, Sight sight) {
    const PktgenResult& r = trial.result;
    json object{{"size", trial.name},
                {"offered_fps", trial.offered > 0 ? json(trial.offered) : json()},
                {"seconds", r.seconds},
                {"ok", is_clean(r, sight)},
                {"drained", r.drained},
                {"sent", r.frames.sent},
                {"sent_fps", r.sent_per_second()},
                {"sent_gbps", r.sent_bits_per_second() / 1e9},
                {"received", r.frames.received},
                {"received_fps", r.received_per_second()},
                {"received_gbps", r.received_bits_per_second() / 1e9},
                {"duplicated", r.frames.duplicated},
                {"reordered", r.frames.reordered},
                {"unexpected", r.frames.unexpected},
                {"link_frames", r.link_frames},
                {"llr_acknowledged", sight == Sight::kPlainEnd ? json() : json(r.acknowledged)},
                {"llr_replays", r.links.replays},
                {"llr_replayed_frames", r.links.replayed}};
    if (sight == Sight::kBothEnds) {
        object["lost"] = r.frames.lost();
        object["latency_ns"] = control::histogram_json(r.latency);
    }
    return object;
}

json to_json(const NamedSearch& search) {
    json goals = json::array();
    for (std::size_t g = 0; g < search.search.options().goals.size(); ++g) {
        const control::RateResult r = search.search.result(g);
        goals.push_back({{"goal", search.search.options().goals[g].name},
                         {"loss_ratio_max", search.search.options().goals[g].loss_ratio_max},
                         {"lower_fps", r.lower},
                         {"upper_fps", r.upper},
                         {"lower_gbps", r.lower * search.mean_bytes * 8 / 1e9},
                         {"status", word(r.status)}});
    }
    return {{"size", search.name},
            {"rate_max_fps", search.search.options().rate_max},
            {"precision", search.search.options().precision},
            {"trials", search.search.trials().size()},
            {"goals", goals}};
}

}  // namespace ethlink::cli
