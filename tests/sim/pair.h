// SPDX-License-Identifier: BSD-3-Clause
// Two real links, a bad wire between them, and virtual time: the smallest fabric there is.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/fault_options.h"
#include "proto/link.h"
#include "proto/wire/fcs.h"
#include "tests/sim/frame.h"
#include "tests/sim/ghost.h"
#include "tests/sim/stepping.h"
#include "tests/sim/storm_line.h"

namespace ethlink::sim {

struct PairOptions {
    LinkProfile profile;
    FaultOptions a_to_b, b_to_a;
    LinkEnd a{.software_fcs = true, .epoch = 1, .init_seq = 0};
    LinkEnd b{.software_fcs = true, .epoch = 1, .init_seq = 0};
    Duration drain_after{0};               // a delivered frame stays in the buffer so long
    std::uint32_t tx_budget = kBurstSize;  // frames an end sends a step
    std::size_t line_frames = 4096;        // that a wire and the device before it hold, at least 64
    Duration step = std::chrono::microseconds(1);
};

/// One end: a link, what waits to be sent, what has been received.
template <class Seq = Cyclic<20>>
class PairEnd {
public:
    using LinkT = BasicLink<SimFrame, Seq>;

    PairEnd(FramePool& pool, const PairOptions& options, const LinkEnd& end,
            const FaultOptions& faults)
        : options_(&options),
          pool_(&pool),
          slots_(slot_count(options.profile)),
          link_(options.profile, end, slots_, pool),
          line_(pool, options.line_frames, end.software_fcs, faults),
          software_fcs_(end.software_fcs) {}

    LinkT& link() { return link_; }
    StormLine& line() { return line_; }

    /// Queues one more frame of `bytes` on `vc`.
    void offer(Vc vc, std::uint32_t bytes, const GhostLook& look = {}) {
        waiting_[vc.value].push_back(
            make_ghost(*pool_, {.vc = vc, .number = offered_[vc.value]++}, bytes, look));
    }
    std::size_t waiting(Vc vc) const { return waiting_[vc.value].size(); }
    std::uint64_t offered(Vc vc) const { return offered_[vc.value]; }
    std::uint64_t received(Vc vc) const { return received_[vc.value]; }
    /// Credits of the delivered frames that have not been drained.
    Credits buffered(Vc vc) const {
        Credits sum;
        for (const Buffered& frame : buffer_) sum += frame.vc == vc ? frame.credits : Credits{};
        return sum;
    }
    /// Frames that are not the next one of their VC, whatever is wrong with them.
    std::uint64_t out_of_order() const {
        std::uint64_t sum = corrupted_;
        for (std::size_t i = 0; i < kMaxVcs; ++i) sum += doubled_[i] + early_[i];
        return sum;
    }
    std::uint64_t corrupted() const { return corrupted_; }  // other bytes, or another VC
    std::uint64_t doubled(Vc vc) const {
        return doubled_[vc.value];
    }                                                              // later ones are here already
    std::uint64_t early(Vc vc) const { return early_[vc.value]; }  // some before are not
    /// Numbers that never came although later ones did; only after expect_gap().
    std::uint64_t skipped(Vc vc) const { return skipped_[vc.value]; }
    std::uint64_t refused(Drop reason) const { return drops_[static_cast<std::size_t>(reason)]; }
    bool idle() const {
        for (const auto& queue : waiting_) {
            if (!queue.empty()) return false;
        }
        return staged_.empty() && buffer_.empty() && line_.frames_held() == 0 &&
               link_.frames_held() == 0;
    }
    /// Forgets everything, as a process that is killed and started again.
    void restart(const LinkEnd& end, Time now) {
        waiting_ = {};
        buffer_.clear();
        staged_.clear();
        slots_ = std::vector<typename LinkT::Slot>(slot_count(options_->profile));
        std::destroy_at(&link_);
        std::construct_at(&link_, options_->profile, end, std::span(slots_), *pool_);
        link_.start(now);
        received_ = {};
        offered_ = {};
    }
    /// The same, but its streams go on with their next number, so that whoever receives them can
    /// tell old frames from new ones. Returns how many it forgot that it was to deliver.
    std::uint64_t reboot(const LinkEnd& end, Time now) {
        const auto offered = offered_;
        const auto received = received_;
        std::uint64_t forgotten = link_.frames_held();
        for (const auto& queue : waiting_) forgotten += queue.size();
        restart(end, now);
        offered_ = offered;
        received_ = received;
        return forgotten;
    }
    /// Starts counting again, as one who knows that a session ended.
    void expect_gap() { gap_allowed_ = true; }

    void receive_from(StormLine& line, Time now) {
        link_.on_time(now);
        Burst<SimFrame> burst;
        line.pop_due(burst, now);
        for (SimFrame& frame : burst) receive(frame, now);
    }
    void drain(Time now) {
        for (std::uint32_t n = drain_budget; n > 0 && !buffer_.empty(); --n) {
            if (buffer_.front().due > now) return;
            link_.on_drained(buffer_.front().vc, buffer_.front().credits);
            buffer_.pop_front();
        }
    }
    void transmit(Time now) {
        link_.poll_control(staged_);
        link_.poll_replay(staged_);
        std::uint32_t budget = options_->tx_budget;
        for (std::uint8_t i = 0; i < options_->profile.vc_count; ++i) {
            auto& queue = waiting_[i];
            while (!queue.empty() && staged_.room() > 0 && budget > 0 &&
                   link_.can_send(Vc{i}, queue.front().size())) {
                --budget;
                link_.send(std::move(queue.front()), Vc{i}, staged_, poison);
                queue.pop_front();
            }
        }
        std::size_t n = 0;
        for (; n < staged_.size() && line_.has_room(); ++n) line_.push(std::move(staged_[n]), now);
        if (n > 0) staged_.drop_front(n);
    }

