// SPDX-License-Identifier: BSD-3-Clause
// Do parcels and credits cross between workers exactly once, also between two threads?
#include "dataplane/crossbar.h"

#include <map>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/sim/frame.h"

namespace ethlink {
namespace {

using sim::SimFrame;

constexpr WorkerId kA{0}, kB{1}, kC{2};

/// Ports 0 and 3 of worker 0, 1 of worker 1, 2 of worker 2.
Crossbar<SimFrame> three_workers() {
    return {{{kA, 0}, {kB, 0}, {kC, 0}, {kA, 1}}, 3, 16};
}

using Returned = std::map<std::pair<int, int>, std::uint32_t>;  // port, VC -> credits

Returned collect(Crossbar<SimFrame>& crossbar, WorkerId owner) {
    Returned back;
    crossbar.collect_drained(owner, [&](PortId port, Vc vc, Credits credits) {
        back[{port.value, vc.value}] += credits.value;
    });
    return back;
}

TEST(Crossbar, KnowsWhereEachPortLives) {
    const auto crossbar = three_workers();
    EXPECT_EQ(crossbar.home(PortId{3}).worker, kA);
    EXPECT_EQ(crossbar.home(PortId{3}).index, 1);
    EXPECT_EQ(crossbar.home(PortId{2}).worker, kC);
    EXPECT_EQ(crossbar.port_count(), 4u);
    EXPECT_EQ(crossbar.worker_count(), 3u);
}

TEST(Crossbar, ARingForEachPairAndDirection) {
    sim::FramePool pool(8);  // outlives what the ring still holds
    auto crossbar = three_workers();
    crossbar.ring(kA, kB).push({{.frame = pool.allocate(60), .bytes = 60}, PortId{1}});
    crossbar.ring(kA, kB).publish();
    EXPECT_EQ(crossbar.ring(kB, kA).size(), 0u);
    EXPECT_EQ(crossbar.ring(kC, kB).size(), 0u);
    ASSERT_EQ(crossbar.ring(kA, kB).size(), 1u);
    EXPECT_EQ(crossbar.ring(kA, kB).front().egress, PortId{1});
}

TEST(Crossbar, CreditsComeBackOnceToTheirOwner) {
    auto crossbar = three_workers();
    crossbar.drained(kB, PortId{0}, Vc{2}, Credits{3});
    crossbar.drained(kB, PortId{0}, Vc{2}, Credits{4});
    crossbar.drained(kB, PortId{3}, Vc{31}, Credits{1});
    crossbar.drained(kC, PortId{0}, Vc{2}, Credits{10});
    crossbar.drained(kC, PortId{1}, Vc{0}, Credits{5});
    EXPECT_EQ(collect(crossbar, kA), (Returned{{{0, 2}, 17}, {{3, 31}, 1}}));
    EXPECT_EQ(collect(crossbar, kA), Returned{});
    EXPECT_EQ(collect(crossbar, kB), (Returned{{{1, 0}, 5}}));
    EXPECT_EQ(collect(crossbar, kC), Returned{});
    crossbar.drained(kB, PortId{0}, Vc{2}, Credits{1});
    EXPECT_EQ(collect(crossbar, kA), (Returned{{{0, 2}, 1}}));
}

TEST(Crossbar, EachReturnIsAnnounced) {
    auto crossbar = three_workers();
    for (std::uint32_t credits = 1; credits < 100; ++credits) {
        const auto vc = static_cast<std::uint8_t>(credits % kMaxVcs);
        crossbar.drained(kC, PortId{3}, Vc{vc}, Credits{credits});
        ASSERT_EQ(collect(crossbar, kA), (Returned{{{3, vc}, credits}}));
    }
}

TEST(Crossbar, LoadsAreOnePerPort) {
    auto crossbar = three_workers();
    crossbar.load(PortId{2}).set(7);
    EXPECT_EQ(crossbar.load(PortId{2}).read(), 7u);
    EXPECT_EQ(crossbar.load(PortId{1}).read(), 0u);
}

TEST(Crossbar, OneWorkerNeedsNoRings) {
    const Crossbar<SimFrame> crossbar({{kA, 0}, {kA, 1}}, 1, 1 << 20);
    EXPECT_EQ(crossbar.worker_count(), 1u);
    EXPECT_EQ(crossbar.home(PortId{1}).index, 1);
}

TEST(Crossbar, TwoThreadsLoseNoCredit) {
    // Worker 1 drains, worker 0 collects: the sum is exact, also under TSan.
    auto crossbar = three_workers();
    constexpr std::uint32_t kTimes = 30'000;
    std::thread drainer([&] {
        for (std::uint32_t i = 0; i < kTimes; ++i) {
            crossbar.drained(kB, PortId{i % 2 == 0 ? std::uint16_t{0} : std::uint16_t{3}}, Vc{1},
                             Credits{1 + i % 3});
        }
    });
    std::uint64_t sum = 0, expected = 0;
    for (std::uint32_t i = 0; i < kTimes; ++i) expected += 1 + i % 3;
    while (sum < expected) {
        for (const auto& [where, credits] : collect(crossbar, kA)) sum += credits;
        std::this_thread::yield();
    }
    drainer.join();
    EXPECT_EQ(sum, expected);
    EXPECT_EQ(collect(crossbar, kA), Returned{});
}

}  // namespace
}  // namespace ethlink
