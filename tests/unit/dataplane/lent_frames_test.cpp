// SPDX-License-Identifier: BSD-3-Clause
// Frames that a link lends its neighbour, when each poll loop is a thread: the sender reads what he
// keeps, to send it again, while two others write what a hop may change.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr Vc kVc{0};
constexpr std::uint64_t kFrames = 1500;  // each way
constexpr std::uint32_t kBytes = 700;    // long enough to be lent
constexpr std::size_t kEnds[] = {0, 1};

/// Two endpoints and a switch of two workers between them, so that each frame crosses four threads.
RigOptions lending() {
    RigOptions options;
    options.profile = quick_profile();
    options.profile.vcs[0].reserved = options.profile.vcs[1].reserved = Credits{2048};
    options.profile.llr.max_replay_timer = 20us;  // shorter than a thread is away
    options.profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    options.profile.llr.pcs_lost_timeout = 10s;
    options.profile.llr.data_age_timeout = 0s;
    options.ports.resize(2);
    options.workers = 2;
    options.keep = Keep::kLend;
    return options;
}

/// One poll core. Now and then it is away for longer than its neighbours wait for an ACK: they send
/// again what it has not even looked at, or has in its hands.
void poll(Pollable& loop, const std::atomic<bool>& stop, Time begin, Duration away_after) {
    const auto start = std::chrono::steady_clock::now();
    Time back = begin;
    while (!stop.load(std::memory_order_relaxed)) {
        const Time now = begin + (std::chrono::steady_clock::now() - start);
        if (loop.poll_once(now) == Turn::kIdle) std::this_thread::yield();
        if (now < back + away_after) continue;
        std::this_thread::sleep_for(100us);
        back = now;
    }
}

std::uint64_t delivered(SwitchRig& rig, std::size_t end) {
    return rig.endpoint(end).link->stats().vcs[kVc.value].rx_frames.read();
}

void run_in_threads(SwitchRig& rig) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    Duration away_after = 110us;
    for (Pollable* loop : rig.loops()) {
        threads.emplace_back(
            [&, loop, away_after, begin = rig.now] { poll(*loop, stop, begin, away_after); });
        away_after += 17us;
    }
    const auto start = std::chrono::steady_clock::now();
    const auto done = [&] { return delivered(rig, 0) >= kFrames && delivered(rig, 1) >= kFrames; };
    while (!done() && std::chrono::steady_clock::now() < start + 60s) {
        std::this_thread::sleep_for(1ms);
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    rig.now += std::chrono::steady_clock::now() - start;
}

TEST(LentFrames, AreReadAndWrittenByManyThreadsAndArriveAsTheyWere) {
    // L1, S12; under TSan: nobody writes what another may read (with `copy_lent` reading the head
    // of a frame it reports a race in each run).
    SwitchRig rig(lending());
    rig.publish_star();
    for (const std::size_t end : kEnds) {
        for (std::uint64_t i = 0; i < kFrames; ++i) rig.offer(end, 1 - end, kVc, kBytes);
    }
    run_in_threads(rig);
    // The last ACKs and credits; then what was received is all that is left, and no loan.
    EXPECT_TRUE(rig.run_until([&] { return rig.pool.in_use() == 2 * kFrames; }, 5ms))
        << rig.pool.in_use();

    std::uint64_t again = 0;
    for (const std::size_t end : kEnds) {
        EXPECT_EQ(rig.in_order(end, 1 - end, kVc), kFrames);
        EXPECT_EQ(rig.script(end).received.size(), kFrames);
        EXPECT_EQ(rig.endpoint(end).link->stats().read(LinkStat::kLlrTxFlush), 0u);
        again += rig.endpoint(end).link->stats().read(LinkStat::kLlrTxReplayed);
        again += rig.port(end).link->stats().read(LinkStat::kLlrTxReplayed);
    }
    RecordProperty("again", std::to_string(again));
    EXPECT_GT(again, 0u) << "no lent frame had to go again: nothing was tried";
    EXPECT_EQ(rig.credits_leaked(), 0u);
    rig.expect_conservation();
}

}  // namespace
}  // namespace ethlink::sim
