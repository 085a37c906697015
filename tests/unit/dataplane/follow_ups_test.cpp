// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/follow_ups.h"

#include <array>
#include <cstddef>
#include <memory>

#include <gtest/gtest.h>

#include "dataplane/wire_port.h"
#include "tests/sim/frame.h"

namespace ethlink {
namespace {

struct Idle final : Pollable {
    Turn poll_once(Time) override { return Turn::kIdle; }
};

TEST(FollowUps, AreTakenInTheOrderOfTheirFramesEachOnce) {
    Idle a, b;
    FollowUps list;
    EXPECT_EQ(list.take(), nullptr);
    list.add(b);
    list.add(a);
    list.add(b);
    EXPECT_EQ(list.take(), &b);
    list.add(b);  // It has had its turn, and got frames since.
    EXPECT_EQ(list.take(), &a);
    EXPECT_EQ(list.take(), &b);
    EXPECT_EQ(list.take(), nullptr);
}

TEST(FollowUps, TwoThatHandFramesToAndFroEnd) {
    std::array<Idle, 2> pair;
    FollowUps list;
    list.add(pair[0]);
    std::size_t turns = 0;
    for (Pollable* next = list.take(); next != nullptr; next = list.take()) {
        list.add(next == &pair[0] ? pair[1] : pair[0]);
        ++turns;
    }
    EXPECT_EQ(turns, FollowUps::kMax);
    list.clear();
    list.add(pair[1]);
    EXPECT_EQ(list.take(), &pair[1]);
}

TEST(FollowUps, AWireNamesWhoHasFramesOnceItTookThem) {
    using sim::SimFrame;
    Idle far;
    FollowUps list;
    sim::FramePool pool(4);
    auto wire = std::make_shared<Wire<SimFrame>>(2);
    WirePort<SimFrame> a(wire, WirePort<SimFrame>::End::kA);
    WirePort<SimFrame> b(wire, WirePort<SimFrame>::End::kB);
    wire->b_receiver() = {&far, &list};
    Burst<SimFrame> burst;
    a.tx_burst(burst, Time{});
    EXPECT_EQ(list.take(), nullptr) << "nothing was sent";
    burst.push(pool.allocate(64));
    b.tx_burst(burst, Time{});  // Whose far end turns in another thread.
    EXPECT_EQ(list.take(), nullptr);
    burst.push(pool.allocate(64));
    a.tx_burst(burst, Time{});
    EXPECT_EQ(list.take(), &far);
    wire->set_up(false);
    list.clear();
    burst.push(pool.allocate(64));
    a.tx_burst(burst, Time{});
    EXPECT_EQ(list.take(), nullptr) << "a cut cable takes nothing";
}

}  // namespace
}  // namespace ethlink
