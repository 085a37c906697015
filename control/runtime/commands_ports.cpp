// SPDX-License-Identifier: BSD-3-Clause
#include <functional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/failure.h"
#include "control/runtime/commands_parts.h"
#include "control/runtime/route_state.h"
#include "control/runtime/stats_json.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

/// A port with everything that an answer about it may need.
struct PortView {
    const FabricNode& node;
    const FabricPort& config;
    const Profile& profile;
    const PortState<Mbuf>& port;
    bool wired;  // in-process, whatever device the file names
};

using DescribePort = std::function<json(const PortView&)>;

void for_each_port(const Process& process,
                   const std::function<void(const std::string&, const PortView&)>& visit) {
    const Fabric& fabric = process.fabric();
    process.for_each_port(
        [&](const FabricNode& node, const NodePlan& plan, const PortState<Mbuf>& port) {
            const FabricPort& config = node.ports[port.rules.id.value];
            visit(fabric.port_name({plan.node, port.rules.id}),
                  {node, config, fabric.profile(config.profile), port,
                   plan.ports[port.rules.id.value].wire_frames > 0});
        });
}

/// An array of what `describe` says of each port that the request means; null is left out.
Reply per_port(const Process& process, const json& request, const DescribePort& describe) {
    const auto wanted = text_of(request, "port");
    if (!wanted) return failure(wanted.error());
    json list = json::array();
    bool found = false;
    for_each_port(process, [&](const std::string& name, const PortView& view) {
        if (*wanted && **wanted != name && **wanted != view.node.name) return;
        found = true;
        json entry = describe(view);
        if (entry.is_null()) return;
        entry["port"] = name;
        list.push_back(std::move(entry));
    });
    if (*wanted && !found) return failure("there is no port or node `" + **wanted + "` here");
    return list;
}

json describe_port(const PortView& view) {
    json entry = port_counters_json(view.port.counters);
    const bool link = view.config.kind == PortKind::kLink;
    entry["kind"] = link ? "link" : "plain";
    entry["up"] = view.port.device->is_up();
    entry["device"] = view.wired ? "" : view.config.device;
    entry["worker"] = view.port.rules.id.value % view.node.workers;
    entry["software_fcs"] = view.config.software_fcs;
    return entry;
}

json describe_link(const Process& process, const PortView& view) {
    if (!view.port.link) return nullptr;
    json entry = link_json(view.port.link->stats(), view.profile.link);
    entry["profile"] = view.profile.name;
    if (view.config.link) entry["routing"] = routing_of_link(process, *view.config.link);
    return entry;
}

/// Frames refused or discarded, and those that a link gave up when its session ended, of which the
/// neighbour may have had some: an operator looks for both here.
json all_drops(const PortView& view, bool all) {
    json drops = drops_json(view.port.counters, all);
    constexpr LinkStat kFlushed = LinkStat::kLlrTxFlushedFrames;
    const std::uint64_t n = view.port.link ? view.port.link->stats().read(kFlushed) : 0;
    if (n != 0 || (all && view.port.link)) drops[std::string(name(kFlushed))] = n;
    return drops;
}

/// What concerns links only is not said of plain ports.
template <class Describe>
DescribePort of_links(const char* key, Describe describe) {
    return [key, describe](const PortView& view) -> json {
        if (!view.port.link) return nullptr;
        return {{key, describe(view.port.link->stats(), view.profile)}};
    };
}

}  // namespace

void add_port_commands(CommandTable& table, Process& process) {
    const auto add = [&](const char* name, const char* help, DescribePort describe) {
        table.add({name, help, {"port"}, [&process, describe](const json& request) {
                       return per_port(process, request, describe);
                   }});
    };
    /// With the flag `all`.
    const auto add_some = [&](const char* name, const char* help,
                              std::function<json(const PortView&, bool all)> describe) {
        table.add({name, help, {"port", "all"}, [&process, describe](const json& request) -> Reply {
                       const auto all = flag_of(request, "all");
                       if (!all) return failure(all.error());
                       return per_port(process, request,
                                       [&](const PortView& view) { return describe(view, *all); });
                   }});
    };
    add("ports", "Frames, bytes and drops of each port.", describe_port);
    add("links", "LLR state of each link port, and whether routes use it.",
        [&process](const PortView& view) { return describe_link(process, view); });
    add("llr counters", "All counters of each link port, under SAI's names.",
        of_links("counters", [](const auto& s, const auto&) { return llr_counters_json(s); }));
    add("cbfc", "Credits of each link port, by VC.",
        of_links("vcs", [](const auto& s, const auto& p) { return cbfc_json(s, p); }));
    add("vcs", "Frames and bytes of each link port, by VC.",
        of_links("vcs", [](const auto& s, const auto& p) { return vcs_json(s, p); }));
    add_some("drops", "Frames refused, by port and reason; `all` lists the zeros too.",
             [](const PortView& view, bool all) {
                 return json{{"drops", all_drops(view, all)}};
             });
    add_some("watchdog",
             "VCs that have been stuck, by port; `all` lists those that are watched, too.",
             [](const PortView& view, bool all) {
                 json vcs = watchdog_json(view.port.watchdog, view.profile, all);
                 return vcs.empty() ? json() : json{{"vcs", std::move(vcs)}};
             });
}

}  // namespace ethlink::control
