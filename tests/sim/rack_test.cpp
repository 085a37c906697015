// SPDX-License-Identifier: BSD-3-Clause
// A rack over bad cables: does every frame arrive once and in order, and does nothing stay behind?
#include "tests/sim/rack.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/sim/sweep.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using control::TrafficPattern;
using control::Workload;

/// Four GPUs on one switch, with timers for virtual time.
std::string rack(std::uint64_t seed, int workers, const std::string& faults) {
    return "fabric: sim\n"
           "topology:\n"
           "  kind: single-rack\n"
           "  gpus: 4\n"
           "  tracks: 1\n"
           "  workers: " +
           std::to_string(workers) + "\n" +
           (faults.empty()
                ? std::string()
                : "  faults: {seed: " + std::to_string(seed) + ", both: {" + faults + "}}\n") +
           "profiles:\n"
           "  default:\n"
           "    llr: {max_outstanding_frames: 256, max_replay_timer_ns: 100000, ack_delay_us: 3,\n"
           "          init_interval_us: 20, pcs_lost_timeout_ns: 100000}\n"
           "    cbfc: {cc_message_timer_us: 100, cf_update_interval_us: 50}\n";
}

constexpr const char* kBadCables =
    "loss: 0.01, bit_error: 0.001, duplicate: 0.005, reorder: 0.005, reorder_distance: 3";

Workload all_to_all(std::uint64_t frames) {
    return {.pattern = TrafficPattern::kAllToAll,
            .vcs = {Vc{0}, Vc{2}},
            .sizes = {64, 594, 128, 1518},
            .frames_max = frames};
}

/// Each frame once and in order, all credits back, no drop but of damaged frames.
void check_delivered_once_in_order(Rack& rack, Oracle& oracle) {
    const std::uint64_t wanted = rack.wanted();
    oracle.equal(Invariant::kL1, rack.sum(PktgenStat::kSentFrames), wanted, "frames sent");
    oracle.equal(Invariant::kL1, rack.sum(PktgenStat::kReceivedFrames), wanted, "frames received");
    oracle.equal(Invariant::kS6, rack.sum(PktgenStat::kInOrder), wanted, "frames in order");
    oracle.equal(Invariant::kS6, rack.sum(PktgenStat::kReordered), 0, "frames out of order");
    oracle.equal(Invariant::kL1, rack.sum(PktgenStat::kDuplicated), 0, "frames twice");
    oracle.equal(Invariant::kL1, rack.sum(PktgenStat::kUnexpected), 0, "frames of nobody");
    oracle.equal(Invariant::kL1, rack.missing(), 0, "missing frames");
    for (std::size_t i = 0; i < kDropCount; ++i) {
        const auto reason = static_cast<Drop>(i);
        // A damaged frame in which LLR cannot even find its number.
        if (reason == Drop::kBadFcs) continue;
        oracle.equal(Invariant::kS1, rack.drops(reason), 0, name(reason));
    }
    // The capacity plan holds: nobody ever missed a buffer.
    oracle.equal(Invariant::kR1, rack.sum(LinkStat::kTxNoBuffer), 0, "missed buffers");
    oracle.equal(Invariant::kR1, rack.sum(PktgenStat::kNoBuffer), 0, "missed buffers");
    oracle.equal(Invariant::kL1, rack.sum(LinkStat::kLlrTxFlush), 0, "sessions given up");
}

void begin(Rack& rack) {
    rack.publish_tables();
    rack.run_for(200us);
    rack.send(true);
}

void check_end(Rack& rack, Oracle& oracle) {
    rack.check_conservation(oracle);
    rack.add_up(oracle);
    oracle.equal(Invariant::kR1, rack.frames_leaked(), 0, "buffers that are not back");
}

/// All of it over cables that lose nothing for good.
void run_to_the_end(Rack& rack, Oracle& oracle) {
    begin(rack);
    oracle.holds(Invariant::kS11, rack.run_until([&] { return rack.is_delivered(); }, 100ms),
                 "stuck");
    oracle.holds(Invariant::kC3, rack.run_until([&] { return rack.is_at_rest(); }, 5ms),
                 "credits or frames are not back");
    check_delivered_once_in_order(rack, oracle);
    rack.add_missing(oracle, rack.missing(), 0);
    check_end(rack, oracle);
}

TEST(Rack, AllToAllOverGoodCables) {
    for (const int workers : {1, 2}) {
        Oracle oracle;
        Rack fabric(rack(1, workers, ""), all_to_all(1000), 1);
        run_to_the_end(fabric, oracle);
        EXPECT_EQ(oracle.broken(), "");
        EXPECT_EQ(oracle.ledger.faults.sum(), 0u);
    }
}

TEST(Rack, AllToAllOverBadCables) {
    sweep(300, [](const Trial& trial, Oracle& oracle) {
        Draw draw(trial, oracle);
        const int workers = draw.is(Fault::kManyWorkers) ? 2 : 1;
        Rack fabric(rack(trial.seed, workers, kBadCables),
                    all_to_all(trial.work(draw.between(50, 300), oracle)), trial.seed);
        run_to_the_end(fabric, oracle);
    });
}

