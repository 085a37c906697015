// SPDX-License-Identifier: BSD-3-Clause
// Two honest links, and a wire whose every decision is a byte of the input: coverage-guided
// simulation. Whatever the wire does, all frames arrive once and in order, and no credit is lost
// (L1-L6, L11, C1-C4).
#include <deque>

#include "tests/fuzz/input.h"
#include "tests/sim/pair.h"

namespace ethlink::fuzz {
namespace {

using namespace std::chrono_literals;
using sim::Pair;
using sim::PairEnd;
using sim::PairOptions;
using sim::SimFrame;

constexpr std::uint8_t kLossless = 2;  // VCs 0 and 1; VC 2 is best effort

LinkProfile profile_of(Input& input, std::uint32_t window_max) {
    LinkProfile profile;
    profile.vc_count = 3;
    profile.vcs[2].lossless = false;
    profile.vcs[2].llr_desired = false;
    profile.llr.max_outstanding_frames = 1 + input.below(window_max);
    profile.llr.max_outstanding_bytes = 1 << 14;
    profile.llr.max_replay_timer = 40us;
    profile.llr.max_replay_count = LlrProfile::kReplayForEver;
    profile.llr.data_age_timeout = 0s;
    profile.llr.init_interval = 20us;
    profile.llr.ack_delay = 2us;
    profile.llr.ctlos_spacing_bytes = 64 + 16 * std::uint32_t{input.u8()};
    profile.cbfc_profile.cf_update_interval = 30us;
    profile.cbfc_profile.cc_message_timer = 50us;
    profile.vcs[0].reserved = Credits{24 + input.below(100)};  // 24: a frame of 640 bytes fits
    profile.vcs[1].reserved = Credits{24};
    return profile;
}

/// One direction: what it does to the next frame is the next byte.
class Wire {
public:
    Wire(Input& input, sim::FramePool& pool, bool may_reorder)
        : input_(&input), pool_(&pool), may_reorder_(may_reorder) {}

    /// False: the frame is gone, or comes later.
    bool pass(SimFrame& frame) {
        if (again_ > 0) {  // one of ours: its fate is decided
            --again_;
            return true;
        }
        if (calm || input_->empty()) return true;
        const std::uint8_t what = input_->u8();
        switch (what & 7) {
            case 1: return false;
            case 2: damage(frame, what); return true;
            case 3: frame.trim(frame.size() * (what >> 3) / 32); return true;
            case 4:
                if (may_reorder_) held_.push_back({pool_->copy(frame), 1u + (what >> 3) % 4});
                return true;
            case 5:
                if (!may_reorder_) return true;
                held_.push_back({pool_->copy(frame), 1u + (what >> 3) % 4});
                return false;
            default: break;
        }
        return true;
    }
    /// Once a step: what was held long enough goes onto the line again.
    void turn(sim::StormLine& line, Time now) {
        for (Held& held : held_) held.steps -= held.steps > 0 ? 1 : 0;
        while (!held_.empty() && held_.front().steps == 0) {
            if (held_.front().frame && line.has_room()) {
                line.push(std::move(held_.front().frame), now);
                ++again_;
            }
            held_.pop_front();
        }
    }
    bool calm = false;  // from now on it does nothing
    bool idle() const { return held_.empty() && again_ == 0; }

private:
    struct Held {
        SimFrame frame;
        std::uint32_t steps;
    };
    /// Up to 8 bits side by side: a burst that the FCS is sure to see.
    void damage(SimFrame& frame, std::uint8_t what) {
        if (frame.size() == 0) return;
        const std::size_t at = (std::size_t{input_->u8()} + what) % frame.size();
        frame.bytes()[at] ^= static_cast<std::byte>(what | 1);
    }

    Input* input_;
    sim::FramePool* pool_;
    bool may_reorder_;
    std::deque<Held> held_;
    std::uint32_t again_ = 0;
};

template <class Seq>
void check_limits(Pair<Seq>& pair) {
    for (PairEnd<Seq>* end : {&pair.a, &pair.b}) {
        const auto& link = end->link();
        must(link.frames_held() <= pair.options.profile.llr.max_outstanding_frames, "L2");
        must(link.frames_held() == link.llr_tx().outstanding(), "L13");
        for (std::uint8_t i = 0; i < kLossless; ++i) {
            const Credits limit = pair.options.profile.vcs[i].reserved;
            must(link.cbfc_receiver().held(Vc{i}) <= limit, "C1");
            must(link.cbfc_sender().in_use(Vc{i}) <= limit, "C2");
            must(link.cbfc_receiver().held(Vc{i}) == end->buffered(Vc{i}), "C2: what is held");
        }
    }
    must(pair.a.out_of_order() + pair.b.out_of_order() == 0, "L1: in order, whole, once");
}

template <class Seq>
void play(Input& input, std::uint32_t window_max, bool may_reorder) {
    PairOptions options;
    options.profile = profile_of(input, window_max);
    // Starts near the wrap, or somewhere else.
    options.a.init_seq = input.flag() ? (1u << 20) - 1 - input.u8() : input.u16();
    options.b.init_seq = input.u8();
    options.drain_after = Duration(input.u8() * 20);
    Pair<Seq> pair(options, 1000);
    const std::uint32_t frames = 1 + input.below(60);
    for (std::uint32_t i = 0; i < frames; ++i) {
        const std::uint8_t look = input.u8();
        const std::uint32_t bytes = sim::kGhostMin + std::uint32_t{look} * 2;
        pair.a.offer(Vc{static_cast<std::uint8_t>(look & 1)}, bytes);
        pair.b.offer(Vc{static_cast<std::uint8_t>(look >> 1 & 1)}, bytes);
    }
    Wire to_a(input, pair.pool, may_reorder), to_b(input, pair.pool, may_reorder);
    pair.a.tap = [&](SimFrame& frame) { return to_a.pass(frame); };
    pair.b.tap = [&](SimFrame& frame) { return to_b.pass(frame); };
    const auto idle = [&] {
        to_a.turn(pair.b.line(), pair.now);
        to_b.turn(pair.a.line(), pair.now);
        check_limits(pair);
        return pair.a.idle() && pair.b.idle() && to_a.idle() && to_b.idle();
    };
    pair.run_until([&] { return idle() || input.empty(); }, 5ms);
    to_a.calm = to_b.calm = true;
    must(pair.run_until(idle, 20ms), "L1: the wire is calm, and still something is stuck");
    pair.run_until([&] { return idle(), false; }, 300us);
    for (std::uint8_t i = 0; i < kLossless; ++i) {
        must(pair.b.received(Vc{i}) == pair.a.offered(Vc{i}), "L1: a to b");
        must(pair.a.received(Vc{i}) == pair.b.offered(Vc{i}), "L1: b to a");
    }
    must(pair.credits_leaked() == 0, "C3: all credits are back");
    must(pair.a.refused(Drop::kCreditOverflow) + pair.b.refused(Drop::kCreditOverflow) == 0, "C1");
    must(pair.a.link().stats().read(LinkStat::kLlrTxFlush) == 0, "no session was given up");
    must(pair.run_until([&] { return idle() && pair.pool.in_use() == 0; }, 1ms),
         "R1: all frames are back");
}

}  // namespace

void run(Input& input) {
    if (input.empty()) return;
    // With 16 numbers a window of 7 leaves room for losses and damage, not for late copies (L4).
    if (input.flag()) {
        play<Cyclic<4>>(input, 7, false);
    } else {
        play<Cyclic<20>>(input, 32, true);
    }
}

}  // namespace ethlink::fuzz
