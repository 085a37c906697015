// SPDX-License-Identifier: BSD-3-Clause
// An endpoint that answers and gives no credits back: does its switch drain what waits for it?
#include <string>

#include <gtest/gtest.h>

#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr Vc kVc{0}, kOther{1};
constexpr std::size_t kFrames = 300;
constexpr std::size_t kTaken =
    32;  // 64 credits, two a frame: what a neighbour takes that frees none

class StuckVc : public testing::TestWithParam<std::size_t> {
protected:
    static RigOptions star(WatchdogAction action) {
        RigOptions options;
        options.profile = quick_profile();
        options.ports = std::vector<RigPort>(4);
        options.ports[1].watchdog = {.action = action, .detection = 2ms, .restoration = 1ms};
        options.ports[1].faulty = true;
        options.workers = GetParam();
        return options;
    }
    static const VcWatchdogCounters& watched(SwitchRig& rig) {
        return rig.port(1).watchdog.counters()[kVc.value];
    }
    /// To the sick endpoint 1, and by the same ingress and VC to endpoint 2.
    static void offer_both(SwitchRig& rig) {
        for (std::size_t n = 0; n < kFrames; ++n) {
            rig.offer(0, 1, kVc);
            rig.offer(0, 2, kVc);
        }
    }
    static bool arrived(SwitchRig& rig, std::size_t at, std::size_t frames, Duration limit) {
        return rig.run_until(
            [&] {
                rig.expect_conservation();
                return rig.script(at).received.size() >= frames;
            },
            limit);
    }
    static void expect_nothing_held(SwitchRig& rig) {
        EXPECT_EQ(rig.port(1).queues.frames(), 0u);
        EXPECT_EQ(rig.credits_leaked(), 0u) << "C3";
        EXPECT_EQ(rig.admitted(), 0u);
        for (std::size_t i = 0; i < 4; ++i) {
            EXPECT_EQ(rig.port(i).link->cbfc_receiver().held(kVc).value, 0u);
        }
    }
};

TEST_P(StuckVc, IsDrainedAtTheEdgeAndNobodyWaitsBehindIt) {
    // S9, K5
    SwitchRig rig(star(WatchdogAction::kDrop));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.script(1).consuming = false;
    offer_both(rig);

    // 1. Until it is noticed, the sick one holds up his neighbour by the head of the line.
    EXPECT_FALSE(arrived(rig, 2, kFrames, 1500us));
    EXPECT_EQ(watched(rig).detected.read(), 0u);
    // 2. Then its frames go, each with its reason, and all others get through.
    EXPECT_TRUE(arrived(rig, 2, kFrames, 5ms));
    EXPECT_EQ(rig.in_order(2, 0, kVc), kFrames);
    rig.run_for(200us);
    EXPECT_EQ(watched(rig).detected.read(), 1u);
    EXPECT_EQ(watched(rig).stuck.read(), 1u);
    EXPECT_EQ(rig.script(1).received.size(), kTaken);
    EXPECT_EQ(rig.drops(1, Drop::kVcStuck), kFrames - kTaken);
    EXPECT_EQ(watched(rig).dropped.read(), kFrames - kTaken);
    EXPECT_EQ(rig.endpoint(0).link->cbfc_sender().in_use(kVc).value, 0u);
    // 3. What comes meanwhile goes the same way, at once.
    offer_both(rig);
    EXPECT_TRUE(arrived(rig, 2, 2 * kFrames, 1ms));
    rig.run_for(200us);
    EXPECT_EQ(rig.drops(1, Drop::kVcStuck), 2 * kFrames - kTaken);
    // 4. It frees what it has: so long as the restoration time it has to have room.
    rig.script(1).consuming = true;
    rig.offer(0, 1, kVc);
    rig.run_for(500us);
    EXPECT_EQ(rig.script(1).received.size(), kTaken);
    EXPECT_EQ(watched(rig).restored.read(), 0u);
    rig.run_for(1ms);
    EXPECT_EQ(watched(rig).restored.read(), 1u);
    EXPECT_EQ(watched(rig).stuck.read(), 0u);
    // 5. As if nothing had been.
    for (std::size_t n = 0; n < kFrames; ++n) rig.offer(3, 1, kVc);
    EXPECT_TRUE(arrived(rig, 1, kTaken + kFrames, 2ms));
    EXPECT_EQ(rig.in_order(1, 3, kVc), kFrames);
    rig.run_for(200us);
    expect_nothing_held(rig);
    EXPECT_EQ(rig.drops(Drop::kVcStuck), 2 * kFrames - kTaken + 1);
    EXPECT_EQ(rig.drops(Drop::kQueueFull), 0u);
}

