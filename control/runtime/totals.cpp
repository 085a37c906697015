// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/totals.h"

namespace ethlink::control {

FrameTotals operator-(const FrameTotals& later, const FrameTotals& earlier) {
    return {.sent = later.sent - earlier.sent,
            .sent_bytes = later.sent_bytes - earlier.sent_bytes,
            .received = later.received - earlier.received,
            .received_bytes = later.received_bytes - earlier.received_bytes,
            .duplicated = later.duplicated - earlier.duplicated,
            .reordered = later.reordered - earlier.reordered,
            .unexpected = later.unexpected - earlier.unexpected,
            .probes = later.probes - earlier.probes};
}

FrameTotals frame_totals(const Process& process) {
    FrameTotals totals;
    for (const auto& endpoint : process.endpoints()) {
        const CounterSet<PktgenStat>& stats = endpoint->stage().stats();
        totals.received += stats.read(PktgenStat::kReceivedFrames);
        totals.received_bytes += stats.read(PktgenStat::kReceivedBytes);
        totals.duplicated += stats.read(PktgenStat::kDuplicated);
        totals.reordered += stats.read(PktgenStat::kReordered);
        totals.unexpected += stats.read(PktgenStat::kUnexpected);
    }
    // Sent is read last, so that no moment shows more frames delivered than sent.
    for (const auto& endpoint : process.endpoints()) {
        const CounterSet<PktgenStat>& stats = endpoint->stage().stats();
        totals.sent += stats.read(PktgenStat::kSentFrames);
        totals.sent_bytes += stats.read(PktgenStat::kSentBytes);
        totals.probes += stats.read(PktgenStat::kProbes);
    }
    return totals;
}

LinkTotals link_totals(const Process& process) {
    LinkTotals totals;
    process.for_each_port([&](const FabricNode&, const NodePlan&, const PortState<Mbuf>& port) {
        if (!port.link) return;
        const LinkStats& stats = port.link->stats();
        totals.replays += stats.read(LinkStat::kLlrTxReplay);
        totals.replayed += stats.read(LinkStat::kLlrTxReplayed);
        totals.flushes += stats.read(LinkStat::kLlrTxFlush);
        totals.nacks += stats.read(LinkStat::kLlrTxNackCtlOs);
        totals.bad_fcs += stats.read(LinkStat::kLlrRxBad);
    });
    return totals;
}

DropTotals drop_totals(const Process& process) {
    DropTotals totals{};
    process.for_each_port([&](const FabricNode&, const NodePlan&, const PortState<Mbuf>& port) {
        for (std::size_t i = 0; i < kDropCount; ++i) {
            totals[i] += port.counters.drops.read(static_cast<Drop>(i));
        }
    });
    return totals;
}

HistogramSnapshot latency(const Process& process) {
    HistogramSnapshot all;
    for (const auto& endpoint : process.endpoints()) {
        all.merge(endpoint->stage().latency().snapshot());
    }
    return all;
}

}  // namespace ethlink::control
