// SPDX-License-Identifier: BSD-3-Clause
#include "proto/llr_rx.h"

namespace ethlink {

template <class Seq>
void BasicLlrRx<Seq>::stop() {
    *this = BasicLlrRx();
}

template <class Seq>
bool BasicLlrRx<Seq>::on_init(Seq init_seq, std::uint16_t epoch) {
    if (state_ == LlrRxState::kOff || (epoch & kSessionMask) == 0) return false;
    if (epoch == epoch_) return true;  // Our echo was lost, or a stale copy: nothing changes.
    const bool distinguishable = (epoch & kSessionMask) != (epoch_ & kSessionMask);
    if (epoch_ != 0 && distinguishable) {
        proposed_epoch_ = epoch;
        proposed_seq_ = init_seq;
    } else {
        begin_session(init_seq, epoch);
    }
    return true;
}

template <class Seq>
bool BasicLlrRx<Seq>::adopt(std::uint8_t session, FrameCheck check) {
    if (proposed_epoch_ == 0 || check == FrameCheck::kBad) return false;
    if (session != (proposed_epoch_ & kSessionMask)) return false;
    begin_session(proposed_seq_, proposed_epoch_);
    return true;
}

template <class Seq>
void BasicLlrRx<Seq>::begin_session(Seq init_seq, std::uint16_t epoch) {
    epoch_ = epoch;
    expected_ = init_seq;
    proposed_epoch_ = 0;
    state_ = LlrRxState::kSendAcks;
    ack_wanted_ = duplicate_seen_ = false;
    ++sessions_;
}

template <class Seq>
void BasicLlrRx<Seq>::end_gap() {
    if (state_ == LlrRxState::kNackSent) ++replays_seen_;
    state_ = LlrRxState::kSendAcks;
}

template <class Seq>
LlrRxVerdict BasicLlrRx<Seq>::refuse(Seq seq, FrameCheck check) {
    const std::uint32_t ahead = seq.distance_from(expected_);
    if (ahead >= Seq::kHalf) {
        if (check == FrameCheck::kBad) return LlrRxVerdict::kDuplicate;
        // Its ACK was lost: without another one the sender replays for ever (L6).
        ack_wanted_ = duplicate_seen_ = true;
        if (state_ == LlrRxState::kNackSent) state_ = LlrRxState::kSendAcks;
        return LlrRxVerdict::kDuplicate;
    }
    if (state_ == LlrRxState::kSendAcks) state_ = LlrRxState::kSendNack;
    return ahead == 0 ? LlrRxVerdict::kExpectedBad : LlrRxVerdict::kMissing;
}

template <class Seq>
LlrAnswer BasicLlrRx<Seq>::next_answer() {
    if (state_ == LlrRxState::kSendNack) {
        state_ = LlrRxState::kNackSent;
        ack_wanted_ = duplicate_seen_ = false;
        return LlrAnswer::kNack;
    }
    if (!ack_wanted_) return LlrAnswer::kNothing;
    ack_wanted_ = duplicate_seen_ = false;
    return LlrAnswer::kAck;
}

template class BasicLlrRx<Cyclic<20>>;
template class BasicLlrRx<Cyclic<4>>;

}  // namespace ethlink
