// SPDX-License-Identifier: BSD-3-Clause
// The sending half of end-to-end delivery: which items may go out, go again, or are given up.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/time.h"
#include "proto/txn/profile.h"
#include "proto/txn/psn.h"

namespace ethlink::txn {

enum class DeliveryAck : std::uint8_t {
    kAccepted,
    kOld,      // nothing new
    kInvalid,  // of what was never sent, or long past, or another life's: changes nothing
};

/// Go-Back-N over items; it holds none of them. One path keeps its order and its links lose
/// nothing, so a loss is rare (a switch that died, a flushed link) and all behind it is lost, too.
class DeliveryTx {
public:
    DeliveryTx() = default;
    DeliveryTx(const TxnProfile& profile, Psn first)
        : profile_(&profile), oldest_(first), cursor_(first), sent_(first) {}

    // Inputs.

    /// `n` items, from cursor() on, went out.
    void on_sent(std::uint32_t n, Time now);
    DeliveryAck on_ack(Psn ack, Time now);
    /// The peer misses what starts at `ack`. Copies of a NACK change nothing more.
    DeliveryAck on_nack(Psn ack, Time now);
    /// True if the timer ended: cursor() is back at the oldest item.
    bool on_time(Time now);
    /// Sends all that is unacknowledged again, at once: the path has changed.
    void rewind(Time now);

    // Permission: how many items may still go out.
    std::uint32_t room() const {
        const std::uint32_t used = cursor_.distance_from(oldest_);
        return used < profile_->items_max ? profile_->items_max - used : 0;
    }

    // Queries.
    Psn cursor() const { return cursor_; }  // goes out next
    Psn oldest() const { return oldest_; }  // first that is not acknowledged
    Psn sent() const { return sent_; }      // behind the last that was ever sent
    bool idle() const { return oldest_ == sent_; }
    /// Retries since the last progress.
    std::uint32_t retries() const { return retries_; }
    Duration rtt() const { return srtt_; }
    Time deadline() const { return idle() ? kNever : deadline_; }

private:
    static constexpr std::uint32_t kPastMax = 1u << 30;  // more than can be late

    Duration timeout() const;
    void measure(Psn ack, Time now);

    const TxnProfile* profile_ = nullptr;
    Psn oldest_, cursor_, sent_;
    std::uint32_t past_ = 0;  // numbers in front of oldest_ that were ours, up to kPastMax
    Psn timed_;               // the ACK that ends the sample
    bool timing_ = false;
    std::uint32_t retries_ = 0;
    Time timed_at_{};
    Time deadline_ = kNever;
    Time nack_guard_until_{};
    Duration srtt_{};
    Duration rttvar_{};
};

}  // namespace ethlink::txn
