// SPDX-License-Identifier: BSD-3-Clause
// What a Link sends beside new frames: replay, ordered sets, CC_Updates, hellos. Included by link.h
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "proto/link.h"
#include "proto/wire/control_frame.h"

namespace ethlink {

template <FrameHandle F, class Seq>
bool BasicLink<F, Seq>::append_fcs(F& frame) {
    if (frame.append(wire::kFcsSize) == nullptr) return false;
    wire::write_fcs(frame.bytes());
    return true;
}

/// Beside LLR's sequence.
template <FrameHandle F, class Seq>
template <class Out>
void BasicLink<F, Seq>::push_beside(F&& frame, Out& out) {
    if (!end_.software_fcs || append_fcs(frame)) out.push(std::move(frame));
}

/// As `write` fills it and returns its size; none if there is no buffer.
template <FrameHandle F, class Seq>
template <class Write>
F BasicLink<F, Seq>::control_frame(Write write) {
    F frame = pool_->allocate(wire::kMaxControlFrame);
    if (!frame) {
        add(LinkStat::kTxNoBuffer);
        return frame;
    }
    frame.trim(static_cast<std::uint32_t>(wire::kMaxControlFrame - write(frame.bytes())));
    return frame;
}

template <FrameHandle F, class Seq>
template <class Out>
void BasicLink<F, Seq>::emit_replay(Out& out) {
    const LlrTxState before = llr_tx_.state();
    while (llr_tx_.is_replaying() && out.room() > 0) {
        F again = hand_out_again(replay_.at(llr_tx_.replay_cursor().value()));
        if (!again) break;
        out.push(std::move(again));
        llr_tx_.on_replayed(now_);
        add(LinkStat::kLlrTxReplayed);
        add(LinkStat::kLlrTxOk);
    }
    note_tx_state(before, now_);
}

template <FrameHandle F, class Seq>
template <class Out>
void BasicLink<F, Seq>::emit_due_control(Out& out) {
    if (now_ >= cc_due_ && out.room() > 0 && emit_cc_update(out)) {
        const Duration period = profile_->cbfc_profile.cc_message_timer;
        cc_due_ = period > Duration::zero() ? now_ + period : kNever;
    }
    if (control_pending_ && control_due_ == kNever) control_due_ = now_ + profile_->llr.ack_delay;
    const bool due = control_urgent_ || now_ >= control_due_ || now_ >= full_report_due_;
    if (due && out.room() > 0) emit_ordered_sets(out);
}

template <FrameHandle F, class Seq>
template <class Out>
bool BasicLink<F, Seq>::emit_cc_update(Out& out) {
    const bool running = llr_tx_.is_running();
    if (running && (!llr_tx_.can_send() || !replay_.has_room(wire::kMaxControlFrame))) return false;
    std::array<std::uint32_t, kMaxVcs> consumed{};
    for (std::uint8_t i = 0; i < profile_->vc_count; ++i) {
        consumed[i] = cbfc_sender_.consumed(Vc{i}).value();
    }
    F frame = control_frame([&](std::span<std::byte> bytes) {
        return wire::emit_cc_update(bytes, llr_tx_.epoch(), llr_rx_.epoch(),
                                    std::span(consumed).first(profile_->vc_count));
    });
    if (!frame) return false;
    add(LinkStat::kCbfcNumCcUpdateMessagesTx);
    if (running) {
        const std::uint32_t size = frame.size();
        sequence(std::move(frame), size, Vc{}, false, out);
    } else {
        push_beside(std::move(frame), out);
    }
    return true;
}

template <FrameHandle F, class Seq>
template <class Out>
bool BasicLink<F, Seq>::send_hello(const wire::Hello& hello, Out& out) {
    F frame = control_frame([&](std::span<std::byte> bytes) {
        return wire::emit_hello(bytes, llr_tx_.epoch(), llr_rx_.epoch(), hello);
    });
    if (!frame) return false;
    push_beside(std::move(frame), out);
    return true;
}

template <FrameHandle F, class Seq>
template <class Out>
void BasicLink<F, Seq>::emit_ordered_sets(Out& out) {
    // Now and then everything is said again, changed or not: all of it is absolute, so a lost
    // update does no lasting harm, and the neighbour sees which session we know.
    const bool full = now_ >= full_report_due_;
    F frame = control_frame([&](std::span<std::byte> bytes) {
        wire::ControlFrameWriter writer(bytes);
        writer.begin(llr_tx_.epoch(), llr_rx_.epoch());
        say_answer(writer, full);
        say_sessions(writer);
        say_credits(writer, full);
        return writer.finish();
    });
    if (!frame) return;  // Still due.
    unanswered_bytes_ = 0;
    init_due_ = control_urgent_ = control_pending_ = false;
    echo_epoch_ = 0;
    control_due_ = kNever;
    if (full) full_report_due_ = now_ + profile_->cbfc_profile.cf_update_interval;
    if (frame.size() > 0) push_beside(std::move(frame), out);
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::say(wire::ControlFrameWriter& writer, const wire::CtlOs& set, LinkStat as) {
    if (writer.add(set)) add(as);
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::say_answer(wire::ControlFrameWriter& writer, bool full) {
    const std::uint32_t last_good = llr_rx_.answer_seq().value();
    // Also while it waits for a replay, where UEC 5.1.6 is silent: or a neighbour of another
    // session than ours might hear nothing of us that names it, and repeat for ever to somebody who
    // refuses everything. It acknowledges what has been acknowledged.
    const bool repeat = full && llr_rx_.epoch() != 0;
    const LlrAnswer answer = llr_rx_.next_answer();
    if (answer == LlrAnswer::kNack) {
        say(writer, {.type = wire::CtlOsType::kNack, .value = last_good, .arg = 0},
            LinkStat::kLlrTxNackCtlOs);
    } else if (answer == LlrAnswer::kAck || repeat) {
        say(writer, {.type = wire::CtlOsType::kAck, .value = last_good, .arg = 0},
            LinkStat::kLlrTxAckCtlOs);
    }
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::say_sessions(wire::ControlFrameWriter& writer) {
    if (init_due_) {
        say(writer,
            {.type = wire::CtlOsType::kInit,
             .value = llr_tx_.init_seq().value(),
             .arg = llr_tx_.epoch()},
            LinkStat::kLlrTxInitCtlOs);
    }
    if (echo_epoch_ != 0) {
        say(writer,
            {.type = wire::CtlOsType::kInitEcho, .value = echo_seq_.value(), .arg = echo_epoch_},
            LinkStat::kLlrTxInitEchoCtlOs);
    }
}

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::say_credits(wire::ControlFrameWriter& writer, bool full) {
    // Until the session's first CC_Update our counters belong to an older session.
    const bool credits_valid = llr_rx_.epoch() == 0 || cc_session_ == llr_rx_.sessions();
    for (std::uint8_t i = 0; i < profile_->vc_count && credits_valid; ++i) {
        const CreditCounter freed = cbfc_receiver_.freed(Vc{i});
        if (!is_set(credited_, Vc{i}) || (!full && freed == reported_[i])) continue;
        say(writer, {.type = wire::CtlOsType::kCfUpdate, .value = freed.value(), .arg = i},
            LinkStat::kCbfcNumCfUpdateMessagesTx);
        reported_[i] = freed;
    }
}

}  // namespace ethlink