    // Sees each frame before this end does, FCS included; false: the frame vanishes.
    std::function<bool(SimFrame&)> tap;
    std::function<void(const Ghost&, Time)> on_delivery;  // of a frame that is as it was sent
    bool poison = false;                                  // send new frames as poisoned
    std::uint32_t drain_budget = UINT32_MAX;              // frames that leave the buffer in a step
    bool frozen = false;                                  // it does nothing at all

private:
    struct Buffered {
        Vc vc;
        Credits credits;
        Time due;
    };

    static std::size_t slot_count(const LinkProfile& profile) {
        return std::bit_ceil(std::size_t{profile.llr.max_outstanding_frames} + 1);
    }
    void drop(Drop reason) { ++drops_[static_cast<std::size_t>(reason)]; }

    void receive(SimFrame& frame, Time now) {
        if (tap && !tap(frame)) return;
        if (software_fcs_) {
            if (!wire::fcs_good(frame.bytes())) {
                if (!link_.on_unreadable(frame.bytes(), FrameCheck::kBad)) drop(Drop::kBadFcs);
                return;
            }
            frame.trim(wire::kFcsSize);
        }
        const auto view = wire::parse(frame.bytes());
        if (!view) {
            link_.on_unreadable(frame.bytes(), FrameCheck::kGood);
            return drop(view.error());
        }
        const RxOutcome outcome = link_.on_rx(frame, *view);
        if (outcome.verdict == RxOutcome::Verdict::kDrop) drop(outcome.drop);
        if (outcome.verdict != RxOutcome::Verdict::kDeliver) return;
        deliver(frame, outcome, now);
    }
    void deliver(const SimFrame& frame, const RxOutcome& outcome, Time now) {
        const auto ghost = read_ghost(frame);
        std::uint64_t& next = received_[outcome.vc.value];
        if (ghost && gap_allowed_ && ghost->number > next) {
            skipped_[outcome.vc.value] += ghost->number - next;
            next = ghost->number;
        }
        if (!ghost || ghost->vc != outcome.vc) {
            ++corrupted_;
        } else if (ghost->number < next) {
            ++doubled_[outcome.vc.value];
        } else if (ghost->number > next) {
            ++early_[outcome.vc.value];
        }
        if (ghost && on_delivery) on_delivery(*ghost, now);
        ++next;
        buffer_.push_back({outcome.vc, outcome.credits, now + options_->drain_after});
    }

    const PairOptions* options_;
    FramePool* pool_;
    std::vector<typename LinkT::Slot> slots_;
    LinkT link_;
    StormLine line_;  // from this end to the other
    bool software_fcs_;
    bool gap_allowed_ = false;
    Burst<SimFrame> staged_;
    std::array<std::deque<SimFrame>, kMaxVcs> waiting_;
    std::deque<Buffered> buffer_;
    std::array<std::uint64_t, kMaxVcs> offered_{}, received_{}, skipped_{}, doubled_{}, early_{};
    std::uint64_t corrupted_ = 0;
    std::array<std::uint64_t, kDropCount> drops_{};
};

template <class Seq = Cyclic<20>>
class Pair : public Stepping<Pair<Seq>> {
public:
    using Stepping<Pair>::now;
    using Stepping<Pair>::run_until;

    explicit Pair(const PairOptions& wanted, std::size_t frames = 20'000)
        : options(wanted),
          pool(frames),
          a(pool, options, options.a, options.a_to_b),
          b(pool, options, options.b, options.b_to_a) {
        a.link().start(now);
        b.link().start(now);
    }

    void step() {
        now += options.step;
        if (!a.frozen) a.receive_from(b.line(), now);
        if (!b.frozen) b.receive_from(a.line(), now);
        for (PairEnd<Seq>* end : {&a, &b}) {
            if (!end->frozen) end->drain(now);
        }
        for (PairEnd<Seq>* end : {&a, &b}) {
            if (!end->frozen) end->transmit(now);
        }
    }
    bool come_up() {
        return run_until(
            [&] { return a.link().is_up() && b.link().is_up() && heard(a) && heard(b); },
            std::chrono::seconds(1));
    }
    /// Credits that are not back although nothing is under way (C3).
    std::uint64_t credits_leaked() {
        std::uint64_t sum = 0;
        for (std::uint8_t i = 0; i < options.profile.vc_count; ++i) {
            if (!a.link().is_lossless(Vc{i})) continue;
            sum += a.link().cbfc_sender().in_use(Vc{i}).value;
            sum += b.link().cbfc_sender().in_use(Vc{i}).value;
        }
        return sum;
    }

    const PairOptions options;
    FramePool pool;
    PairEnd<Seq> a, b;

private:
    bool heard(PairEnd<Seq>& end) {
        for (std::uint8_t i = 0; i < options.profile.vc_count; ++i) {
            if (end.link().is_lossless(Vc{i}) && !end.link().cbfc_sender().heard(Vc{i}))
                return false;
        }
        return true;
    }
};

}  // namespace ethlink::sim
