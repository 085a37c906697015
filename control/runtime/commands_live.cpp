// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/fabric_proof.h"
#include "control/failure.h"
#include "control/proof_words.h"
#include "control/reload_plan.h"
#include "control/runtime/commands_parts.h"
#include "control/runtime/route_state.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

constexpr std::size_t kChangesShown = 64;  // of each node, in a plan

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
    return text;
}

/// A node, or one link by the port at one of its ends.
struct Place {
    std::optional<NodeId> node;
    std::optional<PortRef> port;
};

Expected<Place, std::string> find_place(const Fabric& fabric, const std::string& name) {
    const std::size_t colon = name.find(':');
    const auto node = fabric.find_node(name.substr(0, colon));
    if (!node) return failure("there is no node `" + name.substr(0, colon) + "` in this fabric");
    if (colon == std::string::npos) return Place{.node = node, .port = {}};
    const auto port = fabric.node(*node).find_port(name.substr(colon + 1));
    if (!port) return failure("there is no port `" + name + "` in this fabric");
    return Place{.node = {}, .port = PortRef{*node, *port}};
}

/// The text that must be there.
Expected<std::string, std::string> needed(const json& request, std::string_view key,
                                          const char* example) {
    const auto text = text_of(request, key);
    if (!text) return failure(text.error());
    if (!*text) return failure("say `" + std::string(key) + "`: " + example);
    return **text;
}

json ports_json(const Fabric& fabric, NodeId node, const std::vector<PortId>& ports) {
    json names = json::array();
    for (const PortId port : ports) names.push_back(fabric.node(node).ports[port.value].name);
    return names;
}

json changes_json(const Fabric& fabric, const std::vector<NodeChanges>& all) {
    json list = json::array();
    for (const NodeChanges& changes : all) {
        if (fabric.node(changes.node).kind != NodeKind::kSwitch) continue;
        json routes = json::array();
        for (const RouteChange& route : changes.routes) {
            if (routes.size() == kChangesShown) break;
            routes.push_back({{"gpu", hex(route.dst)},
                              {"before", ports_json(fabric, changes.node, route.before)},
                              {"after", ports_json(fabric, changes.node, route.after)}});
        }
        list.push_back({{"node", fabric.node(changes.node).name},
                        {"changes", changes.routes.size()},
                        {"routes", std::move(routes)}});
    }
    return list;
}

class LiveCommands {
public:
    explicit LiveCommands(Process& process) : process_(&process) {}

    Reply drain(const json& request) const {
        const auto what = needed(request, "what", "\"what\":\"spine0\" or \"leaf0:u0\"");
        if (!what) return failure(what.error());
        const auto undo = flag_of(request, "undo");
        if (!undo) return failure(undo.error());
        const auto force = flag_of(request, "force");
        if (!force) return failure(force.error());
        const auto place = find_place(fabric(), *what);
        if (!place) return failure(place.error());
        FabricCondition condition = process_->own_condition();
        if (place->node) {
            condition.drained_nodes[place->node->value] = !*undo;
        } else {
            const auto link = fabric().port(*place->port).link;
            if (!link) return failure("port " + *what + " has no link: nothing can be drained");
            condition.drained_links[*link] = !*undo;
        }
        if (!*undo && !*force) {
            const auto lost =
                cut_off(fabric(), process_->routes().condition(), process_->with_others(condition));
            if (!lost.empty()) {
                return failure("without " + *what + " " + joined(lost, "; ") +
                               " (--force drains it all the same)");
            }
        }
        const auto published = process_->set_own_condition(condition);
        if (!published) return failure("the tables stay as they are: " + published.error());
        return json{{"what", *what},
                    {"drained", !*undo},
                    {"tables", *published},
                    {"told", is_told(*place)},
                    {"drained_elsewhere", *undo && is_drained(*place)}};
    }

    Reply set_link(const json& request) const {
        const auto name = needed(request, "port", "\"port\":\"leaf0:e0\"");
        if (!name) return failure(name.error());
        const auto state = needed(request, "state", "\"state\":\"down\" or \"up\"");
        if (!state) return failure(state.error());
        if (*state != "up" && *state != "down") return failure("`state` is up or down");
        const auto place = find_place(fabric(), *name);
        if (!place) return failure(place.error());
        if (!place->port) return failure("say which port of " + *name + ": " + *name + ":e0");
        if (!process_->set_wire(*place->port, *state == "up")) {
            return failure("port " + *name +
                           " has no in-process wire here: pull its cable, or take its device down "
                           "by the system's means (`ip link set DEV down`)");
        }
        return json{{"port", *name}, {"state", *state}};
    }

