// SPDX-License-Identifier: BSD-3-Clause
// A rack over bad cables: does every frame arrive once and in order, and does nothing stay behind?
#include "tests/sim/rack.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/sim/seeds.h"

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

/// L1, C3, R1: each frame once and in order, all credits back, no drop but of damaged frames.
void expect_delivered_once_in_order(Rack& rack) {
    EXPECT_EQ(rack.sum(PktgenStat::kSentFrames), rack.wanted());
    EXPECT_EQ(rack.sum(PktgenStat::kReceivedFrames), rack.wanted());
    EXPECT_EQ(rack.sum(PktgenStat::kInOrder), rack.wanted());
    EXPECT_EQ(rack.sum(PktgenStat::kReordered), 0u);
    EXPECT_EQ(rack.sum(PktgenStat::kDuplicated), 0u);
    EXPECT_EQ(rack.sum(PktgenStat::kUnexpected), 0u);
    EXPECT_EQ(rack.missing(), 0u);
    for (std::size_t i = 0; i < kDropCount; ++i) {
        const auto reason = static_cast<Drop>(i);
        // A damaged frame in which LLR cannot even find its number.
        if (reason != Drop::kBadFcs) {
            EXPECT_EQ(rack.drops(reason), 0u) << name(reason);
        }
    }
    // The capacity plan holds: nobody ever missed a buffer.
    EXPECT_EQ(rack.sum(LinkStat::kTxNoBuffer), 0u);
    EXPECT_EQ(rack.sum(PktgenStat::kNoBuffer), 0u);
    EXPECT_EQ(rack.sum(LinkStat::kLlrTxFlush), 0u);
}

void run_to_the_end(Rack& rack, Duration limit = 100ms) {
    rack.publish_tables();
    rack.run_for(200us);
    rack.send(true);
    EXPECT_TRUE(rack.run_until([&] { return rack.is_delivered(); }, limit)) << "S11: stuck";
    EXPECT_TRUE(rack.run_until([&] { return rack.is_at_rest(); }, 5ms)) << "C3";
    rack.expect_conservation();
}

void expect_nothing_left(Rack& rack) {
    EXPECT_EQ(rack.frames_leaked(), 0u) << "R1";
}

TEST(Rack, AllToAllOverGoodCables) {
    for (const int workers : {1, 2}) {
        Rack fabric(rack(1, workers, ""), all_to_all(1000), 1);
        run_to_the_end(fabric);
        expect_delivered_once_in_order(fabric);
        EXPECT_EQ(fabric.sum(LinkStat::kLlrTxReplay), 0u);
        expect_nothing_left(fabric);
    }
}

TEST(Rack, AllToAllOverBadCables) {
    for_each_seed(50, [](std::uint64_t seed) {
        const int workers = seed % 2 == 0 ? 2 : 1;
        Rack fabric(rack(seed, workers, kBadCables), all_to_all(300), seed);
        run_to_the_end(fabric);
        expect_delivered_once_in_order(fabric);
        EXPECT_GT(fabric.sum(LinkStat::kLlrTxReplay), 0u);
        expect_nothing_left(fabric);
    });
}

TEST(Rack, IncastOverBadCables) {
    for_each_seed(20, [](std::uint64_t seed) {
        Workload workload = all_to_all(400);
        workload.pattern = TrafficPattern::kIncast;
        workload.target = static_cast<std::uint32_t>(seed % 4);
        const int workers = seed % 2 == 0 ? 2 : 1;
        Rack fabric(rack(seed, workers, kBadCables), workload, seed);
        run_to_the_end(fabric);
        expect_delivered_once_in_order(fabric);
        expect_nothing_left(fabric);
    });
}

TEST(Rack, DelayedAndJitteryCables) {
    for_each_seed(10, [](std::uint64_t seed) {
        const std::string faults = std::string(kBadCables) + ", delay_ns: 5000, jitter_ns: 3000";
        Rack fabric(rack(seed, 2, faults), all_to_all(200), seed);
        run_to_the_end(fabric);
        expect_delivered_once_in_order(fabric);
        expect_nothing_left(fabric);
    });
}

TEST(Rack, TablesChangeWhileFramesFlow) {
    // S3, S4, S6: a new table every 20 us changes nothing for those who are on their way.
    for_each_seed(10, [](std::uint64_t seed) {
        Rack fabric(rack(seed, 2, kBadCables), all_to_all(300), seed);
        fabric.publish_tables();
        fabric.run_for(200us);
        fabric.send(true);
        std::size_t pending = 0;
        EXPECT_TRUE(fabric.run_until(
            [&] {
                if ((fabric.now - Time{1s}) % 20us == 0us) fabric.publish_tables();
                pending = std::max(pending, fabric.tables_pending());
                return fabric.is_delivered();
            },
            100ms));
        EXPECT_LE(pending, 1u);
        EXPECT_TRUE(fabric.run_until([&] { return fabric.is_at_rest(); }, 5ms));
        expect_delivered_once_in_order(fabric);
        expect_nothing_left(fabric);
    });
}

TEST(Rack, ACutCableFlushesAndHeals) {
    for_each_seed(20, [](std::uint64_t seed) {
        const int workers = seed % 2 == 0 ? 2 : 1;
        Rack fabric(rack(seed, workers, kBadCables), all_to_all(600), seed);
        fabric.publish_tables();
        fabric.run_for(200us);
        fabric.send(true);
        fabric.run_for(20us + Duration(seed * 1'000));

        // 1. Cut: both ends give up; what flows elsewhere goes on.
        fabric.wire(seed % 4).set_up(false);
        fabric.run_for(1ms);
        EXPECT_GE(fabric.sum(LinkStat::kLlrTxFlush), 2u);
        // 2. Heal: all comes to rest again, nothing twice, nothing late.
        fabric.wire(seed % 4).set_up(true);
        EXPECT_TRUE(fabric.run_until(
            [&] {
                return fabric.sum(PktgenStat::kSentFrames) == fabric.wanted() &&
                       fabric.is_at_rest();
            },
            100ms));
        const std::uint64_t received = fabric.sum(PktgenStat::kReceivedFrames);
        EXPECT_EQ(fabric.sum(PktgenStat::kInOrder), received);
        EXPECT_EQ(fabric.sum(PktgenStat::kDuplicated), 0u);
        // 3. Lost is what the sessions that ended gave up, and no more.
        const std::uint64_t lost = fabric.wanted() - received;
        EXPECT_LE(lost,
                  fabric.sum(LinkStat::kLlrTxFlushedFrames) + fabric.sum(LinkStat::kLlrTxDiscard));
        fabric.expect_conservation();
        expect_nothing_left(fabric);
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
