// SPDX-License-Identifier: BSD-3-Clause
// Do runs of frames leave a link as the same frames one by one would, down to each counter?
#include "proto/link_runs.h"

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/random.h"
#include "tests/sim/lone_link.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using Verdict = RxOutcome::Verdict;

/// VC 0 has reserved credits only, VC 1 shares some, VC 2 has none, VC 3 has no LLR.
LinkProfile mixed() {
    LinkProfile profile = quick_profile();
    profile.vc_count = 4;
    profile.vcs[0].reserved = Credits{60};
    profile.vcs[1].reserved = Credits{6};
    profile.vcs[1].threshold_mode = ThresholdMode::kStatic;
    profile.vcs[3].reserved = Credits{30};
    profile.vcs[3].llr_desired = false;
    profile.cbfc_profile.shared_size = Credits{12};
    profile.llr.max_outstanding_frames = 13;
    profile.llr.max_outstanding_bytes = 4'000;
    profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    return profile;
}

/// What came of one frame.
struct Came {
    bool delivered;
    Drop drop;
    Vc vc;
    Credits credits;
    friend bool operator==(const Came&, const Came&) = default;
};

/// The receiving half of a worker: one by one, or in runs.
class Receiver {
public:
    Receiver(LoneLink& lone, bool in_runs) : lone_(lone), in_runs_(in_runs) {}

    std::vector<Came> receive(std::vector<SimFrame> burst) {
        std::vector<Came> all;
        Link<SimFrame>::Reception reception(lone_.link);
        for (SimFrame& frame : burst) {
            const auto view = wire::parse(frame.bytes());
            if (in_runs_ && view) {
                const Credits credits = reception.accept(frame, *view);
                if (credits.value > 0) {
                    all.push_back({true, Drop::kCount, reception.vc(), credits});
                    EXPECT_EQ(view->link_word_raw(), 0u);
                    continue;
                }
            }
            reception.finish();
            all.push_back(alone(frame, view));
            reception.expect();
        }
        reception.finish();
        return all;
    }

private:
    Came alone(SimFrame& frame, const Expected<wire::FrameView, Drop>& view) {
        if (!view) {
            lone_.link.on_unreadable(frame.bytes(), FrameCheck::kBad);
            return {false, view.error(), Vc{}, {}};
        }
        const RxOutcome outcome = lone_.link.on_rx(frame, *view);
        const bool delivered = outcome.verdict == Verdict::kDeliver;
        return {delivered, outcome.drop, delivered ? outcome.vc : Vc{}, outcome.credits};
    }

    LoneLink& lone_;
    bool in_runs_;
};

SimFrame data(LoneLink& lone, const wire::LinkWord& word, std::uint32_t bytes) {
    SimFrame frame = make_ghost(lone.pool, {.vc = word.vc}, bytes);
    wire::store_link_word(frame.bytes().data(), word.encode());
    return frame;
}
SimFrame cc_update(LoneLink& lone, const wire::LinkWord& word, std::uint32_t s_cc) {
    SimFrame frame = lone.pool.allocate(wire::kMaxControlFrame);
    const std::size_t size = wire::emit_cc_update(frame.bytes(), LoneLink::kTheirEpoch, 1,
                                                  std::array{s_cc, s_cc, s_cc, s_cc});
    frame.trim(static_cast<std::uint32_t>(frame.size() - size));
    wire::store_link_word(frame.bytes().data(), word.encode());
    return frame;
}

