// SPDX-License-Identifier: BSD-3-Clause
// Does everybody get his share, and does a receiver that takes nothing stop only what is for him?
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/rack.h"
#include "tests/sim/shipped.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using control::TrafficPattern;
using control::Workload;

constexpr Vc kFirst{0}, kSecond{1};

Workload incast(bool adaptive = false) {
    return {.pattern = TrafficPattern::kIncast,
            .target = 0,
            .vcs = {kFirst},
            .sizes = {256},
            .adaptive = adaptive};
}

/// Frames that each endpoint but the first one got through in `time`, once things have settled.
std::vector<double> shares(Rack& rack, Duration time) {
    rack.publish_tables();
    rack.run_for(200us);
    rack.send(true);
    rack.run_for(2ms);
    const auto sent = [&](std::size_t i) {
        return static_cast<double>(rack.read(i, PktgenStat::kSentFrames));
    };
    std::vector<double> frames;
    for (std::size_t i = 1; i < rack.endpoint_count(); ++i) frames.push_back(-sent(i));
    rack.run_for(time);
    for (std::size_t i = 1; i < rack.endpoint_count(); ++i) frames[i - 1] += sent(i);
    return frames;
}

struct Fairness {
    double mean = 0, worst = 0;  // worst: the largest distance from the mean, as a part of it
};

Fairness fairness_of(const std::vector<double>& frames) {
    Fairness result;
    for (const double n : frames) result.mean += n / static_cast<double>(frames.size());
    for (const double n : frames) {
        result.worst = std::max(result.worst, std::abs(n - result.mean) / result.mean);
    }
    return result;
}

Fairness tell(const std::string& what, const std::vector<double>& frames) {
    const Fairness fairness = fairness_of(frames);
    std::printf("%s:", what.c_str());
    for (const double n : frames) std::printf(" %.0f", n);
    std::printf(" frames; mean %.1f, off by %.1f %%\n", fairness.mean, 100 * fairness.worst);
    return fairness;
}

void expect_nothing_lost(Rack& rack, bool in_order = true) {
    rack.send(false);
    EXPECT_EQ(rack.drops(Drop::kVcStuck), 0u);
    EXPECT_TRUE(rack.run_until([&] { return rack.is_at_rest(); }, 50ms)) << "C3";
    EXPECT_EQ(rack.sum(PktgenStat::kReceivedFrames), rack.sum(PktgenStat::kSentFrames)) << "S1";
    EXPECT_EQ(rack.sum(PktgenStat::kDuplicated) + rack.missing(), 0u);
    if (in_order) {
        EXPECT_EQ(rack.sum(PktgenStat::kReordered), 0u);
    }
    Oracle oracle;
    rack.check_conservation(oracle);
    EXPECT_EQ(oracle.broken(), "");
}

std::string one_rack(int gpus) {
    return "  kind: single-rack\n  tracks: 1\n  gpus: " + std::to_string(gpus) + "\n";
}
std::string two_racks(int uplinks) {
    return "  kind: dual-rack\n  tracks: 1\n  gpus: 8\n  uplinks: " + std::to_string(uplinks) +
           "\n";
}

TEST(Incast, ThroughOneSwitchEachSenderGetsItsShare) {
    for (const int senders : {3, 7}) {
        for (const int workers : {1, 2}) {
            Rack rack(with_rate(one_rack(senders + 1), workers), incast(), 1);
            const auto frames = shares(rack, 5ms);
            const std::string name =
                std::to_string(senders) + " to 1, " + std::to_string(workers) + " workers";
            EXPECT_LT(tell(name, frames).worst, 0.1);
            expect_nothing_lost(rack);
        }
    }
}

TEST(Incast, ThroughTwoSwitchesEachSenderGetsItsShareFrameByFrame) {
    // Three senders of the rack itself, and four of the other one, by as many uplinks.
    Rack rack(with_rate(two_racks(4)), incast(true), 1);
    EXPECT_LT(tell("3 + 4 to 1, four uplinks, AR = 1", shares(rack, 5ms)).worst, 0.1);
    expect_nothing_lost(rack, false);
}

