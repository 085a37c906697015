// SPDX-License-Identifier: BSD-3-Clause
// One end of one cable: link-level retry and credits composed, for switches and endpoints alike.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

#include "proto/cbfc_receiver.h"
#include "proto/cbfc_sender.h"
#include "proto/drop.h"
#include "proto/frame.h"
#include "proto/link_stats.h"
#include "proto/llr_rx.h"
#include "proto/llr_tx.h"
#include "proto/profile.h"
#include "proto/replay_buffer.h"
#include "proto/time.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/fcs.h"
#include "proto/wire/frame.h"
#include "proto/wire/hello.h"
#include "proto/wire/link_word.h"

namespace ethlink {

/// What a link needs to know beyond its profile.
struct LinkEnd {
    Keep keep = Keep::kCopy;     // how sent frames are kept for replay (Port::keep())
    bool software_fcs = false;   // the medium checks no FCS: we append and check one
    std::uint16_t epoch = 1;     // of the first session; random in production, low 5 bits not 0
    std::uint32_t init_seq = 0;  // number of its first frame
};

/// What became of a frame that arrived.
struct RxOutcome {
    // As wide as the credits: of a struct in one register each field would be cut out and shifted.
    enum class Verdict : std::uint32_t {
        kDeliver,   // hand it on; `credits` are due back through on_drained(vc, credits)
        kConsumed,  // link control, or refused by LLR (counted there)
        kPunt,      // a hello, good as a frame: for the control thread
        kDrop,      // refused for `drop`; its credits are back already
    };
    Verdict verdict;
    Drop drop;
    Vc vc;
    Credits credits;
};

/// LLR and CBFC of one port, both directions. Single owner: one worker calls everything but the
/// counters. `Out` is anything with room() and push(F&&): the frames it is given leave in order.
///
/// Each turn of the poll loop: on_rx for what arrived; on_time; then poll_control, poll_replay,
/// and send for new frames, in this order (Go-Back-N: nothing new overtakes a replay).
template <FrameHandle F, class Seq = Cyclic<20>>
class BasicLink {
public:
    using Pool = typename F::Pool;
    using Slot = typename ReplayBuffer<F>::Slot;

    /// `slots`: a power of two, at least max_outstanding_frames. Profile, slots and pool outlive
    /// it.
    BasicLink(const LinkProfile& profile, const LinkEnd& end, std::span<Slot> slots, Pool& pool);

    // Inputs.

    /// Opens the link: LLR_INIT goes out with the next poll_control().
    void start(Time now);
    /// A frame with a good FCS (or on a medium that checks it) for which parse() made `view`.
    RxOutcome on_rx(F& frame, const wire::FrameView& view);
    /// on_rx() for the frames of a burst, faster: link_runs.h.
    class Reception;
    /// A frame whose FCS is wrong, or that parse() refused although its FCS is good: LLR must
    /// still see its number. True if LLR counted it.
    bool on_unreadable(std::span<const std::byte> bytes, FrameCheck check);
    /// A delivered frame has left this node: its credits go back to the neighbour.
    void on_drained(Vc vc, Credits credits) {
        cbfc_receiver_.on_drained(vc, credits);
        const std::uint32_t unreported =
            cbfc_receiver_.freed(vc).distance_from(reported_[vc.value]);
        control_urgent_ |= unreported >= cf_threshold_[vc.value];
        control_pending_ = true;
    }
    /// Whether the medium passes frames at all (PCS status).
    void on_pcs_status(bool up, Time now);
    /// Call once a turn, before the outputs.
    void on_time(Time now) {
        now_ = now;
        if (now >= llr_tx_.deadline() || now >= age_due_ || now >= pcs_due_) on_timer(now);
    }

    // Permission.

    /// Whether a frame of `bytes` may go out on `vc` now: credits, window, state.
    bool can_send(Vc vc, std::uint32_t bytes) const {
        if (is_set(llr_desired_, vc)) {
            if (!llr_tx_.is_running()) {
                const FrameAction action = stalled_action();
                if (action == FrameAction::kBlock) return false;
                if (action == FrameAction::kDiscard) return true;  // To die it needs no credits.
            } else if (!llr_tx_.can_send() || !replay_.has_room(bytes)) {
                return false;
            }
        }
        return !is_set(credited_, vc) || cbfc_sender_.can_send(vc, rule_.credits(bytes));
    }

    // Outputs.

