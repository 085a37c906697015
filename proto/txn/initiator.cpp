// SPDX-License-Identifier: BSD-3-Clause
#include "proto/txn/initiator.h"

#include <algorithm>
#include <cstring>

#include "proto/byte_order.h"
#include "proto/txn/prefetch.h"

namespace ethlink::txn {

using wire::AtomicOp;
using wire::ItemOpcode;
using wire::ItemReader;
using wire::ItemView;
using wire::TxnStatus;

namespace {

bool is_message(Operation operation) {
    return operation == Operation::kWrite || operation == Operation::kSend;
}

bool is_sound(const Request& request) {
    switch (request.operation) {
        case Operation::kLoad:
        case Operation::kStore:
            return request.length >= 1 && request.length <= wire::kLoadStoreMax &&
                   (request.local != nullptr || request.length <= kValueBytes);
        case Operation::kAtomic:
            return (request.length == 4 || request.length == 8) &&
                   request.atomic < AtomicOp::kCount;
        case Operation::kWrite:
        case Operation::kSend: return request.length <= wire::kMessageMax;
        case Operation::kRead: return request.length >= 1 && request.length <= wire::kMessageMax;
        case Operation::kFence: return true;
        case Operation::kCount: break;
    }
    return false;
}

const void* data_of(const Request& store) {
    return store.local != nullptr ? store.local : static_cast<const void*>(&store.operand);
}

std::uint32_t items_of(const Request& request, std::uint32_t part) {
    if (request.operation == Operation::kFence) return 0;
    if (!is_message(request.operation)) return 1;
    return std::max(1u, (request.length + part - 1) / part);
}

/// Bytes that the target keeps until we have acknowledged them; up to 8 need no room of their own.
std::uint32_t kept_bytes(const Request& request) {
    const bool kept = request.operation == Operation::kLoad && request.length > 8;
    return kept ? (request.length + 7) / 8 * 8 : 0;
}

}  // namespace

void Initiator::start(Psn requests, Psn responses, const Limits& limits, Time now) {
    next_ = requests;
    limits_ = limits;
    ring_.clear();
    response_bytes_ = 0;
    nack_due_ = starved_ = false;
    tx_ = DeliveryTx(*profile_, requests);
    rx_ = DeliveryRx(*profile_, responses);
    progress_at_ = now;
}

/// Takes the request in the free slot.
bool Initiator::take(Time now) {
    Transaction& transaction = ring_.free_slot();
    if (!is_sound(transaction.request)) return false;
    if (ring_.empty()) progress_at_ = now;
    ring_.push();
    transaction.first = next_;
    transaction.items = items_of(transaction.request, part_bytes(*profile_));
    transaction.received = 0;
    transaction.status = TxnStatus::kOk;
    next_ = next_ + transaction.items;
    return true;
}

// Sending.

bool Initiator::may_send(const Transaction& transaction) const {
    if (transaction.request.operation == Operation::kFence) return false;
    // Nothing that goes again counts twice: it was within the limits when it went first.
    if (tx_.cursor() != tx_.sent()) return tx_.room() > 0;
    return tx_.room() > 0 && ring_.ahead() < limits_.transactions &&
           response_bytes_ + kept_bytes(transaction.request) <= limits_.response_bytes;
}

bool Initiator::has_items() const {
    return !ring_.all_sent() && may_send(ring_.current());
}

wire::TxnHeader Initiator::fill(wire::TxnWriter& out, std::uint16_t channel, Time now) {
    wire::TxnHeader header{.opcode = wire::Opcode::kAck,
                           .channel = channel,
                           .psn = tx_.cursor().value,
                           .ack = rx_.expected().value};
    rx_.on_acked();
    if (nack_due_) {
        nack_due_ = false;
        header.opcode = wire::Opcode::kNack;
        *out.claim(1) = static_cast<std::byte>(wire::NackReason::kGap);
        return header;
    }
    std::uint32_t n = 0;
    while (has_items()) {
        const Transaction& transaction = ring_.current();
        if (!put_item(out, transaction, ring_.part())) break;
        if (tx_.cursor() == tx_.sent()) response_bytes_ += kept_bytes(transaction.request);
        tx_.on_sent(1, now);
        ++n;
        ring_.advance();
    }
    if (n > 0) header.opcode = wire::Opcode::kRequest;
    return header;
}

/// False if it does not fit any more.
bool Initiator::put_item(wire::TxnWriter& out, const Transaction& transaction, std::uint32_t part) {
    const Request& request = transaction.request;
    switch (request.operation) {
        case Operation::kLoad: {
            if (out.room() < wire::load_size()) return false;
            std::byte* const body =
                put_head(out.claim(wire::load_size()), ItemOpcode::kLoad, 0, request.length);
            wire::put_where(body, request.key, request.address);
            return true;
        }
        case Operation::kStore: {
            const std::size_t size = wire::store_size(request.length);
            if (out.room() < size) return false;
            std::byte* body = put_head(out.claim(size), ItemOpcode::kStore, 0, request.length);
            body = wire::put_where(body, request.key, request.address);
            std::memcpy(body, data_of(request), request.length);
            return true;
        }
        case Operation::kAtomic: {
            const std::size_t size = wire::atomic_size(request.atomic);
            if (out.room() < size) return false;
            std::byte* body = put_head(out.claim(size), ItemOpcode::kAtomic,
                                       static_cast<std::uint8_t>(request.atomic), request.length);
            body = wire::put_where(body, request.key, request.address);
            store_be64(body, request.operand);
            if (request.atomic == AtomicOp::kCompareSwap) store_be64(body + 8, request.compare);
            return true;
        }
        case Operation::kRead: {
            if (out.room() < wire::read_size()) return false;
            std::byte* body = put_head(out.claim(wire::read_size()), ItemOpcode::kRead, 0, 0);
            body = wire::put_where(body, request.key, request.address);
            store_be32(body, request.length);
            return true;
        }
        case Operation::kWrite:
        case Operation::kSend: return put_part(out, request, part);
        case Operation::kFence:
        case Operation::kCount: break;
    }
    return false;
}

bool Initiator::put_part(wire::TxnWriter& out, const Request& request, std::uint32_t part) {
    const std::uint32_t offset = part * part_bytes(*profile_);
    const std::uint32_t n = std::min(part_bytes(*profile_), request.length - offset);
    const bool last = offset + n == request.length;
    const bool immediate = last && request.has_immediate;
    const bool is_write = request.operation == Operation::kWrite;
    const std::size_t size =
        is_write ? wire::write_size(n, immediate) : wire::send_size(n, immediate);
    if (out.room() < size) return false;
    const auto flags = static_cast<std::uint8_t>((last ? wire::kItemLast : 0) |
                                                 (immediate ? wire::kItemImmediate : 0));
    const ItemOpcode opcode = is_write ? ItemOpcode::kWrite : ItemOpcode::kSend;
    std::byte* body = put_head(out.claim(size), opcode, flags, n);
    if (is_write) body = wire::put_where(body, request.key, request.address + offset);
    if (n > 0) std::memcpy(body, request.local + offset, n);
    prefetch_part<false>(request.local + offset + n,
                         std::min(part_bytes(*profile_), request.length - offset - n));
    if (immediate) store_be64(body + n, request.immediate);
    return true;
}

// Receiving.

Drop Initiator::on_frame(const wire::TxnView& frame, Time now, CompletionSink& sink) {
    const Psn ack{frame.ack()};
    const Psn cursor = tx_.cursor();
    const DeliveryAck verdict =
        frame.opcode() == wire::Opcode::kNack ? tx_.on_nack(ack, now) : tx_.on_ack(ack, now);
    if (verdict == DeliveryAck::kInvalid) return Drop::kTxnStale;
    if (verdict == DeliveryAck::kAccepted) {
        progress_at_ = now;
        starved_ = false;
    }
    // What stands behind it is NACKed for the gap: that is no news.
    starved_ |= frame.opcode() == wire::Opcode::kNack &&
                frame.payload()[0] == static_cast<std::byte>(wire::NackReason::kNoReceive);
    if (tx_.cursor() != cursor) ring_.seek(tx_.cursor());
    return frame.opcode() == wire::Opcode::kResponse ? on_items(frame, now, sink) : Drop::kCount;
}

Drop Initiator::on_items(const wire::TxnView& frame, Time now, CompletionSink& sink) {
    const auto count = wire::count_items(frame.payload());
    if (!count || *count == 0) return Drop::kTxnMalformed;
    const Psn first{frame.psn()};
    switch (rx_.judge(first, *count)) {
        case DeliveryRx::Verdict::kNew: break;
        case DeliveryRx::Verdict::kDuplicate: rx_.on_duplicate(now); return Drop::kTxnDuplicate;
        case DeliveryRx::Verdict::kGap: nack_due_ |= rx_.on_gap(now); return Drop::kTxnGap;
        case DeliveryRx::Verdict::kFar: return Drop::kTxnStale;
    }
    const std::uint32_t skip = rx_.skip(first);
    if (!believe(frame.payload(), skip)) return Drop::kTxnMalformed;
    ItemReader reader(frame.payload());
    ItemView item;
    for (std::uint32_t i = 0; i < *count && reader.read(item); ++i) {
        if (i >= skip) apply(item, sink);
    }
    complete_fences(sink);
    rx_.take(*count - skip, now);
    progress_at_ = now;
    return Drop::kCount;
}

/// Whether this item may end (or carry on) that transaction.
bool Initiator::answers(const Transaction& transaction, const ItemView& item,
                        std::uint32_t received) const {
    // Nobody answers what he has not acknowledged.
    if (!is_acknowledged(transaction, tx_.oldest())) return false;
    const Request& request = transaction.request;
    const bool has_data =
        request.operation == Operation::kLoad || request.operation == Operation::kAtomic;
    switch (item.opcode) {
        case ItemOpcode::kDone:
            if (item.status() != TxnStatus::kOk) return received == 0;
            return !has_data && request.operation != Operation::kRead;
        case ItemOpcode::kData: return has_data && item.length == request.length;
        case ItemOpcode::kReadData: {
            if (request.operation != Operation::kRead) return false;
            const std::uint32_t n = std::min(part_bytes(*profile_), request.length - received);
            return (item.is_error() || item.length == n) &&
                   item.is_last() == (received + n == request.length);
        }
        case ItemOpcode::kInvalid:
        case ItemOpcode::kLoad:
        case ItemOpcode::kStore:
        case ItemOpcode::kAtomic:
        case ItemOpcode::kWrite:
        case ItemOpcode::kRead:
        case ItemOpcode::kSend: return false;
    }
    return false;
}

/// Whether all new items answer what is outstanding, one after the other (T5). Changes nothing.
bool Initiator::believe(std::span<const std::byte> payload, std::uint32_t skip) const {
    std::uint32_t index = 0;
    std::uint32_t received = ring_.empty() ? 0 : ring_[0].received;
    const auto next = [&] {
        ++index;
        received = 0;
    };
    ItemReader reader(payload);
    ItemView item;
    for (std::uint32_t i = 0; reader.read(item); ++i) {
        if (i < skip) continue;
        const bool is_part = item.opcode == ItemOpcode::kReadData && !item.is_last();
        const std::uint32_t ended = item.opcode == ItemOpcode::kDone ? item.length : 1;
        for (std::uint32_t k = 0; k < ended; ++k) {
            while (index != ring_.size() && ring_[index].items == 0) next();  // a fence
            if (index == ring_.size() || !answers(ring_[index], item, received)) return false;
            if (is_part) {
                received += part_bytes(*profile_);
            } else {
                next();
            }
        }
    }
    return true;
}

void Initiator::apply(const ItemView& item, CompletionSink& sink) {
    if (item.opcode == ItemOpcode::kDone) {
        for (std::uint32_t i = 0; i < item.length; ++i) {
            complete_fences(sink);
            complete(item.status(), 0, sink);
        }
        return;
    }
    complete_fences(sink);
    if (item.opcode == ItemOpcode::kReadData) return apply_read(item, sink);
    const Request& request = ring_.oldest().request;
    std::uint64_t value = 0;
    if (request.operation == Operation::kAtomic) {
        value = item.length == 8 ? load_be64(item.data.data()) : load_be32(item.data.data());
    } else {
        if (request.local != nullptr) {
            std::memcpy(request.local, item.data.data(), item.length);
        }
        std::memcpy(&value, item.data.data(), std::min<std::size_t>(item.length, sizeof value));
    }
    complete(TxnStatus::kOk, value, sink);
}

void Initiator::apply_read(const ItemView& item, CompletionSink& sink) {
    Transaction& transaction = ring_.oldest();
    if (item.is_error()) {
        transaction.status = TxnStatus::kRemoteAccess;
    } else {
        std::memcpy(transaction.request.local + transaction.received, item.data.data(),
                    item.length);
    }
    transaction.received +=
        std::min(part_bytes(*profile_), transaction.request.length - transaction.received);
    if (item.is_last()) complete(transaction.status, 0, sink);
}

void Initiator::complete(TxnStatus status, std::uint64_t value, CompletionSink& sink) {
    const Request& request = ring_.oldest().request;
    response_bytes_ -= std::min(response_bytes_, kept_bytes(request));
    ring_.pop();
    sink.on_completion({.cookie = request.cookie,
                        .operation = request.operation,
                        .status = status,
                        .length = status == TxnStatus::kOk ? request.length : 0,
                        .value = value});
}

void Initiator::complete_fences(CompletionSink& sink) {
    while (!ring_.empty() && ring_.oldest().items == 0) complete(TxnStatus::kOk, 0, sink);
}

// Time.

TimeEvent Initiator::on_time(Time now, CompletionSink& sink) {
    complete_fences(sink);
    if (outstanding() > 0 && now - progress_at_ >= profile_->give_up_after) {
        return TimeEvent::kFailed;
    }
    if (!tx_.on_time(now)) return TimeEvent::kNone;
    ring_.seek(tx_.cursor());
    return TimeEvent::kRetried;
}

void Initiator::fail(TxnStatus sent, TxnStatus unsent, CompletionSink& sink) {
    const Psn end = tx_.sent();
    while (!ring_.empty()) {
        const Transaction& transaction = ring_.oldest();
        // A fence belongs to what comes behind it; a message counts as sent with its first part.
        const bool was_sent =
            end.distance_from(transaction.first) - 1 < (1u << 31) && transaction.items > 0;
        complete(was_sent ? sent : unsent, 0, sink);
    }
}

}  // namespace ethlink::txn
