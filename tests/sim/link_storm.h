// SPDX-License-Identifier: BSD-3-Clause
// One seed of two links in a storm: what is drawn, what happens when, what must hold at each step.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/sim/pair.h"
#include "tests/sim/sweep.h"

namespace ethlink::sim {

/// What may be in the way of LLR's numbers: with few of them a frame must not be very late (L4).
struct LinkStormRules {
    std::uint32_t window_max = 64;
    bool stale_copies = true;
};

/// Storm, then calm, then everything must have arrived once and in order, all credits are back,
/// and a link that was torn apart works as on its first day. Where sessions end, frames may be
/// missing, but no more than were given up with a counter that says so.
template <class Seq>
class LinkStorm {
public:
    LinkStorm(const Trial& trial, Oracle& oracle, const LinkStormRules& rules)
        : oracle_(oracle), draw_(trial, oracle), rules_(rules), pair_(options(), 4000) {
        work_ = trial.work(draw_.between(10, 200), oracle);
        draw_wire(pair_.a);
        draw_wire(pair_.b);
        draw_events();
        if (draw_.is(Fault::kSlowReceiver)) {
            pair_.a.drain_budget = pair_.b.drain_budget = 1;
        }
        if (!events_.empty() || poison_) {
            pair_.a.expect_gap();
            pair_.b.expect_gap();
        }
    }

    void run() {
        const Time end = pair_.now + std::chrono::milliseconds(20);
        while (pair_.now < end && oracle_.is_sound() && !has_happened()) turn();
        calm();
        demand_everything();
        add_up();
    }

private:
    struct Event {
        Time from, to;
        Fault fault;
        bool at_a;
        bool running = false;
    };

    // Drawing.