    /// Sends a new frame. Only after can_send(); there must be room in `out`.
    template <class Out>
    [[gnu::always_inline]] inline void send(F&& frame, Vc vc, Out& out, bool poisoned = false);
    /// Sends one frame or more that wait on `vc`, up to `bytes_max`, and gives their bytes: the
    /// same as can_send() and send() for each, but what belongs to the run is looked up and counted
    /// once. Only after can_send() for the first. `queue` has empty(), front_bytes() and pop().
    template <class Queue, class Out>
    [[gnu::always_inline]] inline std::uint32_t send_run(Queue& queue, Vc vc,
                                                         std::uint32_t bytes_max, Out& out);
    /// ACK, NACK, INIT, CF_Update and CC_Update, as far as they are due.
    template <class Out>
    void poll_control(Out& out) {
        if (control_urgent_ || control_pending_ || now_ >= full_report_due_ || now_ >= cc_due_) {
            emit_due_control(out);
        }
    }
    /// Frames of a replay under way, as far as there is room.
    template <class Out>
    void poll_replay(Out& out) {
        if (llr_tx_.is_replaying()) [[unlikely]]
            emit_replay(out);
    }
    /// A hello, beside the sequence, whatever state the link is in. False: no buffer. There must be
    /// room in `out`.
    template <class Out>
    [[gnu::cold]] bool send_hello(const wire::Hello& hello, Out& out);
    /// When this link next wants a turn although nothing arrives and nothing is queued.
    Time deadline() const;

    // Queries.

    bool is_up() const {
        return llr_desired_ == 0 || !profile_->llr_remote || llr_tx_.is_running();
    }
    Credits credits(std::uint32_t bytes) const { return rule_.credits(bytes); }
    /// Of the credits in use, over all VCs: what has been sent and not been given back. Rounded up
    /// to whole credits, frame by frame.
    std::uint64_t bytes_at_neighbour() const {
        std::uint64_t credits = 0;
        for (std::uint32_t vcs = credited_; vcs != 0; vcs &= vcs - 1) {
            const Vc vc{static_cast<std::uint8_t>(std::countr_zero(vcs))};
            credits += cbfc_sender_.in_use(vc).value;
        }
        return credits * profile_->cbfc_profile.credit_size;
    }
    bool is_lossless(Vc vc) const { return is_set(credited_, vc); }
    const LinkProfile& profile() const { return *profile_; }
    const BasicLlrTx<Seq>& llr_tx() const { return llr_tx_; }
    const BasicLlrRx<Seq>& llr_rx() const { return llr_rx_; }
    const CbfcSender& cbfc_sender() const { return cbfc_sender_; }
    const CbfcReceiver& cbfc_receiver() const { return cbfc_receiver_; }
    /// Frames that wait for an ACK here.
    std::uint32_t frames_held() const { return replay_.size(); }
    const LinkStats& stats() const { return stats_; }
    /// Copies the state into stats().status for other threads. Cheap enough for every millisecond.
    void publish();

private:
    static bool is_set(std::uint32_t mask, Vc vc) { return (mask >> vc.value & 1u) != 0; }
    static std::uint16_t next_epoch(std::uint16_t epoch);
    std::uint8_t session() const {
        return static_cast<std::uint8_t>(llr_tx_.epoch() & BasicLlrRx<Seq>::kSessionMask);
    }

