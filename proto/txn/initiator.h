// SPDX-License-Identifier: BSD-3-Clause
// The asking side of a channel: requests become items, responses become completions.
#pragma once

#include <cstdint>
#include <span>

#include "proto/drop.h"
#include "proto/time.h"
#include "proto/txn/delivery_rx.h"
#include "proto/txn/delivery_tx.h"
#include "proto/txn/profile.h"
#include "proto/txn/send_ring.h"
#include "proto/txn/transaction.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_writer.h"

namespace ethlink::txn {

/// Each request gets exactly one completion: in order, with success or a definite error, within
/// give_up_after of the last progress. It keeps no frame: what must go again is written again from
/// the request, so the caller leaves `local` alone until then.
class Initiator {
public:
    /// What the target can hold; it says so when the channel opens.
    struct Limits {
        std::uint32_t transactions = 0;
        std::uint32_t response_bytes = 0;
    };

    /// `ring.size()` is a power of two; it outlives the channel.
    Initiator(const TxnProfile& profile, std::span<Transaction> ring)
        : profile_(&profile), ring_(ring) {}

    /// A new life: numbers start at `requests` and `responses`. Only with nothing outstanding.
    void start(Psn requests, Psn responses, const Limits& limits, Time now);

    // Inputs.

    bool has_room() const { return ring_.has_room(); }
    /// Only with has_room(). False, and nothing taken, if the request contradicts itself.
    [[nodiscard]] bool submit(const Request& request, Time now) {
        return submit(now, [&](Request& to) { to = request; });
    }
    /// The same for a request that `fill(Request&)` writes in its place; it writes all of it.
    template <class Fill>
    [[nodiscard]] bool submit(Time now, Fill fill) {
        fill(ring_.free_slot().request);
        return take(now);
    }
    /// kResponse, kAck or kNack of this channel. kCount if it was good.
    Drop on_frame(const wire::TxnView& frame, Time now, CompletionSink& sink);
    /// Retries, and gives up: after kFailed call fail().
    TimeEvent on_time(Time now, CompletionSink& sink);
    /// Ends all that is outstanding: what was sent with `sent`, the rest with `unsent`.
    void fail(wire::TxnStatus sent, wire::TxnStatus unsent, CompletionSink& sink);
    /// The path has changed: what is unacknowledged goes out again.
    void on_new_path(Time now) {
        tx_.rewind(now);
        ring_.seek(tx_.cursor());
    }

    // Outputs.

    bool wants_to_send(Time now) const { return has_items() || rx_.ack_due(now) || nack_due_; }
    /// Writes as many items as fit and may go; the header that belongs to them. A frame without
    /// items is a kAck or a kNack.
    wire::TxnHeader fill(wire::TxnWriter& out, std::uint16_t channel, Time now);

    /// An ACK goes out soon, though there is nothing to acknowledge.
    void say_alive(Time now) { rx_.on_duplicate(now); }

    // Queries.
    /// Whether `psn` may be that of a frame of ours that is still under way.
    bool has_sent(Psn psn) const {
        return psn.distance_from(tx_.oldest()) <= tx_.sent().distance_from(tx_.oldest());
    }
    /// Why nothing goes on.
    wire::TxnStatus failure() const {
        return starved_ ? wire::TxnStatus::kNoReceive : wire::TxnStatus::kTimeout;
    }
    /// Nothing to send now, nor without a further input.
    bool is_idle() const { return !has_items() && !nack_due_ && rx_.deadline() == kNever; }
    std::uint32_t outstanding() const { return ring_.size(); }
    std::uint32_t retries() const { return tx_.retries(); }

private:
    bool take(Time now);
    bool has_items() const;
    bool may_send(const Transaction& transaction) const;
    bool put_item(wire::TxnWriter& out, const Transaction& transaction, std::uint32_t part);
    bool put_part(wire::TxnWriter& out, const Request& request, std::uint32_t part);
    Drop on_items(const wire::TxnView& frame, Time now, CompletionSink& sink);
    bool believe(std::span<const std::byte> payload, std::uint32_t skip) const;
    bool answers(const Transaction& transaction, const wire::ItemView& item,
                 std::uint32_t received) const;
    void apply(const wire::ItemView& item, CompletionSink& sink);
    void apply_read(const wire::ItemView& item, CompletionSink& sink);
    void complete(wire::TxnStatus status, std::uint64_t value, CompletionSink& sink);
    void complete_fences(CompletionSink& sink);

    const TxnProfile* profile_;
    SendRing<Transaction> ring_;
    Psn next_;  // of the next item submitted
    Limits limits_;
    std::uint32_t response_bytes_ = 0;  // that the target may have to hold for us
    DeliveryTx tx_;
    DeliveryRx rx_;
    bool nack_due_ = false;
    bool starved_ = false;  // no progress since the target said: no receive buffer
    Time progress_at_{};
};

}  // namespace ethlink::txn
