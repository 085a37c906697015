// SPDX-License-Identifier: BSD-3-Clause
// `ethlink up FILE`: a fabric on this machine, one process per node.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/daemon.h"
#include "control/config_reader.h"
#include "control/deploy/bring_up.h"
#include "control/deploy/fabric_record.h"
#include "control/deploy/namespaces.h"
#include "control/deploy/tear_down.h"
#include "control/deploy/wiring.h"
#include "control/fabric_proof.h"
#include "control/report_table.h"
#include "control/runtime/preflight.h"

namespace ethlink::cli {
namespace {

namespace fs = std::filesystem;
using control::FabricDirectory;
using control::FabricRecord;
using control::Medium;
using control::NodeId;
using control::NodeRecord;
using namespace std::chrono_literals;

struct Arguments {
    std::string file;
    std::string medium;  // empty: the file's devices, memif where it names none
    std::string name;
    double wait_s = 30;
    bool foreground = false;
    bool impairable = false;
    bool json = false;
};

/// What is known before anything of the machine is touched.
struct Plan {
    control::Fabric fabric;
    Medium medium = Medium::kMemif;
    std::string name;
    std::string file;  // absolute
    control::Wiring wiring;
    FabricRecord record;
};

int refuse(const std::string& why, int code) {
    complain(why);
    return code;
}

std::string instance_of(const Plan& plan, const control::FabricNode& node) {
    return plan.name == plan.fabric.name ? node.name : plan.name + "." + node.name;
}

/// Everything that the command line can have wrong. An exit code.
int check_arguments(const Arguments& arguments, Plan& plan) {
    plan.medium = arguments.medium == "veth" ? Medium::kVeth : Medium::kMemif;
    plan.name = arguments.name.empty() ? plan.fabric.name : arguments.name;
    if (!control::is_name(plan.name)) {
        return refuse("--name " + plan.name +
                          ": a name is a letter, then letters, digits, - and _, at most 31",
                      kUsage);
    }
    for (const control::FabricNode& node : plan.fabric.nodes) {
        if (const std::string name = instance_of(plan, node); !control::is_instance_name(name)) {
            return refuse("the process of " + node.name + " would be called " + name +
                              ", and 32 characters are the most: choose a shorter --name",
                          kUsage);
        }
    }
    if (plan.medium == Medium::kVeth && geteuid() != 0) {
        return refuse(
            "veth pairs and network namespaces need root: run it with sudo, or use --medium memif, "
            "which needs no rights",
            kCannotRun);
    }
    return kOk;
}

/// Names the devices in the fabric, as every node will have them.
int wire(const Arguments& arguments, const std::string& directory, Plan& plan) {
    constexpr std::size_t kSocketPathMax = 107;  // sun_path
    const std::string prefix = directory + "/";
    if (prefix.size() + sizeof "16383.memif" > kSocketPathMax) {
        return refuse(directory +
                          " is too long for sockets in it; set XDG_RUNTIME_DIR to a "
                          "shorter path",
                      kCannotRun);
    }
    auto wiring = control::wire_up(
        plan.fabric,
        {.medium = plan.medium, .all_links = !arguments.medium.empty(), .memif_prefix = prefix});
    if (!wiring) {
        for (const control::ConfigError& error : wiring.error()) complain(error.text());
        return kUsage;
    }
    plan.wiring = std::move(*wiring);
    return kOk;
}

/// Whether each node can be, and all of them together.
int check_nodes(const Arguments& arguments, const control::Fabric& fabric) {
    if (const auto proof = control::prove_fabric(fabric); !proof.errors.empty()) {
        for (const control::ConfigError& error : proof.errors) complain(error.text());
        return kUsage;
    }
    std::uint64_t bytes = 0;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        const auto plan = control::plan_proven_process(fabric, NodeId{n}, arguments.impairable);
        if (!plan) {
            for (const control::ConfigError& error : plan.error()) complain(error.text());
            return kUsage;
        }
        bytes += plan->memory_bytes();
    }
    const control::MachineMemory machine = control::machine_memory();
    const bool asks_machine = fabric.runtime.memory == control::MemoryMode::kAuto ||
                              fabric.runtime.memory == control::MemoryMode::kNoHuge;
    // `available` may be "unknown", the largest number.
    if (!asks_machine || bytes <= machine.available ||
        bytes - machine.available <= machine.free_hugepages) {
        return kOk;
    }
    return refuse("the " + std::to_string(fabric.nodes.size()) + " processes take " +
                      std::to_string(bytes >> 20) + " MiB, but this machine has only " +
                      std::to_string(machine.available >> 20) +
                      " MiB available: lower the credits in the profiles, or run it in one process "
                      "with `ethlink lab`",
                  kUsage);
}

void fill_record(const Arguments& arguments, const Context& context, Plan& plan) {
    plan.record = {.name = plan.name,
                   .file = plan.file,
                   .medium = word(plan.medium),
                   .boot_id = control::boot_id(),
                   .nodes = {}};
    for (std::size_t n = 0; n < plan.fabric.nodes.size(); ++n) {
        const control::FabricNode& node = plan.fabric.nodes[n];
        NodeRecord record{.node = node.name,
                          .kind = control::command_word(node.kind),
                          .instance = instance_of(plan, node),
                          .argv = {"ethlink"},
                          .network_namespace = {},
                          .process = {}};
        const auto command =
            control::node_command(node, plan.file, record.instance, plan.wiring.devices[n]);
        record.argv.insert(record.argv.end(), command.begin(), command.end());
        if (arguments.impairable) record.argv.emplace_back("--impairable");
        if (!context.eal.empty()) record.argv.emplace_back("--");
        record.argv.insert(record.argv.end(), context.eal.begin(), context.eal.end());
        if (plan.medium == Medium::kVeth) {
            record.network_namespace = control::namespace_name(plan.name, node.name);
        }
        plan.record.nodes.push_back(std::move(record));
    }
}

/// An empty directory of this fabric, locked. What an earlier one left, dead, is removed.
Expected<FabricDirectory, std::string> claim(const Plan& plan, const std::string& sockets) {
    auto directory = FabricDirectory::claim(sockets, plan.name, true);
    if (!directory) return Unexpected<std::string>(directory.error());
    const auto earlier = (*directory)->read();
    if (!earlier) return Unexpected<std::string>(earlier.error());
    if (!*earlier) return std::move(**directory);
    if ((*earlier)->any_alive()) {
        return Unexpected<std::string>("fabric " + plan.name + " is up already, from " +
                                       (*earlier)->file + "; end it with: ethlink down " +
                                       plan.name + "; or start a second one with --name");
    }
    complain("what an earlier run of " + plan.name + " has left is removed");
    if (auto removed = control::tear_down(**directory); !removed) {
        return Unexpected<std::string>(removed.error());
    }
    auto fresh = FabricDirectory::claim(sockets, plan.name, true);
    if (!fresh) return Unexpected<std::string>(fresh.error());
    return std::move(**fresh);
}

/// Namespaces are the whole machine's: one of this name may be somebody else's.
std::string taken_namespace(const FabricRecord& record) {
    for (const NodeRecord& node : record.nodes) {
        if (!node.network_namespace.empty() && control::namespace_exists(node.network_namespace)) {
            return node.network_namespace;
        }
    }
    return {};
}

int tear_down_or_complain(FabricDirectory& directory, const std::string& name) {
    const auto notes = control::tear_down(directory);
    if (!notes) {
        return refuse("fabric " + name + " is not quite gone: " + notes.error() +
                          "; try again with: ethlink down " + name,
                      kCannotRun);
    }
    for (const std::string& note : *notes) complain(note);
    return kOk;
}

std::string own_path() {
    std::error_code error;
    const fs::path path = fs::read_symlink("/proc/self/exe", error);
    return error ? "/proc/self/exe" : path.string();
}

nlohmann::json to_json(const FabricDirectory& directory, const FabricRecord& record,
                       double seconds) {
    nlohmann::json nodes = nlohmann::json::array();
    for (const NodeRecord& node : record.nodes) {
        nodes.push_back(
            {{"node", node.node},
             {"kind", node.kind},
             {"pid", node.process->pid},
             {"instance", node.instance},
             {"socket", control::socket_path(directory.socket_directory(), node.instance)},
             {"log", directory.log_of(node.node)},
             {"network_namespace", node.network_namespace},
             {"argv", node.argv}});
    }
    return {{"fabric", record.name},         {"file", record.file}, {"medium", record.medium},
            {"directory", directory.path()}, {"seconds", seconds},  {"nodes", std::move(nodes)}};
}

/// What one may do with it now.
void print_hints(const FabricRecord& record, bool foreground) {
    std::vector<std::string> endpoints;
    for (const NodeRecord& node : record.nodes) {
        if (node.kind == "endpoint") endpoints.push_back(node.instance + "/" + node.node);
    }
    std::printf("\n  ethlink show links --instance %s\n", record.nodes.front().instance.c_str());
    if (endpoints.size() > 1) {
        std::printf("  ethlink perf load --from %s --to %s\n", endpoints[0].c_str(),
                    endpoints[1].c_str());
    }
    if (const std::string& name = record.nodes.front().network_namespace; !name.empty()) {
        std::printf("  ip netns exec %s ip -s link\n", name.c_str());
    }
    std::printf("%s\n", foreground ? "until Ctrl-C" : ("  ethlink down " + record.name).c_str());
}

void print(const FabricDirectory& directory, const FabricRecord& record, std::size_t links,
           double seconds, bool foreground) {
    std::printf("fabric %s is up after %.1f s: %zu processes, %zu links; logs in %s\n\n",
                record.name.c_str(), seconds, record.nodes.size(), links, directory.path().c_str());
    control::Table table({"NODE", "KIND", "PID", "SOCKET"});
    for (const NodeRecord& node : record.nodes) {
        table.add({node.node, node.kind, std::to_string(node.process->pid),
                   control::socket_path(directory.socket_directory(), node.instance)});
    }
    std::printf("%s", table.text().c_str());
    print_hints(record, foreground);
}

/// Until Ctrl-C, or until all have ended, by `ethlink down` for instance.
int stay(control::BringUp& bring_up, std::size_t running, const std::string& sockets,
         const std::string& name, const Context& context) {
    while (running > 0 && !context.stop->load()) {
        const auto ended = bring_up.ended();
        if (!ended.empty()) {
            // Whoever holds the directory, or has removed it, has ended them on purpose.
            const auto directory = FabricDirectory::claim(sockets, name, false);
            for (const std::string& sentence : ended) {
                if (directory && *directory) complain(sentence);
            }
        }
        running -= ended.size();
        std::this_thread::sleep_for(100ms);
    }
    return context.stop->load() ? kOk : kFailed;
}

/// `ethlink down` holds it until it has ended everything; then there is none any more.
Expected<std::optional<FabricDirectory>, std::string> claim_after_down(const std::string& sockets,
                                                                       const std::string& name) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (true) {
        auto directory = FabricDirectory::claim(sockets, name, false);
        if (directory || std::chrono::steady_clock::now() > end) return directory;
        std::this_thread::sleep_for(50ms);
    }
}

