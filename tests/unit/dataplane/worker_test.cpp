// SPDX-License-Identifier: BSD-3-Clause
// The poll loop of one switch between endpoints: is nothing lost, and does nobody wait for nobody?
#include "dataplane/worker.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr Vc kVc{0}, kOther{1}, kBestEffort{2};

RigOptions star(std::size_t endpoints, std::size_t workers = 1) {
    RigOptions options;
    options.profile = quick_profile();
    options.ports = std::vector<RigPort>(endpoints);
    options.workers = workers;
    return options;
}

void offer_all_to_all(SwitchRig& rig, std::size_t endpoints, int frames) {
    for (int n = 0; n < frames; ++n) {
        for (std::size_t from = 0; from < endpoints; ++from) {
            for (std::size_t to = 0; to < endpoints; ++to) {
                if (from != to) rig.offer(from, to, n % 2 == 0 ? kVc : kOther);
            }
        }
    }
}

bool all_arrived(SwitchRig& rig, std::size_t endpoints, std::size_t frames) {
    for (std::size_t i = 0; i < endpoints; ++i) {
        if (rig.script(i).received.size() < frames * (endpoints - 1)) return false;
    }
    return true;
}

void expect_all_in_order(SwitchRig& rig, std::size_t endpoints, std::uint64_t frames) {
    for (std::size_t at = 0; at < endpoints; ++at) {
        for (std::size_t from = 0; from < endpoints; ++from) {
            if (at == from) continue;
            const std::uint64_t n = rig.in_order(at, from, kVc) + rig.in_order(at, from, kOther);
            EXPECT_EQ(n, frames) << "S1";
        }
    }
}

/// One and three workers: the frames cross, and the credits come back across.
class WorkerCount : public testing::TestWithParam<std::size_t> {};

TEST_P(WorkerCount, AllToAllLosesNothingAndConservesEachStep) {
    SwitchRig rig(star(4, GetParam()));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    offer_all_to_all(rig, 4, 300);
    EXPECT_TRUE(rig.run_until(
        [&] {
            rig.expect_conservation();
            return all_arrived(rig, 4, 300);
        },
        20ms));
    expect_all_in_order(rig, 4, 300);
    rig.run_for(200us);
    EXPECT_EQ(rig.credits_leaked(), 0u) << "C3";
    EXPECT_EQ(rig.admitted(), 0u);
    EXPECT_EQ(rig.drops(Drop::kQueueFull), 0u) << "S1";
}

TEST_P(WorkerCount, OverBadCablesToo) {
    RigOptions options = star(4, GetParam());
    for (std::size_t i = 0; i < 4; ++i) {
        options.ports[i].software_fcs = true;
        options.ports[i].out = {
            .loss = 0.02, .bit_error = 0.01, .duplicate = 0.02, .reorder = 0.02, .seed = 2 * i + 1};
        options.ports[i].in = options.ports[i].out;
        options.ports[i].in.seed = 2 * i + 2;
    }
    options.profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    options.profile.llr.data_age_timeout = 0s;
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    offer_all_to_all(rig, 4, 200);
    EXPECT_TRUE(rig.run_until(
        [&] {
            rig.expect_conservation();
            return all_arrived(rig, 4, 200);
        },
        100ms));
    expect_all_in_order(rig, 4, 200);
    rig.run_for(1ms);
    EXPECT_EQ(rig.credits_leaked(), 0u) << "C3";
    EXPECT_EQ(rig.drops(Drop::kQueueFull) + rig.drops(Drop::kCreditOverflow), 0u);
}

TEST_P(WorkerCount, BestEffortMayDropButOnlyByName) {
    SwitchRig rig(star(4, GetParam()));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (int n = 0; n < 500; ++n) {
        for (std::size_t from = 1; from < 4; ++from) rig.offer(from, 0, kBestEffort);
    }
    for (int i = 0; i < 1000; ++i) {
        rig.step();
        rig.expect_conservation();
    }
    EXPECT_EQ(rig.script(0).received.size() + rig.drops(Drop::kQueueFull), 1500u);
    EXPECT_EQ(rig.admitted(), 0u);
}

TEST_P(WorkerCount, AnEndpointThatDrainsNothingStopsOnlyItself) {
    // S9, C7: nobody reads at endpoint 1; what goes to endpoint 2 goes on, from the same senders.
    SwitchRig rig(star(4, GetParam()));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.script(1).consuming = false;
    for (int n = 0; n < 300; ++n) {
        rig.offer(0, 1, kVc);
        rig.offer(0, 2, kOther);  // The same ingress, another VC.
        rig.offer(3, 2, kVc);     // The same VC, another ingress.
    }
    EXPECT_TRUE(rig.run_until([&] { return rig.script(2).received.size() == 600; }, 5ms));
    // At endpoint 1: its credits, and then nothing more.
    rig.run_for(1ms);
    EXPECT_EQ(rig.script(1).received.size(), 32u);  // 64 credits, two a frame.
    rig.expect_conservation();
    EXPECT_EQ(rig.drops(Drop::kQueueFull), 0u);
    // It reads again: all of it comes.
    rig.script(1).consuming = true;
    EXPECT_TRUE(rig.run_until([&] { return rig.script(1).received.size() == 300; }, 5ms));
    EXPECT_EQ(rig.in_order(1, 0, kVc), 300u);
    rig.run_for(200us);
    EXPECT_EQ(rig.credits_leaked(), 0u);
}

