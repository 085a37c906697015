// SPDX-License-Identifier: BSD-3-Clause
// What the acceptance tests of LLR and CBFC share: a line, and counters read as differences.
//
// They follow the table of a public LLR/CBFC interop test plan (UEC 1.0.1); each test quotes its
// row. What differs here, openly:
// - A session opens with a CC_Update inside the sequence. With init_seq 0 it takes number 0, so the
//   n-th data frame has number n, as in the plan, whose init_seq is 1. Counters are read as
//   differences to the moment when the link is up, which leaves it out of them.
// - Frame sizes of the plan count the FCS: 64 bytes are 60 in a buffer and a software FCS of 4.
// - The plan's tester sends; here `a` sends and `b` receives, two real links in virtual time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/lone_link.h"
#include "tests/sim/pair.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {

inline constexpr Vc kVc{0};
inline constexpr std::uint32_t k64 = 60;      // a frame of 64 bytes on the wire
inline constexpr std::uint32_t k1518 = 1514;  // a frame of 1,518

/// A 10 Gb/s line; a step is the time of ten 64-byte frames (84 bytes each with preamble and gap).
inline constexpr double kLineMbps = 10'000;
inline constexpr Duration kTenFrames{672};
inline constexpr std::uint32_t kFramesAStep = 10;
/// 500 m and back: 5 ns/m.
inline constexpr Duration kHalfOf500m{2'500};

inline std::span<const std::byte> without_fcs(const SimFrame& frame) {
    return frame.bytes().first(frame.size() - wire::kFcsSize);
}

/// Only the opening CC_Update; ACKs every 2 KB as the plan's target spacing.
inline PairOptions plan_options() {
    PairOptions options;
    options.profile = quick_profile();
    options.profile.vcs[0].reserved = Credits{4000};
    options.profile.llr.max_outstanding_frames = 2000;
    options.profile.llr.max_outstanding_bytes = 1 << 22;
    options.profile.llr.max_replay_timer = std::chrono::microseconds(300);
    options.profile.llr.data_age_timeout = Duration(0);
    options.profile.llr.ctlos_spacing_bytes = 2048;
    options.profile.cbfc_profile.cc_message_timer = Duration(0);
    return options;
}

/// A pair that is up and at rest, its counters at that moment, and what a hears.
class Bench {
public:
    explicit Bench(const PairOptions& options, std::size_t frames = 60'000)
        : pair(options, frames) {
        EXPECT_TRUE(pair.come_up());
        pair.run_for(std::chrono::microseconds(200));
        EXPECT_TRUE(pair.run_until([&] { return pair.a.link().frames_held() == 0; },
                                   std::chrono::microseconds(50)));
        for (std::size_t i = 0; i < kStats; ++i) {
            at_start_[0][i] = read(pair.a, static_cast<LinkStat>(i));
            at_start_[1][i] = read(pair.b, static_cast<LinkStat>(i));
        }
        pair.a.tap = [this](SimFrame& frame) { return listen(frame); };
    }
    void send(std::uint32_t frames, std::uint32_t bytes, Vc vc = kVc) {
        for (; frames > 0; --frames) pair.a.offer(vc, bytes);
    }
    /// Until all that was offered is delivered and acknowledged.
    bool finish(Duration limit = std::chrono::milliseconds(50)) {
        return pair.run_until([&] { return pair.a.idle() && pair.b.idle(); }, limit);
    }
    std::uint64_t a(LinkStat stat) { return read(pair.a, stat) - at(0, stat); }
    std::uint64_t b(LinkStat stat) { return read(pair.b, stat) - at(1, stat); }
    std::uint64_t lost(Vc vc = kVc) const { return pair.a.offered(vc) - pair.b.received(vc); }

    Pair<> pair;
    std::vector<std::uint32_t> nacks;  // the numbers that b's NACKs named
    bool acks_blocked = false;

private:
    static constexpr auto kStats = static_cast<std::size_t>(LinkStat::kCount);

    static std::uint64_t read(PairEnd<>& end, LinkStat stat) {
        end.link().publish();
        return end.link().stats().read(stat);
    }
    std::uint64_t at(std::size_t end, LinkStat stat) const {
        return at_start_[end][static_cast<std::size_t>(stat)];
    }
    bool listen(const SimFrame& frame) {
        const auto said = read_sets(without_fcs(frame));
        if (!said) return true;
        const auto nack = said->find(wire::CtlOsType::kNack);
        if (nack) nacks.push_back(nack->value);
        return !acks_blocked || (!nack && !said->find(wire::CtlOsType::kAck));
    }

    std::array<std::array<std::uint64_t, kStats>, 2> at_start_{};
};

/// Frames that b receives in `time`, as a share of what the line carries of 64-byte frames.
inline double share_of_line(Bench& bench, Duration time, Vc vc = kVc) {
    const std::uint64_t before = bench.pair.b.received(vc);
    bench.pair.run_for(time);
    const auto carried = static_cast<double>(bench.pair.b.received(vc) - before);
    const double steps =
        static_cast<double>(time.count()) / static_cast<double>(kTenFrames.count());
    return carried / (steps * kFramesAStep);
}

/// A line of 10 Gb/s that is `one_way` long, offered exactly what it can carry.
inline PairOptions line_options(Duration one_way) {
    PairOptions options = plan_options();
    options.a_to_b.rate_mbps = options.b_to_a.rate_mbps = kLineMbps;
    options.a_to_b.delay = options.b_to_a.delay = one_way;
    options.step = kTenFrames;
    options.tx_budget = kFramesAStep;
    return options;
}

}  // namespace ethlink::sim
