// SPDX-License-Identifier: BSD-3-Clause
// Can a bad wire bring two links to lose, double or reorder a frame, or to leak a credit?
#include <algorithm>

#include <gtest/gtest.h>

#include "dataplane/random.h"
#include "tests/sim/pair.h"
#include "tests/sim/seeds.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

LinkProfile small_profile(Random& random, std::uint32_t window_max) {
    LinkProfile profile;
    profile.vc_count = 3;
    profile.vcs[2].lossless = false;
    profile.vcs[2].llr_desired = false;
    profile.llr.max_outstanding_frames = 1 + static_cast<std::uint32_t>(random.below(window_max));
    profile.llr.max_outstanding_bytes = 1 << 16;
    profile.llr.max_replay_timer = 40us;
    profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    profile.llr.data_age_timeout = 0s;
    profile.llr.init_interval = 20us;
    profile.llr.ack_delay = 2us;
    profile.llr.ctlos_spacing_bytes = 64 + static_cast<std::uint32_t>(random.below(2000));
    profile.cbfc_profile.cf_update_interval = 30us;
    profile.cbfc_profile.cc_message_timer = 50us;
    profile.vcs[0].reserved = Credits{40 + static_cast<std::uint32_t>(random.below(100))};
    profile.vcs[1].reserved = Credits{40};
    return profile;
}

/// How many frames may overtake one, so that its number still means one frame only (L4). Data need
/// W + D < M. ACKs need more: each that overtakes a late one may have moved the window by W, so
/// the late one is up to D W numbers old, and up to W are outstanding: (D + 1) W < M.
template <class Seq>
std::uint32_t reorder_distance(std::uint32_t window) {
    return std::min(3u, (Seq::kModulus - 1) / window - 1);
}

FaultOptions storm(Random& random, std::uint64_t seed, std::uint32_t distance) {
    FaultOptions faults;
    const auto maybe = [&](double most) {
        return random.chance(0.5) ? 0.0 : most * static_cast<double>(random.below(1000)) / 1000;
    };
    faults.seed = seed;
    faults.loss = maybe(0.3);
    faults.bit_error = maybe(0.2);
    faults.duplicate = maybe(0.2);
    faults.reorder = maybe(0.2);
    faults.reorder_distance = distance;
    faults.delay = Duration(random.below(3000));
    faults.jitter = Duration(random.below(3000));
    faults.llr_ack_drop = maybe(0.5);
    faults.llr_nack_drop = maybe(0.5);
    return faults;
}

/// L2, C1, C2 at every step: the window, both ends' credits, the buffer that they stand for.
template <class Seq>
void expect_limits(Pair<Seq>& pair) {
    for (PairEnd<Seq>* end : {&pair.a, &pair.b}) {
        const auto& link = end->link();
        ASSERT_LE(link.frames_held(), pair.options.profile.llr.max_outstanding_frames) << "L2";
        ASSERT_EQ(link.frames_held(), link.llr_tx().outstanding()) << "L13";
        for (std::uint8_t i = 0; i < 2; ++i) {
            const Credits limit = pair.options.profile.vcs[i].reserved;
            ASSERT_LE(link.cbfc_receiver().held(Vc{i}), limit) << "C1";
            ASSERT_LE(link.cbfc_sender().in_use(Vc{i}), limit) << "C2";
            ASSERT_EQ(link.cbfc_receiver().held(Vc{i}), end->buffered(Vc{i})) << "C2";
        }
    }
}

/// One seed: a storm, then calm, then everything must have arrived and all be as at the start.
template <class Seq>
void weather(std::uint64_t seed, std::uint32_t window_max) {
    Random random(seed);
    PairOptions options;
    options.profile = small_profile(random, window_max);
    const auto distance = reorder_distance<Seq>(options.profile.llr.max_outstanding_frames);
    options.a_to_b = storm(random, random.next(), distance);
    options.b_to_a = storm(random, random.next(), distance);
    options.a.init_seq = static_cast<std::uint32_t>(random.next());
    options.b.init_seq = static_cast<std::uint32_t>(random.next());
    options.a.epoch = options.b.epoch = 1;
    options.drain_after = Duration(random.below(5000));
    Pair<Seq> pair(options, 4000);
    const std::uint64_t frames = 100;
    for (std::uint64_t i = 0; i < frames; ++i) {
        const std::uint32_t bytes = kGhostMin + static_cast<std::uint32_t>(random.below(600));
        pair.a.offer(Vc{static_cast<std::uint8_t>(random.below(2))}, bytes);
        pair.b.offer(Vc{static_cast<std::uint8_t>(random.below(2))}, bytes);
    }
    pair.run_until(
        [&] {
            expect_limits(pair);
            return pair.a.idle() && pair.b.idle();
        },
        20ms);
    FaultOptions calm;
    pair.a.line().set(calm);
    pair.b.line().set(calm);
    EXPECT_TRUE(pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, 50ms))
        << "L1: stuck";
    pair.run_for(500us);
    for (std::uint8_t i = 0; i < 2; ++i) {
        EXPECT_EQ(pair.b.received(Vc{i}), pair.a.offered(Vc{i})) << "L1";
        EXPECT_EQ(pair.a.received(Vc{i}), pair.b.offered(Vc{i})) << "L1";
    }
    EXPECT_EQ(pair.a.out_of_order() + pair.b.out_of_order(), 0u) << "L1";
    EXPECT_EQ(pair.credits_leaked(), 0u) << "C3";
    EXPECT_EQ(pair.a.refused(Drop::kCreditOverflow) + pair.b.refused(Drop::kCreditOverflow), 0u)
        << "C1";
    EXPECT_EQ(pair.a.link().stats().read(LinkStat::kLlrTxFlush), 0u);
}

TEST(LinkStorm, TwentyBitNumbers) {
    for_each_seed(300, [](std::uint64_t seed) { weather<Cyclic<20>>(seed, 64); });
}

TEST(LinkStorm, FourBitNumbersMeetEveryWrap) {
    // L4: window up to 7 of 16 numbers.
    for_each_seed(300, [](std::uint64_t seed) { weather<Cyclic<4>>(seed, 7); });
}

}  // namespace
}  // namespace ethlink::sim
