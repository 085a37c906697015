// SPDX-License-Identifier: BSD-3-Clause
// A switch whose neighbour floods it with link control, chooses its entropy, or whose clock jumps:
// do the others go on as before?
#include <array>
#include <cstdint>
#include <set>

#include <gtest/gtest.h>

#include "dataplane/random.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/ctl_os.h"
#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr Vc kVc{0};
constexpr std::size_t kFlooder = 0;  // its port
constexpr int kFrames = 300, kMany = 2000;

RigOptions star(std::size_t endpoints) {
    RigOptions options;
    options.profile = quick_profile();
    options.ports = std::vector<RigPort>(endpoints);
    return options;
}

// K7.

/// A control frame of the sessions that run, right in its form, which says nothing that is so.
SimFrame control_noise(SwitchRig& rig, Random& random) {
    SimFrame frame = rig.pool.allocate(wire::kMaxControlFrame);
    wire::ControlFrameWriter writer(frame.bytes());
    writer.begin(rig.endpoint(kFlooder).link->llr_tx().epoch(),
                 rig.port(kFlooder).link->llr_tx().epoch());
    const auto value = static_cast<std::uint32_t>(random.below(1u << 20));
    const std::array types{wire::CtlOsType::kAck, wire::CtlOsType::kNack,
                           wire::CtlOsType::kInitEcho, wire::CtlOsType::kCfUpdate};
    const wire::CtlOsType type = types[random.below(types.size())];
    const bool credit = type == wire::CtlOsType::kCfUpdate;
    const auto arg = static_cast<std::uint16_t>(credit ? random.below(32) : random.next());
    EXPECT_TRUE(writer.add({.type = type, .value = value, .arg = arg}));
    const std::size_t size = writer.finish();
    frame.trim(static_cast<std::uint32_t>(frame.size() - size));
    return frame;
}

/// Steps until endpoint 2 has all that 3 and the flooder's own endpoint sent it.
int steps_under_flood(std::size_t noise_per_step) {
    SwitchRig rig(star(4));
    rig.publish_star();
    EXPECT_TRUE(rig.come_up());
    const Link<SimFrame>& flooded = *rig.port(kFlooder).link;
    const std::uint16_t epoch = flooded.llr_tx().epoch();
    Random random(7);
    for (int n = 0; n < kMany; ++n) {
        rig.offer(3, 2, kVc);
        rig.offer(kFlooder, 2, kVc);
    }
    std::uint64_t noise = 0;
    int steps = 0;
    for (; steps < 20'000 && rig.in_order(2, 3, kVc) < kMany; ++steps) {
        auto& cable = rig.wire(kFlooder).b_to_a();
        // The endpoint behind the same cable gets some of its room.
        for (std::size_t n = 0; n < noise_per_step && cable.room() > 64; ++n, ++noise) {
            rig.inject(kFlooder, control_noise(rig, random));
        }
        const std::uint64_t before = rig.port(kFlooder).counters.rx_frames.read();
        rig.step();
        EXPECT_LE(rig.port(kFlooder).counters.rx_frames.read() - before, kBurstSize)
            << "a turn takes no more than a burst of a port";
    }
    // And the neighbour itself, behind its own noise: nothing of it was believed.
    EXPECT_TRUE(rig.run_until([&] { return rig.in_order(2, kFlooder, kVc) == kMany; }, 20ms));
    EXPECT_EQ(flooded.llr_tx().epoch(), epoch) << "the session is still the first one";
    EXPECT_EQ(noise > 0, noise_per_step > 0);
    rig.run_for(500us);
    EXPECT_EQ(rig.credits_leaked(), 0u);
    rig.expect_conservation();
    return steps;
}

