// SPDX-License-Identifier: BSD-3-Clause
// The time that a link goes by: whose absence counts?
#include "dataplane/attended_clock.h"

#include <gtest/gtest.h>

#include "dataplane/wire_port.h"
#include "tests/sim/frame.h"

namespace ethlink {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1h};

TEST(AttendedClock, GoesWithThePollLoopWhileThatTurns) {
    AttendedClock clock;
    clock.start(kStart);
    Time now = kStart;
    for (int i = 0; i < 1000; ++i) {
        now += i % 2 == 0 ? Duration(50us) : AttendedClock::kAbsence;
        clock.turn(now);
        clock.look(now - AttendedClock::kAbsence);
    }
    EXPECT_FALSE(clock.stands());
    EXPECT_EQ(clock.now(), now);
    EXPECT_EQ(clock.at(now + 1ms), now + 1ms);
}

TEST(AttendedClock, OwnAbsenceCountsAsFiveMilliseconds) {
    AttendedClock clock;
    clock.start(kStart);
    clock.turn(kStart + 4s);
    EXPECT_EQ(clock.now(), kStart + AttendedClock::kAbsence);
    clock.turn(kStart + 4s + 1ms);
    EXPECT_EQ(clock.now(), kStart + AttendedClock::kAbsence + 1ms);
    EXPECT_EQ(clock.at(clock.now() + 1ms), kStart + 4s + 2ms);
    EXPECT_EQ(clock.at(kNever), kNever);
}

TEST(AttendedClock, StandsWhileTheFarEndHasNoTurn) {
    AttendedClock clock;
    clock.start(kStart);
    Time now = kStart;
    for (; now < kStart + 3s; now += 100us) {
        clock.turn(now);
        clock.look(kStart);
    }
    EXPECT_TRUE(clock.stands());
    EXPECT_LE(clock.now(), kStart + AttendedClock::kAbsence + 100us);
    const Time stood = clock.now();
    clock.turn(now);
    clock.look(now + 1us);  // Its clock may be a little ahead.
    EXPECT_FALSE(clock.stands());
    EXPECT_EQ(clock.now(), stood) << "what was skipped stays skipped";
    clock.turn(now + 1ms);
    EXPECT_EQ(clock.now(), stood + 1ms);
}

TEST(AttendedClock, AWireTellsWhenItsFarEndReceived) {
    using sim::SimFrame;
    auto wire = std::make_shared<Wire<SimFrame>>(8);
    WirePort<SimFrame> a(wire, WirePort<SimFrame>::End::kA);
    WirePort<SimFrame> b(wire, WirePort<SimFrame>::End::kB);
    EXPECT_EQ(a.far_turned_at(kStart), kStart) << "it never turned: nobody can tell";
    Burst<SimFrame> burst;
    b.rx_burst(burst, kStart + 1s);
    EXPECT_EQ(a.far_turned_at(kStart + 3s), kStart + 1s);
    EXPECT_EQ(b.far_turned_at(kStart + 3s), kStart + 3s);
    wire->set_up(false);
    a.rx_burst(burst, kStart + 4s);
    EXPECT_EQ(b.far_turned_at(kStart + 5s), kStart + 4s) << "a cut cable hides nobody's turns";
}

}  // namespace
}  // namespace ethlink
