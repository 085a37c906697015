// SPDX-License-Identifier: BSD-3-Clause
// `ethlink impair PORT loss=0.01 ...`: changes the faults of a wire while frames flow.
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/connect.h"
#include "control/cli/show_tables.h"

namespace ethlink::cli {
namespace {

using nlohmann::json;

struct Arguments {
    std::string port;
    std::vector<std::string> settings;
    std::string direction = "tx";
    std::string instance;
    bool clear = false;
    bool json = false;
};

/// "loss=0.01" into the request; false with a sentence if it is something else.
bool add_setting(const std::string& text, json& request) {
    const std::size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    json value;
    if (equals != std::string::npos) value = json::parse(text.substr(equals + 1), nullptr, false);
    if (!value.is_number() || key == "command" || request.contains(key)) {
        complain(text + ": write KEY=NUMBER, each key once, as in loss=0.01 delay_ns=1000");
        return false;
    }
    request[key] = std::move(value);
    return true;
}

int run(const Arguments& arguments) {
    json request{{"command", "fault set"},
                 {"port", arguments.port},
                 {"direction", arguments.direction},
                 {"clear", arguments.clear}};
    for (const std::string& setting : arguments.settings) {
        if (!add_setting(setting, request)) return kUsage;
    }
    auto client = connect_or_complain(arguments.instance);
    if (!client) return kCannotRun;
    const auto result = client->ask(request);
    if (!result) {
        complain(result.error());
        return kUsage;
    }
    if (arguments.json) {
        std::printf("%s\n", result->dump(2).c_str());
    } else {
        std::fputs(faults_table(json::array({*result})).c_str(), stdout);
    }
    return kOk;
}

}  // namespace

void add_impair(CLI::App& app, const Context&, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& impair = *app.add_subcommand("impair", "Change the faults of a wire while it runs");
    impair.add_option("port", arguments->port, "The port whose wire it is: leaf0:e0")->required();
    impair.add_option("settings", arguments->settings,
                      "loss=0.01 bit_error= duplicate= reorder= reorder_distance= delay_ns= "
                      "jitter_ns= rate_mbps= seq_drop= seq_dup= fcs_bad= fcs_poisoned= "
                      "llr_ack_drop= llr_nack_drop= cf_update_drop=; what is left out stays");
    impair
        .add_option("--direction", arguments->direction,
                    "tx: frames that leave the port; rx: those that arrive; or both")
        ->check(CLI::IsMember({"tx", "rx", "both"}))
        ->capture_default_str();
    impair.add_flag("--clear", arguments->clear, "First take away all faults of the direction");
    impair.add_option("--instance", arguments->instance, "Which process, if several run");
    impair.add_flag("--json", arguments->json, "One JSON object on stdout");
    impair.footer(
        "A port can be impaired if its link has `faults` in the file, or if the process "
        "was started with --impairable.\nExample: ethlink impair leaf0:e0 loss=0.01 "
        "delay_ns=20000");
    impair.callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace ethlink::cli
