// SPDX-License-Identifier: BSD-3-Clause
#include "proto/txn/delivery_tx.h"

namespace ethlink::txn {

void DeliveryTx::on_sent(std::uint32_t n, Time now) {
    if (idle()) deadline_ = now + timeout();
    const bool is_new = cursor_ == sent_;
    cursor_ = cursor_ + n;
    if (sent_.distance_from(oldest_) < cursor_.distance_from(oldest_)) sent_ = cursor_;
    // A sample of new items only: the ACK of one that went twice does not say which (Karn).
    if (is_new && !timing_) {
        timing_ = true;
        timed_ = cursor_;
        timed_at_ = now;
    }
}

DeliveryAck DeliveryTx::on_ack(Psn ack, Time now) {
    const std::uint32_t gained = ack.distance_from(oldest_);
    if (gained == 0) return DeliveryAck::kOld;
    const std::uint32_t outstanding = sent_.distance_from(oldest_);
    if (gained > outstanding) {
        // One that was ours: an old ACK. Others are nonsense, or of another life, whose numbers
        // began elsewhere: that is what keeps out late copies of its items (exactly_once.pml).
        return oldest_.distance_from(ack) <= past_ ? DeliveryAck::kOld : DeliveryAck::kInvalid;
    }
    measure(ack, now);
    if (cursor_.distance_from(oldest_) < gained) cursor_ = ack;
    oldest_ = ack;
    past_ = std::min(past_ + gained, kPastMax);
    retries_ = 0;
    deadline_ = now + timeout();
    return DeliveryAck::kAccepted;
}

DeliveryAck DeliveryTx::on_nack(Psn ack, Time now) {
    const DeliveryAck verdict = on_ack(ack, now);
    if (verdict == DeliveryAck::kInvalid || ack != oldest_ || idle()) return verdict;
    if (now < nack_guard_until_) return verdict;
    nack_guard_until_ = now + std::max(srtt_ / 2, profile_->ack_delay);
    rewind(now);
    return verdict;
}

bool DeliveryTx::on_time(Time now) {
    if (idle() || now < deadline_) return false;
    ++retries_;
    rewind(now);
    return true;
}

void DeliveryTx::rewind(Time now) {
    cursor_ = oldest_;
    timing_ = false;
    deadline_ = now + timeout();
}

Duration DeliveryTx::timeout() const {
    const Duration base = std::clamp(srtt_ + 4 * rttvar_, profile_->retry_min, profile_->retry_max);
    return std::min(base * (1 << std::min(retries_, 6u)), profile_->retry_max);
}

void DeliveryTx::measure(Psn ack, Time now) {
    if (!timing_ || ack.distance_from(oldest_) < timed_.distance_from(oldest_)) return;
    timing_ = false;
    const Duration rtt = now - timed_at_;
    if (srtt_ == Duration{}) {
        srtt_ = rtt;
        rttvar_ = rtt / 2;
        return;
    }
    const Duration error = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
    rttvar_ += (error - rttvar_) / 4;  // RFC 6298 section 2
    srtt_ += (rtt - srtt_) / 8;
}

}  // namespace ethlink::txn