    // Cold half: link_control.h, link_emit.h. Kept out of line, so that the hot half is small
    // enough to be compiled into the poll loop as one piece.
    [[gnu::noinline]] RxOutcome on_control(wire::FrameView view, bool eligible);
    void on_ctl_os(const wire::CtlOs& set, bool ours);
    void on_ack_or_nack(const wire::CtlOs& set);
    void on_cc_update(const wire::ControlFrameView& control, bool eligible);
    void note_epoch(std::uint16_t rx_epoch);
    [[gnu::cold]] void count_refusal(LlrRxVerdict verdict, FrameCheck check);
    void accepted(Vc vc, std::uint32_t frames, std::uint32_t bytes);
    [[gnu::cold]] RxOutcome overflow(Vc vc, Credits credits);
    [[gnu::noinline]] void on_timer(Time now);
    void begin_session(Time now);
    void flush(Time now);
    void release(std::uint32_t count, Seq oldest);
    [[gnu::noinline]] void watch_round_trip(Seq seq);
    void end_round_trip(std::uint32_t released, Seq oldest);
    void note_tx_state(LlrTxState before, Time now);
    [[gnu::cold]] FrameAction stalled_action() const;
    [[gnu::cold]] bool discard_if_stalled(F& frame);
    template <class Out>
    [[gnu::noinline]] void emit_due_control(Out& out);
    template <class Out>
    void emit_ordered_sets(Out& out);
    void say(wire::ControlFrameWriter& writer, const wire::CtlOs& set, LinkStat as);
    void say_answer(wire::ControlFrameWriter& writer, bool full);
    void say_sessions(wire::ControlFrameWriter& writer);
    void say_credits(wire::ControlFrameWriter& writer, bool full);
    template <class Out>
    bool emit_cc_update(Out& out);
    template <class Write>
    F control_frame(Write write);
    template <class Out>
    void push_beside(F&& frame, Out& out);
    template <class Out>
    [[gnu::cold]] void emit_replay(Out& out);
    template <class Out>
    [[gnu::always_inline]] inline void sequence(F&& frame, std::uint32_t bytes, Vc vc,
                                                bool poisoned, Out& out);
    [[gnu::noinline]] bool append_fcs(F& frame);
    /// What goes out of a frame that has just been kept.
    F hand_out(Slot& slot) {
        if (end_.keep == Keep::kShare) return slot.frame.share();
        return is_lent(slot) ? ReplayBuffer<F>::lend(slot) : pool_->copy(slot.frame);
    }
    /// What goes out of it again.
    F hand_out_again(Slot& slot) {
        if (end_.keep == Keep::kShare) return slot.frame.share();
        return is_lent(slot) ? ReplayBuffer<F>::copy_lent(slot, *pool_) : pool_->copy(slot.frame);
    }
    bool is_lent(const Slot& slot) const {
        return end_.keep == Keep::kLend && slot.bytes >= kLentMin;
    }
    // A short frame is copied in less time than two owners take to agree that it is free.
    static constexpr std::uint32_t kLentMin = 512;

    void add(LinkStat stat, std::uint64_t n = 1) { stats_.counters.add(stat, n); }

