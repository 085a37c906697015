// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/commands.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/failure.h"
#include "control/runtime/commands_parts.h"
#include "control/runtime/neighbour_state.h"
#include "control/runtime/route_state.h"
#include "control/runtime/stats_json.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

Reply instance_of(const Process& process, const std::string& instance,
                  std::chrono::steady_clock::time_point started) {
    const Fabric& fabric = process.fabric();
    const auto up = std::chrono::steady_clock::now() - started;
    json nodes = json::array();
    for (const NodePlan& node : process.plan().nodes) nodes.push_back(node.name);
    return json{{"instance", instance},
                {"pid", getpid()},
                {"fabric", fabric.name},
                {"file", fabric.file},
                {"nodes", nodes},
                {"links_up", process.links_up()},
                {"up_s", std::chrono::duration<double>(up).count()}};
}

Reply nodes(const Process& process) {
    json list = json::array();
    for (const NodePlan& plan : process.plan().nodes) {
        const FabricNode& node = process.fabric().node(plan.node);
        const bool endpoint = node.kind == NodeKind::kEndpoint;
        list.push_back({{"node", node.name},
                        {"kind", endpoint ? "endpoint" : "switch"},
                        {"gpu", node.gpu ? json(hex(*node.gpu)) : json()},
                        {"tenant", node.tenant.value},
                        {"routing", routing_of_node(process, plan.node)},
                        {"workers", plan.workers},
                        {"ports", node.ports.size()}});
    }
    return list;
}

Reply endpoints(const Process& process) {
    json list = json::array();
    for (const auto& endpoint : process.endpoints()) {
        const ClientCounters& clients = endpoint->host->clients.counters();
        json row{
            {"node", endpoint->node->config().name}, {"gpu", hex(*endpoint->node->config().gpu)},
            {"sessions", clients.sessions.read()},   {"transactions", clients.transactions.read()},
            {"errors", clients.errors.read()},       {"bytes", clients.bytes.read()}};
        for (std::size_t i = 0; i < static_cast<std::size_t>(TxnStat::kCount); ++i) {
            const auto stat = static_cast<TxnStat>(i);
            row[std::string(name(stat))] = endpoint->host->endpoint.stats().read(stat);
        }
        list.push_back(std::move(row));
    }
    return list;
}

/// Cycles per transaction, asked and served, by stage.
Reply cycles(const Process& process) {
    json list = json::array();
    for (const auto& endpoint : process.endpoints()) {
        const TxnHost& host = *endpoint->host;
        const std::uint64_t asked = host.clients.counters().transactions.read();
        const std::uint64_t served = host.endpoint.stats().read(TxnStat::kServed);
        json stages = json::object();
        for (std::size_t i = 0; i < static_cast<std::size_t>(CycleStage::kCount); ++i) {
            const auto stage = static_cast<CycleStage>(i);
            const auto total = static_cast<double>(host.meter.cycles(stage));
            const auto n = static_cast<double>(asked + served);
            stages[std::string(name(stage))] = n > 0 ? total / n : 0.0;
        }
        list.push_back({{"node", endpoint->node->config().name},
                        {"asked", asked},
                        {"served", served},
                        {"cycles_per_transaction", stages}});
    }
    return list;
}

Reply neighbours(const Process& process, const json& request) {
    const auto wanted = text_of(request, "port");
    if (!wanted) return failure(wanted.error());
    json list = json::array();
    for (const json& row : neighbours_json(process)) {
        const std::string port = row["port"];
        const bool is_meant = !*wanted || port == **wanted || port.starts_with(**wanted + ":");
        if (is_meant) list.push_back(row);
    }
    if (*wanted && list.empty()) return failure("no link of `" + **wanted + "` says hello here");
    return list;
}

template <class NodeT>
void add_loops(const NodeT& node, json& list) {
    for (std::size_t i = 0; i < node.worker_count(); ++i) {
        Bursts bursts{};
        const auto& worker = node.worker(i);
        for (std::size_t p = 0; p < worker.port_count(); ++p) {
            add_bursts(bursts, worker.port(p).counters);
        }
        list.push_back({{"node", node.config().name},
                        {"worker", i},
                        {"ports", worker.port_count()},
                        {"bursts", bursts_json(bursts)}});
    }
}

Reply workers(const Process& process) {
    json threads = json::array();
    for (const auto& runner : process.runners()) {
        const dpdk::RunnerCounters& c = runner->counters();
        threads.push_back({{"lcore", runner->lcore()},
                           {"turns", c.turns.read()},
                           {"busy_turns", c.busy_turns.read()},
                           {"cycles", c.cycles.read()},
                           {"busy_cycles", c.busy_cycles.read()},
                           {"sleeps", c.sleeps.read()}});
    }
    json loops = json::array();
    for (const auto& s : process.switches()) add_loops(*s->node, loops);
    for (const auto& e : process.endpoints()) add_loops(*e->node, loops);
    return json{{"threads", threads}, {"workers", loops}};
}

Reply pool(const Process& process) {
    const dpdk::MbufPool& pool = process.pool();
    return json{{"size", pool.size()},
                {"in_use", pool.in_use()},
                {"available", pool.available()},
                {"data_room_bytes", pool.data_room_bytes()},
                {"planned_memory_bytes", process.plan().memory_bytes()}};
}

}  // namespace

void add_commands(CommandTable& table, Process& process, const std::string& instance) {
    const auto add = [&](const char* name, const char* help, Reply (*run)(const Process&)) {
        table.add({name, help, {}, [&process, run](const json&) { return run(process); }});
    };
    table.add({"instance",
               "Who this process is, what it runs, since when.",
               {},
               [&process, instance, started = std::chrono::steady_clock::now()](const json&) {
                   return instance_of(process, instance, started);
               }});
    add("nodes", "The nodes that this process runs.", nodes);
    add("cycles", "Cycles of endpoints per transaction, by stage.", cycles);
    add("endpoints", "Remote memory: programs, transactions, retries.", endpoints);
    add_port_commands(table, process);
    table.add({"neighbours",
               "Who says hello at the far end of each link.",
               {"port"},
               [&process](const json& request) { return neighbours(process, request); }});
    add("link states", "Links and nodes that anybody holds for dead or drained, and who.",
        [](const Process& of) -> Reply { return link_states_json(of); });
    add("workers", "Poll threads and poll loops: turns, cycles, bursts.", workers);
    add("pool", "Buffers in use and in all.", pool);
    add_traffic_commands(table, process);
    add_fault_commands(table, process);
    add_live_commands(table, process);
}

}  // namespace ethlink::control