int bring_up(const Arguments& arguments, const Context& context, FabricDirectory& directory,
             Plan& plan) {
    const auto begin = std::chrono::steady_clock::now();
    control::BringUp bring_up(directory, plan.record);
    auto done = bring_up.start(own_path(), plan.wiring.veths);
    if (done) {
        const std::chrono::duration<double> limit(arguments.wait_s);
        done = bring_up.wait_for_links(std::chrono::duration_cast<Duration>(limit), *context.stop);
    }
    if (!done) {
        complain(done.error());
        complain("fabric " + plan.name + " is not up; what was started has been ended");
        tear_down_or_complain(directory, plan.name);
        return kCannotRun;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (arguments.json) {
        std::printf("%s\n", to_json(directory, plan.record, took.count()).dump(2).c_str());
    } else {
        print(directory, plan.record, plan.fabric.links.size(), took.count(), arguments.foreground);
    }
    std::fflush(stdout);
    if (!arguments.foreground) return kOk;
    directory.unlock();
    const int code =
        stay(bring_up, plan.record.nodes.size(), directory.socket_directory(), plan.name, context);
    auto again = claim_after_down(directory.socket_directory(), plan.name);
    if (!again) return refuse(again.error(), kCannotRun);
    if (!*again) return kOk;  // Ended by `ethlink down`.
    const int removed = tear_down_or_complain(**again, plan.name);
    return removed == kOk ? code : removed;
}

int run(const Arguments& arguments, const Context& context) {
    auto fabric = load_or_complain(arguments.file);
    if (!fabric) return kUsage;
    Plan plan{.fabric = std::move(*fabric), .name = {}, .file = {}, .wiring = {}, .record = {}};
    plan.file = fs::absolute(arguments.file).lexically_normal();
    if (const int code = check_arguments(arguments, plan); code != kOk) return code;
    const auto sockets = control::choose_socket_directory();
    if (!sockets) return refuse(sockets.error(), kCannotRun);
    const std::string path = FabricDirectory::path_of(*sockets, plan.name);
    if (const int code = wire(arguments, path, plan); code != kOk) return code;
    if (const int code = check_nodes(arguments, plan.fabric); code != kOk) return code;
    fill_record(arguments, context, plan);
    auto directory = claim(plan, *sockets);
    if (!directory) return refuse(directory.error(), kCannotRun);
    if (const std::string taken = taken_namespace(plan.record); !taken.empty()) {
        static_cast<void>(directory->remove());
        return refuse("there is a network namespace " + taken +
                          " already, which belongs to something else: choose another --name, or "
                          "remove it with: ip netns del " +
                          taken,
                      kCannotRun);
    }
    return bring_up(arguments, context, *directory, plan);
}

}  // namespace

void add_up(CLI::App& app, const Context& context, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& up = *app.add_subcommand(
        "up", "Run a fabric on this machine, one process per node, in the background");
    up.add_option("file", arguments->file, "Fabric file (YAML)")->required();
    up.add_option("--medium", arguments->medium,
                  "What carries all links: memif (needs no rights), or veth between network "
                  "namespaces (default: the file's devices, memif where it names none)")
        ->check(CLI::IsMember({"memif", "veth"}));
    up.add_option("--name", arguments->name,
                  "Another name than the fabric's, to run it twice; processes are NAME.NODE then");
    up.add_option("--wait", arguments->wait_s, "Seconds until all links must be up")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    up.add_flag("--foreground", arguments->foreground, "Stay, and end all of it on Ctrl-C");
    up.add_flag("--impairable", arguments->impairable,
                "Every link may be given faults later, by `ethlink impair`; takes memory");
    up.add_flag("--json", arguments->json, "What was started, as one JSON object on stdout");
    up.footer(
        "If one process does not start, all are ended again and the end of its log is shown. "
        "End it with: ethlink down");
    up.callback([arguments, &context, &exit_code] { exit_code = run(*arguments, context); });
}

}  // namespace ethlink::cli
