// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/failure.h"
#include "control/runtime/commands_parts.h"
#include "control/runtime/stats_json.h"
#include "control/runtime/totals.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

Reply latencies(const Process& process) {
    json nodes = json::object();
    for (const auto& s : process.switches()) {
        HistogramSnapshot residence;
        for (std::size_t i = 0; i < s->node->worker_count(); ++i) {
            residence.merge(s->node->worker(i).residence().snapshot());
        }
        nodes[s->node->config().name] = histogram_json(residence);
    }
    json result{{"unit", "ns"}, {"nodes", nodes}};
    const HistogramSnapshot all = latency(process);
    if (!all.empty()) result["end_to_end"] = histogram_json(all);
    return result;
}

Reply traffic(const Process& process) {
    const FrameTotals totals = frame_totals(process);
    std::uint64_t missing = 0;
    for (const auto& endpoint : process.endpoints()) missing += endpoint->stage().missing();
    return json{{"sent", totals.sent},
                {"sent_bytes", totals.sent_bytes},
                {"received", totals.received},
                {"received_bytes", totals.received_bytes},
                {"missing", missing},
                {"duplicated", totals.duplicated},
                {"reordered", totals.reordered},
                {"unexpected", totals.unexpected}};
}

json flow_json(const Process& process, const RunningEndpoint& from, std::size_t index,
               std::uint64_t now) {
    const PktgenIdentity& sender = from.stage().identity();
    const PktgenStream& stream = sender.streams[index];
    for (const auto& to : process.endpoints()) {
        const PktgenIdentity& sink = to->stage().identity();
        if (sink.self != stream.dst) continue;
        const auto source = std::ranges::find(sink.sources, sender.self);
        if (source == sink.sources.end()) break;
        const PktgenFlow& flow =
            to->stage().flow(static_cast<std::size_t>(source - sink.sources.begin()), index);
        const std::uint64_t last = flow.last_at.read();
        const FabricNode& node = from.node->config();
        const Profile& profile = process.fabric().profiles.front();
        return {{"from", node.name},
                {"to", to->node->config().name},
                {"port", node.ports[stream.port.value].name},
                {"vc", profile.vc_names[stream.vc.value].name},
                {"entropy", stream.entropy},
                {"frames", flow.frames.read()},
                {"largest_gap_ns", flow.largest_gap.read()},
                {"silent_ns", last == 0 || last > now ? 0 : now - last}};
    }
    return nullptr;
}

/// Streams whose both ends are here: what came, and how long it once did not.
Reply flows(const Process& process, const json& request) {
    const auto forget = flag_of(request, "forget");
    if (!forget) return failure(forget.error());
    const auto& endpoints = process.endpoints();
    const auto now = static_cast<std::uint64_t>(process.now().time_since_epoch().count());
    json list = json::array();
    for (std::size_t from = 0; from < endpoints.size(); ++from) {
        const std::vector<PktgenStream>& streams = endpoints[from]->stage().identity().streams;
        for (std::size_t i = 0; i < streams.size(); ++i) {
            json row = flow_json(process, *endpoints[from], i, now);
            if (!row.is_null()) list.push_back(std::move(row));
        }
    }
    for (const auto& endpoint : endpoints) {
        if (*forget) endpoint->stage().forget_gaps();
    }
    return list;
}

}  // namespace

void add_traffic_commands(CommandTable& table, Process& process) {
    table.add({"latency",
               "Percentiles: end to end, and inside each switch.",
               {},
               [&process](const json&) { return latencies(process); }});
    table.add({"traffic",
               "Test frames sent and received by the endpoints here.",
               {},
               [&process](const json&) { return traffic(process); }});
    table.add(
        {"flows",
         "Streams of test frames between endpoints here: frames, largest gap; `forget` begins "
         "the gaps anew.",
         {"forget"},
         [&process](const json& request) { return flows(process, request); }});
}

}  // namespace ethlink::control
