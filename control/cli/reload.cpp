// SPDX-License-Identifier: BSD-3-Clause
// `ethlink reload [FILE]`: a running process reads its file again and follows it.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/connect.h"
#include "control/report_table.h"

namespace ethlink::cli {
namespace {

using nlohmann::json;

struct Arguments {
    std::string file;
    std::string instance;
    bool dry_run = false;
    bool json = false;
};

std::string words(const json& ports) {
    std::string text;
    for (const json& port : ports) {
        if (port.is_string()) text += (text.empty() ? "" : " ") + port.get<std::string>();
    }
    return text.empty() ? "-" : text;
}

std::string plan_text(const json& plan) {
    std::string text;
    for (const json& link : plan.value("links", json::array())) {
        text += "link " + link.value("link", "?") +
                (link.value("change", "") == "leaves" ? " leaves the tables\n"
                                                      : " is in the tables again\n");
    }
    control::Table table({"NODE", "GPU", "BEFORE", "AFTER"});
    std::uint64_t all = 0, shown = 0;
    for (const json& node : plan.value("nodes", json::array())) {
        all += node.value("changes", std::uint64_t{0});
        for (const json& route : node.value("routes", json::array())) {
            ++shown;
            table.add({node.value("node", "?"), route.value("gpu", "?"),
                       words(route.value("before", json::array())),
                       words(route.value("after", json::array()))});
        }
    }
    if (shown > 0) text += table.text();
    if (all > shown) text += "and " + std::to_string(all - shown) + " routes more\n";
    if (text.empty()) text = "nothing changes\n";
    return text + (plan.value("applied", false) ? "applied\n" : "not applied: --dry-run\n");
}

int run(const Arguments& arguments) {
    auto client = connect_or_complain(arguments.instance);
    if (!client) return kCannotRun;
    json request{{"command", "reload"}, {"dry_run", arguments.dry_run}};
    // The process runs in a folder of its own.
    if (!arguments.file.empty()) {
        request["file"] = std::filesystem::absolute(arguments.file).string();
    }
    const auto result = client->ask(request);
    if (!result) {
        complain(result.error());
        return kUsage;
    }
    std::fputs((arguments.json ? result->dump(2) + "\n" : plan_text(*result)).c_str(), stdout);
    return kOk;
}

}  // namespace

void add_reload(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& reload = *app.add_subcommand("reload", "Let a running process read its file again");
    reload.add_option("file", arguments->file,
                      "Another file (default: the one it was started with)");
    reload.add_option("--instance", arguments->instance, "Which process, if several run");
    reload.add_flag("--dry-run", arguments->dry_run, "Only print what would change");
    reload.add_flag("--json", arguments->json, "The plan as JSON");
    reload.footer(
        "Links that the file has no more leave the tables, and return with it. Nodes, ports, "
        "profiles and sizes need a restart: then nothing is changed.");
    reload.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