TEST_P(WorkerCount, Incast) {
    SwitchRig rig(star(6, GetParam()));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (int n = 0; n < 200; ++n) {
        for (std::size_t from = 1; from < 6; ++from) rig.offer(from, 0, kVc, 500);
    }
    EXPECT_TRUE(rig.run_until(
        [&] {
            rig.expect_conservation();
            return rig.script(0).received.size() == 1000;
        },
        20ms));
    for (std::size_t from = 1; from < 6; ++from) EXPECT_EQ(rig.in_order(0, from, kVc), 200u);
    EXPECT_EQ(rig.drops(Drop::kQueueFull), 0u);
    rig.run_for(200us);
    EXPECT_EQ(rig.credits_leaked(), 0u);
}

TEST_P(WorkerCount, ADeadCableIsFlushedAndHeals) {
    RigOptions options = star(3, GetParam());
    options.profile.llr.pcs_lost_timeout = 100us;
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());

    // 1. Cut: within a housekeeping turn and the timeout the link gives up.
    rig.wire(1).set_up(false);
    for (int n = 0; n < 40; ++n) rig.offer(0, 1, kVc);
    EXPECT_TRUE(rig.run_until([&] { return !rig.port(1).link->is_up(); }, 400us));
    for (int n = 0; n < 100; ++n) rig.offer(0, 2, kOther);
    EXPECT_TRUE(rig.run_until([&] { return rig.script(2).received.size() == 100; }, 1ms));
    rig.expect_conservation();

    // 2. Plugged in again: a new session, and what waited in the switch goes on.
    rig.wire(1).set_up(true);
    ASSERT_TRUE(rig.come_up());
    const std::uint64_t lost = rig.port(1).link->stats().read(LinkStat::kLlrTxFlushedFrames);
    rig.run_for(500us);
    EXPECT_GE(rig.script(1).received.size() + lost, 40u);
    EXPECT_EQ(rig.credits_leaked(), 0u);
    rig.expect_conservation();
    for (const SimFrame& frame : rig.script(1).received) EXPECT_TRUE(read_ghost(frame));
}

INSTANTIATE_TEST_SUITE_P(Workers, WorkerCount, testing::Values(1u, 2u, 3u),
                         [](const auto& count) { return std::to_string(count.param); });

/// All that was meant for endpoint 1 is gone, with a counter each; endpoint 0 has its credits back.
void expect_nothing_held_for_a_dead_neighbour(SwitchRig& rig) {
    for (int n = 0; n < 200; ++n) rig.offer(0, 1, kVc);
    rig.run_for(10ms);
    EXPECT_EQ(rig.port(1).queues.frames(), 0u);
    const std::uint64_t discarded = rig.port(1).link->stats().read(LinkStat::kLlrTxDiscard);
    EXPECT_GT(discarded, 0u);
    EXPECT_EQ(rig.drops(1, Drop::kLinkDiscard), discarded);
    EXPECT_TRUE(rig.script(0).to_send[0].empty());
    EXPECT_EQ(rig.endpoint(0).link->cbfc_sender().in_use(kVc).value, 0u);
    rig.expect_conservation();
}

TEST(Worker, ASilentNeighbourHoldsNobodysBuffersForEver) {
    RigOptions options = star(3);
    options.profile.llr.data_age_timeout = 1ms;
    options.ports[1].faulty = true;
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.set_faults(1, {.tx = {.loss = 1}, .rx = {.loss = 1}});
    expect_nothing_held_for_a_dead_neighbour(rig);
}

TEST(Worker, ACutCableHoldsNobodysBuffersForEver) {
    RigOptions options = star(3);
    options.profile.llr.data_age_timeout = 1ms;
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.wire(1).set_up(false);
    expect_nothing_held_for_a_dead_neighbour(rig);
}

TEST(Worker, AFrameThatIsRefusedForItsContentTakesItsNumber) {
    // Sent again it would be no better: without its number LLR would wait for it for ever.
    SwitchRig rig(star(2));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    const Ghost ghost{.src = SwitchRig::gpu(0), .dst = SwitchRig::gpu(1), .vc = kVc, .number = 99};
    SimFrame odd = make_ghost(rig.pool, ghost, 100);
    odd.bytes()[3] ^= std::byte{0x80};  // Total Length
    rig.offer(0, 1, kVc);
    rig.script(0).to_send[kVc.value].push_back(std::move(odd));
    for (int n = 0; n < 5; ++n) rig.offer(0, 1, kVc);
    EXPECT_TRUE(rig.run_until([&] { return rig.script(1).received.size() == 6; }, 1ms));
    EXPECT_EQ(rig.drops(0, Drop::kLengthMismatch), 1u);
    EXPECT_EQ(rig.endpoint(0).link->stats().read(LinkStat::kLlrTxReplay), 0u);
    rig.run_for(500us);
    EXPECT_EQ(rig.credits_leaked(), 0u);
}

