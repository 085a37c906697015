// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/show_tables.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "control/cli/common.h"
#include "control/report_table.h"

namespace ethlink::cli {
namespace {

using control::Table;
using nlohmann::json;

/// A cell: a number in full, a text as it is, "-" for what is not there.
std::string cell(const json& object, const char* key) {
    const auto at = object.find(key);
    if (at == object.end() || at->is_null()) return "-";
    if (at->is_string()) return at->get<std::string>();
    if (at->is_boolean()) return at->get<bool>() ? "yes" : "no";
    return at->dump();
}

std::uint64_t count(const json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

std::string on_off(const json& object, const char* key) {
    return object.value(key, false) ? "enabled" : "disabled";
}

std::string fixed(double value, const char* format = "%.1f") {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string or_nothing(const Table& table, const json& list, const std::string& nothing) {
    return list.empty() ? nothing + "\n" : table.text();
}

void add_percentiles(Table& table, const std::string& where, const json& h) {
    std::vector<std::string> row{where, cell(h, "count")};
    for (const char* key : {"p50", "p90", "p99", "p999", "p9999", "max"}) {
        row.push_back(human_ns(count(h, key)));
    }
    table.add(std::move(row));
}

}  // namespace

std::string ports_table(const json& ports) {
    Table table({"PORT", "KIND", "STATE", "RX_FRAMES", "RX_BYTES", "TX_FRAMES", "TX_BYTES", "DROPS",
                 "DEVICE"});
    for (const json& p : ports) {
        const std::string device = cell(p, "device");
        table.add({cell(p, "port"), cell(p, "kind"), p.value("up", false) ? "up" : "down",
                   cell(p, "rx_frames"), cell(p, "rx_bytes"), cell(p, "tx_frames"),
                   cell(p, "tx_bytes"), cell(p, "drops"), device.empty() ? "wire" : device});
    }
    return table.text();
}

std::string links_table(const json& links) {
    Table table({"PORT", "LINK", "ROUTING", "LLR_TX", "LLR_RX", "TX_EPOCH", "RX_EPOCH",
                 "OUTSTANDING", "BYTES", "REPLAY_COUNT", "RTT", "CBFC"});
    for (const json& l : links) {
        table.add({cell(l, "port"), l.value("up", false) ? "up" : "down", cell(l, "routing"),
                   cell(l, "llr_tx_status"), cell(l, "llr_rx_status"), cell(l, "tx_epoch"),
                   cell(l, "rx_epoch"), cell(l, "outstanding_frames"), cell(l, "outstanding_bytes"),
                   cell(l, "replay_count"), human_ns(count(l, "rtt_ns")), on_off(l, "cbfc")});
    }
    return or_nothing(table, links, "no links here");
}

std::string nodes_table(const json& nodes) {
    Table table({"NODE", "KIND", "GPU", "TENANT", "ROUTING", "WORKERS", "PORTS"});
    for (const json& n : nodes) {
        table.add({cell(n, "node"), cell(n, "kind"), cell(n, "gpu"), cell(n, "tenant"),
                   cell(n, "routing"), cell(n, "workers"), cell(n, "ports")});
    }
    return table.text();
}

std::string neighbours_table(const json& neighbours) {
    Table table({"PORT", "BY_THE_FILE", "HEARD", "STATE", "FOR", "HOLD", "HELLOS", "MISSED"});
    std::string remarks;
    for (const json& n : neighbours) {
        table.add({cell(n, "port"), cell(n, "peer"), cell(n, "heard"), cell(n, "state"),
                   fixed(n.value("since_s", 0.0)) + " s", cell(n, "hold_ms") + " ms",
                   cell(n, "hellos"), cell(n, "missed")});
        if (const std::string remark = n.value("remark", ""); !remark.empty()) {
            remarks += remark + "\n";
        }
    }
    return or_nothing(table, neighbours, "no link here says hello") + remarks;
}

std::string link_states_table(const json& states) {
    Table table({"WHAT", "STATE", "TOLD_BY"});
    for (const json& s : states) {
        std::string by;
        for (const json& node : s.value("told_by", json::array())) {
            by += (by.empty() ? "" : ", ") + node.get<std::string>();
        }
        table.add({cell(s, "what"), cell(s, "state"), by});
    }
    return or_nothing(table, states, "all links are in use, as far as anybody says");
}

std::string routes_table(const json& routes) {
    Table table({"NODE", "GPU", "TO", "PORTS"});
    for (const json& r : routes) {
        std::string ports;
        for (const json& port : r.value("ports", json::array())) {
            if (port.is_string()) ports += (ports.empty() ? "" : " ") + port.get<std::string>();
        }
        table.add({cell(r, "node"), cell(r, "gpu"), cell(r, "to"), ports});
    }
    return or_nothing(table, routes, "no route leads anywhere");
}

std::string route_summary_table(const json& switches) {
    Table table({"NODE", "DESTINATIONS", "LISTS", "TABLES", "BYTES"});
    for (const json& s : switches) {
        table.add({cell(s, "node"), cell(s, "destinations"), cell(s, "lists"), cell(s, "tables"),
                   cell(s, "bytes")});
    }
    return or_nothing(table, switches, "no switches here");
}

std::string endpoints_table(const json& endpoints) {
    Table table({"NODE", "GPU", "SESSIONS", "TRANSACTIONS", "ERRORS", "BYTES", "TX_FRAMES",
                 "RX_FRAMES", "RETRIES", "PATH_CHANGES", "CHANNELS", "FAILED", "REFUSED",
                 "KEY_ERRORS"});
    for (const json& e : endpoints) {
        table.add({cell(e, "node"), cell(e, "gpu"), cell(e, "sessions"), cell(e, "transactions"),
                   cell(e, "errors"), cell(e, "bytes"), cell(e, "tx_frames"), cell(e, "rx_frames"),
                   cell(e, "retries"), cell(e, "path_changes"), cell(e, "channels_opened"),
                   cell(e, "channels_failed"), cell(e, "channels_refused"), cell(e, "key_errors")});
    }
    return or_nothing(table, endpoints, "no endpoints here");
}

std::string cycles_table(const json& cycles) {
    Table table({"NODE", "ASKED", "SERVED", "LINK_RECEIVE", "RECEIVE", "REQUESTS", "SEND",
                 "LINK_TRANSMIT"});
    for (const json& c : cycles) {
        const json stages = c.value("cycles_per_transaction", json::object());
        std::vector<std::string> row{cell(c, "node"), cell(c, "asked"), cell(c, "served")};
        for (const char* stage : {"link_receive", "receive", "requests", "send", "link_transmit"}) {
            row.push_back(fixed(stages.value(stage, 0.0)));
        }
        table.add(std::move(row));
    }
    return or_nothing(table, cycles, "no endpoints here");
}

std::string cbfc_table(const json& cbfc) {
    Table table({"PORT", "VC", "NAME", "LIMIT", "S_CC", "S_CF", "USED", "WATERMARK", "R_CC", "R_CF",
                 "HELD"});
    for (const json& port : cbfc) {
        for (const json& vc : port.value("vcs", json::array())) {
            table.add({cell(port, "port"), cell(vc, "vc"), cell(vc, "name"), cell(vc, "limit"),
                       cell(vc, "sender_credits_consumed"), cell(vc, "sender_credits_freed"),
                       cell(vc, "sender_credits_used"), cell(vc, "sender_credits_used_watermark"),
                       cell(vc, "receiver_credits_consumed"), cell(vc, "receiver_credits_freed"),
                       cell(vc, "receiver_credits_held")});
        }
    }
    return or_nothing(table, cbfc, "no links here");
}

std::string vcs_table(const json& vcs) {
    Table table(
        {"PORT", "VC", "NAME", "LOSSLESS", "TX_FRAMES", "TX_BYTES", "RX_FRAMES", "RX_BYTES"});
    for (const json& port : vcs) {
        for (const json& vc : port.value("vcs", json::array())) {
            table.add({cell(port, "port"), cell(vc, "vc"), cell(vc, "name"), cell(vc, "lossless"),
                       cell(vc, "tx_frames"), cell(vc, "tx_bytes"), cell(vc, "rx_frames"),
                       cell(vc, "rx_bytes")});
        }
    }
    return or_nothing(table, vcs, "no links here");
}

std::string drops_table(const json& drops) {
    Table table({"PORT", "REASON", "FRAMES"});
    bool any = false;
    for (const json& port : drops) {
        const json reasons = port.value("drops", json::object());
        for (const auto& [reason, n] : reasons.items()) {
            any = true;
            table.add({cell(port, "port"), reason, n.dump()});
        }
    }
    return any ? table.text() : "no frame was refused or given up\n";
}

std::string watchdog_table(const json& watchdog) {
    Table table({"PORT", "VC", "NAME", "STATUS", "ACTION", "DETECTION", "RESTORATION", "DETECTED",
                 "RESTORED", "DROPPED"});
    for (const json& port : watchdog) {
        for (const json& vc : port.value("vcs", json::array())) {
            table.add({cell(port, "port"), cell(vc, "vc"), cell(vc, "name"), cell(vc, "status"),
                       cell(vc, "action"), cell(vc, "detection_time_ms") + " ms",
                       cell(vc, "restoration_time_ms") + " ms", cell(vc, "detected"),
                       cell(vc, "restored"), cell(vc, "dropped")});
        }
    }
    return or_nothing(table, watchdog, "no VC has been stuck (--all lists those that are watched)");
}

std::string pool_table(const json& pool) {
    Table table({"BUFFERS", "IN_USE", "AVAILABLE", "DATA_ROOM", "PLANNED"});
    table.add({cell(pool, "size"), cell(pool, "in_use"), cell(pool, "available"),
               cell(pool, "data_room_bytes") + " bytes",
               std::to_string(count(pool, "planned_memory_bytes") >> 20) + " MiB"});
    return table.text();
}

std::string latency_table(const json& latency) {
    Table table({"LATENCY", "SAMPLES", "p50", "p90", "p99", "p99.9", "p99.99", "max"});
    if (const auto all = latency.find("end_to_end"); all != latency.end()) {
        add_percentiles(table, "end to end", *all);
    }
    const json nodes = latency.value("nodes", json::object());
    for (const auto& [node, histogram] : nodes.items()) {
        add_percentiles(table, "in " + node, histogram);
    }
    return or_nothing(table, latency, "no latency was measured");
}

std::string traffic_table(const json& traffic) {
    Table table({"SENT", "RECEIVED", "MISSING", "DUPLICATED", "REORDERED", "UNEXPECTED"});
    table.add({cell(traffic, "sent"), cell(traffic, "received"), cell(traffic, "missing"),
               cell(traffic, "duplicated"), cell(traffic, "reordered"),
               cell(traffic, "unexpected")});
    return table.text();
}

std::string flows_table(const json& flows) {
    Table table({"FROM", "TO", "PORT", "VC", "ENTROPY", "FRAMES", "LARGEST_GAP", "SILENT"});
    for (const json& f : flows) {
        table.add({cell(f, "from"), cell(f, "to"), cell(f, "port"), cell(f, "vc"),
                   cell(f, "entropy"), cell(f, "frames"), human_ns(count(f, "largest_gap_ns")),
                   human_ns(count(f, "silent_ns"))});
    }
    return or_nothing(table, flows, "no stream of test frames begins and ends here");
}

std::string faults_table(const json& faults) {
    Table table(
        {"PORT", "DIR", "FAULTS", "PASSED", "LOST", "CORRUPTED", "DUPLICATED", "REORDERED"});
    for (const json& port : faults) {
        for (const char* direction : {"tx", "rx"}) {
            std::string words;
            const json options = port.value(direction, json::object());
            for (const auto& [key, value] : options.items()) {
                if (key == "reorder_distance" || value == 0) continue;
                words += (words.empty() ? "" : " ") + key + "=" + value.dump();
            }
            const json stats = port.value(std::string(direction) + "_stats", json::object());
            table.add({cell(port, "port"), direction, words.empty() ? "none" : words,
                       cell(stats, "passed"), cell(stats, "lost"), cell(stats, "corrupted"),
                       cell(stats, "duplicated"), cell(stats, "reordered")});
        }
    }
    return or_nothing(table, faults, "no wire here can be impaired: start with --impairable");
}

std::string llr_interface_table(const json& links) {
    Table table({"PORT", "LLR Mode", "LLR Local", "LLR Remote", "LLR Profile"});
    for (const json& l : links) {
        table.add({cell(l, "port"), "static", on_off(l, "llr_local"), on_off(l, "llr_remote"),
                   cell(l, "profile")});
    }
    return or_nothing(table, links, "no links here");
}

std::string llr_counters_table(const json& counters, const json& links) {
    const auto status = [&](const json& port, const char* key) {
        const auto at = std::ranges::find_if(
            links, [&](const json& l) { return l.value("port", "") == port.value("port", "?"); });
        return at == links.end() ? std::string("-") : cell(*at, key);
    };
    Table rx({"Port Rx", "STATUS", "RX_INIT", "RX_INIT_ECHO", "RX_ACK", "RX_NACK", "RX_OK",
              "RX_BAD", "RX_POISONED", "RX_REPLAY"});
    Table tx({"Port Tx", "STATUS", "TX_INIT", "TX_INIT_ECHO", "TX_ACK", "TX_NACK", "TX_OK",
              "TX_DISCARD", "TX_POISONED", "TX_REPLAY"});
    for (const json& port : counters) {
        const json c = port.value("counters", json::object());
        rx.add({cell(port, "port"), status(port, "llr_rx_status"), cell(c, "llr_rx_init_ctl_os"),
                cell(c, "llr_rx_init_echo_ctl_os"), cell(c, "llr_rx_ack_ctl_os"),
                cell(c, "llr_rx_nack_ctl_os"), cell(c, "llr_rx_ok"), cell(c, "llr_rx_bad"),
                cell(c, "llr_rx_poisoned"), cell(c, "llr_rx_replay")});
        tx.add({cell(port, "port"), status(port, "llr_tx_status"), cell(c, "llr_tx_init_ctl_os"),
                cell(c, "llr_tx_init_echo_ctl_os"), cell(c, "llr_tx_ack_ctl_os"),
                cell(c, "llr_tx_nack_ctl_os"), cell(c, "llr_tx_ok"), cell(c, "llr_tx_discard"),
                cell(c, "llr_tx_poisoned"), cell(c, "llr_tx_replay")});
    }
    return or_nothing(rx, counters, "no links here") + "\n" + (counters.empty() ? "" : tx.text());
}

std::string llr_detailed_table(const json& counters) {
    std::string text;
    for (const json& port : counters) {
        Table table({cell(port, "port"), "COUNT"});
        const json values = port.value("counters", json::object());
        for (const auto& [name, value] : values.items()) table.add({name, value.dump()});
        text += (text.empty() ? "" : "\n") + table.text();
    }
    return text.empty() ? "no links here\n" : text;
}

std::string workers_table(const json& earlier, const json& later) {
    Table threads({"LCORE", "TURNS/S", "BUSY", "CYCLES/TURN", "BUSY_TURNS", "SLEEPS", "TURNS"});
    const json before = earlier.value("threads", json::array());
    const json now = later.value("threads", json::array());
    const double seconds = later.value("interval_s", 1.0);
    for (std::size_t i = 0; i < now.size() && i < before.size(); ++i) {
        const auto grown = [&](const char* key) {
            return static_cast<double>(count(now[i], key) - count(before[i], key));
        };
        const double turns = std::max(grown("turns"), 1.0);
        threads.add({cell(now[i], "lcore"), fixed(grown("turns") / seconds, "%.0f"),
                     fixed(100 * grown("busy_cycles") / std::max(grown("cycles"), 1.0)) + " %",
                     fixed(grown("cycles") / turns, "%.0f"),
                     fixed(100 * grown("busy_turns") / turns) + " %",
                     fixed(grown("sleeps"), "%.0f"), cell(now[i], "turns")});
    }
    Table loops({"NODE", "WORKER", "PORTS", "FRAMES", "MEAN_BURST", "1", "2-3", "4-7", "8-15",
                 "16-31", "32+"});
    const json workers = later.value("workers", json::array());
    for (const json& w : workers) {
        const json bursts = w.value("bursts", json::object());
        const auto sizes = bursts.value("by_size", std::vector<std::uint64_t>());
        std::array<std::uint64_t, 6> octaves{};
        for (std::size_t n = 1, octave = 0; n < sizes.size(); ++n) {
            while (octave + 1 < octaves.size() && n >= (std::size_t{2} << octave)) ++octave;
            octaves[octave] += sizes[n];
        }
        std::vector<std::string> row{cell(w, "node"), cell(w, "worker"), cell(w, "ports"),
                                     cell(bursts, "frames"),
                                     fixed(bursts.value("mean_burst", 0.0))};
        for (const std::uint64_t n : octaves) row.push_back(std::to_string(n));
        loops.add(std::move(row));
    }
    return threads.text() + "\nReceive bursts by size:\n" + loops.text();
}

}  // namespace ethlink::cli
