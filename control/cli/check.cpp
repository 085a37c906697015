// SPDX-License-Identifier: BSD-3-Clause
// `ethlink check FILE`: what follows from a fabric file, or what is wrong with it.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/capacity.h"
#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/fabric_proof.h"
#include "control/report.h"
#include "control/routes.h"
#include "control/runtime/preflight.h"

namespace ethlink::cli {
namespace {

using control::Fabric;
using nlohmann::json;
using Errors = std::vector<control::ConfigError>;

// Beyond this, lists of ports and routes help nobody: of 1,024 GPUs on 8 tracks they are 100 MB.
constexpr std::size_t kListedPortsMax = 4'096;
constexpr std::size_t kListedRoutesMax = 65'536;  // nodes times destinations

struct Arguments {
    std::string file;
    std::string node;
    bool json = false;
};

/// All that one call finds out.
struct Findings {
    Errors errors;
    Errors warnings;
    std::optional<Fabric> fabric;  // if the file could be read
    control::FabricProof proof;
    std::optional<control::CapacityPlan> plan;  // if nothing is wrong
    double seconds = 0;
};

json list(const Errors& errors) {
    json array = json::array();
    for (const control::ConfigError& error : errors) array.push_back(control::to_json(error));
    return array;
}

std::size_t endpoints_of(const Fabric& fabric) {
    std::size_t endpoints = 0;
    for (const control::FabricNode& node : fabric.nodes) {
        if (node.kind == control::NodeKind::kEndpoint) ++endpoints;
    }
    return endpoints;
}

bool lists_ports(const Fabric& fabric) {
    std::size_t ports = 0;
    for (const control::FabricNode& node : fabric.nodes) ports += node.ports.size();
    return ports <= kListedPortsMax;
}

bool lists_routes(const Fabric& fabric) {
    return lists_ports(fabric) && fabric.nodes.size() * endpoints_of(fabric) <= kListedRoutesMax;
}

json to_json(const Findings& found) {
    const bool known = found.fabric.has_value();
    const std::size_t endpoints = known ? endpoints_of(*found.fabric) : 0;
    json object{{"ok", found.errors.empty()},
                {"errors", list(found.errors)},
                {"warnings", list(found.warnings)},
                {"deadlock_free", known && found.proof.deadlock_free},
                {"single_failures_checked", found.proof.single_failures_checked},
                {"disconnecting_failures", found.proof.disconnecting_failures},
                {"disconnects", found.proof.disconnects},
                {"endpoints", endpoints},
                {"switches", known ? found.fabric->nodes.size() - endpoints : 0},
                {"links", known ? found.fabric->links.size() : 0},
                {"seconds", found.seconds}};
    if (!found.plan) return object;
    object["memory_bytes"] = found.plan->memory_bytes();
    if (!lists_ports(*found.fabric)) return object;
    object["fabric"] = control::to_json(*found.fabric);
    object["capacity"] = control::to_json(*found.plan);
    if (!lists_routes(*found.fabric)) return object;
    object["routes"] = control::to_json(*found.fabric, control::compute_routes(*found.fabric));
    return object;
}

std::string count_text(std::size_t n, const char* one, const char* many) {
    return grouped(n) + " " + (n == 1 ? one : many);
}

std::string too_large_to_list(const Findings& found) {
    const std::size_t endpoints = endpoints_of(*found.fabric);
    return "fabric " + found.fabric->name + ": " + count_text(endpoints, "endpoint", "endpoints") +
           ", " + count_text(found.fabric->nodes.size() - endpoints, "switch", "switches") + ", " +
           count_text(found.fabric->links.size(), "link", "links") +
           " (too many to list; memory of all in one process: " +
           grouped(found.plan->memory_bytes() >> 20) + " MiB)\n";
}

std::string proof_text(const control::FabricProof& proof) {
    std::string text =
        "Routes are free of loops and deadlocks, as built and after each of " +
        count_text(proof.single_failures_checked, "single failure", "single failures");
    if (proof.disconnecting_failures == 0) return text + "; none of them cuts anyone off.\n";
    text += "; " + grouped(proof.disconnecting_failures) + " of them cut somebody off:\n";
    for (const std::string& sentence : proof.disconnects) text += "  " + sentence + "\n";
    return text;
}

void print(const Findings& found) {
    const Fabric& fabric = *found.fabric;
    std::string text;
    if (lists_ports(fabric)) {
        text += control::to_text(fabric) + "\n";
        if (lists_routes(fabric)) {
            text += control::to_text(fabric, control::compute_routes(fabric)) + "\n";
        }
        text += control::to_text(*found.plan);
    } else {
        text += too_large_to_list(found);
    }
    text += "\n" + proof_text(found.proof);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    for (const control::ConfigError& warning : found.warnings) {
        complain("warning: " + warning.text());
    }
    std::printf("\n%s is in order.\n", fabric.file.c_str());
}

int answer(const Findings& found, bool as_json) {
    if (as_json) {
        std::printf("%s\n", to_json(found).dump(2).c_str());
    } else if (found.errors.empty()) {
        print(found);
    } else {
        for (const control::ConfigError& error : found.errors) complain(error.text());
    }
    return found.errors.empty() ? kOk : kUsage;
}

void make_plan(Findings& found, std::optional<control::NodeId> only) {
    const Fabric& fabric = *found.fabric;
    auto plan = control::plan_proven_process(fabric, only, false);
    if (!plan) {
        found.errors = std::move(plan.error());
        return;
    }
    found.warnings = fabric.warnings;
    found.warnings.insert(found.warnings.end(), plan->warnings.begin(), plan->warnings.end());
    // A warning, no mistake: files are checked on other machines than those that run them.
    const auto too_large = control::check_machine(fabric, *plan, control::memory_mode(fabric, only),
                                                  control::machine_memory());
    if (too_large) found.warnings.push_back(*too_large);
    found.plan = std::move(*plan);
}

int run(const Arguments& arguments) {
    const auto begin = std::chrono::steady_clock::now();
    Findings found;
    auto fabric = load_file(arguments.file);
    std::optional<control::NodeId> only;
    if (!fabric) {
        found.errors = std::move(fabric.error());
    } else {
        if (!arguments.node.empty()) {
            only = fabric->find_node(arguments.node);
            if (!only) {
                complain(fabric->file + " has no node " + arguments.node);
                return kUsage;
            }
        }
        found.fabric = std::move(*fabric);
        found.proof = control::prove_fabric(*found.fabric);
        found.errors = found.proof.errors;
    }
    if (found.errors.empty()) make_plan(found, only);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    found.seconds = taken.count();
    return answer(found, arguments.json);
}

}  // namespace

void add_check(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& check =
        *app.add_subcommand("check", "Check a fabric file; show routes, queues and memory");
    check.add_option("file", arguments->file, "Fabric file (YAML); - reads the standard input")
        ->required();
    check.add_option("--node", arguments->node, "Only this node, as a process of its own");
    check.add_flag("--json", arguments->json, "One JSON object on stdout");
    check.footer(
        "Exit code 0 if the file is in order, 2 if not. No device is touched. More memory than "
        "this machine has is a warning here, because a file may be checked elsewhere than it runs; "
        "lab, switch and pktgen refuse it.");
    check.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