TEST(Rack, IncastOverBadCables) {
    sweep(150, [](const Trial& trial, Oracle& oracle) {
        Draw draw(trial, oracle);
        Workload workload = all_to_all(trial.work(draw.between(50, 400), oracle));
        workload.pattern = TrafficPattern::kIncast;
        workload.target = static_cast<std::uint32_t>(trial.seed % 4);
        const int workers = draw.is(Fault::kManyWorkers) ? 2 : 1;
        Rack fabric(rack(trial.seed, workers, kBadCables), workload, trial.seed);
        run_to_the_end(fabric, oracle);
    });
}

TEST(Rack, DelayedAndJitteryCables) {
    sweep(100, [](const Trial& trial, Oracle& oracle) {
        const std::string faults = std::string(kBadCables) + ", delay_ns: 5000, jitter_ns: 3000";
        Rack fabric(rack(trial.seed, 2, faults), all_to_all(trial.work(200, oracle)), trial.seed);
        run_to_the_end(fabric, oracle);
    });
}

TEST(Rack, TablesChangeWhileFramesFlow) {
    // S3, S4, S6: a new table every 20 us changes nothing for those who are on their way.
    sweep(100, [](const Trial& trial, Oracle& oracle) {
        Rack fabric(rack(trial.seed, 2, kBadCables), all_to_all(trial.work(300, oracle)),
                    trial.seed);
        begin(fabric);
        const bool delivered = fabric.run_until(
            [&] {
                if ((fabric.now - Time{1s}) % 20us == 0us) {
                    fabric.publish_tables();
                    oracle.ledger.faults.add(Fault::kNewTable);
                }
                oracle.at_most(Invariant::kS4, fabric.tables_pending(), 1, "tables not yet free");
                return fabric.is_delivered();
            },
            100ms);
        oracle.holds(Invariant::kS11, delivered, "stuck");
        oracle.holds(Invariant::kC3, fabric.run_until([&] { return fabric.is_at_rest(); }, 5ms),
                     "credits or frames are not back");
        check_delivered_once_in_order(fabric, oracle);
        check_end(fabric, oracle);
    });
}

TEST(Rack, ACutCableFlushesAndHeals) {
    sweep(150, [](const Trial& trial, Oracle& oracle) {
        const int workers = trial.seed % 2 == 0 ? 2 : 1;
        Rack fabric(rack(trial.seed, workers, kBadCables), all_to_all(trial.work(600, oracle)),
                    trial.seed);
        begin(fabric);
        fabric.run_for(20us + Duration(trial.seed % 100 * 1'000));

        // 1. Cut: both ends give up; what flows elsewhere goes on.
        fabric.wire(trial.seed % 4).set_up(false);
        oracle.ledger.faults.add(Fault::kCut);
        fabric.run_for(1ms);
        oracle.holds(Invariant::kR2, fabric.sum(LinkStat::kLlrTxFlush) >= 2, "nobody noticed");
        // 2. Heal: all comes to rest again, nothing twice, nothing late.
        fabric.wire(trial.seed % 4).set_up(true);
        const bool rests = fabric.run_until(
            [&] {
                return fabric.sum(PktgenStat::kSentFrames) == fabric.wanted() &&
                       fabric.is_at_rest();
            },
            100ms);
        oracle.holds(Invariant::kS11, rests, "stuck");
        const std::uint64_t received = fabric.sum(PktgenStat::kReceivedFrames);
        oracle.equal(Invariant::kS6, fabric.sum(PktgenStat::kInOrder), received, "in order");
        oracle.equal(Invariant::kL1, fabric.sum(PktgenStat::kDuplicated), 0, "frames twice");
        // 3. Lost is what the sessions that ended gave up, and no more.
        const std::uint64_t lost = fabric.wanted() - received;
        const std::uint64_t given_up =
            fabric.sum(LinkStat::kLlrTxFlushedFrames) + fabric.sum(LinkStat::kLlrTxDiscard);
        oracle.at_most(Invariant::kL1, lost, given_up, "missing frames");
        fabric.add_missing(oracle, lost, given_up);
        check_end(fabric, oracle);
    });
}

TEST(Rack, TheSameSeedRunsTheSame) {
    // R6: every counter after the same time.
    const auto run = [](std::uint64_t seed) {
        Rack fabric(rack(seed, 2, kBadCables), all_to_all(200), seed);
        fabric.publish_tables();
        fabric.run_for(200us);
        fabric.send(true);
        fabric.run_for(300us);
        std::vector<std::uint64_t> counters;
        for (std::size_t i = 0; i < static_cast<std::size_t>(LinkStat::kCount); ++i) {
            counters.push_back(fabric.sum(static_cast<LinkStat>(i)));
        }
        return counters;
    };
    EXPECT_EQ(run(7), run(7));
    EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace ethlink::sim
