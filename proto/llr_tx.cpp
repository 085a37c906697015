// SPDX-License-Identifier: BSD-3-Clause
#include "proto/llr_tx.h"

#include <algorithm>

namespace ethlink {

template <class Seq>
void BasicLlrTx<Seq>::begin_init(Seq init_seq, std::uint16_t epoch, Time now) {
    state_ = LlrTxState::kInit;
    init_seq_ = next_ = oldest_ = cursor_ = init_seq;
    epoch_ = epoch;
    replay_count_ = 0;
    replay_deadline_ = kNever;
    nack_guard_until_ = Time{};
    init_due_ = now;
}

template <class Seq>
void BasicLlrTx<Seq>::stop() {
    state_ = LlrTxState::kOff;
    epoch_ = 0;
    oldest_ = cursor_ = next_;
    replay_deadline_ = kNever;
}

template <class Seq>
bool BasicLlrTx<Seq>::on_init_echo(Seq init_seq, std::uint16_t epoch) {
    if (state_ != LlrTxState::kInit || init_seq != init_seq_ || epoch != epoch_) return false;
    state_ = LlrTxState::kAdvance;
    return true;
}

template <class Seq>
AckResult BasicLlrTx<Seq>::acknowledge(Seq seq, Time now) {
    if (!is_running()) return {AckVerdict::kIgnored, 0};
    // `seq` names the last good frame, so it frees everything through it (UEC 5.1.4).
    const std::uint32_t released = seq.next().distance_from(oldest_);
    if (released > outstanding()) return {AckVerdict::kSeqError, 0};
    if (released == 0) return {AckVerdict::kAccepted, 0};
    if (is_replaying() && released > cursor_.distance_from(oldest_)) cursor_ = oldest_ + released;
    oldest_ = oldest_ + released;
    replay_count_ = 0;
    if (is_replaying()) {
        finish_replay_if_done(now);
    } else {
        restart_timer(now);
    }
    return {AckVerdict::kAccepted, released};
}

template <class Seq>
AckResult BasicLlrTx<Seq>::on_nack(Seq seq, Time now) {
    AckResult result = acknowledge(seq, now);
    if (result.verdict != AckVerdict::kAccepted || outstanding() == 0) return result;
    if (result.released == 0 && now < nack_guard_until_) {
        result.verdict = AckVerdict::kSuppressed;
        return result;
    }
    begin_replay(now);
    return result;
}

template <class Seq>
void BasicLlrTx<Seq>::begin_replay(Time now) {
    state_ = LlrTxState::kReplay;
    cursor_ = oldest_;
    replay_count_ = static_cast<std::uint8_t>(std::min<int>(replay_count_ + 1, 255));
    // While frames go out again the timer rests; it starts anew when the last of them is out.
    replay_deadline_ = kNever;
    // Ours: stale copies of one NACK would each start a replay. A quarter of the replay timer is
    // well above the round trip for which that timer is made, and costs no liveness: the timer
    // itself is never suppressed.
    nack_guard_until_ = now + profile_->max_replay_timer / 4;
}

template <class Seq>
LlrTxEvent BasicLlrTx<Seq>::on_time(Time now, Time oldest_sent_at) {
    if (!is_running() || outstanding() == 0) return LlrTxEvent::kNone;
    const Duration age_limit = profile_->data_age_timeout;
    if (age_limit > Duration::zero() && now - oldest_sent_at > age_limit) {
        flush();
        return LlrTxEvent::kFlushed;
    }
    if (now < replay_deadline_) return LlrTxEvent::kNone;
    const bool limited = profile_->max_replay_count != LlrProfile::kReplayForEver;
    if (limited && replay_count_ >= profile_->max_replay_count) {
        flush();
        return LlrTxEvent::kFlushed;
    }
    begin_replay(now);
    return LlrTxEvent::kReplayStarted;
}

template <class Seq>
void BasicLlrTx<Seq>::flush() {
    state_ = LlrTxState::kFlush;
    epoch_ = 0;
    oldest_ = cursor_ = next_;
    replay_deadline_ = kNever;
}

template <class Seq>
bool BasicLlrTx<Seq>::next_init(Time now) {
    if (state_ != LlrTxState::kInit || now < init_due_) return false;
    init_due_ = now + profile_->init_interval;
    return true;
}

template <class Seq>
Time BasicLlrTx<Seq>::deadline() const {
    if (state_ == LlrTxState::kInit) return init_due_;
    return is_running() ? replay_deadline_ : kNever;
}

template class BasicLlrTx<Cyclic<20>>;
template class BasicLlrTx<Cyclic<4>>;

}  // namespace ethlink