TEST(Worker, CountsWhatTheMediumCarried) {
    SwitchRig rig(star(2));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (int n = 0; n < 100; ++n) rig.offer(0, 1, kVc, 200);
    ASSERT_TRUE(rig.run_until(
        [&] { return all_arrived(rig, 1, 0) && rig.script(1).received.size() == 100; }, 5ms));
    rig.run_for(100us);
    const PortCounters& in = rig.port(0).counters;
    std::uint64_t polls = 0, frames = 0;
    for (std::size_t n = 0; n <= kBurstSize; ++n) {
        polls += in.rx_bursts[n].read();
        frames += n * in.rx_bursts[n].read();
    }
    EXPECT_EQ(frames, in.rx_frames.read());
    EXPECT_EQ(in.rx_frames.read(), rig.endpoint(0).counters.tx_frames.read());
    EXPECT_EQ(in.rx_bytes.read(), rig.endpoint(0).counters.tx_bytes.read());
    EXPECT_GT(in.rx_bursts[0].read(), 0u);
    EXPECT_EQ(polls, static_cast<std::uint64_t>((rig.now - Time{1s}) / 1us));
    EXPECT_EQ(rig.port(0).link->stats().vcs[0].rx_frames.read(), 100u);
    EXPECT_EQ(rig.port(0).link->stats().vcs[0].rx_bytes.read(), 20'000u);
    // The frames of a turn leave in that turn: their residence is that one turn.
    const HistogramSnapshot residence = rig.worker(0).residence().snapshot();
    EXPECT_GT(residence.count(), 0u);
    EXPECT_EQ(residence.at_percentile(50), 1000u);
}

TEST(Worker, SaysWhetherThereWasAnythingToDo) {
    SwitchRig rig(star(2));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.run_for(3us);
    const auto turn = [&] {
        rig.now += 1us;
        rig.endpoint_worker(0).poll_once(rig.now);
        rig.endpoint_worker(1).poll_once(rig.now);
        return rig.worker(0).poll_once(rig.now);
    };
    std::map<Turn, int> turns;
    for (int i = 0; i < 1000; ++i) ++turns[turn()];
    // Heartbeats every 30 us and CC_Updates every 50 us, of two neighbours and our own; no more.
    EXPECT_GT(turns[Turn::kUpkeep], 30);
    EXPECT_LT(turns[Turn::kUpkeep], 400);
    EXPECT_EQ(turns[Turn::kBusy], 0);
    rig.offer(0, 1, kVc);
    turns.clear();
    for (int i = 0; i < 5; ++i) ++turns[turn()];
    EXPECT_EQ(turns[Turn::kBusy], 1) << "the frame comes and goes in one turn";
}

TEST(Worker, AReplayIsMoreThanUpkeep) {
    SwitchRig rig(star(2));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.offer(0, 1, kVc);
    rig.step();
    ASSERT_EQ(rig.port(1).link->frames_held(), 1u);
    Turn most = Turn::kIdle;
    rig.now += 10ms;  // Nobody acknowledged it meanwhile: nobody had a turn.
    for (int i = 0; i < 3; ++i) most |= rig.worker(0).poll_once(rig.now += 1us);
    EXPECT_GT(rig.port(1).link->stats().read(LinkStat::kLlrTxReplayed), 0u);
    EXPECT_EQ(most, Turn::kBusy);
}

TEST(Worker, DeadlineIsNowWhileFramesWait) {
    SwitchRig rig(star(2));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.run_for(10us);
    EXPECT_GT(rig.worker(0).deadline(), rig.now);
    rig.script(1).consuming = false;
    for (int n = 0; n < 100; ++n) rig.offer(0, 1, kVc);
    rig.run_for(100us);
    EXPECT_EQ(rig.worker(0).deadline(), rig.now);
}

TEST(Worker, AFrameForALosslessVcFromAPlainPortIsBestEffort) {
    // A plain port has no credits to promise: its frames take the best-effort VC, and are admitted
    // up to their bound.
    RigOptions options = star(2);
    options.ports[0].plain = true;
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.inject(0, make_ghost(rig.pool, {.dst = SwitchRig::gpu(1), .vc = kBestEffort}, 100));
    ASSERT_TRUE(rig.run_until([&] { return !rig.script(1).received.empty(); }, 100us));
    EXPECT_EQ(rig.port(1).link->stats().vcs[kBestEffort.value].tx_frames.read(), 1u);
    EXPECT_EQ(rig.port(1).link->stats().read(LinkStat::kLlrTxIneligible), 1u);
}

}  // namespace
}  // namespace ethlink::sim
