// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/lab.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace ethlink::control {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kTick = 20ms;
constexpr auto kLinkUpLimit = 10s;
constexpr auto kDrainLimit = 10s;

/// Turns the control thread until `done` or for `limit`; false if it never was.
template <class Done>
bool wait(Process& process, const LabOptions& options, Clock::duration limit, Done done) {
    for (const auto end = Clock::now() + limit; Clock::now() < end;) {
        for (const std::string& event : process.on_time()) {
            if (options.log) options.log(event);
        }
        if (done()) return true;
        if (options.tick) {
            options.tick(kTick);
        } else {
            std::this_thread::sleep_for(kTick);
        }
    }
    return done();
}

/// Endpoints that send: with `incast` the target does not.
std::uint64_t senders(const Process& process) {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        process.endpoints(), [](const auto& e) { return !e->stage().identity().streams.empty(); }));
}

void run_traffic(Process& process, const LabOptions& options, const std::atomic<bool>& stop) {
    const auto begin = Clock::now();
    auto next_report = begin + 200ms;
    process.send(options.process.traffic, true);
    const std::uint64_t most = options.process.traffic.frames_max * senders(process);
    wait(process, options, options.duration, [&] {
        const FrameTotals totals = frame_totals(process);
        if (options.progress && Clock::now() >= next_report) {
            next_report += 200ms;
            options.progress(totals, link_totals(process), Clock::now() - begin);
        }
        return stop.load() || (most > 0 && totals.sent >= most);
    });
    process.send(options.process.traffic, false);
}

/// Only turns the control thread: programs do the rest.
void serve(Process& process, const LabOptions& options, const std::atomic<bool>& stop) {
    constexpr auto kForEver = std::chrono::hours(24 * 365);
    wait(process, options, kForEver, [&] { return stop.load(); });
}

void drain(Process& process, const LabOptions& options) {
    wait(process, options, kDrainLimit, [&] {
        const FrameTotals totals = frame_totals(process);
        return totals.delivered() >= totals.sent && process.quiet();
    });
}

void add_links(const Process& process, LabReport& report) {
    const Fabric& fabric = process.fabric();
    process.for_each_port(
        [&](const FabricNode& node, const NodePlan& plan, const PortState<Mbuf>& port) {
            const FabricPort& config = node.ports[port.rules.id.value];
            if (!port.link || !config.peer) return;
            const LinkStats& stats = port.link->stats();
            report.per_link.push_back({.from = fabric.port_name({plan.node, port.rules.id}),
                                       .to = fabric.port_name(*config.peer),
                                       .frames = port.counters.tx_frames.read(),
                                       .totals = {.replays = stats.read(LinkStat::kLlrTxReplay),
                                                  .replayed = stats.read(LinkStat::kLlrTxReplayed),
                                                  .flushes = stats.read(LinkStat::kLlrTxFlush),
                                                  .nacks = stats.read(LinkStat::kLlrTxNackCtlOs),
                                                  .bad_fcs = stats.read(LinkStat::kLlrRxBad)},
                                       .rtt_ns = stats.status.rtt_ns.read()});
        });
}

LabReport take_report(Process& process, double seconds) {
    LabReport report;
    report.fabric = process.fabric().name;
    report.seconds = seconds;
    report.frames = frame_totals(process);
    report.links = link_totals(process);
    report.drops = drop_totals(process);
    report.credits_leaked = process.credits_in_use();
    report.memory_bytes = process.plan().memory_bytes();
    report.latency = latency(process);
    for (const auto& s : process.switches()) {
        NodeLatency node{s->node->config().name, {}};
        for (std::size_t i = 0; i < s->node->worker_count(); ++i) {
            node.residence.merge(s->node->worker(i).residence().snapshot());
        }
        report.nodes.push_back(std::move(node));
    }
    add_links(process, report);
    return report;
}

}  // namespace

Expected<LabReport, std::string> run_lab(const Fabric& fabric, const LabOptions& options,
                                         const std::atomic<bool>& stop) {
    auto started = Process::start(fabric, options.process);
    if (!started) return Unexpected<std::string>(started.error());
    Process& process = **started;
    if (options.attach) options.attach(process);
    if (!wait(process, options, kLinkUpLimit, [&] { return stop.load() || process.links_up(); })) {
        if (options.detach) options.detach(process);
        return Unexpected<std::string>(
            "the links did not come up within 10 s: `ethlink show links` tells which; look at the "
            "faults in the file and at the load of this machine");
    }
    const auto begin = Clock::now();
    options.serve ? serve(process, options, stop) : run_traffic(process, options, stop);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    drain(process, options);
    LabReport report = take_report(process, seconds);
    report.served = options.serve;
    report.adaptive = options.process.traffic.adaptive;
    if (options.detach) options.detach(process);
    report.mbufs_leaked = process.stop();
    return report;
}

}  // namespace ethlink::control
