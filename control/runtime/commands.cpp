// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/commands.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/runtime/commands_faults.h"
#include "control/runtime/commands_live.h"
#include "control/runtime/neighbour_state.h"
#include "control/runtime/route_state.h"
#include "control/runtime/stats_json.h"
#include "control/runtime/totals.h"

namespace ethlink::control {
namespace {

using nlohmann::json;

Unexpected<std::string> failure(std::string why) {
    return Unexpected<std::string>(std::move(why));
}

/// A port with everything that an answer about it may need.
struct PortView {
    const FabricNode& node;
    const FabricPort& config;
    const Profile& profile;
    const PortState<Mbuf>& port;
    bool wired;  // in-process, whatever device the file names
};

class Commands {
public:
    Commands(Process& process, std::string instance)
        : process_(&process),
          instance_(std::move(instance)),
          started_(std::chrono::steady_clock::now()) {}

    Reply instance() const {
        const Fabric& fabric = process_->fabric();
        const auto up = std::chrono::steady_clock::now() - started_;
        json nodes = json::array();
        for (const NodePlan& node : process_->plan().nodes) nodes.push_back(node.name);
        return json{{"instance", instance_},
                    {"pid", getpid()},
                    {"fabric", fabric.name},
                    {"file", fabric.file},
                    {"nodes", nodes},
                    {"links_up", process_->links_up()},
                    {"up_s", std::chrono::duration<double>(up).count()}};
    }

    Reply nodes() const {
        json list = json::array();
        for (const NodePlan& plan : process_->plan().nodes) {
            const FabricNode& node = process_->fabric().node(plan.node);
            const bool endpoint = node.kind == NodeKind::kEndpoint;
            list.push_back({{"node", node.name},
                            {"kind", endpoint ? "endpoint" : "switch"},
                            {"gpu", node.gpu ? json(hex(*node.gpu)) : json()},
                            {"tenant", node.tenant.value},
                            {"routing", routing_of_node(*process_, plan.node)},
                            {"workers", plan.workers},
                            {"ports", node.ports.size()}});
        }
        return list;
    }

    Reply endpoints() const {
        json list = json::array();
        for (const auto& endpoint : process_->endpoints()) {
            const ClientCounters& clients = endpoint->host->clients.counters();
            json row{{"node", endpoint->node->config().name},
                     {"gpu", hex(*endpoint->node->config().gpu)},
                     {"sessions", clients.sessions.read()},
                     {"transactions", clients.transactions.read()},
                     {"errors", clients.errors.read()},
                     {"bytes", clients.bytes.read()}};
            for (std::size_t i = 0; i < static_cast<std::size_t>(TxnStat::kCount); ++i) {
                const auto stat = static_cast<TxnStat>(i);
                row[std::string(name(stat))] = endpoint->host->endpoint.stats().read(stat);
            }
            list.push_back(std::move(row));
        }
        return list;
    }

