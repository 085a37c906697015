// SPDX-License-Identifier: BSD-3-Clause
// `ethlink link NODE:PORT down|up`: pulls and plugs a cable of a lab.
#include <cstdio>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/connect.h"

namespace ethlink::cli {
namespace {

struct Arguments {
    std::string port;
    std::string state;
    std::string instance;
};

int run(const Arguments& arguments) {
    auto client = connect_or_complain(arguments.instance);
    if (!client) return kCannotRun;
    const auto result = client->ask(
        {{"command", "link set"}, {"port", arguments.port}, {"state", arguments.state}});
    if (!result) {
        complain(result.error());
        return kUsage;
    }
    std::printf("the cable of %s is %s\n", arguments.port.c_str(),
                arguments.state == "up" ? "plugged" : "pulled");
    return kOk;
}

}  // namespace

void add_link(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& link = *app.add_subcommand("link", "Pull or plug a cable of a lab");
    link.add_option("port", arguments->port, "A port at one of its ends: leaf0:u0")->required();
    link.add_option("state", arguments->state, "down or up")
        ->required()
        ->check(CLI::IsMember({"down", "up"}));
    link.add_option("--instance", arguments->instance, "Which process, if several run");
    link.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