/// A burst of what a neighbour may send: mostly frames in order of one VC, and all else.
std::vector<SimFrame> some_burst(LoneLink& lone, Random& random, Vc& vc) {
    std::vector<SimFrame> burst;
    std::uint32_t seq = lone.link.llr_rx().expected().value();
    for (std::uint64_t n = random.below(33); n > 0; --n) {
        if (random.chance(0.1)) vc = Vc{static_cast<std::uint8_t>(random.below(6))};
        const auto bytes = kGhostMin + static_cast<std::uint32_t>(random.below(200));
        wire::LinkWord word{.eligible = true, .vc = vc, .session = LoneLink::kTheirSession};
        if (random.chance(0.02)) ++seq;  // One is lost.
        word.sequence = seq++ & 0xF'FFFF;
        if (random.chance(0.02)) word.poisoned = true;
        if (random.chance(0.02)) word.session = 30;
        if (random.chance(0.02)) {
            word.sequence = static_cast<std::uint32_t>(random.below(1 << 20));
            --seq;
        }
        if (random.chance(0.05)) {
            word = {.vc = vc};
            --seq;
        }
        if (random.chance(0.03)) {
            burst.push_back(cc_update(lone, word, static_cast<std::uint32_t>(random.below(100))));
        } else {
            burst.push_back(data(lone, word, bytes));
        }
        if (random.chance(0.02)) burst.back().bytes()[2] ^= std::byte{1};  // Total Length
    }
    return burst;
}

TEST(LinkRuns, ReceptionIsWhatOnRxDoes) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        Random random(seed), choice(seed + 1000);
        LoneLink one(mixed()), run(mixed());
        one.come_up();
        run.come_up();
        Receiver by_one(one, false), by_run(run, true);
        Vc vc{0};
        for (int round = 0; round < 50; ++round) {
            std::vector<SimFrame> burst = some_burst(one, random, vc), same;
            for (const SimFrame& frame : burst) same.push_back(run.pool.copy(frame));
            const auto came = by_one.receive(std::move(burst));
            ASSERT_EQ(by_run.receive(std::move(same)), came) << "seed " << seed;
            for (const Came& frame : came) {
                if (!frame.delivered || choice.chance(0.2)) continue;  // A few never drain.
                one.link.on_drained(frame.vc, frame.credits);
                run.link.on_drained(frame.vc, frame.credits);
            }
            const auto later = Duration(choice.below(3000));
            const auto said = one.turn_sets(later).sets;
            ASSERT_EQ(run.turn_sets(later).sets, said) << "seed " << seed;
            ASSERT_EQ(state_of(run.link), state_of(one.link)) << "seed " << seed;
            ASSERT_EQ(counters_of(run.link), counters_of(one.link)) << "seed " << seed;
        }
        EXPECT_GT(one.count(LinkStat::kLlrRxExpectedSeqGood), 50u);
    }
}

TEST(LinkRuns, ReceptionTakesNothingBetweenFinishAndExpect) {
    LoneLink lone(mixed());
    lone.come_up();
    Link<SimFrame>::Reception reception(lone.link);
    SimFrame frame = data(lone, lone.next_word(), 100);
    const auto view = wire::parse(frame.bytes());
    reception.finish();
    EXPECT_EQ(reception.accept(frame, *view).value, 0u);
    reception.expect();
    EXPECT_EQ(reception.accept(frame, *view).value, 2u);
    reception.finish();
    EXPECT_EQ(lone.count(LinkStat::kLlrRxExpectedSeqGood), 2u);  // The CC_Update and this one.
}

/// A queue of frames as send_run() wants it.
struct Queue {
    bool empty() const { return frames.empty(); }
    std::uint32_t front_bytes() const { return frames.front().size(); }
    SimFrame pop() {
        SimFrame frame = std::move(frames.front());
        frames.pop_front();
        return frame;
    }
    std::deque<SimFrame> frames;
};

/// Sends from `queues` what may go now, by turns; the bytes of all that left.
std::vector<std::vector<std::byte>> send_all(LoneLink& lone, std::array<Queue, 4>& queues,
                                             std::uint32_t bytes_max, bool in_runs) {
    Burst<SimFrame> out;
    for (std::uint8_t i = 0; i < 4; ++i) {
        Queue& queue = queues[i];
        std::uint32_t left = bytes_max;
        while (out.room() > 0 && !queue.empty() && queue.front_bytes() <= left &&
               lone.link.can_send(Vc{i}, queue.front_bytes())) {
            if (in_runs) {
                const std::uint32_t taken = lone.link.send_run(queue, Vc{i}, left, out);
                EXPECT_GT(taken, 0u);
                EXPECT_LE(taken, left);
                left -= taken;
            } else {
                left -= queue.front_bytes();
                lone.link.send(queue.pop(), Vc{i}, out);
            }
        }
    }
    std::vector<std::vector<std::byte>> frames;
    for (const SimFrame& frame : out) {
        frames.emplace_back(frame.bytes().begin(), frame.bytes().end());
    }
    return frames;
}