    /// Cycles per transaction, asked and served, by stage.
    Reply cycles() const {
        json list = json::array();
        for (const auto& endpoint : process_->endpoints()) {
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

    /// An array of what `describe` says of each port that the request means; null is left out.
    Reply per_port(const json& request,
                   const std::function<json(const PortView&)>& describe) const {
        const auto wanted = text_of(request, "port");
        if (!wanted) return failure(wanted.error());
        json list = json::array();
        bool found = false;
        for_each([&](const std::string& name, const PortView& view) {
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

    Reply neighbours(const json& request) const {
        const auto wanted = text_of(request, "port");
        if (!wanted) return failure(wanted.error());
        json list = json::array();
        for (const json& row : neighbours_json(*process_)) {
            const std::string port = row["port"];
            const bool is_meant = !*wanted || port == **wanted || port.starts_with(**wanted + ":");
            if (is_meant) list.push_back(row);
        }
        if (*wanted && list.empty())
            return failure("no link of `" + **wanted + "` says hello here");
        return list;
    }

    Reply link_states() const { return link_states_json(*process_); }

    Reply workers() const {
        json threads = json::array();
        for (const auto& runner : process_->runners()) {
            const dpdk::RunnerCounters& c = runner->counters();
            threads.push_back({{"lcore", runner->lcore()},
                               {"turns", c.turns.read()},
                               {"busy_turns", c.busy_turns.read()},
                               {"cycles", c.cycles.read()},
                               {"busy_cycles", c.busy_cycles.read()},
                               {"sleeps", c.sleeps.read()}});
        }
        json loops = json::array();
        for (const auto& s : process_->switches()) add_loops(*s->node, loops);
        for (const auto& e : process_->endpoints()) add_loops(*e->node, loops);
        return json{{"threads", threads}, {"workers", loops}};
    }

    Reply pool() const {
        const dpdk::MbufPool& pool = process_->pool();
        return json{{"size", pool.size()},
                    {"in_use", pool.in_use()},
                    {"available", pool.available()},
                    {"data_room_bytes", pool.data_room_bytes()},
                    {"planned_memory_bytes", process_->plan().memory_bytes()}};
    }

    Reply latency() const {
        json nodes = json::object();
        for (const auto& s : process_->switches()) {
            HistogramSnapshot residence;
            for (std::size_t i = 0; i < s->node->worker_count(); ++i) {
                residence.merge(s->node->worker(i).residence().snapshot());
            }
            nodes[s->node->config().name] = histogram_json(residence);
        }
        json result{{"unit", "ns"}, {"nodes", nodes}};
        const HistogramSnapshot all = control::latency(*process_);
        if (!all.empty()) result["end_to_end"] = histogram_json(all);
        return result;
    }

    Reply traffic() const {
        const FrameTotals totals = frame_totals(*process_);
        std::uint64_t missing = 0;
        for (const auto& endpoint : process_->endpoints()) missing += endpoint->stage().missing();
        return json{{"sent", totals.sent},
                    {"sent_bytes", totals.sent_bytes},
                    {"received", totals.received},
                    {"received_bytes", totals.received_bytes},
                    {"missing", missing},
                    {"duplicated", totals.duplicated},
                    {"reordered", totals.reordered},
                    {"unexpected", totals.unexpected}};
    }

    /// Streams whose both ends are here: what came, and how long it once did not.
    Reply flows(const json& request) const {
        const auto forget = flag_of(request, "forget");
        if (!forget) return failure(forget.error());
        const auto& endpoints = process_->endpoints();
        const auto now = static_cast<std::uint64_t>(process_->now().time_since_epoch().count());
        json list = json::array();
        for (std::size_t from = 0; from < endpoints.size(); ++from) {
            const std::vector<PktgenStream>& streams = endpoints[from]->stage().identity().streams;
            for (std::size_t i = 0; i < streams.size(); ++i) {
                json row = flow_json(*endpoints[from], i, now);
                if (!row.is_null()) list.push_back(std::move(row));
            }
        }
        for (const auto& endpoint : endpoints) {
            if (*forget) endpoint->stage().forget_gaps();
        }
        return list;
    }

    Reply faults() const {
        json list = json::array();
        for (const RunningFaults& running : process_->faults()) {
            const FaultPort<Mbuf>& port = *running.faults;
            list.push_back({{"port", running.port},
                            {"tx", to_json(port.faults().tx)},
                            {"rx", to_json(port.faults().rx)},
                            {"tx_stats", stats_of(port.tx_stats())},
                            {"rx_stats", stats_of(port.rx_stats())}});
        }
        return list;
    }

    Reply set_faults(const json& request) const {
        const auto name = text_of(request, "port");
        if (!name) return failure(name.error());
        if (!*name) return failure("say which port: \"port\":\"leaf0:e0\"");
        const auto direction = text_of(request, "direction");
        if (!direction) return failure(direction.error());
        const std::string which = direction->value_or("tx");
        if (which != "tx" && which != "rx" && which != "both") {
            return failure("`direction` is tx (frames that leave the port), rx or both");
        }
        FaultPort<Mbuf>* port = find_faults(**name);
        if (port == nullptr) return failure(why_no_faults(**name));
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

private:
    void for_each(const std::function<void(const std::string&, const PortView&)>& visit) const {
        const Fabric& fabric = process_->fabric();
        process_->for_each_port(
            [&](const FabricNode& node, const NodePlan& plan, const PortState<Mbuf>& port) {
                const FabricPort& config = node.ports[port.rules.id.value];
                visit(fabric.port_name({plan.node, port.rules.id}),
                      {node, config, fabric.profile(config.profile), port,
                       plan.ports[port.rules.id.value].wire_frames > 0});
            });
    }

    json flow_json(const RunningEndpoint& from, std::size_t index, std::uint64_t now) const {
        const PktgenIdentity& sender = from.stage().identity();
        const PktgenStream& stream = sender.streams[index];
        for (const auto& to : process_->endpoints()) {
            const PktgenIdentity& sink = to->stage().identity();
            if (sink.self != stream.dst) continue;
            const auto source = std::ranges::find(sink.sources, sender.self);
            if (source == sink.sources.end()) break;
            const PktgenFlow& flow =
                to->stage().flow(static_cast<std::size_t>(source - sink.sources.begin()), index);
            const std::uint64_t last = flow.last_at.read();
            const FabricNode& node = from.node->config();
            const Profile& profile = process_->fabric().profiles.front();
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

    template <class NodeT>
    static void add_loops(const NodeT& node, json& list) {
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

    FaultPort<Mbuf>* find_faults(const std::string& name) const {
        for (const RunningFaults& running : process_->faults()) {
            if (running.port == name) return running.faults;
        }
        return nullptr;
    }

    std::string why_no_faults(const std::string& name) const {
        bool exists = false;
        for_each([&](const std::string& port, const PortView&) { exists |= port == name; });
        if (!exists) return "there is no port `" + name + "` here";
        return "port " + name +
               " has a plain wire: start the process with --impairable, or give "
               "its link `faults` in the fabric file (a loss of 1e-9 is enough)";
    }

    static json stats_of(const CounterSet<FaultStat>& stats) {
        json object = json::object();
        for (std::size_t i = 0; i < CounterSet<FaultStat>::kSize; ++i) {
            const auto stat = static_cast<FaultStat>(i);
            object[std::string(name(stat))] = stats.read(stat);
        }
        return object;
    }

    Process* process_;
    std::string instance_;
    std::chrono::steady_clock::time_point started_;
};

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
std::function<json(const PortView&)> of_links(const char* key, Describe describe) {
    return [key, describe](const PortView& view) -> json {
        if (!view.port.link) return nullptr;
        return {{key, describe(view.port.link->stats(), view.profile)}};
    };
}

}  // namespace

void add_commands(CommandTable& table, Process& process, const std::string& instance) {
    const auto commands = std::make_shared<Commands>(process, instance);
    const auto simple = [&](const char* name, const char* help, Reply (Commands::*run)() const) {
        table.add({name, help, {}, [commands, run](const json&) { return (*commands.*run)(); }});
    };
    const auto ports = [&](const char* name, const char* help,
                           std::function<json(const PortView&)> describe) {
        table.add({name, help, {"port"}, [commands, describe](const json& request) {
                       return commands->per_port(request, describe);
                   }});
    };
    simple("instance", "Who this process is, what it runs, since when.", &Commands::instance);
    simple("nodes", "The nodes that this process runs.", &Commands::nodes);
    simple("cycles", "Cycles of endpoints per transaction, by stage.", &Commands::cycles);
    simple("endpoints", "Remote memory: programs, transactions, retries.", &Commands::endpoints);
    ports("ports", "Frames, bytes and drops of each port.", describe_port);
    ports("links", "LLR state of each link port, and whether routes use it.",
          [&process](const PortView& view) -> json {
              if (!view.port.link) return nullptr;
              json entry = link_json(view.port.link->stats(), view.profile.link);
              entry["profile"] = view.profile.name;
              if (view.config.link) {
                  entry["routing"] = routing_of_link(process, *view.config.link);
              }
              return entry;
          });
    ports("llr counters", "All counters of each link port, under SAI's names.",
          of_links("counters", [](const auto& s, const auto&) { return llr_counters_json(s); }));
    ports("cbfc", "Credits of each link port, by VC.",
          of_links("vcs", [](const auto& s, const auto& p) { return cbfc_json(s, p); }));
    ports("vcs", "Frames and bytes of each link port, by VC.",
          of_links("vcs", [](const auto& s, const auto& p) { return vcs_json(s, p); }));
    table.add({"drops",
               "Frames refused, by port and reason; `all` lists the zeros too.",
               {"port", "all"},
               [commands](const json& request) -> Reply {
                   const auto all = flag_of(request, "all");
                   if (!all) return failure(all.error());
                   return commands->per_port(request, [&](const PortView& view) -> json {
                       return {{"drops", all_drops(view, *all)}};
                   });
               }});
    table.add({"watchdog",
               "VCs that have been stuck, by port; `all` lists those that are watched, too.",
               {"port", "all"},
               [commands](const json& request) -> Reply {
                   const auto all = flag_of(request, "all");
                   if (!all) return failure(all.error());
                   return commands->per_port(request, [&](const PortView& view) -> json {
                       json vcs = watchdog_json(view.port.watchdog, view.profile, *all);
                       return vcs.empty() ? json() : json{{"vcs", std::move(vcs)}};
                   });
               }});
    table.add({"neighbours",
               "Who says hello at the far end of each link.",
               {"port"},
               [commands](const json& request) { return commands->neighbours(request); }});
    simple("link states", "Links and nodes that anybody holds for dead or drained, and who.",
           &Commands::link_states);
    simple("workers", "Poll threads and poll loops: turns, cycles, bursts.", &Commands::workers);
    simple("pool", "Buffers in use and in all.", &Commands::pool);
    simple("latency", "Percentiles: end to end, and inside each switch.", &Commands::latency);
    simple("traffic", "Test frames sent and received by the endpoints here.", &Commands::traffic);
    table.add(
        {"flows",
         "Streams of test frames between endpoints here: frames, largest gap; `forget` begins "
         "the gaps anew.",
         {"forget"},
         [commands](const json& request) { return commands->flows(request); }});
    simple("faults", "Faults on wires, and what they have done.", &Commands::faults);
    std::vector<std::string> keys{"port", "direction", "clear"};
    keys.insert(keys.end(), fault_keys().begin(), fault_keys().end());
    table.add({"fault set", "Changes the faults of a port's wire; what is not named stays.", keys,
               [commands](const json& request) { return commands->set_faults(request); }});
    add_live_commands(table, process);
}

}  // namespace ethlink::control
