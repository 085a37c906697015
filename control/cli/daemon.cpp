// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/daemon.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "control/cli/common.h"
#include "control/failure.h"
#include "control/runtime/preflight.h"
#include "control/runtime/stats_json.h"
#include "dataplane/dpdk/eal_log.h"

namespace ethlink::cli {
namespace {

using control::Fabric;
using control::failure;
using control::Process;

void log_dpdk(dpdk::LogLevel level, std::string_view line) {
    switch (level) {
        case dpdk::LogLevel::kError: spdlog::error("DPDK: {}", line); break;
        case dpdk::LogLevel::kWarning: spdlog::warn("DPDK: {}", line); break;
        case dpdk::LogLevel::kInfo: spdlog::info("DPDK: {}", line); break;
    }
}

}  // namespace

void log_to_stderr(bool quiet) {
    spdlog::set_default_logger(spdlog::stderr_logger_mt("ethlink"));
    spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    spdlog::set_level(quiet ? spdlog::level::warn : spdlog::level::info);
    dpdk::set_eal_log_sink(log_dpdk);
}

Expected<void, std::string> override_devices(Fabric& fabric,
                                             const std::vector<std::string>& overrides) {
    for (const std::string& text : overrides) {
        const std::size_t equals = text.find('=');
        const std::string port = text.substr(0, equals);
        const std::size_t colon = port.find(':');
        if (equals == std::string::npos || colon == std::string::npos ||
            equals + 1 == text.size()) {
            return failure("--device " + text +
                           ": write PORT=DEVICE, as in "
                           "leaf0:e0=net_memif0,role=server,socket=leaf0");
        }
        const auto node = fabric.find_node(port.substr(0, colon));
        const auto id = node ? fabric.node(*node).find_port(port.substr(colon + 1)) : std::nullopt;
        if (!id) {
            return failure("--device " + text + ": " + fabric.file + " has no port " + port +
                           "; `ethlink check` lists them");
        }
        fabric.nodes[node->value].ports[id->value].device = text.substr(equals + 1);
    }
    return {};
}

bool is_ready_or_complain(const Fabric& fabric, std::optional<control::NodeId> node,
                          bool impairable) {
    const auto plan = control::plan_process(fabric, node, impairable);
    if (!plan) {
        for (const control::ConfigError& error : plan.error()) complain(error.text());
        return false;
    }
    const auto too_large = control::check_machine(fabric, *plan, control::memory_mode(fabric, node),
                                                  control::machine_memory());
    if (too_large) complain(too_large->text());
    return !too_large;
}

std::vector<std::string> LinkWatch::changes(const Process& process) {
    std::vector<std::string> changes;
    const Fabric& fabric = process.fabric();
    process.for_each_port([&](const control::FabricNode& node, const control::NodePlan& plan,
                              const PortState<control::Mbuf>& port) {
        if (!port.link) return;
        const control::FabricPort& config = node.ports[port.rules.id.value];
        const LinkStats& stats = port.link->stats();
        const bool up = control::link_is_up(stats, fabric.profile(config.profile).link);
        const std::string name = fabric.port_name({plan.node, port.rules.id});
        if (std::exchange(up_[name], up) == up) return;
        const std::string peer = config.peer ? " to " + fabric.port_name(*config.peer) : "";
        changes.push_back("link " + name + peer + (up ? " is up" : " is down"));
    });
    return changes;
}

void DaemonOptions::add_to(CLI::App& command) {
    command
        .add_option("--device", devices,
                    "Device of a port instead of the file's: leaf0:e0=net_memif0,role=server,... "
                    "May be given again and again")
        ->allow_extra_args(false);
    command.add_option("--instance", instance,
                       "Name of this process for `ethlink show` (default: the node's name)");
    command
        .add_option("--threads", threads,
                    "Poll threads (default: as the file says, or one per CPU)")
        ->check(CLI::Range(1, 64));
    command.add_flag("--poll", poll, "Never sleep: faster, and takes whole CPUs");
    command.add_flag("--impairable", impairable,
                     "Every link may be given faults later, by `ethlink impair`; takes memory");
}

Expected<control::ProcessOptions, std::string> process_options(
    const DaemonOptions& options, const Fabric& fabric, const std::vector<std::string>& eal_extra) {
    control::ProcessOptions process;
    process.instance = options.instance;
    if (!options.node.empty()) {
        process.node = fabric.find_node(options.node);
        if (!process.node) {
            std::string nodes;
            for (const auto& node : fabric.nodes) nodes += (nodes.empty() ? "" : ", ") + node.name;
            return failure(fabric.file + " has no node " + options.node + "; it has " + nodes);
        }
    }
    if (process.instance.empty()) {
        process.instance = options.node.empty() ? instance_name(fabric.name) : options.node;
    }
    process.poll_threads = options.threads;
    process.poll_busily = options.poll;
    process.impairable = options.impairable;
    process.eal_extra = eal_extra;
    return process;
}

Expected<std::unique_ptr<Daemon>, std::string> Daemon::start(const Fabric& fabric,
                                                             control::ProcessOptions options) {
    std::unique_ptr<Daemon> daemon(new Daemon);
    const auto log = [](const std::string& line) { spdlog::warn(line); };
    auto service = control::ControlService::open(options.instance, log);
    if (!service) return failure(service.error());
    daemon->service_ = std::move(*service);
    auto process = Process::start(fabric, options);
    if (!process) return failure(process.error());
    daemon->process_ = std::move(*process);
    daemon->service_->attach(*daemon->process_);
    daemon->log_start();
    return daemon;
}

void Daemon::log_start() const {
    spdlog::info("EAL: {}", process_->eal_command_line());
    for (const std::string& notice : process_->notices()) spdlog::info(notice);
    const Fabric& fabric = process_->fabric();
    process_->for_each_port([&](const control::FabricNode& node, const control::NodePlan& plan,
                                const PortState<control::Mbuf>& port) {
        const control::FabricPort& config = node.ports[port.rules.id.value];
        const std::string device = config.device.empty() || plan.ports.empty() ||
                                           plan.ports[port.rules.id.value].wire_frames > 0
                                       ? "in-process wire"
                                       : config.device;
        spdlog::info("port {}: {}", fabric.port_name({plan.node, port.rules.id}), device);
    });
    spdlog::info("control socket {}", service_->path());
}

void Daemon::turn(Duration timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    do {
        for (const std::string& event : process_->on_time()) spdlog::info(event);
        for (const std::string& change : links_.changes(*process_)) spdlog::info(change);
        const Duration left = end - std::chrono::steady_clock::now();
        service_->serve(std::clamp<Duration>(left, Duration::zero(), Process::kTurnMax));
    } while (std::chrono::steady_clock::now() < end);
}

std::uint64_t Daemon::stop() {
    if (!process_) return 0;
    service_->detach();
    const std::uint64_t leaked = process_->stop();
    process_.reset();
    return leaked;
}

}  // namespace ethlink::cli