    PairOptions options() {
        using namespace std::chrono_literals;
        PairOptions options;
        LinkProfile& profile = options.profile;
        profile.vc_count = 3;
        profile.vcs[2].lossless = false;
        profile.vcs[2].llr_desired = false;
        const auto window = static_cast<std::uint32_t>(draw_.between(1, rules_.window_max));
        const auto tiny = static_cast<std::uint32_t>(draw_.between(1, 3));
        profile.llr.max_outstanding_frames = draw_.is(Fault::kTinyWindow, 0.2) ? tiny : window;
        profile.llr.max_outstanding_bytes = 1 << 16;
        profile.llr.max_replay_timer = 40us;
        profile.llr.max_replay_count = LlrProfile::kReplayForEver;
        profile.llr.data_age_timeout = 0s;
        profile.llr.pcs_lost_timeout = 30us;
        profile.llr.init_interval = 20us;
        profile.llr.ack_delay = 2us;
        profile.llr.ctlos_spacing_bytes = static_cast<std::uint32_t>(draw_.between(64, 2000));
        profile.cbfc_profile.cf_update_interval = 30us;
        profile.cbfc_profile.cc_message_timer = 50us;
        // The largest frame takes 11 credits.
        const auto plenty = static_cast<std::uint32_t>(draw_.between(40, 140));
        const bool few = draw_.is(Fault::kTinyCredits, 0.3);
        profile.vcs[0].reserved = Credits{few ? 11u : plenty};
        profile.vcs[1].reserved = Credits{few ? 12u : 40u};
        share_credits(profile);
        options.a.init_seq = static_cast<std::uint32_t>(draw_.random.next());
        options.b.init_seq = static_cast<std::uint32_t>(draw_.random.next());
        options.a_to_b.seed = draw_.random.next();
        options.b_to_a.seed = draw_.random.next();
        const auto drain_after = Duration(static_cast<std::int64_t>(draw_.random.below(5000)));
        options.drain_after = drain_after;
        const auto budget = static_cast<std::uint32_t>(draw_.between(1, 3));
        if (draw_.is(Fault::kSlowSender, 0.3)) options.tx_budget = budget;
        return options;
    }
    void share_credits(LinkProfile& profile) {
        const auto size = static_cast<std::uint32_t>(draw_.between(5, 60));
        const auto most = static_cast<std::uint32_t>(draw_.between(0, 60));
        const auto power = static_cast<std::int8_t>(static_cast<int>(draw_.between(0, 4)) - 2);
        const bool dynamic = draw_.random.chance(0.5);
        if (!draw_.is(Fault::kSharedCredits, 0.3)) return;
        profile.cbfc_profile.shared_size = Credits{size};
        for (std::uint8_t i = 0; i < 2; ++i) {
            VcProfile& vc = profile.vcs[i];
            vc.threshold_mode = dynamic ? ThresholdMode::kDynamic : ThresholdMode::kStatic;
            vc.shared_static = Credits{most};
            vc.shared_dynamic = power;
        }
    }
    /// How many frames may overtake one, so that its number still means one frame only (L4). Data
    /// need W + D < M. ACKs need more: each that overtakes a late one may have moved the window by
    /// W, so the late one is up to D W numbers old, and up to W are outstanding: (D + 1) W < M.
    std::uint32_t reorder_distance() const {
        const std::uint32_t window = pair_.options.profile.llr.max_outstanding_frames;
        return std::min(3u, (Seq::kModulus - 1) / window - 1);
    }
    void draw_wire(PairEnd<Seq>& from) {
        FaultOptions faults;
        faults.loss = draw_.rate(Fault::kLoss, 0.3);
        faults.bit_error = draw_.rate(Fault::kBitError, 0.2);
        faults.duplicate = draw_.rate(Fault::kDuplicate, 0.2);
        faults.reorder = draw_.rate(Fault::kReorder, 0.2);
        faults.reorder_distance = reorder_distance();
        if (faults.reorder_distance == 0) faults.reorder = 0;
        const auto delay = Duration(static_cast<std::int64_t>(draw_.random.below(3000)));
        if (draw_.is(Fault::kDelay)) faults.delay = delay;
        const auto jitter = Duration(static_cast<std::int64_t>(draw_.random.below(3000)));
        if (draw_.is(Fault::kJitter)) faults.jitter = jitter;
        const auto mbps = static_cast<double>(draw_.between(1000, 20'000));
        if (draw_.is(Fault::kNarrow, 0.2)) faults.rate_mbps = mbps;
        faults.llr_ack_drop = draw_.rate(Fault::kAckLoss, 0.5);
        faults.llr_nack_drop = draw_.rate(Fault::kNackLoss, 0.5);
        const double poison = 0.05 * static_cast<double>(draw_.random.below(1000)) / 1000;
        if (draw_.has(Fault::kPoison, 0.1)) faults.fcs_poisoned = poison;
        poison_ |= faults.fcs_poisoned > 0;
        from.line().set(faults);

        StormOptions storm;
        storm.burst = draw_.rate(Fault::kBurst, 0.02);
        storm.header_error = draw_.rate(Fault::kHeaderError, 0.1);
        storm.resize = draw_.rate(Fault::kResize, 0.1);
        storm.stale_by = Duration(static_cast<std::int64_t>(draw_.random.below(300'000)));
        const double stale = 0.05 * static_cast<double>(draw_.random.below(1000)) / 1000;
        if (rules_.stale_copies && draw_.has(Fault::kStale)) storm.stale = stale;
        stale_ |= storm.stale > 0;
        from.line().set_storm(storm);
    }
    /// A few interruptions, one after the other, at either end.
    void draw_events() {
        draw_event(Fault::kCut, 10, 300);
        draw_event(Fault::kLinkDown, 40, 200);
        draw_event(Fault::kRestart, 1, 1);
        draw_event(Fault::kRestart, 1, 1);
        draw_event(Fault::kFreeze, 5, 400);
        draw_event(Fault::kCut, 10, 100);
    }
    void draw_event(Fault fault, std::uint64_t least_us, std::uint64_t most_us) {
        const auto begin = std::chrono::microseconds(draw_.between(0, 600));
        const auto length = std::chrono::microseconds(draw_.between(least_us, most_us));
        const bool at_a = draw_.random.chance(0.5);
        if (!draw_.has(fault, 0.15)) return;
        events_.push_back({pair_.now + begin, pair_.now + begin + length, fault, at_a});
    }

    // Running.

    void turn() {
        offer(pair_.a);
        offer(pair_.b);
        for (Event& event : events_) happen(event);
        pair_.step();
        look(pair_.a);
        look(pair_.b);
    }
    /// A few frames wait at any time, so that there is work before and after each interruption.
    void offer(PairEnd<Seq>& end) {
        for (std::uint8_t i = 0; i < 3; ++i) {
            if (end.waiting(Vc{i}) >= 8 || total(end) >= work_) continue;
            if (draw_.random.chance(0.5)) end.offer(Vc{i}, size());
        }
    }
    std::uint32_t size() { return kGhostMin + static_cast<std::uint32_t>(draw_.random.below(600)); }
    static std::uint64_t total(const PairEnd<Seq>& end) {
        return end.offered(Vc{0}) + end.offered(Vc{1}) + end.offered(Vc{2});
    }
    bool has_happened() {
        const bool over = std::ranges::all_of(
            events_, [&](const Event& event) { return event.to < pair_.now && !event.running; });
        return over && total(pair_.a) >= work_ && total(pair_.b) >= work_ && pair_.a.idle() &&
               pair_.b.idle();
    }
    void happen(Event& event) {
        const bool due = pair_.now >= event.from && pair_.now < event.to;
        if (due == event.running) return;
        event.running = due;
        PairEnd<Seq>& end = event.at_a ? pair_.a : pair_.b;
        PairEnd<Seq>& other = event.at_a ? pair_.b : pair_.a;
        if (due) oracle_.ledger.faults.add(event.fault);
        if (event.fault == Fault::kCut) end.line().cut(due);
        if (event.fault == Fault::kFreeze) end.frozen = due;
        if (event.fault == Fault::kRestart && due) restart(end, other);
        if (event.fault == Fault::kLinkDown) {
            end.line().cut(due);
            other.line().cut(due);
            end.link().on_pcs_status(!due, pair_.now);
            other.link().on_pcs_status(!due, pair_.now);
        }
    }
    /// Its memory is gone, and what was on its way to it (decision 0015).
    void restart(PairEnd<Seq>& end, PairEnd<Seq>& other) {
        given_up_ += given_up_by(end);
        other.line().clear();
        // Far from those that either end counts up to by itself: random numbers do not meet.
        epoch_ += 8;
        LinkEnd fresh{.software_fcs = true, .epoch = epoch_, .init_seq = 0};
        fresh.init_seq = static_cast<std::uint32_t>(draw_.random.next());
        given_up_ += end.reboot(fresh, pair_.now);
    }
    static std::uint64_t given_up_by(PairEnd<Seq>& end) {
        const auto& stats = end.link().stats();
        return stats.read(LinkStat::kLlrTxFlushedFrames) + stats.read(LinkStat::kLlrTxDiscard);
    }

    // What must hold.

    /// At every step: the window, both ends' credits, the buffer that they stand for.
    void look(PairEnd<Seq>& end) {
        const auto& link = end.link();
        const LinkProfile& profile = pair_.options.profile;
        oracle_.at_most(Invariant::kL2, link.frames_held(), profile.llr.max_outstanding_frames,
                        "unacknowledged frames");
        oracle_.equal(Invariant::kL13, link.frames_held(), link.llr_tx().outstanding(),
                      "frames kept for replay");
        std::uint64_t shared = 0;
        for (std::uint8_t i = 0; i < 2; ++i) {
            const Vc vc{i};
            const auto limit = link.cbfc_receiver().limit(vc).value;
            const auto held = link.cbfc_receiver().held(vc).value;
            oracle_.at_most(Invariant::kC1, held, limit, "credits in the receiver's buffer");
            oracle_.equal(Invariant::kC2, held, end.buffered(vc).value, "credits of its frames");
            oracle_.at_most(Invariant::kC2, link.cbfc_sender().in_use(vc).value, limit,
                            "credits in use");
            shared += held - std::min(held, profile.vcs[i].reserved.value);
        }
        oracle_.at_most(Invariant::kC1, shared, profile.cbfc_profile.shared_size.value,
                        "shared credits in the receiver's buffer");
        oracle_.equal(Invariant::kL1, wrong(end), 0, "frames out of order, twice, or damaged");
    }
    /// Best effort may be lost, and come twice if the wire doubles it; never with other bytes.
    static std::uint64_t wrong(const PairEnd<Seq>& end) {
        return end.corrupted() + doubled(end) + early(end);
    }
    static std::uint64_t doubled(const PairEnd<Seq>& end) {
        return end.doubled(Vc{0}) + end.doubled(Vc{1});
    }
    static std::uint64_t early(const PairEnd<Seq>& end) {
        return end.early(Vc{0}) + end.early(Vc{1});
    }
    void calm() {
        if (!oracle_.is_sound()) return;
        for (PairEnd<Seq>* end : {&pair_.a, &pair_.b}) {
            end->line().calm();
            end->frozen = false;
            end->drain_budget = UINT32_MAX;
        }
        for (Event& event : events_) event.from = event.to;  // Nothing more happens.
        for (Event& event : events_) happen(event);
        settle("everything that waits after the storm");
        // Both have to notice that the neighbour is another one. Then, whatever has happened, all
        // works.
        const Time noticed = pair_.now + std::chrono::milliseconds(20);
        while (pair_.now < noticed && oracle_.is_sound() && !have_met()) step();
        oracle_.holds(Invariant::kR2, have_met(), "the two ends do not find together");
        for (int i = 0; i < 5; ++i) {
            for (std::uint8_t vc = 0; vc < 2; ++vc) {
                pair_.a.offer(Vc{vc}, size());
                pair_.b.offer(Vc{vc}, size());
            }
        }
        settle("frames after the storm");
        for (int i = 0; i < 500 && oracle_.is_sound(); ++i) step();
    }
    bool have_met() {
        return knows(pair_.a.link(), pair_.b.link()) && knows(pair_.b.link(), pair_.a.link());
    }
    template <class Link>
    static bool knows(const Link& sender, const Link& receiver) {
        return sender.llr_tx().is_running() && sender.llr_tx().epoch() == receiver.llr_rx().epoch();
    }
    void step() {
        pair_.step();
        look(pair_.a);
        look(pair_.b);
    }
    void settle(std::string_view what) {
        const Time end = pair_.now + std::chrono::milliseconds(50);
        while (pair_.now < end && oracle_.is_sound() && !(pair_.a.idle() && pair_.b.idle())) step();
        oracle_.holds(Invariant::kL1, pair_.a.idle() && pair_.b.idle(),
                      std::string("stuck: ") + std::string(what));
    }
    void demand_everything() {
        if (!oracle_.is_sound()) return;
        given_up_ += given_up_by(pair_.a) + given_up_by(pair_.b);
        const std::uint64_t poisoned = refused(Drop::kPoisoned);
        std::uint64_t missing = 0;
        for (std::uint8_t i = 0; i < 2; ++i) {
            oracle_.equal(Invariant::kL1, pair_.b.received(Vc{i}), pair_.a.offered(Vc{i}),
                          "a to b");
            oracle_.equal(Invariant::kL1, pair_.a.received(Vc{i}), pair_.b.offered(Vc{i}),
                          "b to a");
            missing += pair_.b.skipped(Vc{i}) + pair_.a.skipped(Vc{i});
        }
        oracle_.at_most(Invariant::kL1, missing, given_up_ + poisoned, "missing frames");
        if (given_up_ == 0) oracle_.equal(Invariant::kL10, missing, poisoned, "missing frames");
        if (events_.empty() && !stale_) {
            oracle_.equal(Invariant::kL1, given_up_, 0, "frames given up without a reason");
        }
        oracle_.equal(Invariant::kC3, pair_.credits_leaked(), 0, "credits that are not back");
        oracle_.equal(Invariant::kC1, refused(Drop::kCreditOverflow), 0, "frames without credits");
        const std::uint64_t lost = missing - std::min(missing, given_up_ + poisoned);
        oracle_.ledger.tally.add(Tally::kGivenUp, missing - lost);
        oracle_.ledger.tally.add(Tally::kLost, lost);
    }
    std::uint64_t refused(Drop reason) const {
        return pair_.a.refused(reason) + pair_.b.refused(reason);
    }
    void add_up() {
        Ledger& ledger = oracle_.ledger;
        for (PairEnd<Seq>* end : {&pair_.a, &pair_.b}) {
            ledger.faults.add(end->line().faults());
            ledger.tally.add(Tally::kCorrupted, end->corrupted());
            ledger.tally.add(Tally::kDoubled, doubled(*end));
            ledger.tally.add(Tally::kReordered, early(*end));
            for (const Vc vc : {Vc{0}, Vc{1}}) {
                const std::uint64_t wrong = end->skipped(vc) + end->doubled(vc) + end->early(vc);
                ledger.tally.add(Tally::kSent, end->offered(vc));
                ledger.tally.add(Tally::kDelivered, end->received(vc) - wrong);
            }
        }
    }

    Oracle& oracle_;
    Draw draw_;
    LinkStormRules rules_;
    std::uint64_t work_ = 0;
    bool poison_ = false, stale_ = false;
    std::uint16_t epoch_ = 1;  // of the first session after the last restart
    std::uint64_t given_up_ = 0;
    std::vector<Event> events_;
    Pair<Seq> pair_;
};

}  // namespace ethlink::sim
