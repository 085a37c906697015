// SPDX-License-Identifier: BSD-3-Clause
// Exact figures in virtual time, kept as text: who changes how links behave sees it in review.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/fabric_control.h"
#include "tests/sim/pair.h"
#include "tests/sim/profiles.h"
#include "tests/sim/rack_memory.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

/// printf for a line of a table.
template <class... Values>
std::string line(const char* format, Values... values) {
    std::array<char, 256> text{};
    std::snprintf(text.data(), text.size(), format, values...);
    return text.data();
}

/// Compares with tests/sim/golden/NAME.txt, or writes it if ETHLINK_WRITE_GOLDEN is set.
void expect_golden(const std::string& name, const std::string& text) {
    const std::string path = "tests/sim/golden/" + name + ".txt";
    if (std::getenv("ETHLINK_WRITE_GOLDEN") != nullptr) {
        std::ofstream(path) << text;
        return;
    }
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is missing; run this in the root of the tree";
    const std::string kept((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(kept, text) << "If that is meant, write the tables anew and look at the difference:\n"
                          << "  ETHLINK_WRITE_GOLDEN=1 build/tests/sim/sim_golden && git diff "
                          << "tests/sim/golden";
}

// A wire of 10 Gbit/s, 5 us long, always something to send: what arrives, in percent of its rate.

constexpr std::uint32_t kFrame = 1226;  // with FCS, preamble and gap 1,250 bytes: 1 us

double goodput(double loss, std::uint32_t window) {
    PairOptions options;
    options.profile = quick_profile();
    options.profile.llr.max_outstanding_frames = window;
    options.profile.llr.max_outstanding_bytes = window * 2 * kFrame;
    options.profile.llr.max_replay_timer = 100us;
    options.profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    options.profile.llr.data_age_timeout = 0s;
    options.profile.vcs[0].reserved = Credits{40'000};
    options.a_to_b = {.loss = loss, .delay = 5us, .rate_mbps = 10'000, .seed = 1};
    options.b_to_a = {.loss = loss, .delay = 5us, .rate_mbps = 10'000, .seed = 2};
    options.tx_budget = 1;
    options.line_frames = 64;  // More would be a queue through which each replay has to go.
    Pair<> pair(options);
    EXPECT_TRUE(pair.come_up());
    const std::uint64_t before = pair.b.received(Vc{0});
    constexpr int kSteps = 10'000;
    for (int i = 0; i < kSteps; ++i) {
        if (pair.a.waiting(Vc{0}) < 4) pair.a.offer(Vc{0}, kFrame);
        pair.step();
    }
    return 100.0 * static_cast<double>(pair.b.received(Vc{0}) - before) / kSteps;
}

TEST(Golden, GoodputByLossAndWindow) {
    constexpr std::uint32_t kWindows[] = {4, 16, 64, 256, 1024};
    std::string text =
        "Goodput in percent of a 10 Gbit/s wire with a round trip of 10 us, Go-Back-N.\n\n   loss";
    for (const std::uint32_t window : kWindows) {
        text += line("  %6s", ("W=" + std::to_string(window)).c_str());
    }
    text += "\n";
    for (const double loss : {0.0, 0.0001, 0.001, 0.01, 0.05}) {
        text += line("%6.2f%%", 100 * loss);
        for (const std::uint32_t window : kWindows) text += line("  %6.1f", goodput(loss, window));
        text += "\n";
    }
    expect_golden("goodput", text);
}

// N senders to one receiver through a switch; all cables 10 Gbit/s.

std::string incast_rack(int gpus) {
    return "fabric: sim\n"
           "topology: {kind: single-rack, gpus: " +
           std::to_string(gpus) +
           ", tracks: 1, faults: {both: {rate_mbps: 10000}}}\n"
           "profiles:\n"
           "  default:\n"
           "    llr: {max_outstanding_frames: 256, max_replay_timer_ns: 1000000, ack_delay_us: "
           "3}\n";
}

TEST(Golden, FairnessOfIncast) {
    std::string text =
        "Frames that each of N senders sends to one receiver in 10 ms, against the mean.\n\n"
        "senders   frames   least     most\n";
    for (const int senders : {2, 3, 7}) {
        const control::Workload workload{.pattern = control::TrafficPattern::kIncast,
                                         .target = 0,
                                         .vcs = {Vc{2}},
                                         .sizes = {1024}};
        Rack rack(incast_rack(senders + 1), workload, 1);
        rack.publish_tables();
        rack.run_for(200us);
        rack.send(true);
        rack.run_for(1ms);
        std::vector<std::uint64_t> sent;
        for (std::size_t i = 1; i <= static_cast<std::size_t>(senders); ++i) {
            sent.push_back(rack.of_endpoint(i, PktgenStat::kSentFrames));
        }
        rack.run_for(10ms);
        std::uint64_t sum = 0, least = UINT64_MAX, most = 0;
        for (std::size_t i = 0; i < sent.size(); ++i) {
            sent[i] = rack.of_endpoint(i + 1, PktgenStat::kSentFrames) - sent[i];
            sum += sent[i];
            least = std::min(least, sent[i]);
            most = std::max(most, sent[i]);
        }
        const auto percent = [&](std::uint64_t n) {
            return 100.0 * static_cast<double>(n) * senders / static_cast<double>(sum);
        };
        EXPECT_GT(percent(least), 90) << "a share is within 10 % of the mean";
        EXPECT_LT(percent(most), 110) << "a share is within 10 % of the mean";
        text += line("%7d  %7llu  %5.1f%%   %5.1f%%\n", senders,
                     static_cast<unsigned long long>(sum), percent(least), percent(most));
    }
    expect_golden("fairness", text);
}

// A dual rack under load loses a part: how long does any channel wait for its next completion?

std::string fabric_text(const std::string& shape) {
    return "fabric: sim\n"
           "topology:\n" +
           shape +
           "profiles:\n"
           "  default:\n"
           "    llr: {max_outstanding_frames: 256, max_replay_timer_ns: 100000, ack_delay_us: 3,\n"
           "          init_interval_us: 20, pcs_lost_timeout_ns: 1000000}\n"
           "    cbfc: {cc_message_timer_us: 100, cf_update_interval_us: 50}\n";
}

struct Failover {
    double tables_us = 0;  // from the failure to the first new table
    double pause_us = 0;   // the longest without a completion, of the channel that had it worst
    std::size_t paused = 0, channels = 0;  // longer than 500 us
};

/// `fail` does it, once.
template <class Fail>
Failover measure_failover(const std::string& shape, Fail fail) {
    Oracle oracle;
    RackMemory memory(oracle, 1, fabric_text(shape));
    Rack& rack = *memory.rack;
    FabricControl control(rack, oracle);
    control.publish_all();
    memory.connect_all();
    memory.work(50);
    control.turn();  // It has seen all links up.
    struct Progress {
        std::uint64_t done = 0;
        Time since;
        Duration longest{0};
    };
    std::vector<Progress> progress(memory.clients.size(), Progress{.since = rack.now});
    const Time failed_at = rack.now;
    const std::uint64_t tables = control.published();
    fail(rack, control);
    Failover result;
    for (int i = 1; i <= 2000; ++i) {  // 20 ms
        memory.offer(3);
        rack.run_for(10us);
        if (i % 20 == 0) control.turn();
        if (result.tables_us == 0 && control.published() > tables) {
            result.tables_us =
                std::chrono::duration<double, std::micro>(rack.now - failed_at).count();
        }
        for (std::size_t c = 0; c < progress.size(); ++c) {
            Progress& p = progress[c];
            if (memory.clients[c].program->done == p.done) continue;
            p.longest = std::max(p.longest, rack.now - p.since);
            p.done = memory.clients[c].program->done;
            p.since = rack.now;
        }
    }
    for (Progress& p : progress) {
        p.longest = std::max(p.longest, rack.now - p.since);
        result.pause_us =
            std::max(result.pause_us, std::chrono::duration<double, std::micro>(p.longest).count());
        result.paused += p.longest > 500us ? 1 : 0;
    }
    result.channels = progress.size();
    EXPECT_EQ(oracle.broken(), "");
    return result;
}

TEST(Golden, Failover) {
    const std::string dual = "  kind: dual-rack\n  gpus: 4\n  tracks: 2\n  uplinks: 2\n";
    const std::string spines =
        "  kind: leaf-spine\n  racks: 2\n  gpus: 4\n  tracks: 2\n  spines: 4\n";
    const auto cut = [](const std::string& from, const std::string& to) {
        return [=](Rack& rack, FabricControl&) {
            const control::Fabric& fabric = rack.planned.fabric;
            for (std::size_t i = 0; i < fabric.links.size(); ++i) {
                const std::string a = fabric.node(fabric.links[i].a.node).name;
                const std::string b = fabric.node(fabric.links[i].b.node).name;
                if ((a != from || b != to) && (a != to || b != from)) continue;
                rack.wire(i).set_up(false);
                return;
            }
            ADD_FAILURE() << "no cable from " << from << " to " << to;
        };
    };
    const auto kill = [](const std::string& name) {
        return [=](Rack& rack, FabricControl&) {
            const control::Fabric& fabric = rack.planned.fabric;
            for (std::size_t i = 0; i < fabric.links.size(); ++i) {
                const bool there = fabric.node(fabric.links[i].a.node).name == name ||
                                   fabric.node(fabric.links[i].b.node).name == name;
                if (there) rack.wire(i).set_up(false);
            }
        };
    };
    std::string text =
        "Remote memory between all pairs; a part fails and stays away. Control looks every 200 "
        "us.\n\n"
        "failure                            new tables   longest pause   channels that paused\n";
    const auto row = [&](const char* what, const Failover& failover) {
        text += line("%-34s %7.0f us %12.0f us %9zu of %zu\n", what, failover.tables_us,
                     failover.pause_us, failover.paused, failover.channels);
    };
    row("dual-rack: one of two uplinks", measure_failover(dual, cut("r0-leaf0", "r1-leaf0")));
    row("dual-rack: cable of a GPU", measure_failover(dual, cut("gpu0", "r0-leaf0")));
    row("dual-rack: all cables of a leaf", measure_failover(dual, kill("r0-leaf0")));
    row("leaf-spine: cable to a spine", measure_failover(spines, cut("r0-leaf0", "spine0")));
    row("leaf-spine: all cables of a spine", measure_failover(spines, kill("spine0")));
    expect_golden("failover", text);
}

}  // namespace
}  // namespace ethlink::sim
