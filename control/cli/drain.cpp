// SPDX-License-Identifier: BSD-3-Clause
// `ethlink drain NODE|NODE:PORT`: frames leave a switch or a link before somebody takes it away.
#include <cstdint>
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
    std::string what;
    std::string instance;
    bool undo = false;
    bool force = false;
    bool json = false;
};

int run(const Arguments& arguments) {
    auto client = connect_or_complain(arguments.instance);
    if (!client) return kCannotRun;
    const auto result = client->ask({{"command", "drain"},
                                     {"what", arguments.what},
                                     {"undo", arguments.undo},
                                     {"force", arguments.force}});
    if (!result) {
        complain(result.error());
        return kUsage;
    }
    if (arguments.json) {
        std::printf("%s\n", result->dump(2).c_str());
        return kOk;
    }
    std::printf("%s %s: %llu new tables", arguments.what.c_str(),
                arguments.undo ? "is in use again" : "drains",
                static_cast<unsigned long long>(result->value("tables", std::uint64_t{0})));
    std::puts(arguments.undo ? "" : "; `ethlink show links` says \"drained\" when it is free");
    if (!result->value("told", true)) {
        std::printf(
            "only this process knows: nodes speak for themselves and their own links; "
            "give the order to the process of %s (--instance)\n",
            arguments.what.c_str());
    }
    if (result->value("drained_elsewhere", false)) {
        std::puts("but another process holds it drained: `ethlink show link states` says which");
    }
    return kOk;
}

}  // namespace

void add_drain(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& drain = *app.add_subcommand("drain", "Lead frames around a switch or a link");
    drain.add_option("what", arguments->what, "A node (spine0), or a port at the link (leaf0:u0)")
        ->required();
    drain.add_flag("--undo", arguments->undo, "Use it again");
    drain.add_flag("--force", arguments->force,
                   "Even if somebody could reach somebody by no other path");
    drain.add_option("--instance", arguments->instance, "Which process, if several run");
    drain.add_flag("--json", arguments->json, "One JSON object on stdout");
    drain.footer("Frames under way still arrive; what has no other path goes on as before.");
    drain.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