TEST_P(StuckVc, OtherVcsOfTheSameEndpointGoOn) {
    SwitchRig rig(star(WatchdogAction::kDrop));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.script(1).stuck = 1u << kVc.value;
    for (std::size_t n = 0; n < kFrames; ++n) {
        rig.offer(0, 1, kVc);
        rig.offer(3, 1, kOther);
    }
    EXPECT_TRUE(arrived(rig, 1, kTaken + kFrames, 5ms));
    rig.run_for(5ms);
    EXPECT_EQ(rig.in_order(1, 3, kOther), kFrames);
    EXPECT_EQ(rig.drops(1, Drop::kVcStuck), kFrames - kTaken);
    EXPECT_EQ(rig.port(1).watchdog.counters()[kOther.value].detected.read(), 0u);
}

TEST_P(StuckVc, WithAlertItIsToldAndNothingIsLost) {
    SwitchRig rig(star(WatchdogAction::kAlert));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.script(1).consuming = false;
    for (std::size_t n = 0; n < kFrames; ++n) rig.offer(0, 1, kVc);
    rig.run_for(10ms);
    EXPECT_EQ(watched(rig).detected.read(), 1u);
    EXPECT_EQ(rig.drops(Drop::kVcStuck), 0u);
    rig.script(1).consuming = true;
    EXPECT_TRUE(arrived(rig, 1, kFrames, 2ms));
    EXPECT_EQ(rig.in_order(1, 0, kVc), kFrames);
    rig.run_for(2ms);
    EXPECT_EQ(watched(rig).restored.read(), 1u);
    EXPECT_EQ(watched(rig).stuck.read(), 0u);
    expect_nothing_held(rig);
}

TEST_P(StuckVc, CreditsThatGetLostAreTheSameAndComeBack) {
    // The endpoint reads all it gets; its CF_Updates do not arrive.
    SwitchRig rig(star(WatchdogAction::kDrop));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.set_faults(1, {.tx = {}, .rx = {.cf_update_drop = 1}});
    offer_both(rig);
    EXPECT_TRUE(arrived(rig, 2, kFrames, 5ms));
    rig.run_for(1ms);
    EXPECT_TRUE(rig.port(1).link->is_up()) << "ACKs do arrive";
    EXPECT_EQ(rig.drops(1, Drop::kVcStuck), kFrames - kTaken);
    rig.set_faults(1, {});
    rig.run_for(2ms);
    EXPECT_EQ(watched(rig).restored.read(), 1u);
    expect_nothing_held(rig);
}

TEST_P(StuckVc, IsNotWhatIsOnlyBusyOrDead) {
    SwitchRig rig(star(WatchdogAction::kDrop));
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    // Three senders to one, for longer than the detection time.
    for (std::size_t n = 0; n < 20 * kFrames; ++n) {
        for (const std::size_t from : {0u, 2u, 3u}) rig.offer(from, 1, kVc, 1000);
    }
    EXPECT_TRUE(arrived(rig, 1, 60 * kFrames, 100ms));
    EXPECT_EQ(watched(rig).detected.read(), 0u);
    // A cut cable: decision 0006 sees to it.
    rig.wire(1).set_up(false);
    for (std::size_t n = 0; n < kFrames; ++n) rig.offer(0, 1, kVc);
    rig.run_for(15ms);
    EXPECT_EQ(watched(rig).detected.read(), 0u);
    EXPECT_EQ(rig.drops(Drop::kVcStuck), 0u);
    EXPECT_GT(rig.drops(1, Drop::kLinkDiscard), 0u);
}

INSTANTIATE_TEST_SUITE_P(Workers, StuckVc, testing::Values(1u, 2u, 3u),
                         [](const auto& count) { return std::to_string(count.param); });

}  // namespace
}  // namespace ethlink::sim
