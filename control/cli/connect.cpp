// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/connect.h"

#include <cstdint>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/cli/common.h"
#include "control/report_table.h"

namespace ethlink::cli {
namespace {

using control::ControlClient;
using control::Instance;

std::optional<ControlClient> open(const std::string& path) {
    auto client = ControlClient::connect(path);
    if (client) return std::move(*client);
    complain(client.error());
    return std::nullopt;
}

std::string name_of(const Instance& instance) {
    return instance.about.value("instance", "?");
}

}  // namespace

std::string instances_table(const std::vector<Instance>& instances) {
    control::Table table({"INSTANCE", "PID", "FABRIC", "NODES", "LINKS", "UP", "SOCKET"});
    for (const Instance& instance : instances) {
        std::string nodes;
        for (const auto& node : instance.about.value("nodes", nlohmann::json::array())) {
            if (node.is_string()) nodes += (nodes.empty() ? "" : ",") + node.get<std::string>();
        }
        if (nodes.size() > 32) nodes = nodes.substr(0, 29) + "...";
        const auto seconds = static_cast<std::uint64_t>(instance.about.value("up_s", 0.0));
        table.add({name_of(instance), std::to_string(instance.about.value("pid", 0)),
                   instance.about.value("fabric", "?"), nodes,
                   instance.about.value("links_up", false) ? "up" : "not all up",
                   std::to_string(seconds) + " s", instance.path});
    }
    return table.text();
}

std::optional<ControlClient> connect_or_complain(const std::string& wanted) {
    if (wanted.find('/') != std::string::npos) return open(wanted);
    const std::vector<Instance> instances = control::find_instances();
    std::vector<const Instance*> fitting;
    for (const Instance& instance : instances) {
        if (wanted.empty() || name_of(instance) == wanted) fitting.push_back(&instance);
    }
    if (fitting.size() == 1) return open(fitting.front()->path);
    if (instances.empty()) {
        complain(
            "no ethlink process of this user runs here; start one with `ethlink lab`, "
            "`ethlink switch` or `ethlink pktgen`");
    } else {
        complain(fitting.empty()
                     ? "no process has the name " + wanted + "; these run:"
                     : std::string("several processes run; choose one with --instance:"));
        std::fputs(instances_table(instances).c_str(), stderr);
    }
    return std::nullopt;
}

}  // namespace ethlink::cli
