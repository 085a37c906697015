// SPDX-License-Identifier: BSD-3-Clause
// The subcommands of `ethlink`: each adds itself to the command line and returns an exit code.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace ethlink::cli {

/// Exit codes that scripts can trust.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;     // it ran, and what it checked is not so
inline constexpr int kUsage = 2;      // the command line or the file is wrong
inline constexpr int kCannotRun = 3;  // this machine cannot run it now

/// What main() hands to every command.
struct Context {
    std::vector<std::string> eal;   // what stands behind `--`
    const std::atomic<bool>* stop;  // set by SIGINT and SIGTERM
};

/// Adds a subcommand whose callback stores its exit code in `exit_code`.
using AddCommand = void (*)(CLI::App& app, const Context& context, int& exit_code);

void add_lab(CLI::App& app, const Context& context, int& exit_code);
void add_up(CLI::App& app, const Context& context, int& exit_code);
void add_down(CLI::App& app, const Context& context, int& exit_code);
void add_switch(CLI::App& app, const Context& context, int& exit_code);
void add_endpoint(CLI::App& app, const Context& context, int& exit_code);
void add_perf(CLI::App& app, const Context& context, int& exit_code);
void add_pktgen(CLI::App& app, const Context& context, int& exit_code);
void add_show(CLI::App& app, const Context& context, int& exit_code);
void add_impair(CLI::App& app, const Context& context, int& exit_code);
void add_link(CLI::App& app, const Context& context, int& exit_code);
void add_drain(CLI::App& app, const Context& context, int& exit_code);
void add_reload(CLI::App& app, const Context& context, int& exit_code);
void add_check(CLI::App& app, const Context& context, int& exit_code);
void add_export(CLI::App& app, const Context& context, int& exit_code);
void add_topo(CLI::App& app, const Context& context, int& exit_code);

}  // namespace ethlink::cli
