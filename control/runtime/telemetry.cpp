// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/telemetry.h"

#include <functional>
#include <string_view>
#include <utility>

#include "control/runtime/stats_json.h"
#include "proto/drop.h"

namespace ethlink::control {
namespace {

using dpdk::TelemetryReply;
using Describe = std::function<TelemetryReply(const PortState<Mbuf>&, const Profile&)>;

constexpr std::size_t kPortsListed = 200;  // one reply holds no more; `/ethlink/port` knows all

/// Calls describe() for the port of this name. `params` comes from whoever opened the socket.
TelemetryReply of_port(const Process& process, std::string_view params, const Describe& describe) {
    TelemetryReply reply{{"error", std::string("no such port; /ethlink/ports lists them")}};
    const Fabric& fabric = process.fabric();
    process.for_each_port(
        [&](const FabricNode& node, const NodePlan& plan, const PortState<Mbuf>& port) {
            if (params != fabric.port_name({plan.node, port.rules.id})) return;
            reply = describe(port, fabric.profile(node.ports[port.rules.id.value].profile));
        });
    return reply;
}

TelemetryReply ports(const Process& process) {
    TelemetryReply reply;
    process.for_each_port([&](const FabricNode&, const NodePlan& plan,
                              const PortState<Mbuf>& port) {
        if (reply.size() >= kPortsListed) return;
        std::string state = port.device->is_up() ? "up" : "down";
        if (port.link) {
            state += std::string(" ") +
                     std::string(llr_tx_word(port.link->stats().status.llr_tx_state.read()));
        }
        // Names must be letters, digits, '_' and '/': so the port's name is the value.
        reply.emplace_back("port_" + std::to_string(reply.size()),
                           process.fabric().port_name({plan.node, port.rules.id}) + " " + state);
    });
    return reply;
}

TelemetryReply port_counters(const PortState<Mbuf>& port, const Profile&) {
    const PortCounters& c = port.counters;
    return {{"up", std::uint64_t{port.device->is_up()}},
            {"rx_frames", c.rx_frames.read()},
            {"rx_bytes", c.rx_bytes.read()},
            {"tx_frames", c.tx_frames.read()},
            {"tx_bytes", c.tx_bytes.read()}};
}

TelemetryReply llr(const PortState<Mbuf>& port, const Profile&) {
    if (!port.link) return {{"error", std::string("a plain port has no LLR")}};
    const LinkStats& stats = port.link->stats();
    const LinkStatus& status = stats.status;
    TelemetryReply reply{{"llr_tx_status", std::string(llr_tx_word(status.llr_tx_state.read()))},
                         {"llr_rx_status", std::string(llr_rx_word(status.llr_rx_state.read()))},
                         {"outstanding_frames", status.outstanding_frames.read()},
                         {"rtt_ns", status.rtt_ns.read()}};
    for (std::size_t i = 0; i < CounterSet<LinkStat>::kSize; ++i) {
        const auto stat = static_cast<LinkStat>(i);
        reply.emplace_back(std::string(name(stat)), stats.read(stat));
    }
    return reply;
}

TelemetryReply cbfc(const PortState<Mbuf>& port, const Profile& profile) {
    if (!port.link || !profile.link.cbfc) return {{"error", std::string("no credits here")}};
    TelemetryReply reply;
    const LinkStats& stats = port.link->stats();
    for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) {
        if (!profile.link.vcs[i].lossless) continue;
        const LinkStatus::PerVc& vc = stats.status.vcs[i];
        const std::string prefix = "cbfc_vc" + std::to_string(i) + "_";
        const auto add = [&](const char* what, const Gauge& gauge) {
            reply.emplace_back(prefix + what, gauge.read());
        };
        add("credits_used", vc.sender_credits_used);
        add("credits_used_watermark", stats.vcs[i].sender_credits_used_watermark);
        add("sender_consumed", vc.sender_credits_consumed);
        add("sender_freed", vc.sender_credits_freed);
        add("receiver_consumed", vc.receiver_credits_consumed);
        add("receiver_freed", vc.receiver_credits_freed);
    }
    return reply;
}

TelemetryReply drops(const PortState<Mbuf>& port, const Profile&) {
    TelemetryReply reply;
    for (std::size_t i = 0; i < kDropCount; ++i) {
        const auto reason = static_cast<Drop>(i);
        reply.emplace_back(std::string(name(reason)), port.counters.drops.read(reason));
    }
    return reply;
}

TelemetryReply workers(const Process& process) {
    TelemetryReply reply;
    for (const auto& runner : process.runners()) {
        const dpdk::RunnerCounters& c = runner->counters();
        const std::string prefix = "lcore" + std::to_string(runner->lcore()) + "_";
        reply.emplace_back(prefix + "turns", c.turns.read());
        reply.emplace_back(prefix + "busy_turns", c.busy_turns.read());
        reply.emplace_back(prefix + "cycles", c.cycles.read());
        reply.emplace_back(prefix + "busy_cycles", c.busy_cycles.read());
        reply.emplace_back(prefix + "sleeps", c.sleeps.read());
    }
    return reply;
}

}  // namespace

std::vector<dpdk::TelemetryCommand> serve_telemetry(const Process& process,
                                                    std::vector<std::string>& notices) {
    std::vector<dpdk::TelemetryCommand> served;
    const auto add = [&](const char* command, const char* help, dpdk::TelemetryHandler handler) {
        auto added = dpdk::TelemetryCommand::add(command, help, std::move(handler));
        if (added) {
            served.push_back(std::move(*added));
        } else {
            notices.push_back(added.error());
        }
    };
    const Process* p = &process;
    const auto add_per_port = [&](const char* command, const char* help, Describe describe) {
        add(command, help, [p, describe = std::move(describe)](std::string_view params) {
            return of_port(*p, params, describe);
        });
    };
    add("/ethlink/ports", "Names and states of all ports", [p](auto) { return ports(*p); });
    add_per_port("/ethlink/port", "Frames and bytes. Parameter: port name", port_counters);
    add_per_port("/ethlink/llr", "LLR state and counters. Parameter: port name", llr);
    add_per_port("/ethlink/cbfc", "Credits by VC. Parameter: port name", cbfc);
    add_per_port("/ethlink/drops", "Refused frames by reason. Parameter: port name", drops);
    add("/ethlink/workers", "Turns and cycles of the poll threads",
        [p](auto) { return workers(*p); });
    return served;
}

}  // namespace ethlink::control
