// SPDX-License-Identifier: BSD-3-Clause
// Is a decorated port like the port itself, but for the faults, and do these change live?
#include "dataplane/fault_port.h"

#include <memory>

#include <gtest/gtest.h>

#include "dataplane/port_state.h"
#include "dataplane/wire_port.h"
#include "tests/sim/ghost.h"
#include "tests/sim/profiles.h"

namespace ethlink {
namespace {

using namespace std::chrono_literals;
using sim::SimFrame;
using End = WirePort<SimFrame>::End;

struct Cable {
    explicit Cable(const PortFaults& faults, std::size_t wire_frames = 512)
        : wire(std::make_shared<Wire<SimFrame>>(wire_frames)),
          near(std::make_unique<WirePort<SimFrame>>(wire, End::kA), pool, 1000, false, faults),
          far(wire, End::kB) {}

    void send(Port<SimFrame>& port, int frames) {
        while (frames > 0) {
            Burst<SimFrame> burst;
            while (frames > 0 && burst.room() > 0) {
                burst.push(sim::make_ghost(pool, {.number = next++}, 60));
                --frames;
            }
            port.tx_burst(burst, now);
            EXPECT_TRUE(burst.empty());
        }
    }
    int receive(Port<SimFrame>& port) {
        int n = 0;
        for (int turn = 0; turn < 8; ++turn) {
            Burst<SimFrame> burst;
            port.rx_burst(burst, now);
            n += static_cast<int>(burst.size());
        }
        return n;
    }

