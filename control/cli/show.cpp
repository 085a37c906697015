// SPDX-License-Identifier: BSD-3-Clause
// `ethlink show WHAT`: asks a running process and prints what it says.
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/connect.h"
#include "control/cli/show_tables.h"

namespace ethlink::cli {
namespace {

using nlohmann::json;
using Answer = Expected<json, std::string>;

constexpr auto kWorkersInterval = std::chrono::milliseconds(500);

struct Arguments {
    std::vector<std::string> what;
    std::string instance;
    std::string port;
    bool all = false;
    bool json = false;
};

/// Asks one command, with --port and --all as far as it takes them.
class Asker {
public:
    Asker(control::ControlClient& client, const Arguments& arguments)
        : client_(&client), arguments_(&arguments) {}

    Answer ask(const std::string& command) { return client_->ask({{"command", command}}); }
    Answer ask_ports(const std::string& command) {
        json request{{"command", command}};
        if (!arguments_->port.empty()) request["port"] = arguments_->port;
        if (command == "drops" || command == "watchdog") request["all"] = arguments_->all;
        return client_->ask(request);
    }

private:
    control::ControlClient* client_;
    const Arguments* arguments_;
};

using Table = std::string (*)(const json&);

/// Of one command and one table.
struct Plain {
    const char* what;
    const char* command;
    Table table;
    bool by_port;
};
constexpr Plain kPlain[] = {
    {"links", "links", links_table, true},
    {"ports", "ports", ports_table, true},
    {"llr interface", "links", llr_interface_table, true},
    {"llr counters detailed", "llr counters", llr_detailed_table, true},
    {"cbfc", "cbfc", cbfc_table, true},
    {"vcs", "vcs", vcs_table, true},
    {"drops", "drops", drops_table, true},
    {"watchdog", "watchdog", watchdog_table, true},
    {"nodes", "nodes", nodes_table, false},
    {"neighbours", "neighbours", neighbours_table, true},
    {"link states", "link states", link_states_table, false},
    {"endpoints", "endpoints", endpoints_table, false},
    {"cycles", "cycles", cycles_table, false},
    {"pool", "pool", pool_table, false},
    {"latency", "latency", latency_table, false},
    {"traffic", "traffic", traffic_table, false},
    {"flows", "flows", flows_table, false},
    {"faults", "faults", faults_table, false},
};

int print(const Answer& answer, bool as_json, const std::function<std::string(const json&)>& text) {
    if (!answer) {
        complain(answer.error());
        return kUsage;
    }
    if (as_json) {
        std::printf("%s\n", answer->dump(2).c_str());
    } else {
        std::fputs(text(*answer).c_str(), stdout);
    }
    return kOk;
}

int show_llr_counters(Asker& asker, bool as_json) {
    const Answer links = asker.ask_ports("links");
    return print(asker.ask_ports("llr counters"), as_json, [&](const json& counters) {
        return llr_counters_table(counters, links ? *links : json::array());
    });
}

/// Two answers, so that the rates are those of now.
int show_workers(Asker& asker, bool as_json) {
    const auto begin = std::chrono::steady_clock::now();
    const Answer earlier = asker.ask("workers");
    if (!as_json) std::this_thread::sleep_for(kWorkersInterval);
    Answer later = asker.ask("workers");
    if (earlier && later) {
        const auto interval = std::chrono::steady_clock::now() - begin;
        (*later)["interval_s"] = std::chrono::duration<double>(interval).count();
    }
    return print(later, as_json, [&](const json& l) {
        return workers_table(earlier ? *earlier : json::object(), l);
    });
}

/// Of all switches in short, or each route of one node.
int show_routes(control::ControlClient& client, const std::string& node, bool as_json) {
    json request{{"command", "routes"}};
    if (!node.empty()) request["node"] = node;
    return print(client.ask(request), as_json, node.empty() ? route_summary_table : routes_table);
}

int show_instances(bool as_json) {
    const auto instances = control::find_instances();
    if (as_json) {
        json list = json::array();
        for (const auto& instance : instances) {
            list.push_back(instance.about);
            list.back()["socket"] = instance.path;
        }
        std::printf("%s\n", list.dump(2).c_str());
    } else if (instances.empty()) {
        std::puts("no ethlink process of this user runs here");
    } else {
        std::fputs(instances_table(instances).c_str(), stdout);
    }
    return kOk;
}

int run(const Arguments& arguments) {
    std::string what;
    for (const std::string& word : arguments.what) what += (what.empty() ? "" : " ") + word;
    if (what == "instances") return show_instances(arguments.json);
    const bool routes = arguments.what.front() == "routes" && arguments.what.size() <= 2;
    const Plain* plain = nullptr;
    std::string known = "instances, workers, llr counters, routes [NODE]";
    for (const Plain& p : kPlain) {
        if (what == p.what) plain = &p;
        known += std::string(", ") + p.what;
    }
    if (plain == nullptr && !routes && what != "workers" && what != "llr counters") {
        complain("there is nothing called `" + what + "` to show; there is: " + known);
        return kUsage;
    }
    auto client = connect_or_complain(arguments.instance);
    if (!client) return kCannotRun;
    if (routes) {
        return show_routes(*client, arguments.what.size() == 2 ? arguments.what[1] : "",
                           arguments.json);
    }
    Asker asker(*client, arguments);
    if (what == "workers") return show_workers(asker, arguments.json);
    if (what == "llr counters") return show_llr_counters(asker, arguments.json);
    const std::string command = plain->command;
    return print(plain->by_port ? asker.ask_ports(command) : asker.ask(command), arguments.json,
                 plain->table);
}

}  // namespace

void add_show(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& show = *app.add_subcommand("show", "Ask a running process: links, counters, credits");
    show.add_option("what", arguments->what,
                    "instances, nodes, endpoints, cycles, ports, links, llr interface, llr "
                    "counters [detailed], cbfc, vcs, drops, watchdog, routes [NODE], neighbours, "
                    "link states, workers, pool, latency, traffic, flows, faults")
        ->required();
    show.add_option("--port,-i", arguments->port, "Only this port (leaf0:e0) or node (leaf0)");
    show.add_option("--instance", arguments->instance, "Which process, if several run");
    show.add_flag("--all", arguments->all,
                  "drops: also reasons that have not happened; watchdog: also VCs that were never "
                  "stuck");
    show.add_flag("--json", arguments->json, "The answer of the process as JSON");
    show.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