TEST(Incast, AnUplinkWithTheCreditsOfAllBehindItGivesEachItsShare) {
    // A switch shares an egress among its ingresses by the credits that they hold, so by default an
    // uplink counts as much as a GPU (the parking lot), and four GPUs behind one get a quarter of
    // what the neighbours get. Whoever gives it four times the credits gives each GPU the same.
    {
        Rack rack(with_rate(two_racks(1)), incast(), 1);
        const auto frames = shares(rack, 5ms);
        tell("3 + 4 to 1, one uplink", frames);
        for (std::size_t near = 0; near < 3; ++near) {
            for (std::size_t far = 3; far < 7; ++far) {
                EXPECT_NEAR(frames[near] / frames[far], 4, 0.4);
            }
        }
        expect_nothing_lost(rack);
    }
    Rack rack(with_rate(two_racks(1) + "  uplink_profile: uplink\n", 1, kUplinkProfile), incast(),
              1);
    EXPECT_LT(tell("3 + 4 to 1, one uplink with four times the credits", shares(rack, 5ms)).worst,
              0.1);
    expect_nothing_lost(rack);
}

/// Frames of a VC that the endpoints but the first one have received.
std::uint64_t received(Rack& rack, Vc vc) {
    std::uint64_t all = 0;
    rack.for_each_named_port([&](const std::string& name, auto& port) {
        const bool bystander = name.starts_with("gpu") && !name.starts_with("gpu0:");
        if (bystander) all += port.link->stats().vcs[vc.value].rx_frames.read();
    });
    return all;
}

struct Rates {
    double first = 0, second = 0;  // frames in the time asked for
};

Rates rates(Rack& rack, Duration time) {
    const std::uint64_t first = received(rack, kFirst), second = received(rack, kSecond);
    rack.run_for(time);
    return {static_cast<double>(received(rack, kFirst) - first),
            static_cast<double>(received(rack, kSecond) - second)};
}

class BlockedReceiver : public testing::TestWithParam<std::pair<const char*, std::string>> {};

TEST_P(BlockedReceiver, StopsItsOwnVcUntilTheWatchdogDrainsItAndNoOther) {
    // S9, C7: all to all on two VCs of equal priority; gpu0 takes nothing on one of them.
    const auto& [name, topology] = GetParam();
    const Workload workload{
        .pattern = TrafficPattern::kAllToAll, .vcs = {kFirst, kSecond}, .sizes = {256}};
    Rack rack(with_rate(topology), workload, 1);
    rack.publish_tables();
    rack.run_for(200us);
    rack.send(true);
    rack.run_for(2ms);
    const Rates well = rates(rack, 4ms);
    rack.sicken(0, 1u << kFirst.value);
    rack.run_for(2ms);
    const Rates sick = rates(rack, 4ms);
    rack.run_for(5ms);  // The detection time is over.
    const Rates drained = rates(rack, 4ms);
    std::printf(
        "%s, bystanders: the sick VC at %.1f %% before and %.1f %% after it is drained, "
        "the other one at %.1f %% and %.1f %%\n",
        name, 100 * sick.first / well.first, 100 * drained.first / well.first,
        100 * sick.second / well.second, 100 * drained.second / well.second);
    EXPECT_GE(sick.second, 0.95 * well.second);
    EXPECT_GE(drained.second, 0.95 * well.second);
    EXPECT_GE(drained.first, 0.95 * well.first);
    EXPECT_GT(rack.drops(Drop::kVcStuck), 0u);
    // It is well again: nothing was lost but what was discarded by name.
    rack.sicken(0, 0);
    rack.run_for(3ms);
    const std::uint64_t discarded = rack.drops(Drop::kVcStuck);
    rack.run_for(3ms);
    EXPECT_EQ(rack.drops(Drop::kVcStuck), discarded) << "restored";
    rack.send(false);
    EXPECT_TRUE(rack.run_until([&] { return rack.is_at_rest(); }, 50ms)) << "C3";
    EXPECT_EQ(rack.sum(PktgenStat::kReceivedFrames) + discarded, rack.sum(PktgenStat::kSentFrames));
    EXPECT_EQ(rack.sum(PktgenStat::kReordered) + rack.sum(PktgenStat::kDuplicated), 0u);
    Oracle oracle;
    rack.check_conservation(oracle);
    EXPECT_EQ(oracle.broken(), "");
    EXPECT_EQ(rack.frames_leaked(), 0u) << "R1";
}

INSTANTIATE_TEST_SUITE_P(Fabrics, BlockedReceiver,
                         testing::Values(std::pair{"one_rack", one_rack(4)},
                                         std::pair{"two_racks", two_racks(4)},
                                         std::pair{"leaf_spine", std::string(kLeafSpine)}),
                         [](const auto& wanted) { return std::string(wanted.param.first); });

}  // namespace
}  // namespace ethlink::sim
