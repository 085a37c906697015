// SPDX-License-Identifier: BSD-3-Clause
// Does a bad wire do exactly what its options say, the same again for the same seed?
#include "dataplane/fault_line.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/ghost.h"
#include "tests/sim/lone_link.h"

namespace ethlink {
namespace {

using namespace std::chrono_literals;
using sim::SimFrame;
using Line = FaultLine<SimFrame>;

/// What came out, and when.
struct Out {
    std::uint64_t number;
    Time at;
    bool good;  // its FCS, where there is one
    bool poisoned;
    friend bool operator==(const Out&, const Out&) = default;
};

struct Rig {
    explicit Rig(const FaultOptions& options, bool fcs_in_frame = true, std::size_t frames = 20'000)
        : pool(frames), fcs(fcs_in_frame), line(pool, 10'000, fcs, options) {}

    SimFrame frame(std::uint64_t number, std::uint32_t bytes = 60, bool eligible = true) {
        SimFrame made = sim::make_ghost(pool, {.number = number}, bytes);
        if (eligible) {
            const wire::LinkWord word{.eligible = true, .session = 1};
            wire::store_link_word(made.bytes().data(), word.encode());
        }
        return with_fcs(std::move(made));
    }
    SimFrame with_fcs(SimFrame made) {
        if (fcs) {
            made.append(wire::kFcsSize);
            wire::write_fcs(made.bytes());
        }
        return made;
    }
    /// Sends `count` frames, one every `gap`, and runs until the line is empty.
    std::vector<Out> run(std::uint64_t count, Duration gap = 100ns, bool eligible = true) {
        for (std::uint64_t i = 0; i < count; ++i) {
            EXPECT_TRUE(line.has_room());
            line.push(frame(i, 60, eligible), now);
            now += gap;
            pop();
        }
        finish();
        return std::move(out);
    }
    void finish() {
        while (line.deadline() != kNever) {
            now = std::max(now, line.deadline());
            pop();
        }
        EXPECT_EQ(line.frames_held(), 0u);
    }
    void pop() {
        for (bool more = true; more;) {
            line.pop_due(burst, now);
            for (const SimFrame& frame : burst) note(frame);
            more = burst.room() == 0;
            burst.clear();
        }
    }
    void note(const SimFrame& frame) {
        const auto word = wire::LinkWord::decode(wire::load_link_word(frame.bytes().data()));
        out.push_back({load_be64(frame.bytes().data() + 28), now,
                       !fcs || wire::fcs_good(frame.bytes()), word.poisoned});
    }
    std::uint64_t count(FaultStat stat) const { return line.stats().read(stat); }

    sim::FramePool pool;
    bool fcs;
    Line line;
    Time now{1s};
    Burst<SimFrame> burst;
    std::vector<Out> out;
};

std::vector<std::uint64_t> numbers(const std::vector<Out>& out) {
    std::vector<std::uint64_t> list;
    for (const Out& frame : out) list.push_back(frame.number);
    return list;
}

constexpr std::uint64_t kFrames = 10'000;

/// Within five standard deviations of what chance gives.
void expect_share(std::uint64_t n, double probability) {
    const double mean = kFrames * probability;
    EXPECT_NEAR(static_cast<double>(n), mean, 5 * std::sqrt(mean * (1 - probability)));
}

TEST(FaultLine, WithoutFaultsItIsAWire) {
    EXPECT_FALSE(FaultOptions{}.any());
    Rig rig({});
    const auto out = rig.run(1000);
    ASSERT_EQ(out.size(), 1000u);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        EXPECT_EQ(out[i].number, i);
        EXPECT_TRUE(out[i].good);
    }
    EXPECT_EQ(rig.count(FaultStat::kPassed), 1000u);
    EXPECT_EQ(rig.pool.in_use(), 0u);
}

TEST(FaultLine, Loss) {
    Rig rig({.loss = 0.1});
    const auto out = rig.run(kFrames);
    expect_share(rig.count(FaultStat::kLost), 0.1);
    EXPECT_EQ(out.size() + rig.count(FaultStat::kLost), kFrames);
    EXPECT_EQ(rig.count(FaultStat::kPassed), out.size());
    EXPECT_TRUE(std::ranges::is_sorted(numbers(out)));
    EXPECT_TRUE(Rig({.loss = 1}).run(100).empty());
}

TEST(FaultLine, BitErrorIsSeenByTheFcs) {
    Rig rig({.bit_error = 0.1});
    const auto out = rig.run(kFrames);
    EXPECT_EQ(out.size(), kFrames);
    const auto bad = static_cast<std::uint64_t>(std::ranges::count(out, false, &Out::good));
    EXPECT_EQ(bad, rig.count(FaultStat::kCorrupted));
    expect_share(bad, 0.1);
}

TEST(FaultLine, BitErrorFlipsExactlyOneBit) {
    Rig rig({.bit_error = 1});
    const SimFrame original = rig.frame(7);
    std::set<std::size_t> positions;
    for (int i = 0; i < 3000; ++i) {
        rig.line.push(rig.pool.copy(original), rig.now);
        rig.burst.clear();
        rig.line.pop_due(rig.burst, rig.now);
        ASSERT_EQ(rig.burst.size(), 1u);
        int flipped = 0;
        for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
            const auto mask = std::byte{1} << static_cast<int>(bit % 8);
            if (((rig.burst[0].bytes()[bit / 8] ^ original.bytes()[bit / 8]) & mask) !=
                std::byte{0}) {
                ++flipped;
                positions.insert(bit);
            }
        }
        ASSERT_EQ(flipped, 1);
    }
    EXPECT_GT(positions.size(), 500u);  // Of 512: every place can be hit.
}

TEST(FaultLine, DamageOnAMediumThatChecksIsLoss) {
    // As in a NIC: a frame with a wrong FCS never gets to us.
    Rig rig({.bit_error = 0.05, .fcs_bad = 0.05}, false);
    const auto out = rig.run(kFrames);
    EXPECT_EQ(rig.count(FaultStat::kCorrupted), rig.count(FaultStat::kLost));
    EXPECT_EQ(out.size() + rig.count(FaultStat::kLost), kFrames);
    expect_share(rig.count(FaultStat::kLost), 0.0975);
}

TEST(FaultLine, Duplicate) {
    Rig rig({.duplicate = 0.1});
    const auto out = rig.run(kFrames);
    std::map<std::uint64_t, int> copies;
    for (const Out& frame : out) ++copies[frame.number];
    EXPECT_EQ(copies.size(), kFrames);
    EXPECT_EQ(out.size(), kFrames + rig.count(FaultStat::kDuplicated));
    expect_share(rig.count(FaultStat::kDuplicated), 0.1);
    for (const auto& [number, n] : copies) EXPECT_LE(n, 2);
    EXPECT_TRUE(std::ranges::is_sorted(numbers(out)));
}

TEST(FaultLine, ADuplicateWithoutABufferIsCounted) {
    Rig rig({.duplicate = 1}, true, 1);
    EXPECT_EQ(rig.run(3).size(), 3u);
    EXPECT_EQ(rig.count(FaultStat::kNoBuffer), 3u);
    EXPECT_EQ(rig.count(FaultStat::kDuplicated), 0u);
}

TEST(FaultLine, WithoutReorderNothingOvertakes) {
    // A wire is first in, first out: jitter only stretches it.
    Rig rig({.loss = 0.1, .duplicate = 0.1, .delay = 3us, .jitter = 20us});
    const auto out = rig.run(kFrames);
    EXPECT_TRUE(std::ranges::is_sorted(numbers(out)));
    EXPECT_TRUE(std::ranges::is_sorted(out, {}, &Out::at));
}

/// The most that any frame was overtaken by, and whether any was early.
std::uint64_t worst_displacement(const std::vector<std::uint64_t>& order) {
    std::uint64_t worst = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        std::uint64_t overtakers = 0;
        for (std::size_t k = 0; k < i; ++k) overtakers += order[k] > order[i] ? 1 : 0;
        worst = std::max(worst, overtakers);
    }
    return worst;
}

TEST(FaultLine, ReorderIsBounded) {
    // L4 needs it: a frame is overtaken by reorder_distance later ones at most, whatever else the
    // line holds at that time.
    for (const Duration delay : {Duration(0), Duration(5us)}) {
        for (const std::uint32_t distance : {1u, 3u, 8u}) {
            Rig rig({.reorder = 0.2, .reorder_distance = distance, .delay = delay});
            const auto out = rig.run(2000);
            ASSERT_EQ(out.size(), 2000u);
            EXPECT_EQ(worst_displacement(numbers(out)), distance)
                << "delay " << delay.count() << " ns";
            EXPECT_NEAR(static_cast<double>(rig.count(FaultStat::kReordered)), 400, 100);
        }
    }
}

TEST(FaultLine, ReorderMakesNoFrameEarly) {
    Rig rig({.reorder = 0.5, .reorder_distance = 3, .delay = 5us});
    for (const Out& frame : rig.run(2000)) {
        const Time sent_at = Time{1s} + frame.number * 100ns;
        ASSERT_GE(frame.at - sent_at, 5us) << frame.number;
    }
}

TEST(FaultLine, AHeldFrameGoesWhenNobodyFollows) {
    Rig rig({.reorder = 1, .reorder_distance = 64});
    rig.line.push(rig.frame(0), rig.now);
    rig.pop();
    EXPECT_TRUE(rig.out.empty());
    EXPECT_LE(rig.line.deadline(), rig.now + 50us);
    rig.finish();
    EXPECT_EQ(rig.out.size(), 1u);
}

TEST(FaultLine, DelayAndJitter) {
    Rig rig({.delay = 10us, .jitter = 5us});
    const auto out = rig.run(1000, 20us);
    Duration least = 1s, most{0};
    for (const Out& frame : out) {
        const Duration late = frame.at - (Time{1s} + frame.number * 20us);
        least = std::min(least, late);
        most = std::max(most, late);
    }
    EXPECT_GE(least, 10us);
    // A turn every 20 us: what is due in between is seen at the next one.
    EXPECT_LE(most, 20us);
    EXPECT_EQ(out.size(), 1000u);
}

TEST(FaultLine, RateIsWhatTheWireCarries) {
    // 1000 frames of 64 bytes on 10 Gb/s: 84 bytes each, 67.2 ns.
    for (const bool fcs : {true, false}) {
        Rig rig({.rate_mbps = 10'000}, fcs);
        for (std::uint64_t i = 0; i < 1000; ++i) rig.line.push(rig.frame(i), rig.now);
        const Time start = rig.now;
        rig.finish();
        EXPECT_EQ(rig.out.size(), 1000u);
        EXPECT_NEAR(static_cast<double>((rig.now - start).count()), 67'200, 1000);
        EXPECT_TRUE(std::ranges::is_sorted(numbers(rig.out)));
    }
}

TEST(FaultLine, AimedAtFramesWithANumber) {
    for (const bool eligible : {true, false}) {
        Rig drop({.seq_drop = 1});
        EXPECT_EQ(drop.run(50, 100ns, eligible).size(), eligible ? 0u : 50u);
        Rig twice({.seq_dup = 1});
        EXPECT_EQ(twice.run(50, 100ns, eligible).size(), eligible ? 100u : 50u);
        Rig poison({.fcs_poisoned = 1});
        const auto out = poison.run(50, 100ns, eligible);
        EXPECT_EQ(std::ranges::count(out, true, &Out::poisoned), eligible ? 50 : 0);
        EXPECT_EQ(std::ranges::count(out, true, &Out::good), 50);  // Poisoned, not damaged.
        EXPECT_EQ(poison.count(FaultStat::kPoisoned), eligible ? 50u : 0u);
    }
}

TEST(FaultLine, FcsBad) {
    Rig rig({.fcs_bad = 1});
    const auto out = rig.run(50);
    EXPECT_EQ(std::ranges::count(out, false, &Out::good), 50);
    EXPECT_EQ(rig.count(FaultStat::kCorrupted), 50u);
}

TEST(FaultLine, AimedAtAcksAndNacks) {
    using wire::CtlOsType;
    sim::LoneLink lone({});
    const auto survives = [&](const FaultOptions& options, CtlOsType type) {
        Rig rig(options);
        rig.line.push(rig.with_fcs(lone.make_sets({{.type = type, .value = 1}}, 1, 1)), rig.now);
        rig.finish();
        EXPECT_EQ(rig.count(FaultStat::kAckDropped),
                  options.llr_ack_drop > 0 && type == CtlOsType::kAck ? 1u : 0u);
        EXPECT_EQ(rig.count(FaultStat::kNackDropped),
                  options.llr_nack_drop > 0 && type == CtlOsType::kNack ? 1u : 0u);
        return rig.out.size() == 1;
    };
    for (const CtlOsType type : {CtlOsType::kAck, CtlOsType::kNack, CtlOsType::kCfUpdate}) {
        EXPECT_EQ(survives({.llr_ack_drop = 1}, type), type != CtlOsType::kAck);
        EXPECT_EQ(survives({.llr_nack_drop = 1}, type), type != CtlOsType::kNack);
    }
    // Data frames and nonsense pass.
    Rig rig({.llr_ack_drop = 1, .llr_nack_drop = 1});
    EXPECT_EQ(rig.run(10).size(), 10u);
    for (std::uint32_t n = 0; n < 16; ++n) rig.line.push(rig.pool.allocate(n), rig.now);
    rig.burst.clear();
    rig.line.pop_due(rig.burst, rig.now);
    EXPECT_EQ(rig.burst.size(), 16u);
}

TEST(FaultLine, TakesTheCreditsOutOfControlFrames) {
    using wire::CtlOsType;
    sim::LoneLink lone({});
    const wire::CtlOs ack{.type = CtlOsType::kAck, .value = 5};
    const wire::CtlOs credits{.type = CtlOsType::kCfUpdate, .value = 77, .arg = 2};
    for (const bool fcs : {true, false}) {
        const auto passed = [&](std::initializer_list<wire::CtlOs> sets, Rig& rig) {
            rig.line.push(rig.with_fcs(lone.make_sets(sets, 8, 9)), rig.now);
            rig.line.pop_due(rig.burst, rig.now);
        };
        // All else is said, with a good CRC and FCS.
        Rig rig({.cf_update_drop = 1}, fcs);
        passed({ack, credits, credits, credits, credits, credits, credits}, rig);
        ASSERT_EQ(rig.burst.size(), 1u);
        SimFrame& frame = rig.burst[0];
        if (fcs) {
            EXPECT_TRUE(wire::fcs_good(frame.bytes()));
            frame.trim(wire::kFcsSize);
        }
        const auto said = sim::read_sets(frame.bytes());
        ASSERT_TRUE(said);
        ASSERT_EQ(said->sets.size(), 1u);
        EXPECT_EQ(said->find(CtlOsType::kAck)->value, 5u);
        EXPECT_EQ(said->tx_epoch, 8);
        EXPECT_EQ(said->rx_epoch, 9);
        EXPECT_EQ(rig.count(FaultStat::kCfUpdateDropped), 1u);
        // Nothing else to say: nothing is said. And others pass as they are.
        Rig silent({.cf_update_drop = 1}, fcs);
        passed({credits}, silent);
        EXPECT_TRUE(silent.burst.empty());
        passed({ack}, silent);
        EXPECT_EQ(silent.burst.size(), 1u);
        EXPECT_EQ(silent.count(FaultStat::kCfUpdateDropped), 1u);
    }
}

TEST(FaultLine, TheSameSeedDoesTheSame) {
    // R6
    const FaultOptions storm{.loss = 0.05,
                             .bit_error = 0.05,
                             .duplicate = 0.05,
                             .reorder = 0.05,
                             .delay = 2us,
                             .jitter = 2us,
                             .rate_mbps = 1000,
                             .seq_drop = 0.05,
                             .seq_dup = 0.05,
                             .fcs_bad = 0.05,
                             .fcs_poisoned = 0.05,
                             .seed = 42};
    const auto first = Rig(storm).run(2000);
    EXPECT_EQ(Rig(storm).run(2000), first);
    FaultOptions other = storm;
    other.seed = 43;
    EXPECT_NE(Rig(other).run(2000), first);
}

TEST(FaultLine, OptionsChangeFromTheNextFrameOn) {
    Rig rig({});
    EXPECT_EQ(rig.run(10).size(), 10u);
    rig.line.set({.loss = 1});
    EXPECT_TRUE(rig.line.options().any());
    EXPECT_TRUE(rig.run(10).empty());
    // Frames that are under way keep their time, and nothing overtakes them.
    rig.line.set({.delay = 10us});
    rig.line.push(rig.frame(1), rig.now);
    rig.line.set({});
    rig.line.push(rig.frame(2), rig.now);
    rig.finish();
    EXPECT_EQ(numbers(rig.out), (std::vector<std::uint64_t>{1, 2}));
}

TEST(FaultLine, NeverHoldsMoreThanItsCapacity) {
    sim::FramePool pool(1000);
    Line line(pool, 64, false, {.duplicate = 0.5, .reorder = 0.5, .delay = 1ms});
    int taken = 0;
    while (line.has_room()) {
        line.push(sim::make_ghost(pool, {}, 60), Time{});
        ++taken;
    }
    EXPECT_GE(taken, 31);
    EXPECT_LE(line.frames_held(), 64u + 64u);
    EXPECT_EQ(pool.in_use(), line.frames_held());
}

TEST(FaultLine, EachOptionIsAFault) {
    EXPECT_TRUE(FaultOptions{.loss = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.bit_error = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.duplicate = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.reorder = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.delay = 1ns}.any());
    EXPECT_TRUE(FaultOptions{.jitter = 1ns}.any());
    EXPECT_TRUE(FaultOptions{.rate_mbps = 1}.any());
    EXPECT_TRUE(FaultOptions{.seq_drop = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.seq_dup = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.fcs_bad = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.fcs_poisoned = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.llr_ack_drop = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.llr_nack_drop = 0.1}.any());
    EXPECT_TRUE(FaultOptions{.cf_update_drop = 0.1}.any());
}

TEST(FaultLine, EveryCounterHasItsName) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < static_cast<std::size_t>(FaultStat::kCount); ++i) {
        EXPECT_TRUE(names.insert(name(static_cast<FaultStat>(i))).second);
    }
    EXPECT_FALSE(names.contains("none"));
}

}  // namespace
}  // namespace ethlink
