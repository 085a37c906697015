// SPDX-License-Identifier: BSD-3-Clause
// The cold half of Link: sessions, link control frames that arrive, timers, flush. Included by
// link.h only; link_emit.h has what goes out.
#pragma once

#include <algorithm>

#include "proto/link.h"
#include "proto/wire/control_frame.h"

namespace ethlink {

template <FrameHandle F, class Seq>
BasicLink<F, Seq>::BasicLink(const LinkProfile& profile, const LinkEnd& end, std::span<Slot> slots,
                             Pool& pool)
    : profile_(&profile),
      pool_(&pool),
      end_(end),
      rule_(profile.cbfc_profile),
      llr_tx_(profile.llr),
      replay_(slots, profile.llr.max_outstanding_bytes),
      cbfc_sender_(profile),
      cbfc_receiver_(profile),
      last_epoch_(end.epoch) {
    if (end_.software_fcs) end_.keep = with_fcs(end_.keep);
    for (std::size_t i = 0; i < profile.vc_count; ++i) {
        const VcProfile& vc = profile.vcs[i];
        if (vc.lossless && profile.cbfc) credited_ |= 1u << i;
        if (vc.llr_desired) llr_desired_ |= 1u << i;
        // A quarter: while one quarter is on its way back, three keep the sender going.
        cf_threshold_[i] = std::max(vc.reserved.value / 4, 1u);
    }
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::start(Time now) {
    now_ = state_since_ = stalled_since_ = full_report_due_ = now;
    if (profile_->llr_local) llr_rx_.start();
    if (profile_->llr_remote) {
        begin_session(now);
    } else if (credited_ != 0) {
        cc_due_ = now;
    }
}

template <FrameHandle F, class Seq>
std::uint16_t BasicLink<F, Seq>::next_epoch(std::uint16_t epoch) {
    // The low five bits travel in each frame as "session", and 0 means none.
    do ++epoch;
    while ((epoch & BasicLlrRx<Seq>::kSessionMask) == 0);
    return epoch;
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::begin_session(Time now) {
    const LlrTxState before = llr_tx_.state();
    const bool first = before == LlrTxState::kOff;
    if (!first) last_epoch_ = next_epoch(last_epoch_);
    llr_tx_.begin_init(first ? Seq(end_.init_seq) : llr_tx_.next(), last_epoch_, now);
    note_tx_state(before, now);
    cbfc_sender_.reset();
    rtt_watching_ = false;
    cc_due_ = kNever;
    deaf_ = 0;
    known_ = false;
    control_urgent_ = true;
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::note_tx_state(LlrTxState before, Time now) {
    if (before == llr_tx_.state()) return;
    const auto spent = static_cast<std::uint64_t>((now - state_since_).count());
    stats_.status.ns_in_tx_state[static_cast<std::size_t>(before)].add(spent);
    state_since_ = now;
    const bool ran = before == LlrTxState::kAdvance || before == LlrTxState::kReplay;
    if (ran && !llr_tx_.is_running()) stalled_since_ = now;
    if (before == LlrTxState::kReplay && llr_tx_.state() == LlrTxState::kAdvance) {
        add(LinkStat::kLlrTxReplay);
    }
}

// Receiving.

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::count_refusal(LlrRxVerdict verdict, FrameCheck check) {
    switch (verdict) {
        case LlrRxVerdict::kAccept: break;
        case LlrRxVerdict::kDuplicate: add(LinkStat::kLlrRxDuplicateSeq); break;
        case LlrRxVerdict::kMissing: add(LinkStat::kLlrRxMissingSeq); break;
        case LlrRxVerdict::kExpectedBad: add(LinkStat::kLlrRxExpectedSeqBad); break;
        case LlrRxVerdict::kNoSession: add(LinkStat::kLlrRxNoSession); break;
    }
    switch (check) {
        case FrameCheck::kGood: add(LinkStat::kLlrRxOk); break;
        case FrameCheck::kPoisoned: add(LinkStat::kLlrRxPoisoned); break;
        case FrameCheck::kBad: add(LinkStat::kLlrRxBad); break;
    }
    control_urgent_ |= llr_rx_.is_urgent();
}

template <FrameHandle F, class Seq>
RxOutcome BasicLink<F, Seq>::overflow(Vc vc, Credits credits) {
    // The neighbour broke its promise: the frame dies here, and its credits go straight back.
    cbfc_receiver_.on_frame(vc, credits);
    on_drained(vc, credits);
    return {RxOutcome::Verdict::kDrop, Drop::kCreditOverflow, vc, {}};
}

template <FrameHandle F, class Seq>
bool BasicLink<F, Seq>::on_unreadable(std::span<const std::byte> bytes, FrameCheck check) {
    if (bytes.size() < wire::kOefhSize) return false;
    const std::uint16_t ether_type = load_be16(bytes.data() + wire::kEtherTypeOffset);
    const bool ours = ether_type == wire::kEtherTypeData || ether_type == wire::kEtherTypeControl ||
                      ether_type == wire::kEtherTypeVlan;
    const auto word = wire::LinkWord::decode(wire::load_link_word(bytes.data()));
    if (!ours || !word.eligible) return false;
    if (check == FrameCheck::kGood && word.poisoned) check = FrameCheck::kPoisoned;
    const LlrRxVerdict verdict = llr_rx_.on_frame(word.session, Seq(word.sequence), check);
    if (verdict != LlrRxVerdict::kAccept) {
        count_refusal(verdict, check);
        return true;
    }
    const bool poisoned = check == FrameCheck::kPoisoned;
    add(poisoned ? LinkStat::kLlrRxExpectedSeqPoisoned : LinkStat::kLlrRxExpectedSeqGood);
    control_pending_ = true;
    return true;
}

template <FrameHandle F, class Seq>
RxOutcome BasicLink<F, Seq>::on_control(wire::FrameView view, bool eligible) {
    using Verdict = RxOutcome::Verdict;
    const auto control = wire::parse_control(view.bytes());
    if (!control) return {Verdict::kDrop, control.error(), Vc{}, {}};
    switch (control->kind()) {
        case wire::ControlKind::kHello: return {Verdict::kPunt, Drop::kCount, Vc{}, {}};
        case wire::ControlKind::kCcUpdate: on_cc_update(*control, eligible); break;
        case wire::ControlKind::kOrderedSets: {
            note_epoch(control->rx_epoch());
            const bool ours = control->rx_epoch() == llr_tx_.epoch();
            for (std::size_t i = 0; i < control->count(); ++i) on_ctl_os(control->ctl_os(i), ours);
        }
    }
    return {Verdict::kConsumed, Drop::kCount, Vc{}, {}};
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::note_epoch(std::uint16_t rx_epoch) {
    // A neighbour that was restarted knows no session, or another one. One such frame may be a
    // stale copy; several in a row, with no progress, are not (model: restart without epoch).
    // What it said before our first frame reached it says nothing, however much of it was under
    // way: until it has once named this session, only the replay timer tells that it is gone.
    static constexpr std::uint8_t kDeaf = 3;
    static constexpr std::uint8_t kReplaysBeforeKnown = 64;
    if (!llr_tx_.is_running()) return;
    known_ |= rx_epoch == llr_tx_.epoch();
    deaf_ = rx_epoch == llr_tx_.epoch() ? std::uint8_t{0}
                                        : static_cast<std::uint8_t>(std::min(deaf_ + 1, +kDeaf));
    if (deaf_ < kDeaf) return;
    const bool timer_helps = known_ ? llr_tx_.outstanding() > 0 && llr_tx_.replay_count() == 0
                                    : llr_tx_.replay_count() < kReplaysBeforeKnown;
    if (timer_helps)
        return;  // Wait for the replay timer: perhaps the session's first frame was lost.
    add(LinkStat::kLlrNeighbourLost);
    flush(now_);
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::on_ctl_os(const wire::CtlOs& set, bool ours) {
    switch (set.type) {
        case wire::CtlOsType::kInit:
            add(LinkStat::kLlrRxInitCtlOs);
            if (llr_rx_.on_init(Seq(set.value), set.arg)) {
                echo_seq_ = Seq(set.value);
                echo_epoch_ = set.arg;
                control_urgent_ = true;
            } else {
                add(LinkStat::kLlrInitInvalid);
            }
            return;
        case wire::CtlOsType::kInitEcho: {
            add(LinkStat::kLlrRxInitEchoCtlOs);
            const LlrTxState before = llr_tx_.state();
            if (llr_tx_.on_init_echo(Seq(set.value), set.arg)) {
                note_tx_state(before, now_);
                // The session opens with a CC_Update: it rebases the neighbour's credits, and as
                // the first frame with the new session bits it makes the session known.
                cc_due_ = now_;
            } else if (set.arg != llr_tx_.epoch() || Seq(set.value) != llr_tx_.init_seq()) {
                add(LinkStat::kLlrInitEchoMismatch);
            }
            return;
        }
        case wire::CtlOsType::kAck: add(LinkStat::kLlrRxAckCtlOs); break;
        case wire::CtlOsType::kNack: add(LinkStat::kLlrRxNackCtlOs); break;
        case wire::CtlOsType::kCfUpdate: add(LinkStat::kCbfcNumCfUpdateMessagesRx); break;
    }
    if (!ours) {
        add(LinkStat::kLlrRxOtherEpoch);
    } else if (set.type != wire::CtlOsType::kCfUpdate) {
        on_ack_or_nack(set);
    } else if (!is_set(credited_, set.vc()) ||
               cbfc_sender_.on_cf_update(set.vc(), CreditCounter(set.value)) ==
                   CfVerdict::kRefused) {
        add(LinkStat::kCbfcCfUpdateRefused);
    }
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::on_ack_or_nack(const wire::CtlOs& set) {
    const LlrTxState before = llr_tx_.state();
    const Seq oldest = llr_tx_.oldest();
    const Seq seq(set.value);
    const AckResult result =
        set.type == wire::CtlOsType::kAck ? llr_tx_.on_ack(seq, now_) : llr_tx_.on_nack(seq, now_);
    if (result.verdict == AckVerdict::kSeqError) add(LinkStat::kLlrRxAckNackSeqError);
    if (result.verdict == AckVerdict::kSuppressed) add(LinkStat::kLlrRxNackSuppressed);
    if (result.released > 0) {
        end_round_trip(result.released, oldest);
        release(result.released, oldest);
    }
    note_tx_state(before, now_);
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::watch_round_trip(Seq seq) {
    rtt_watching_ = true;
    rtt_seq_ = seq;
    rtt_sent_at_ = now_;
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::end_round_trip(std::uint32_t released, Seq oldest) {
    if (!rtt_watching_ || rtt_seq_.distance_from(oldest) >= released) return;
    rtt_watching_ = false;
    const Duration sample = now_ - rtt_sent_at_;
    rtt_ = rtt_ == Duration::zero() ? sample : rtt_ + (sample - rtt_) / 8;
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::release(std::uint32_t count, Seq oldest) {
    replay_.release(oldest.value(), count, *pool_);
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::on_cc_update(const wire::ControlFrameView& control, bool eligible) {
    if (!eligible && llr_rx_.epoch() != 0) {
        // Outside the sequence it could overtake frames that wait for their replay (UEC 1.0.3).
        if (control.tx_epoch() != 0) {
            add(LinkStat::kCbfcCcUpdateRefused);
            return;
        }
        llr_rx_.end_session();  // The neighbour's LLR has stopped.
    }
    add(LinkStat::kCbfcNumCcUpdateMessagesRx);
    const bool opens = cc_session_ != llr_rx_.sessions();
    cc_session_ = llr_rx_.sessions();
    for (std::uint8_t i = 0; i < control.count() && i < profile_->vc_count; ++i) {
        if (!is_set(credited_, Vc{i})) continue;
        const std::uint32_t back = cbfc_receiver_.on_cc_update(Vc{i}, CreditCounter(control.cc(i)));
        if (back != 0 && !opens) add(LinkStat::kCbfcCreditsReconciled, back);
        control_urgent_ |= back != 0;
    }
    // The first one of a session tells the neighbour, who knows nothing of our buffer, everything.
    if (opens || !eligible) full_report_due_ = now_;
}

// Time.

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::on_timer(Time now) {
    if (now >= pcs_due_) {
        pcs_due_ = kNever;
        if (llr_tx_.is_running()) flush(now);
    }
    const bool kept = llr_tx_.outstanding() > 0;
    const Duration age_limit = profile_->llr.data_age_timeout;
    const Time oldest = kept ? replay_.sent_at(llr_tx_.oldest().value(), now) : now;
    age_due_ = age_limit > Duration::zero() ? oldest + age_limit : kNever;
    const LlrTxState before = llr_tx_.state();
    const LlrTxEvent event = llr_tx_.on_time(now, oldest);
    note_tx_state(before, now);
    if (event == LlrTxEvent::kFlushed) flush(now);
    if (llr_tx_.next_init(now)) control_urgent_ = init_due_ = true;
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::on_pcs_status(bool up, Time now) {
    if (up) {
        pcs_due_ = kNever;
    } else if (pcs_due_ == kNever && llr_tx_.is_running()) {
        pcs_due_ = now + profile_->llr.pcs_lost_timeout;
    }
}

/// Without CC_Updates, which are sequenced like frames, but nobody misses them.
template <FrameHandle F, class Seq>
std::uint32_t data_frames_kept(ReplayBuffer<F>& replay, Seq oldest) {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < replay.size(); ++i) {
        const auto bytes = replay.at((oldest + i).value()).frame.bytes();
        const bool control =
            load_be16(bytes.data() + wire::kEtherTypeOffset) == wire::kEtherTypeControl;
        if (!control) ++count;
    }
    return count;
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::flush(Time now) {
    add(LinkStat::kLlrTxFlush);
    // What is kept ends at the number before next(), whatever the state machine forgot.
    const Seq oldest = llr_tx_.next() - replay_.size();
    add(LinkStat::kLlrTxFlushedFrames, data_frames_kept(replay_, oldest));
    release(replay_.size(), oldest);
    const LlrTxState before = llr_tx_.state();
    llr_tx_.flush();
    note_tx_state(before, now);
    if (profile_->llr.re_init_on_flush) {
        begin_session(now);
    } else {
        cc_due_ = now;  // Square the frames that were given up.
    }
}

template <FrameHandle F, class Seq>
FrameAction BasicLink<F, Seq>::stalled_action() const {
    const LlrProfile& llr = profile_->llr;
    FrameAction action = FrameAction::kBestEffort;
    if (llr_tx_.state() == LlrTxState::kInit) action = llr.init_action;
    if (llr_tx_.state() == LlrTxState::kFlush) action = llr.flush_action;
    // Ours: what waits for a dead neighbour longer than any frame may live would block the fabric.
    const bool too_old =
        llr.data_age_timeout > Duration::zero() && now_ - stalled_since_ > llr.data_age_timeout;
    return action == FrameAction::kBlock && too_old ? FrameAction::kDiscard : action;
}

template <FrameHandle F, class Seq>
bool BasicLink<F, Seq>::discard_if_stalled(F& frame) {
    if (stalled_action() != FrameAction::kDiscard) return false;
    add(LinkStat::kLlrTxDiscard);
    frame = F();
    return true;
}

template <FrameHandle F, class Seq>
Time BasicLink<F, Seq>::deadline() const {
    if (control_urgent_ || llr_tx_.is_replaying()) return now_;
    return std::min(
        {llr_tx_.deadline(), age_due_, pcs_due_, control_due_, full_report_due_, cc_due_});
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::publish() {
    add(LinkStat::kLlrRxReplay, llr_rx_.replays_seen() - replays_published_);
    replays_published_ = llr_rx_.replays_seen();
    LinkStatus& status = stats_.status;
    status.llr_tx_state.set(static_cast<std::uint64_t>(llr_tx_.state()));
    status.llr_rx_state.set(static_cast<std::uint64_t>(llr_rx_.state()));
    status.outstanding_frames.set(replay_.size());
    status.outstanding_bytes.set(replay_.bytes());
    status.replay_count.set(llr_tx_.replay_count());
    status.rtt_ns.set(static_cast<std::uint64_t>(rtt_.count()));
    status.tx_epoch.set(llr_tx_.epoch());
    status.rx_epoch.set(llr_rx_.epoch());
    for (std::uint8_t i = 0; i < profile_->vc_count; ++i) {
        LinkStatus::PerVc& vc = status.vcs[i];
        vc.sender_credits_used.set(cbfc_sender_.in_use(Vc{i}).value);
        vc.sender_credits_consumed.set(cbfc_sender_.consumed(Vc{i}).value());
        vc.sender_credits_freed.set(cbfc_sender_.freed(Vc{i}).value());
        vc.receiver_credits_consumed.set(cbfc_receiver_.consumed(Vc{i}).value());
        vc.receiver_credits_freed.set(cbfc_receiver_.freed(Vc{i}).value());
    }
}

}  // namespace ethlink
