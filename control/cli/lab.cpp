// SPDX-License-Identifier: BSD-3-Clause
// `ethlink lab FILE`: a whole fabric in this process, under traffic, without any NIC.
#include "control/runtime/lab.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "control/cli/command.h"
#include "control/cli/common.h"
#include "control/cli/daemon.h"
#include "control/cli/lab_text.h"
#include "control/cli/traffic_options.h"
#include "control/counted.h"
#include "control/runtime/control_socket_service.h"

namespace ethlink::cli {
namespace {

using control::counted;

struct Arguments {
    std::string file;
    TrafficArguments traffic;
    bool json = false;
    bool quiet = false;
    std::uint32_t threads = 0;
    bool poll = false;
    bool impairable = false;
    bool serve = false;
    std::string instance;
};

std::string progress_text(const control::FrameTotals& frames, const control::LinkTotals& links,
                          Duration elapsed, Duration duration) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "%4.1f / %.1f s  sent %s  delivered %s  under way %s  replays %s",
                  std::chrono::duration<double>(elapsed).count(),
                  std::chrono::duration<double>(duration).count(), grouped(frames.sent).c_str(),
                  grouped(frames.delivered()).c_str(), grouped(frames.lost()).c_str(),
                  grouped(links.replays).c_str());
    return text;
}

/// "instance/node", as programs may say for the path.
std::string node_of(const std::vector<std::string>& paths, std::size_t index) {
    if (index >= paths.size()) return "NODE";
    const std::filesystem::path path(paths[index]);
    const std::string file = path.filename();
    return path.parent_path().filename().string() + "/" + file.substr(0, file.find('.'));
}

void tell_sockets(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
        std::fprintf(stderr, "  ETHLINK_SOCKET=%s\n", path.c_str());
    }
    std::fprintf(stderr, "until Ctrl-C; in another terminal: ethlink perf load --from %s --to %s\n",
                 node_of(paths, 0).c_str(), node_of(paths, 1).c_str());
}

int run(const Arguments& arguments, const Context& context) {
    const auto fabric = load_or_complain(arguments.file);
    if (!fabric) return kUsage;
    const auto traffic = arguments.traffic.resolve(*fabric);
    if (!traffic) {
        complain(traffic.error());
        return kUsage;
    }
    if (!is_ready_or_complain(*fabric, std::nullopt, arguments.impairable)) return kUsage;
    control::LabOptions options;
    options.process.instance =
        arguments.instance.empty() ? instance_name(fabric->name) : arguments.instance;
    options.process.impairable = arguments.impairable;
    options.process.traffic = *traffic;
    options.process.poll_threads = arguments.threads;
    options.process.poll_busily = arguments.poll;
    options.process.eal_extra = context.eal;
    options.duration = arguments.traffic.duration(*fabric);
    options.serve = arguments.serve;
    options.log = [](const std::string& event) { spdlog::info(event); };
    if (!arguments.quiet && !arguments.serve) {
        options.progress = [&](const auto& frames, const auto& links, Duration elapsed) {
            live_line(progress_text(frames, links, elapsed, options.duration));
        };
    }
    // A lab runs as well without a control socket.
    auto service = control::ControlService::open(
        options.process.instance, [](const std::string& line) { spdlog::warn(line); });
    if (!service) spdlog::warn("`ethlink show` will not work: {}", service.error());
    if (service) {
        options.tick = [&](Duration timeout) { (*service)->serve(timeout); };
        options.detach = [&](control::Process&) { (*service)->detach(); };
    }
    options.attach = [&](control::Process& process) {
        if (service) (*service)->attach(process);
        spdlog::debug("EAL: {}", process.eal_command_line());
        for (const std::string& notice : process.notices()) spdlog::info(notice);
        if (!arguments.quiet && !arguments.json) {
            const std::string what = counted(process.switches().size(), "switch", "switches") +
                                     ", " + counted(process.endpoints().size(), "endpoint") + ", " +
                                     counted(fabric->links.size(), "link");
            std::fprintf(stderr, "%s, %llu MiB planned; traffic %s\n", what.c_str(),
                         static_cast<unsigned long long>(process.plan().memory_bytes() >> 20),
                         arguments.serve ? "only what programs send"
                                         : arguments.traffic.text(*fabric).c_str());
            if (arguments.serve && service) tell_sockets((*service)->client_sockets());
        }
    };
    const auto report = control::run_lab(*fabric, options, *context.stop);
    end_live_line();
    if (!report) {
        complain(report.error());
        return kCannotRun;
    }
    if (arguments.serve) {
        if (report->clean()) return kOk;
        complain("buffers or credits did not come back: please report this");
        return kFailed;
    }
    if (arguments.json) {
        std::printf("%s\n", to_json(*report).dump(2).c_str());
    } else {
        std::printf("%s", to_text(*report).c_str());
        std::printf(
            "\nNext: %s check %s (routes, queues, memory)   docs/architecture.md (how it works)\n",
            program_invocation_name, arguments.file.c_str());
    }
    return report->clean() ? kOk : kFailed;
}

}  // namespace

void add_lab(CLI::App& app, const Context& context, int& exit_code) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App& lab = *app.add_subcommand("lab", "Run a whole fabric in this process, under traffic");
    lab.add_option("file", arguments->file, "Fabric file (YAML)")->required();
    arguments->traffic.add_to(lab);
    lab.add_flag("--json", arguments->json, "One JSON object on stdout");
    lab.add_flag("--quiet", arguments->quiet, "No progress, no notices");
    lab.add_option("--threads", arguments->threads,
                   "Poll threads (default: as the file says, or one per CPU)")
        ->check(CLI::Range(1, 64));
    lab.add_flag("--serve", arguments->serve,
                 "No traffic: for programs that use the endpoints, until Ctrl-C");
    lab.add_flag("--poll", arguments->poll, "Never sleep: faster, and takes whole CPUs");
    lab.add_flag("--impairable", arguments->impairable,
                 "Every link may be given faults later, by `ethlink impair`; takes memory");
    lab.add_option("--instance", arguments->instance,
                   "Name of this process for `ethlink show` (default: the fabric's and its pid)");
    lab.footer(
        "While it runs, in another terminal: ethlink show links, ethlink impair leaf0:e3 "
        "loss=0.05");
    lab.callback([arguments, &context, &exit_code] {
        log_to_stderr(arguments->quiet || arguments->json);
        exit_code = run(*arguments, context);
    });
}

}  // namespace ethlink::cli
