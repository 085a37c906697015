// SPDX-License-Identifier: BSD-3-Clause
// Does the watchdog tell a sick neighbour from a slow, a dead and a starved one?
#include "dataplane/vc_watchdog.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

using namespace std::chrono_literals;
using Event = VcWatchdog::Event;

constexpr WatchdogProfile kProfile{
    .action = WatchdogAction::kDrop, .detection = 100ms, .restoration = 50ms};
constexpr VcFacts kBlocked{.link_up = true, .waiting = true, .may_send = false, .sent = 7};
constexpr VcFacts kFree{.link_up = true, .waiting = false, .may_send = true, .sent = 7};

struct Watched {
    VcWatchdog dog;
    Time now{std::chrono::hours(5)};

    /// Looks each millisecond for so long; what happened, and when.
    Event watch(const VcFacts& facts, Duration time, Duration* after = nullptr) {
        for (Duration t{}; t < time; t += 1ms) {
            now += 1ms;
            const Event event = dog.look(kProfile, facts, now);
            if (event == Event::kNothing) continue;
            if (after != nullptr) *after = t + 1ms;
            return event;
        }
        return Event::kNothing;
    }
};

TEST(VcWatchdog, IsStuckAfterTheDetectionTimeWithoutProgress) {
    Watched w;
    Duration after{};
    EXPECT_EQ(w.watch(kFree, 10ms), Event::kNothing);
    EXPECT_EQ(w.watch(kBlocked, 1s, &after), Event::kDetected);
    // The first look only begins: what was before it nobody knows.
    EXPECT_GE(after, kProfile.detection);
    EXPECT_LE(after, kProfile.detection + 2ms);
    EXPECT_TRUE(w.dog.is_stuck());
    EXPECT_EQ(w.watch(kBlocked, 1s), Event::kNothing) << "told once";
}

TEST(VcWatchdog, OneFrameNowAndThenIsProgress) {
    Watched w;
    VcFacts slow = kBlocked;
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(w.watch(slow, 90ms), Event::kNothing);
        ++slow.sent;
    }
}

TEST(VcWatchdog, WhoMaySendIsStarvedAndNotStuck) {
    Watched w;
    VcFacts starved = kBlocked;
    starved.may_send = true;
    EXPECT_EQ(w.watch(starved, 5s), Event::kNothing);
}

TEST(VcWatchdog, NothingThatWaitsIsNothingStuck) {
    Watched w;
    VcFacts idle = kBlocked;
    idle.waiting = false;
    EXPECT_EQ(w.watch(idle, 5s), Event::kNothing);
}

TEST(VcWatchdog, ALinkThatIsDownIsTheBusinessOfOthers) {
    Watched w;
    VcFacts dead = kBlocked;
    dead.link_up = false;
    EXPECT_EQ(w.watch(dead, 5s), Event::kNothing);
    EXPECT_EQ(w.watch(kBlocked, 1s), Event::kDetected);
    EXPECT_EQ(w.watch(dead, 1ms), Event::kRestored) << "a new session begins anew";
    EXPECT_FALSE(w.dog.is_stuck());
}

TEST(VcWatchdog, IsRestoredWhenThereIsRoomForTheRestorationTime) {
    Watched w;
    EXPECT_EQ(w.watch(kBlocked, 1s), Event::kDetected);
    // Room for a moment is none.
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(w.watch(kFree, 40ms), Event::kNothing);
        EXPECT_EQ(w.watch(kBlocked, 2ms), Event::kNothing);
    }
    Duration after{};
    EXPECT_EQ(w.watch(kFree, 1s, &after), Event::kRestored);
    EXPECT_GE(after, kProfile.restoration);
    EXPECT_LE(after, kProfile.restoration + 2ms);
    EXPECT_EQ(w.watch(kBlocked, 50ms), Event::kNothing) << "the time counts anew";
    EXPECT_EQ(w.watch(kBlocked, 1s), Event::kDetected);
}

TEST(VcWatchdog, WhoSleptHimselfBlamesNobody) {
    // R9: the thread is not scheduled, or the clock jumps, while credits are on their way back.
    Watched w;
    w.watch(kBlocked, 50ms);
    for (int i = 0; i < 5; ++i) {
        w.now += 10s;
        EXPECT_EQ(w.dog.look(kProfile, kBlocked, w.now), Event::kNothing);
    }
    EXPECT_EQ(w.watch(kFree, 1ms), Event::kNothing);
    EXPECT_EQ(w.watch(kBlocked, 90ms), Event::kNothing);
}

}  // namespace
}  // namespace ethlink