    Reply routes(const json& request) const {
        const auto name = text_of(request, "node");
        if (!name) return failure(name.error());
        if (!*name) return route_summary_json(*process_);
        const auto node = fabric().find_node(**name);
        if (!node || !process_->runs(*node))
            return failure("there is no node `" + **name + "` here");
        return routes_json(*process_, *node);
    }

    Reply reload(const json& request) const {
        const auto named = text_of(request, "file");
        if (!named) return failure(named.error());
        const auto dry = flag_of(request, "dry_run");
        if (!dry) return failure(dry.error());
        const std::string file = named->value_or(fabric().file);
        if (!*named && file == "-") return failure("it was read from stdin: say which file");
        const auto wanted = load(file);
        if (!wanted) return failure("nothing is changed: " + text(wanted.error()));
        if (const FabricProof proof = prove_fabric(*wanted); !proof.errors.empty()) {
            return failure("nothing is changed: " + text(proof.errors));
        }
        const FabricDifference found = difference(fabric(), *wanted);
        if (!found.restart_needed.empty()) {
            return failure("nothing is changed; restart needed: " +
                           joined(found.restart_needed, "; "));
        }
        FabricCondition condition = process_->own_condition();
        json plan{{"file", file}, {"applied", false}, {"links", links_json(condition, found)}};
        condition.left_out = found.left_out;
        const RouteKeeper::Plan next = process_->routes().plan(process_->with_others(condition));
        if (!next.refused.empty()) {
            return failure(
                "nothing is changed: while switches change their tables one after the "
                "other, " +
                joined(next.refused, "; "));
        }
        plan["nodes"] = changes_json(fabric(), next.changes);
        if (*dry) return plan;
        const auto published = process_->set_own_condition(condition);
        if (!published) return failure("nothing is changed: " + published.error());
        plan["applied"] = true;
        plan["tables"] = *published;
        return plan;
    }

private:
    const Fabric& fabric() const { return process_->fabric(); }

    /// Whether other processes learn of it: a node speaks for itself and its own links.
    bool is_told(const Place& place) const {
        if (!process_->neighbourhood()) return false;
        if (place.node) return process_->runs(*place.node);
        const PortRef peer = *fabric().port(*place.port).peer;
        return process_->runs(place.port->node) || process_->runs(peer.node);
    }
    bool is_drained(const Place& place) const {
        const FabricCondition& all = process_->routes().condition();
        if (place.node) return all.drained_nodes[place.node->value];
        return all.drained_links[*fabric().port(*place.port).link];
    }

    /// The links that leave the tables or come back.
    json links_json(const FabricCondition& condition, const FabricDifference& found) const {
        json list = json::array();
        for (std::size_t i = 0; i < found.left_out.size(); ++i) {
            if (found.left_out[i] == condition.left_out[i]) continue;
            const FabricLink& link = fabric().links[i];
            list.push_back(
                {{"link", fabric().port_name(link.a) + " - " + fabric().port_name(link.b)},
                 {"change", found.left_out[i] ? "leaves" : "returns"}});
        }
        return list;
    }

    Process* process_;
};

}  // namespace

void add_live_commands(CommandTable& table, Process& process) {
    const auto commands = std::make_shared<LiveCommands>(process);
    const auto add = [&](const char* name, const char* help, std::vector<std::string> keys,
                         Reply (LiveCommands::*run)(const json&) const) {
        table.add({name, help, std::move(keys),
                   [commands, run](const json& request) { return (*commands.*run)(request); }});
    };
    add("drain", "Frames leave a node or a link, as long as there are other paths.",
        {"what", "undo", "force"}, &LiveCommands::drain);
    add("reload", "Reads the file again and follows it as far as routes go.", {"file", "dry_run"},
        &LiveCommands::reload);
    add("link set", "Pulls or plugs an in-process wire.", {"port", "state"},
        &LiveCommands::set_link);
    add("routes", "Tables of the switches here; of one node, each route.", {"node"},
        &LiveCommands::routes);
}

}  // namespace ethlink::control
