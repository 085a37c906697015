// SPDX-License-Identifier: BSD-3-Clause
// The answering side of a channel: items become accesses to memory, and their results responses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "proto/drop.h"
#include "proto/ids.h"
#include "proto/time.h"
#include "proto/txn/delivery_rx.h"
#include "proto/txn/delivery_tx.h"
#include "proto/txn/key_meter.h"
#include "proto/txn/profile.h"
#include "proto/txn/receive_queue.h"
#include "proto/txn/send_ring.h"
#include "proto/txn/window_table.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/txn_item.h"
#include "proto/wire/txn_writer.h"

namespace ethlink::txn {

/// What is kept of a response until the initiator has it: enough to write it again. Loads and
/// atomics keep what they found, so an item that comes twice is answered, never done, twice.
struct Response {
    enum class Kind : std::uint8_t { kDone, kValue, kData, kRead };
    Kind kind{};
    wire::TxnStatus status{};
    std::uint16_t count = 0;    // kDone: transactions
    std::uint32_t length = 0;   // of the data
    std::uint64_t key = 0;      // kRead: looked at again for each part
    std::uint64_t address = 0;  // kRead
    std::uint64_t value = 0;    // kValue: in wire order; kData: offset in the store
    Psn first;
    std::uint32_t items = 1;
};

/// All items of a channel are executed in order, each once, at the moment they arrive.
class Target {
public:
    /// What the channel's items reach. All of it outlives the target.
    struct Memory {
        const WindowTable* windows = nullptr;
        ReceiveQueue* receives = nullptr;
    };
    struct Peer {
        GpuId gpu{};
        Tenant tenant{};
    };

    /// `ring.size()` (a power of two) responses and `store.size()` bytes of load data.
    Target(const TxnProfile& profile, const Memory& memory, std::span<Response> ring,
           std::span<std::byte> store)
        : profile_(&profile), memory_(memory), ring_(ring), store_(store) {}

    /// A new life for a channel of this peer.
    void start(const Peer& peer, Psn requests, Psn responses, Time now);
    /// Gives a claimed receive buffer back.
    void stop();
    /// The buffer of the message that is coming in, if it has one.
    const std::optional<ReceiveBuffer>& receive() const { return receive_; }
    /// Gives it back; the rest of the message goes nowhere, and its sender hears kNoReceive.
    void drop_receive();

    // Inputs.

    /// kRequest, kAck or kNack of this channel. kCount if all of it was taken.
    Drop on_frame(const wire::TxnView& frame, Time now);
    /// kFailed: nobody has acknowledged anything for give_up_after; the initiator is gone.
    TimeEvent on_time(Time now);
    void on_new_path(Time now) {
        tx_.rewind(now);
        ring_.seek(tx_.cursor());
    }

    // Outputs.

    bool wants_to_send(Time now) const { return has_items() || rx_.ack_due(now) || nack_due_; }
    /// Like Initiator::fill().
    wire::TxnHeader fill(wire::TxnWriter& out, std::uint16_t channel, Time now);

    // Queries.
    std::uint32_t pending() const { return ring_.size(); }
    std::uint32_t retries() const { return tx_.retries(); }
    /// Like Initiator::is_idle().
    bool is_idle() const { return !has_items() && !nack_due_ && rx_.deadline() == kNever; }
    /// Number of the channel's first request: what tells its frames from those of another life.
    Psn first() const { return first_; }
    const KeyMeter& keys() const { return keys_; }
    /// Items that were executed, in all lives of this record.
    std::uint64_t executed() const { return executed_; }

private:
    enum class Taken : std::uint8_t { kYes, kNoRoom, kNoReceive };

    Drop on_items(const wire::TxnView& frame, Time now);
    Taken execute(const wire::ItemView& item);
    Taken load(const wire::ItemView& item);
    Taken store(const wire::ItemView& item);
    Taken atomic(const wire::ItemView& item);
    Taken write(const wire::ItemView& item);
    Taken read(const wire::ItemView& item);
    Taken send(const wire::ItemView& item);
    Taken refuse();
    void begin_part(wire::ItemOpcode kind);
    void end_message(const wire::ItemView& item);
    void nack(wire::NackReason reason, Time now);
    std::byte* access(const wire::ItemView& item, std::uint64_t length, std::uint8_t right);
    void done(wire::TxnStatus status);
    Response& push(Response::Kind kind, std::uint32_t items);
    std::optional<std::uint32_t> reserve(std::uint32_t bytes);
    void release(Time now);
    bool has_items() const { return !ring_.all_sent() && tx_.room() > 0; }
    bool put_item(wire::TxnWriter& out, const Response& response, std::uint32_t part);
    bool put_read(wire::TxnWriter& out, const Response& response, std::uint32_t part);

    const TxnProfile* profile_;
    Memory memory_;
    Peer peer_;
    SendRing<Response> ring_;
    std::span<std::byte> store_;
    std::uint32_t store_head_ = 0, store_tail_ = 0;  // offsets in the store
    std::uint32_t stored_ = 0;                       // pieces in it
    Psn first_;
    Psn next_;
    DeliveryTx tx_;
    DeliveryRx rx_;
    KeyMeter keys_;  // outlives the channel: opening another one buys no guesses
    std::uint64_t executed_ = 0;
    bool nack_due_ = false;
    wire::NackReason nack_reason_{};
    // The message that is coming in: kWrite, kSend, or kInvalid if there is none.
    wire::ItemOpcode message_kind_{};
    wire::TxnStatus message_status_{};
    std::uint32_t message_bytes_ = 0;
    std::optional<ReceiveBuffer> receive_;
    Time progress_at_{};
    Time now_{};  // of the frame that is being executed
};

}  // namespace ethlink::txn