TEST(ControlFlood, FromOneNeighbourSlowsNobodyElse) {
    const int alone = steps_under_flood(0);
    const int flooded = steps_under_flood(4 * kBurstSize);
    EXPECT_LT(flooded, 20'000);
    EXPECT_LE(flooded, alone + alone / 10);
}

// D9.

/// Two equal ways to GPU 4: by ports 2 and 3, whose endpoints take whatever comes.
void publish_two_ways(SwitchRig& rig) {
    auto table = std::make_unique<ForwardingTable>();
    const std::array<PortId, 2> ways{PortId{2}, PortId{3}};
    EXPECT_TRUE(table->set(SwitchRig::gpu(4), ways));
    rig.tables.publish(std::move(table));
}

std::set<std::uint16_t> ways_of(SwitchRig& rig, std::size_t from) {
    std::set<std::uint16_t> ways;
    for (const std::uint16_t way : std::to_array<std::uint16_t>({2, 3})) {
        for (const SimFrame& frame : rig.script(way).received) {
            const auto ghost = read_ghost(frame);
            if (ghost && ghost->src == SwitchRig::gpu(from)) ways.insert(way);
        }
    }
    return ways;
}

std::size_t received(SwitchRig& rig, std::size_t from) {
    std::size_t n = 0;
    for (const std::size_t way : {2U, 3U}) {
        for (const SimFrame& frame : rig.script(way).received) {
            const auto ghost = read_ghost(frame);
            n += ghost && ghost->src == SwitchRig::gpu(from) ? 1 : 0;
        }
    }
    return n;
}

TEST(EntropyGames, OneValueLoadsOneLinkAndTakesTheOthersNoMoreThanTheirShareThere) {
    SwitchRig rig(star(5));
    publish_two_ways(rig);
    ASSERT_TRUE(rig.come_up());
    // One sender forces all of a flood onto one link; another spreads as it should.
    for (int n = 0; n < 10 * kFrames; ++n) rig.offer(0, 4, kVc, 100, {.entropy = 0xBEEF});
    for (int n = 0; n < kFrames; ++n) {
        rig.offer(1, 4, kVc, 100, {.entropy = static_cast<std::uint16_t>(n * 40'503)});
    }
    ASSERT_TRUE(rig.run_until([&] { return received(rig, 1) == kFrames; }, 50ms));
    EXPECT_EQ(ways_of(rig, 0).size(), 1u);
    EXPECT_EQ(ways_of(rig, 1).size(), 2u);
    // The two shared one link while the other one was free: the flood was not served first.
    EXPECT_LE(received(rig, 0), 3u * kFrames);
    // Bounded by its credits, nothing of either is dropped.
    ASSERT_TRUE(rig.run_until([&] { return received(rig, 0) == 10 * kFrames; }, 50ms));
    EXPECT_EQ(rig.drops(Drop::kQueueFull), 0u);
    rig.run_for(500us);
    EXPECT_EQ(rig.credits_leaked(), 0u);
    rig.expect_conservation();
}

TEST(EntropyGames, NoChoiceOfEntropyReachesAnotherPortThanTheTables) {
    SwitchRig rig(star(5));
    publish_two_ways(rig);
    ASSERT_TRUE(rig.come_up());
    for (int n = 0; n < 1 << 12; ++n) {
        rig.offer(0, 4, kVc, 100,
                  {.entropy = static_cast<std::uint16_t>(n << 4), .ar = n % 2 == 0});
    }
    ASSERT_TRUE(rig.run_until([&] { return received(rig, 0) == 1 << 12; }, 100ms));
    EXPECT_TRUE(rig.script(1).received.empty());
    EXPECT_TRUE(rig.script(4).received.empty());
}

// R9.

std::uint64_t sum(SwitchRig& rig, LinkStat stat) {
    std::uint64_t total = 0;
    for (const std::size_t at : {0U, 1U, 2U}) {
        total += rig.port(at).link->stats().read(stat);
        total += rig.endpoint(at).link->stats().read(stat);
    }
    return total;
}

bool nothing_is_under_way(SwitchRig& rig) {
    for (const std::size_t at : {0U, 1U, 2U}) {
        if (rig.port(at).link->frames_held() + rig.endpoint(at).link->frames_held() > 0)
            return false;
    }
    return true;
}

TEST(TimeJumps, OfAnIdleFabricChangeNothing) {
    SwitchRig rig(star(3));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (const Duration jump : std::to_array<Duration>({1ms, 1s, 1h, 10'000h})) {
        ASSERT_TRUE(rig.run_until([&] { return nothing_is_under_way(rig); }, 5ms));
        const std::uint64_t replays = sum(rig, LinkStat::kLlrTxReplay);
        rig.now += jump;
        rig.run_for(500us);
        EXPECT_EQ(sum(rig, LinkStat::kLlrTxFlush), 0u) << jump.count();
        EXPECT_EQ(sum(rig, LinkStat::kLlrTxReplay), replays) << jump.count();
        for (int n = 0; n < kFrames; ++n) rig.offer(0, 2, kVc);
        const std::uint64_t before = rig.in_order(2, 0, kVc);
        EXPECT_TRUE(
            rig.run_until([&] { return rig.in_order(2, 0, kVc) == before + kFrames; }, 5ms));
    }
    EXPECT_TRUE(rig.run_until([&] { return rig.credits_leaked() == 0; }, 1ms));
}

TEST(TimeJumps, UnderTrafficLoseNoMoreThanALinkThatGivesUp) {
    for (const Duration jump : std::to_array<Duration>({100us, 1s, 1h})) {
        SwitchRig rig(star(3));
        rig.publish_star();
        ASSERT_TRUE(rig.come_up());
        for (int n = 0; n < kMany; ++n) rig.offer(0, 2, kVc);
        rig.run_for(10us);
        ASSERT_LT(rig.script(2).received.size(), std::size_t{kMany});
        const std::uint64_t flushed = sum(rig, LinkStat::kLlrTxFlushedFrames);
        rig.now += jump;
        EXPECT_TRUE(rig.run_until(
            [&] {
                const std::uint64_t gone = sum(rig, LinkStat::kLlrTxFlushedFrames) - flushed +
                                           sum(rig, LinkStat::kLlrTxDiscard);
                return rig.script(2).received.size() + gone >= kMany;
            },
            20ms))
            << "jump of " << jump.count() << " ns";
        // No storm: each end has begun again at most once, and what comes now comes.
        EXPECT_LE(sum(rig, LinkStat::kLlrTxFlush), 6u);
        ASSERT_TRUE(rig.come_up());
        const std::size_t before = rig.script(2).received.size();
        for (int n = 0; n < kMany; ++n) rig.offer(0, 2, kVc);
        EXPECT_TRUE(
            rig.run_until([&] { return rig.script(2).received.size() >= before + kMany; }, 5ms));
        rig.run_for(500us);
        EXPECT_EQ(rig.credits_leaked(), 0u);
        rig.expect_conservation();
    }
}

TEST(TimeJumps, BackwardsOnlyDelayWhatWaitsForATimer) {
    SwitchRig rig(star(3));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    for (int n = 0; n < kMany; ++n) rig.offer(0, 2, kVc);
    rig.run_for(10us);
    rig.now -= 2ms;  // TscClock never does so (TscClock.NeverGoesBack); a bad TSC might.
    EXPECT_TRUE(rig.run_until([&] { return rig.in_order(2, 0, kVc) == kMany; }, 10ms));
    EXPECT_EQ(sum(rig, LinkStat::kLlrTxFlush), 0u);
    rig.run_for(3ms);
    EXPECT_EQ(rig.credits_leaked(), 0u);
}

}  // namespace
}  // namespace ethlink::sim
