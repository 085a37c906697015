// SPDX-License-Identifier: BSD-3-Clause
// `ethlink switch` and `ethlink endpoint`: one node on its devices, until it is told to stop.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include <spdlog/spdlog.h>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/daemon.h"
#include "control/runtime/stats_json.h"
#include "control/runtime/totals.h"

namespace ethlink::cli {
namespace {

using control::Process;
using Clock = std::chrono::steady_clock;

using control::NodeKind;

struct Arguments {
    NodeKind kind{};
    std::string file;
    DaemonOptions daemon;
    double stats_interval_s = 10;
    bool quiet = false;
};

/// Everything that a summary line is made of, at one moment.
struct Sample {
    Clock::time_point at;
    std::uint64_t rx_frames = 0, rx_bytes = 0, tx_frames = 0, drops = 0;
    std::uint64_t cycles = 0, busy_cycles = 0;
    std::size_t links = 0, links_up = 0;
    std::uint64_t replays = 0;
};

Sample take_sample(const Process& process) {
    Sample sample{.at = Clock::now()};
    process.for_each_port([&](const control::FabricNode& node, const control::NodePlan&,
                              const PortState<control::Mbuf>& port) {
        sample.rx_frames += port.counters.rx_frames.read();
        sample.rx_bytes += port.counters.rx_bytes.read();
        sample.tx_frames += port.counters.tx_frames.read();
        if (!port.link) return;
        ++sample.links;
        const LinkStats& stats = port.link->stats();
        sample.drops += stats.read(LinkStat::kLlrTxFlushedFrames);
        const auto& profile = process.fabric().profile(node.ports[port.rules.id.value].profile);
        if (control::link_is_up(stats, profile.link)) ++sample.links_up;
    });
    for (const auto& runner : process.runners()) {
        sample.cycles += runner->counters().cycles.read();
        sample.busy_cycles += runner->counters().busy_cycles.read();
    }
    for (const std::uint64_t drops : control::drop_totals(process)) sample.drops += drops;
    sample.replays = control::link_totals(process).replays;
    return sample;
}

std::string summary(const Sample& now, const Sample& before) {
    const double seconds = std::chrono::duration<double>(now.at - before.at).count();
    const auto rate = [&](std::uint64_t later, std::uint64_t earlier) {
        return static_cast<double>(later - earlier) / seconds;
    };
    const double busy = rate(now.busy_cycles, before.busy_cycles) * seconds * 100 /
                        static_cast<double>(std::max<std::uint64_t>(now.cycles - before.cycles, 1));
    const double bits =
        8 * (rate(now.rx_bytes, before.rx_bytes) + 4 * rate(now.rx_frames, before.rx_frames));
    char text[200];
    std::snprintf(text, sizeof text,
                  "links %zu/%zu up, in %.3f Mpps %.2f Gbit/s, out %.3f Mpps, replays +%llu, "
                  "dropped +%llu, busy %.0f %%",
                  now.links_up, now.links, rate(now.rx_frames, before.rx_frames) / 1e6, bits / 1e9,
                  rate(now.tx_frames, before.tx_frames) / 1e6,
                  static_cast<unsigned long long>(now.replays - before.replays),
                  static_cast<unsigned long long>(now.drops - before.drops), busy);
    return text;
}

void serve(Daemon& daemon, const Arguments& arguments, const std::atomic<bool>& stop) {
    const auto interval = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(arguments.stats_interval_s));
    Sample before = take_sample(daemon.process());
    while (!stop.load()) {
        daemon.turn(std::chrono::milliseconds(100));
        if (arguments.stats_interval_s <= 0 || Clock::now() - before.at < interval) continue;
        const Sample now = take_sample(daemon.process());
        spdlog::info(summary(now, before));
        before = now;
    }
}

/// "switch", as the command is called.
const char* word(NodeKind kind) {
    return kind == NodeKind::kSwitch ? "switch" : "endpoint";
}

int run(const Arguments& arguments, const Context& context) {
    auto fabric = load_or_complain(arguments.file);
    if (!fabric) return kUsage;
    if (const auto done = override_devices(*fabric, arguments.daemon.devices); !done) {
        complain(done.error());
        return kUsage;
    }
    const auto options = process_options(arguments.daemon, *fabric, context.eal);
    if (!options) {
        complain(options.error());
        return kUsage;
    }
    if (const NodeKind is = fabric->node(*options->node).kind; is != arguments.kind) {
        complain(arguments.daemon.node + " is not of this kind; run it with: ethlink " + word(is) +
                 " " + arguments.file + " --node " + arguments.daemon.node);
        return kUsage;
    }
    if (!is_ready_or_complain(*fabric, options->node, options->impairable)) return kUsage;
    auto daemon = Daemon::start(*fabric, *options);
    if (!daemon) {
        complain(daemon.error());
        return kCannotRun;
    }
    spdlog::info("{} {} of fabric {} runs; end it with Ctrl-C or SIGTERM", word(arguments.kind),
                 arguments.daemon.node, fabric->name);
    for (const std::string& place : (*daemon)->client_sockets()) {
        spdlog::info("programs find it at ETHLINK_SOCKET={}", place);
    }
    const Sample start = take_sample((*daemon)->process());
    serve(**daemon, arguments, *context.stop);
    const Sample end = take_sample((*daemon)->process());
    spdlog::info("ending; since the start: {}", summary(end, start));
    if (const std::uint64_t leaked = (*daemon)->stop(); leaked > 0) {
        spdlog::error("{} buffers did not come back: please report this", leaked);
        return kFailed;
    }
    return kOk;
}

CLI::App& add_node(CLI::App& app, const Context& context, int& exit_code, NodeKind kind,
                   const char* what) {
    auto arguments = std::make_shared<Arguments>();
    arguments->kind = kind;
    CLI::App& command = *app.add_subcommand(word(kind), what);
    command.add_option("file", arguments->file, "Fabric file (YAML)")->required();
    command.add_option("--node", arguments->daemon.node, "Which node of the file")->required();
    arguments->daemon.add_to(command);
    command
        .add_option("--stats-interval", arguments->stats_interval_s,
                    "Seconds between summary lines; 0 = none")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();
    command.add_flag("--quiet", arguments->quiet, "Warnings and errors only");
    command.callback([arguments, &context, &exit_code] {
        log_to_stderr(arguments->quiet);
        exit_code = run(*arguments, context);
    });
    return command;
}

}  // namespace

void add_switch(CLI::App& app, const Context& context, int& exit_code) {
    add_node(app, context, exit_code, NodeKind::kSwitch,
             "Run one switch on its devices, until Ctrl-C or SIGTERM")
        .footer("While it runs: ethlink show links, ethlink show llr counters, ethlink impair");
}

void add_endpoint(CLI::App& app, const Context& context, int& exit_code) {
    add_node(app, context, exit_code, NodeKind::kEndpoint,
             "Run one endpoint on its devices: remote memory for programs (libethlink)")
        .footer("While it runs: ethlink perf load --from NODE --to NODE, ethlink show endpoints");
}

}  // namespace ethlink::cli