/// How often there was no buffer for a copy.
std::uint64_t expect_same_sending(std::uint64_t seed, const LinkEnd& end, std::size_t pool_frames) {
    Random random(seed);
    LinkProfile profile = mixed();
    profile.llr.flush_action = static_cast<FrameAction>(seed % 3);
    profile.llr.re_init_on_flush = false;
    LoneLink one(profile, end, pool_frames), run(profile, end, pool_frames);
    one.come_up();
    run.come_up();
    std::array<Queue, 4> one_queues, run_queues;
    for (int round = 0; round < 60; ++round) {
        for (std::uint64_t n = random.below(20); n > 0; --n) {
            const std::size_t vc = random.below(4);
            if (one_queues[vc].frames.size() >= 40) continue;
            const auto bytes = kGhostMin + static_cast<std::uint32_t>(random.below(1000));
            for (auto* side : {&one, &run}) {
                const Vc of{static_cast<std::uint8_t>(vc)};
                SimFrame frame = make_ghost(side->pool, {.vc = of}, bytes);
                auto& queues = side == &one ? one_queues : run_queues;
                if (frame) queues[vc].frames.push_back(std::move(frame));
            }
        }
        const auto bytes_max = static_cast<std::uint32_t>(1000 + random.below(9000));
        const auto sent = send_all(one, one_queues, bytes_max, false);
        EXPECT_EQ(send_all(run, run_queues, bytes_max, true), sent) << "seed " << seed;
        EXPECT_EQ(state_of(run.link), state_of(one.link)) << "seed " << seed;
        EXPECT_EQ(counters_of(run.link), counters_of(one.link)) << "seed " << seed;

        // Some of it is acknowledged, drained, NACKed; in the end the neighbour falls silent.
        const auto later = Duration(random.below(9000));
        for (auto* side : {&one, &run}) {
            const auto& tx = side->link.llr_tx();
            if (tx.outstanding() > 0 && round < 40) {
                const std::uint32_t last =
                    (tx.oldest() + static_cast<std::uint32_t>(seed % tx.outstanding())).value();
                const bool nack = (seed + static_cast<std::uint64_t>(round)) % 5 == 0;
                side->hear_sets({{.type = nack ? wire::CtlOsType::kNack : wire::CtlOsType::kAck,
                                  .value = last}});
            }
            for (const std::uint16_t vc : std::to_array<std::uint16_t>({0, 1, 3})) {
                const auto& sender = side->link.cbfc_sender();
                const Vc of{static_cast<std::uint8_t>(vc)};
                const std::uint32_t freed =
                    (sender.freed(of) + sender.in_use(of).value / 2).value();
                side->hear_sets({{.type = wire::CtlOsType::kCfUpdate, .value = freed, .arg = vc}});
            }
            if (round == 50) side->link.on_pcs_status(false, side->now);
            side->turn(round == 50 ? 200us : later);
        }
    }
    EXPECT_GT(one.count(LinkStat::kLlrTxOk), 50u);
    EXPECT_EQ(one.link.llr_tx().state(), LlrTxState::kFlush);
    return one.count(LinkStat::kTxNoBuffer);
}

TEST(LinkRuns, SendRunIsWhatSendDoes) {
    for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
        const LinkEnd end{.keep = static_cast<Keep>(seed % 3),
                          .software_fcs = seed % 5 == 0,
                          .init_seq = 0xF'FFF0};
        EXPECT_EQ(expect_same_sending(seed, end, 5000), 0u);
    }
}

TEST(LinkRuns, SendRunWithoutBuffersToo) {
    std::uint64_t missed = 0;
    for (std::uint64_t seed = 1; seed <= 20 && !HasFailure(); ++seed) {
        missed += expect_same_sending(seed, {}, 50);
    }
    EXPECT_GT(missed, 0u);
}

}  // namespace
}  // namespace ethlink::sim
