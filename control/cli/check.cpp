// SPDX-License-Identifier: BSD-3-Clause
// `ethlink check FILE`: what follows from a fabric file, or what is wrong with it.
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "control/capacity.h"
#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/report.h"
#include "control/routes.h"
#include "control/runtime/preflight.h"

namespace ethlink::cli {
namespace {

struct Arguments {
    std::string file;
    std::string node;
    bool json = false;
};

using Errors = std::vector<control::ConfigError>;

nlohmann::json list(const Errors& errors) {
    nlohmann::json array = nlohmann::json::array();
    for (const control::ConfigError& error : errors) array.push_back(control::to_json(error));
    return array;
}

int refuse(const Errors& errors, bool json) {
    if (json)
        std::printf("%s\n",
                    nlohmann::json{{"ok", false}, {"errors", list(errors)}}.dump(2).c_str());
    for (const control::ConfigError& error : errors) {
        if (!json) complain(error.text());
    }
    return kFailed;
}

int show(const control::Fabric& fabric, const control::CapacityPlan& plan, bool json) {
    const auto routes = control::compute_routes(fabric);
    if (json) {
        Errors warnings = fabric.warnings;
        warnings.insert(warnings.end(), plan.warnings.begin(), plan.warnings.end());
        std::printf("%s\n", nlohmann::json{{"ok", true},
                                           {"errors", nlohmann::json::array()},
                                           {"warnings", list(warnings)},
                                           {"fabric", control::to_json(fabric)},
                                           {"routes", control::to_json(fabric, routes)},
                                           {"capacity", control::to_json(plan)}}
                                .dump(2)
                                .c_str());
        return kOk;
    }
    std::printf("%s\n%s\n%s", control::to_text(fabric).c_str(),
                control::to_text(fabric, routes).c_str(), control::to_text(plan).c_str());
    for (const auto* warnings : {&fabric.warnings, &plan.warnings}) {
        for (const control::ConfigError& warning : *warnings)
            complain("warning: " + warning.text());
    }
    std::printf("\n%s is in order.\n", fabric.file.c_str());
    return kOk;
}

int run(const Arguments& arguments) {
    const auto fabric = control::load(arguments.file);
    if (!fabric) return refuse(fabric.error(), arguments.json);
    std::optional<control::NodeId> only;
    if (!arguments.node.empty()) {
        only = fabric->find_node(arguments.node);
        if (!only) {
            complain(arguments.file + " has no node " + arguments.node);
            return kUsage;
        }
    }
    auto plan = control::plan_process(*fabric, only, false);
    if (!plan) return refuse(plan.error(), arguments.json);
    // A warning, no mistake: files are checked on other machines than those that run them.
    const auto too_large = control::check_machine(
        *fabric, *plan, control::memory_mode(*fabric, only), control::machine_memory());
    if (too_large) plan->warnings.push_back(*too_large);
    return show(*fabric, *plan, arguments.json);
}

}  // namespace

void add_check(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& check =
        *app.add_subcommand("check", "Check a fabric file; show routes, queues and memory");
    check.add_option("file", arguments->file, "Fabric file (YAML)")->required();
    check.add_option("--node", arguments->node, "Only this node, as a process of its own");
    check.add_flag("--json", arguments->json, "One JSON object on stdout");
    check.footer(
        "No device is touched. More memory than this machine has is a warning here, because a file "
        "may be checked elsewhere than it runs; lab, switch and pktgen refuse it.");
    check.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
