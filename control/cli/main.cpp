// SPDX-License-Identifier: BSD-3-Clause
// The program `ethlink`: reads the command line, calls one subcommand, returns its exit code.
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/config_reader.h"

namespace {

std::atomic<bool> stop_requested{false};

/// The first signal asks for an orderly end, the second one does not wait for it.
void on_signal(int signal) {
    if (stop_requested.exchange(true)) std::_Exit(128 + signal);
}

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

/// Splits the arguments at the first "--": what stands behind it goes to DPDK.
std::vector<std::string> take_eal_arguments(int& argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::string(argv[i]) != "--") continue;
        std::vector<std::string> eal(argv + i + 1, argv + argc);
        argc = i;
        return eal;
    }
    return {};
}

/// CLI11 only says that some command is missing. True if the first word is none.
bool complain_of_command(const CLI::App& app, int argc, char** argv) {
    const std::string word = argc > 1 ? argv[1] : "";
    if (word.empty() || word.front() == '-') return false;
    std::vector<std::string_view> commands;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (command->get_name() == word) return false;
        commands.push_back(command->get_name());
    }
    const std::string near(ethlink::control::nearest(word, commands));
    ethlink::cli::complain("there is no command `" + word + "`" +
                           (near.empty() ? "" : "; did you mean `" + near + "`?") +
                           " (ethlink --help lists them)");
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace ethlink::cli;
    const Context context{.eal = take_eal_arguments(argc, argv), .stop = &stop_requested};
    CLI::App app{
        "EthLink software switch: lossless Ethernet for GPU scale-up, on DPDK or without a NIC"};
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("ethlink ") + ETHLINK_PROGRAM_VERSION);
    app.footer(
        "What stands behind `--` goes to DPDK's EAL. Start with: ethlink lab "
        "configs/single-rack.yaml");
    int exit_code = kOk;
    for (const AddCommand add :
         {add_lab, add_up, add_down, add_switch, add_endpoint, add_pktgen, add_perf, add_show,
          add_impair, add_link, add_drain, add_reload, add_check, add_export, add_topo}) {
        add(app, context, exit_code);
    }
    if (complain_of_command(app, argc, argv)) return kUsage;
    catch_signals();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kOk : kUsage;
    }
    return exit_code;
}