    const LinkProfile* profile_;
    Pool* pool_;
    LinkEnd end_;
    std::uint32_t credited_ = 0;     // bit per VC: CBFC counts it
    std::uint32_t llr_desired_ = 0;  // bit per VC
    Time now_{};
    Time control_due_ = kNever;  // what is pending goes out at the latest then
    Time full_report_due_{};     // ordered sets that repeat everything
    Time cc_due_ = kNever;
    Time age_due_{};                // no frame is too old before
    Time pcs_due_ = kNever;         // the medium has been down for pcs_lost_timeout then
    bool control_urgent_ = false;   // ordered sets at once
    bool control_pending_ = false;  // something to say: within ack_delay
    bool init_due_ = false;
    std::uint8_t deaf_ = 0;  // control frames in a row in which the neighbour knew no such session
    bool known_ = false;     // the neighbour has named this session
    Vc rx_vc_{};             // of the last data frame that came in
    std::uint32_t unanswered_bytes_ = 0;  // accepted since the last ACK
    CreditRule rule_;
    BasicLlrTx<Seq> llr_tx_;
    BasicLlrRx<Seq> llr_rx_;
    ReplayBuffer<F> replay_;
    CbfcSender cbfc_sender_;
    CbfcReceiver cbfc_receiver_;
    std::array<CreditCounter, kMaxVcs> reported_{};      // R_CF of the last CF_Update
    std::array<std::uint32_t, kMaxVcs> cf_threshold_{};  // so many freed credits are urgent
    // INIT_ECHO that is owed, if echo_epoch_ != 0.
    Seq echo_seq_;
    std::uint16_t echo_epoch_ = 0;
    std::uint16_t last_epoch_;
    std::uint32_t cc_session_ = 0;  // LlrRx::sessions() when the last CC_Update was obeyed
    std::uint32_t replays_published_ = 0;
    // Round trip: one frame at a time is watched from its first sending to its ACK.
    bool rtt_watching_ = false;
    Seq rtt_seq_;
    Time rtt_sent_at_{};
    Duration rtt_{};
    Time stalled_since_{};  // LLR has not been running since
    Time state_since_{};
    LinkStats stats_;
};

template <FrameHandle F, class Seq>
RxOutcome BasicLink<F, Seq>::on_rx(F& frame, const wire::FrameView& view) {
    using Verdict = RxOutcome::Verdict;
    const auto word = wire::LinkWord::decode(view.link_word_raw());
    const FrameCheck check = word.poisoned ? FrameCheck::kPoisoned : FrameCheck::kGood;
    if (word.eligible) [[likely]] {
        const LlrRxVerdict verdict = llr_rx_.on_frame(word.session, Seq(word.sequence), check);
        if (verdict != LlrRxVerdict::kAccept) [[unlikely]] {
            count_refusal(verdict, check);
            return {Verdict::kConsumed, Drop::kCount, word.vc, {}};
        }
        unanswered_bytes_ += view.size();
        control_urgent_ |= unanswered_bytes_ >= profile_->llr.ctlos_spacing_bytes;
        control_pending_ = true;
        add(word.poisoned ? LinkStat::kLlrRxExpectedSeqPoisoned : LinkStat::kLlrRxExpectedSeqGood);
    } else if (!view.is_control()) {
        add(LinkStat::kLlrRxIneligible);
    }
    if (view.is_control()) [[unlikely]]
        return on_control(view, word.eligible);
    if (word.vc.value >= profile_->vc_count) [[unlikely]] {
        return {Verdict::kDrop, Drop::kUnknownVc, word.vc, {}};
    }
    wire::store_link_word(frame.bytes().data(), 0);
    Credits credits{};
    if (is_set(credited_, word.vc)) [[likely]] {
        credits = rule_.credits(view.size());
        if (!cbfc_receiver_.fits(word.vc, credits)) [[unlikely]]
            return overflow(word.vc, credits);
        cbfc_receiver_.on_frame(word.vc, credits);
    }
    rx_vc_ = word.vc;
    VcStats& vc = stats_.vcs[word.vc.value];
    vc.rx_frames.add();
    vc.rx_bytes.add(view.size());
    if (word.poisoned) [[unlikely]] {
        on_drained(word.vc, credits);
        return {Verdict::kDrop, Drop::kPoisoned, word.vc, {}};
    }
    return {Verdict::kDeliver, Drop::kCount, word.vc, credits};
}

template <FrameHandle F, class Seq>
template <class Out>
void BasicLink<F, Seq>::send(F&& frame, Vc vc, Out& out, bool poisoned) {
    const std::uint32_t bytes = frame.size();
    const bool desired = is_set(llr_desired_, vc);
    if (desired && !llr_tx_.is_running() && discard_if_stalled(frame)) [[unlikely]]
        return;
    VcStats& stats = stats_.vcs[vc.value];
    stats.tx_frames.add();
    stats.tx_bytes.add(bytes);
    if (is_set(credited_, vc)) {
        cbfc_sender_.on_sent(vc, rule_.credits(bytes));
        stats.sender_credits_used_watermark.raise_to(cbfc_sender_.in_use(vc).value);
    }
    if (desired && llr_tx_.is_running()) [[likely]] {
        sequence(std::move(frame), bytes, vc, poisoned, out);
        return;
    }
    const wire::LinkWord word{.poisoned = poisoned, .vc = vc};
    wire::store_link_word(frame.bytes().data(), word.encode());
    add(LinkStat::kLlrTxIneligible);
    if (end_.software_fcs && !append_fcs(frame)) return;
    out.push(std::move(frame));
}

template <FrameHandle F, class Seq>
template <class Out>
void BasicLink<F, Seq>::sequence(F&& frame, std::uint32_t bytes, Vc vc, bool poisoned, Out& out) {
    const Seq seq = llr_tx_.on_sent(now_);
    if (!rtt_watching_) [[unlikely]]
        watch_round_trip(seq);
    const wire::LinkWord word{.eligible = true,
                              .poisoned = poisoned,
                              .vc = vc,
                              .session = session(),
                              .sequence = seq.value()};
    wire::store_link_word(frame.bytes().data(), word.encode());
    // Without room for an FCS the neighbour sees a damaged frame; the capacity plan excludes it.
    if (end_.software_fcs) append_fcs(frame);
    F again = hand_out(replay_.push(seq.value(), std::move(frame), bytes, now_));
    add(poisoned ? LinkStat::kLlrTxPoisoned : LinkStat::kLlrTxOk);
    if (again) [[likely]] {
        out.push(std::move(again));
    } else {
        add(LinkStat::kTxNoBuffer);  // Kept, so the neighbour's NACK or the timer will send it.
    }
}

template <FrameHandle F>
using Link = BasicLink<F>;

}  // namespace ethlink

#include "proto/link_control.h"  // IWYU pragma: keep
#include "proto/link_emit.h"     // IWYU pragma: keep
#include "proto/link_runs.h"     // IWYU pragma: keep
