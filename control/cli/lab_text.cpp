// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/lab_text.h"

#include <cstdio>

#include "control/cli/common.h"
#include "control/report_table.h"
#include "control/runtime/stats_json.h"

namespace ethlink::cli {
namespace {

using control::LabReport;

double mpps(const LabReport& report) {
    return static_cast<double>(report.frames.delivered()) / report.seconds / 1e6;
}

/// Bits of whole frames, FCS included, as RFC 2544 counts throughput.
double gbps(const LabReport& report) {
    const auto bytes =
        static_cast<double>(report.frames.received_bytes + 4 * report.frames.received);
    return bytes * 8 / report.seconds / 1e9;
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", value);
    return text;
}

std::vector<std::string> latency_row(const std::string& where, const HistogramSnapshot& h) {
    if (h.empty()) return {where, "-", "-", "-", "-", "-", "-"};  // No sample: it says nothing.
    return {where,
            human_ns(h.at_percentile(50)),
            human_ns(h.at_percentile(90)),
            human_ns(h.at_percentile(99)),
            human_ns(h.at_percentile(99.9)),
            human_ns(h.at_percentile(99.99)),
            human_ns(h.max())};
}

std::string latency_table(const LabReport& report) {
    control::Table table({"latency", "p50", "p90", "p99", "p99.9", "p99.99", "max"});
    table.add(latency_row("end to end", report.latency));
    for (const control::NodeLatency& node : report.nodes) {
        table.add(latency_row("in " + node.node, node.residence));
    }
    return table.text();
}

std::string link_table(const LabReport& report) {
    control::Table table({"link", "frames", "bad FCS", "NACKs", "replays", "frames replayed",
                          "flushes", "round trip"});
    for (const control::LinkReport& link : report.per_link) {
        table.add({link.from + " -> " + link.to, grouped(link.frames), grouped(link.totals.bad_fcs),
                   grouped(link.totals.nacks), grouped(link.totals.replays),
                   grouped(link.totals.replayed), grouped(link.totals.flushes),
                   human_ns(link.rtt_ns)});
    }
    return table.text();
}

std::string verdict(const LabReport& report) {
    if (report.clean() && report.adaptive) {
        return "Nothing lost, doubled or leaked; with AR = 1 frames may overtake each other.\n";
    }
    if (report.clean()) return "Nothing lost, doubled, reordered or leaked.\n";
    if (report.frames.sent == 0) return "FAILED: no frame was sent.\n";
    return "FAILED: frames were lost, doubled, reordered or leaked; the numbers above say which.\n";
}

}  // namespace

nlohmann::json to_json(const LabReport& report) {
    nlohmann::json drops = nlohmann::json::object();
    for (std::size_t i = 0; i < kDropCount; ++i) {
        if (report.drops[i] != 0) drops[std::string(name(static_cast<Drop>(i)))] = report.drops[i];
    }
    nlohmann::json nodes = nlohmann::json::object();
    for (const control::NodeLatency& node : report.nodes) {
        nodes[node.node] = control::histogram_json(node.residence);
    }
    nlohmann::json links = nlohmann::json::array();
    for (const control::LinkReport& link : report.per_link) {
        links.push_back({{"from", link.from},
                         {"to", link.to},
                         {"frames", link.frames},
                         {"bad_fcs", link.totals.bad_fcs},
                         {"nacks", link.totals.nacks},
                         {"replays", link.totals.replays},
                         {"replayed_frames", link.totals.replayed},
                         {"flushes", link.totals.flushes},
                         {"rtt_ns", link.rtt_ns}});
    }
    return {{"fabric", report.fabric},
            {"seconds", report.seconds},
            {"ok", report.clean()},
            {"frames",
             {{"sent", report.frames.sent},
              {"delivered", report.frames.delivered()},
              {"lost", report.frames.lost()},
              {"duplicated", report.frames.duplicated},
              {"reordered", report.frames.reordered},
              {"unexpected", report.frames.unexpected}}},
            {"rate", {{"mpps", mpps(report)}, {"gbps", gbps(report)}}},
            {"llr",
             {{"replays", report.links.replays},
              {"replayed_frames", report.links.replayed},
              {"nacks", report.links.nacks},
              {"bad_fcs", report.links.bad_fcs},
              {"flushes", report.links.flushes}}},
            {"credits", {{"leaked", report.credits_leaked}}},
            {"mbufs", {{"leaked", report.mbufs_leaked}}},
            {"memory_bytes", report.memory_bytes},
            {"drops", drops},
            {"latency_ns", control::histogram_json(report.latency)},
            {"node_latency_ns", nodes},
            {"links", links}};
}

std::string to_text(const LabReport& report) {
    std::string out;
    const auto line = [&](const std::string& what, const std::string& value) {
        out +=
            "  " + what + std::string(what.size() < 22 ? 22 - what.size() : 1, ' ') + value + "\n";
    };
    out += report.fabric + ", " + number(report.seconds) + " s\n\n";
    line("frames sent", grouped(report.frames.sent));
    line("delivered in order", grouped(report.frames.delivered() - report.frames.reordered) +
                                   "   (" + number(mpps(report)) + " Mpps, " +
                                   number(gbps(report)) + " Gbit/s)");
    line("lost", grouped(report.frames.lost()));
    line("doubled, reordered",
         grouped(report.frames.duplicated) + ", " + grouped(report.frames.reordered));
    line("LLR replays", grouped(report.links.replays) + "   (" + grouped(report.links.replayed) +
                            " frames sent again, " + grouped(report.links.bad_fcs) + " damaged, " +
                            grouped(report.links.flushes) + " flushes)");
    line("credits, mbufs leaked",
         grouped(report.credits_leaked) + ", " + grouped(report.mbufs_leaked));
    for (std::size_t i = 0; i < kDropCount; ++i) {
        if (report.drops[i] == 0) continue;
        const Drop reason{static_cast<std::uint8_t>(i)};
        line("refused", grouped(report.drops[i]) + " " + std::string(name(reason)) +
                            (reason == Drop::kBadFcs ? " (what LLR does not repeat)" : ""));
    }
    out += "\n" + latency_table(report) + "\n" + link_table(report) + "\n" + verdict(report);
    return out;
}

}  // namespace ethlink::cli
