// SPDX-License-Identifier: BSD-3-Clause
// The receiving half of end-to-end delivery: what is new, what to acknowledge, what is missing.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/time.h"
#include "proto/txn/profile.h"
#include "proto/txn/psn.h"

namespace ethlink::txn {

/// Takes items in order, each once. Every frame that leaves on the channel carries the ACK; one of
/// its own is due only when nothing else went out for ack_delay, or many items came.
class DeliveryRx {
public:
    enum class Verdict : std::uint8_t {
        kNew,        // items from skip() on are new and in order
        kDuplicate,  // all of them were taken before: acknowledge again
        kGap,        // something in front of them is missing
        kFar,        // neither: no number of this channel's present
    };

    DeliveryRx() = default;
    DeliveryRx(const TxnProfile& profile, Psn first) : profile_(&profile), expected_(first) {}

    /// What `count` items from `first` on are; changes nothing.
    Verdict judge(Psn first, std::uint32_t count) const {
        const std::uint32_t ahead = first.distance_from(expected_);
        if (ahead == 0) return Verdict::kNew;
        if (ahead < kFarAway) return Verdict::kGap;
        const std::uint32_t behind = expected_.distance_from(first);
        if (behind >= kFarAway) return Verdict::kFar;
        return behind < count ? Verdict::kNew : Verdict::kDuplicate;
    }
    /// How many items in front of the new ones were taken before.
    std::uint32_t skip(Psn first) const { return expected_.distance_from(first); }

    void take(std::uint32_t n, Time now) {
        expected_ = expected_ + n;
        nacked_ = false;
        unacked_ += n;
        ack_due_ = unacked_ >= profile_->items_max / 4
                       ? now
                       : std::min(ack_due_, now + profile_->ack_delay);
    }
    void on_duplicate(Time now) { ack_due_ = now; }
    /// True if a NACK should go out now: once per gap, and again when the gap lasts.
    bool on_gap(Time now) {
        if (nacked_ && now < nack_again_) return false;
        nacked_ = true;
        nack_again_ = now + profile_->retry_min;
        return true;
    }

    Psn expected() const { return expected_; }
    bool ack_due(Time now) const { return now >= ack_due_; }
    Time deadline() const { return ack_due_; }
    /// A frame with expected() as its ACK went out.
    void on_acked() {
        unacked_ = 0;
        ack_due_ = kNever;
    }

private:
    static constexpr std::uint32_t kFarAway = 1u << 30;

    const TxnProfile* profile_ = nullptr;
    Psn expected_;
    std::uint32_t unacked_ = 0;
    bool nacked_ = false;
    Time nack_again_{};
    Time ack_due_ = kNever;
};

}  // namespace ethlink::txn