    sim::FramePool pool{5000};
    std::shared_ptr<Wire<SimFrame>> wire;
    FaultPort<SimFrame> near;
    WirePort<SimFrame> far;
    Time now{1s};
    std::uint64_t next = 0;
};

TEST(WirePort, IsAFifoInEachDirection) {
    Cable cable({});
    cable.send(cable.far, 40);
    Burst<SimFrame> burst;
    cable.near.rx_burst(burst, cable.now);
    ASSERT_EQ(burst.size(), kBurstSize);
    for (std::uint64_t i = 0; i < kBurstSize; ++i) {
        EXPECT_EQ(sim::read_ghost(burst[i])->number, i);
    }
    burst.clear();
    EXPECT_EQ(cable.receive(cable.near), 8);
    EXPECT_EQ(cable.pool.in_use(), 0u);
}

/// A medium that refuses every frame that it would bring.
class Refusing final : public Port<SimFrame> {
public:
    void rx_burst(Burst<SimFrame>&, Time) override { drops_->add(Drop::kMultiSegment); }
    void tx_burst(Burst<SimFrame>&, Time) override {}
    bool is_up() const override { return true; }
    std::uint32_t frames_held_max() const override { return 0; }
    Keep keep() const override { return Keep::kCopy; }
    void count_refused_in(CounterSet<Drop>& drops) override { drops_ = &drops; }

private:
    CounterSet<Drop>* drops_ = nullptr;
};

TEST(FaultPort, WhatTheMediumRefusesIsCountedAtThePort) {
    sim::FramePool pool(10);
    FaultPort<SimFrame> device(std::make_unique<Refusing>(), pool, 10, false, {});
    const LinkProfile profile = sim::quick_profile();
    PortRules rules;
    rules.is_link = false;
    PortState<SimFrame> port(device, rules, profile, LinkEnd{}, {}, 0, pool);
    device.rx_burst(port.arrived, Time{1s});
    EXPECT_EQ(port.counters.drops.read(Drop::kMultiSegment), 1u);
}

TEST(WirePort, WhatDoesNotFitStays) {
    sim::FramePool pool(10);  // outlives what the wire still holds
    auto wire = std::make_shared<Wire<SimFrame>>(4);
    WirePort<SimFrame> a(wire, End::kA), b(wire, End::kB);
    Burst<SimFrame> burst;
    for (std::uint32_t i = 0; i < 6; ++i) burst.push(pool.allocate(60 + i));
    a.tx_burst(burst, {});
    ASSERT_EQ(burst.size(), 2u);
    EXPECT_EQ(burst[0].size(), 64u);
    EXPECT_EQ(a.frames_held_max(), 4u);
    EXPECT_EQ(a.keep(), Keep::kLend);
    Burst<SimFrame> heard;
    b.rx_burst(heard, {});
    EXPECT_EQ(heard.size(), 4u);
    a.tx_burst(burst, {});
    EXPECT_TRUE(burst.empty());
}

TEST(WirePort, ACutCableTakesNothing) {
    sim::FramePool pool(10);  // outlives what the wire still holds
    auto wire = std::make_shared<Wire<SimFrame>>(4);
    WirePort<SimFrame> a(wire, End::kA), b(wire, End::kB);
    Burst<SimFrame> burst;
    burst.push(pool.allocate(60));
    a.tx_burst(burst, {});
    wire->set_up(false);
    EXPECT_FALSE(a.is_up());
    EXPECT_FALSE(b.is_up());
    burst.push(pool.allocate(60));
    a.tx_burst(burst, {});
    EXPECT_EQ(burst.size(), 1u);
    Burst<SimFrame> heard;
    b.rx_burst(heard, {});
    EXPECT_EQ(heard.size(), 1u);  // What was on its way arrives.
    wire->set_up(true);
    a.tx_burst(burst, {});
    EXPECT_TRUE(burst.empty());
}

TEST(FaultPort, FaultsOfEachDirection) {
    Cable tx({.tx = {.loss = 1}, .rx = {}});
    tx.send(tx.near, 50);
    tx.send(tx.far, 50);
    EXPECT_EQ(tx.receive(tx.far), 0);
    EXPECT_EQ(tx.receive(tx.near), 50);
    EXPECT_EQ(tx.near.tx_stats().read(FaultStat::kLost), 50u);
    EXPECT_EQ(tx.near.rx_stats().read(FaultStat::kLost), 0u);

    Cable rx({.tx = {}, .rx = {.loss = 1}});
    rx.send(rx.near, 50);
    rx.send(rx.far, 50);
    EXPECT_EQ(rx.receive(rx.far), 50);
    EXPECT_EQ(rx.receive(rx.near), 0);
    EXPECT_EQ(rx.near.rx_stats().read(FaultStat::kLost), 50u);
}

TEST(FaultPort, DelayedFramesLeaveWithoutNewOnes) {
    Cable cable({.tx = {.delay = 10us}, .rx = {}});
    cable.send(cable.near, 3);
    EXPECT_EQ(cable.receive(cable.far), 0);
    cable.now += 10us;
    EXPECT_EQ(cable.receive(cable.near), 0);  // A turn that only polls.
    EXPECT_EQ(cable.receive(cable.far), 3);
}

TEST(FaultPort, FaultsChangeLive) {
    Cable cable({});
    cable.send(cable.near, 10);
    EXPECT_EQ(cable.receive(cable.far), 10);

    cable.near.set({.tx = {.loss = 1}, .rx = {}});
    EXPECT_EQ(cable.near.faults().tx.loss, 1);
    cable.receive(cable.near);  // The worker sees it with its next burst.
    cable.send(cable.near, 10);
    EXPECT_EQ(cable.receive(cable.far), 0);

    for (int i = 0; i < 100; ++i) cable.near.set({.tx = {}, .rx = {.loss = 1}});
    cable.receive(cable.near);
    cable.send(cable.near, 10);
    cable.send(cable.far, 10);
    EXPECT_EQ(cable.receive(cable.far), 10);
    EXPECT_EQ(cable.receive(cable.near), 0);
}

TEST(FaultPort, AFullWireIsBackPressureNotLoss) {
    Cable cable({.tx = {.delay = 1us}, .rx = {}}, 8);
    cable.send(cable.near, 100);
    int arrived = 0;
    for (int i = 0; i < 50; ++i) {
        cable.now += 1us;
        cable.receive(cable.near);
        arrived += cable.receive(cable.far);
    }
    EXPECT_EQ(arrived, 100);
    EXPECT_EQ(cable.pool.in_use(), 0u);
}

TEST(FaultPort, WhatItsLineCannotTakeStaysInTheBurst) {
    sim::FramePool pool(1000);
    auto wire = std::make_shared<Wire<SimFrame>>(512);
    FaultPort<SimFrame> port(std::make_unique<WirePort<SimFrame>>(wire, End::kA), pool, 64, false,
                             {.tx = {.delay = 1s}, .rx = {}});
    Burst<SimFrame> burst;
    for (int i = 0; i < 4; ++i) {
        while (burst.room() > 0) burst.push(pool.allocate(60));
        port.tx_burst(burst, Time{});
    }
    EXPECT_GT(burst.size(), 0u);
    EXPECT_EQ(pool.in_use(), 63 + burst.size());  // has_room() leaves a place for a copy.
    EXPECT_EQ(port.keep(), Keep::kCopy);
}

}  // namespace
}  // namespace ethlink
