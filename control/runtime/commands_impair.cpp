// SPDX-License-Identifier: BSD-3-Clause
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/failure.h"
#include "control/runtime/commands_faults.h"
#include "control/runtime/commands_parts.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

FaultPort<Mbuf>* find_faults(const Process& process, const std::string& name) {
    for (const RunningFaults& running : process.faults()) {
        if (running.port == name) return running.faults;
    }
    return nullptr;
}

std::string why_no_faults(const Process& process, const std::string& name) {
    bool exists = false;
    process.for_each_port(
        [&](const FabricNode&, const NodePlan& plan, const PortState<Mbuf>& port) {
            exists |= process.fabric().port_name({plan.node, port.rules.id}) == name;
        });
    if (!exists) return "there is no port `" + name + "` here";
    return "port " + name +
           " has a plain wire: start the process with --impairable, or give "
           "its link `faults` in the fabric file (a loss of 1e-9 is enough)";
}

json stats_of(const CounterSet<FaultStat>& stats) {
    json object = json::object();
    for (std::size_t i = 0; i < CounterSet<FaultStat>::kSize; ++i) {
        const auto stat = static_cast<FaultStat>(i);
        object[std::string(name(stat))] = stats.read(stat);
    }
    return object;
}

Reply faults(const Process& process) {
    json list = json::array();
    for (const RunningFaults& running : process.faults()) {
        const FaultPort<Mbuf>& port = *running.faults;
        list.push_back({{"port", running.port},
                        {"tx", to_json(port.faults().tx)},
                        {"rx", to_json(port.faults().rx)},
                        {"tx_stats", stats_of(port.tx_stats())},
                        {"rx_stats", stats_of(port.rx_stats())}});
    }
    return list;
}

Reply set_faults(const Process& process, const json& request) {
    const auto name = text_of(request, "port");
    if (!name) return failure(name.error());
    if (!*name) return failure("say which port: \"port\":\"leaf0:e0\"");
    const auto direction = text_of(request, "direction");
    if (!direction) return failure(direction.error());
    const std::string which = direction->value_or("tx");
    if (which != "tx" && which != "rx" && which != "both") {
        return failure("`direction` is tx (frames that leave the port), rx or both");
    }
    FaultPort<Mbuf>* port = find_faults(process, **name);
    if (port == nullptr) return failure(why_no_faults(process, **name));
    const auto clear = flag_of(request, "clear");
    if (!clear) return failure(clear.error());
    PortFaults faults = port->faults();
    if (which != "rx") {
        auto changed = changed_faults(*clear ? FaultOptions{} : faults.tx, request);
        if (!changed) return failure(changed.error());
        faults.tx = *changed;
    }
    if (which != "tx") {
        auto changed = changed_faults(*clear ? FaultOptions{} : faults.rx, request);
        if (!changed) return failure(changed.error());
        faults.rx = *changed;
    }
    port->set(faults);
    return json{{"port", **name}, {"tx", to_json(faults.tx)}, {"rx", to_json(faults.rx)}};
}

}  // namespace

void add_fault_commands(CommandTable& table, Process& process) {
    table.add({"faults", "Faults on wires, and what they have done.", {}, [&process](const json&) {
                   return faults(process);
               }});
    std::vector<std::string> keys{"port", "direction", "clear"};
    keys.insert(keys.end(), fault_keys().begin(), fault_keys().end());
    table.add({"fault set", "Changes the faults of a port's wire; what is not named stays.", keys,
               [&process](const json& request) { return set_faults(process, request); }});
}

}  // namespace ethlink::control
