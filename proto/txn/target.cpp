// SPDX-License-Identifier: BSD-3-Clause
#include "proto/txn/target.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "proto/byte_order.h"
#include "proto/txn/memory_access.h"
#include "proto/txn/prefetch.h"

namespace ethlink::txn {

using wire::ItemOpcode;
using wire::ItemReader;
using wire::ItemView;
using wire::TxnStatus;

void Target::start(const Peer& peer, Psn requests, Psn responses, Time now) {
    stop();
    peer_ = peer;
    ring_.clear();
    store_head_ = store_tail_ = stored_ = 0;
    first_ = requests;
    next_ = responses;
    tx_ = DeliveryTx(*profile_, responses);
    rx_ = DeliveryRx(*profile_, requests);
    nack_due_ = false;
    message_kind_ = ItemOpcode::kInvalid;
    message_status_ = TxnStatus::kOk;
    message_bytes_ = 0;
    progress_at_ = now;
}

void Target::stop() {
    if (receive_) drop_receive();
}

void Target::drop_receive() {
    memory_.receives->deliver(*receive_, {.from = peer_.gpu, .status = TxnStatus::kCancelled});
    receive_.reset();
    message_status_ = TxnStatus::kNoReceive;
}

// Receiving.

Drop Target::on_frame(const wire::TxnView& frame, Time now) {
    const Psn ack{frame.ack()};
    const Psn cursor = tx_.cursor();
    const DeliveryAck verdict =
        frame.opcode() == wire::Opcode::kNack ? tx_.on_nack(ack, now) : tx_.on_ack(ack, now);
    if (verdict == DeliveryAck::kInvalid) return Drop::kTxnStale;
    if (verdict == DeliveryAck::kAccepted) release(now);
    if (tx_.cursor() != cursor) ring_.seek(tx_.cursor());
    return frame.opcode() == wire::Opcode::kRequest ? on_items(frame, now) : Drop::kCount;
}

Drop Target::on_items(const wire::TxnView& frame, Time now) {
    // All or nothing of a frame that is malformed: looked through before anything is done.
    const auto count = wire::count_items(frame.payload());
    if (!count || *count == 0) return Drop::kTxnMalformed;
    const Psn first{frame.psn()};
    switch (rx_.judge(first, *count)) {
        case DeliveryRx::Verdict::kNew: break;
        case DeliveryRx::Verdict::kDuplicate: rx_.on_duplicate(now); return Drop::kTxnDuplicate;
        case DeliveryRx::Verdict::kGap: nack(wire::NackReason::kGap, now); return Drop::kTxnGap;
        case DeliveryRx::Verdict::kFar: return Drop::kTxnStale;
    }
    if (keys_.is_empty(now)) [[unlikely]]
        return Drop::kTxnKeyRate;
    now_ = now;
    const std::uint32_t skip = rx_.skip(first);
    ItemReader reader(frame.payload());
    std::uint32_t taken = 0;
    Taken last = Taken::kYes;
    ItemView item;
    for (std::uint32_t i = 0; last == Taken::kYes && reader.read(item); ++i) {
        if (i < skip) continue;
        last = execute(item);
        if (last == Taken::kYes) ++taken;
    }
    if (taken > 0) rx_.take(taken, now);
    executed_ += taken;
    if (last == Taken::kYes) return Drop::kCount;
    // What found no room is not acknowledged: it comes again, at the pace of these NACKs.
    nack(last == Taken::kNoRoom ? wire::NackReason::kNoRoom : wire::NackReason::kNoReceive, now);
    return Drop::kTxnNoRoom;
}

void Target::nack(wire::NackReason reason, Time now) {
    if (!rx_.on_gap(now)) return;
    nack_due_ = true;
    nack_reason_ = reason;
}

Target::Taken Target::execute(const ItemView& item) {
    if (!ring_.has_room()) return Taken::kNoRoom;
    switch (item.opcode) {
        case ItemOpcode::kLoad: return load(item);
        case ItemOpcode::kStore: return store(item);
        case ItemOpcode::kAtomic: return atomic(item);
        case ItemOpcode::kWrite: return write(item);
        case ItemOpcode::kRead: return read(item);
        case ItemOpcode::kSend: return send(item);
        case ItemOpcode::kInvalid:
        case ItemOpcode::kDone:
        case ItemOpcode::kData:
        case ItemOpcode::kReadData: break;
    }
    done(TxnStatus::kInvalid);  // A response in a request: answered, and nothing done.
    return Taken::kYes;
}

std::byte* Target::access(const ItemView& item, std::uint64_t length, std::uint8_t right) {
    std::byte* const at =
        memory_.windows->find(item.key, item.address, length, right, peer_.tenant);
    if (at == nullptr) [[unlikely]]
        keys_.on_error(now_);
    return at;
}

Target::Taken Target::load(const ItemView& item) {
    if (item.length <= 8) {
        const std::byte* const from = access(item, item.length, Rights::kRead);
        if (from == nullptr) return refuse();
        Response& response = push(Response::Kind::kValue, 1);
        response.length = item.length;
        response.value = read_bytes(from, item.length);
        return Taken::kYes;
    }
    const auto offset = reserve(item.length);
    if (!offset) return Taken::kNoRoom;
    const std::byte* const from = access(item, item.length, Rights::kRead);
    if (from == nullptr) return refuse();
    store_head_ = *offset + (item.length + 7u) / 8 * 8;
    ++stored_;
    std::memcpy(&store_[*offset], from, item.length);
    Response& response = push(Response::Kind::kData, 1);
    response.length = item.length;
    response.value = *offset;
    return Taken::kYes;
}

Target::Taken Target::store(const ItemView& item) {
    std::byte* const to = access(item, item.length, Rights::kWrite);
    if (to != nullptr) write_bytes(to, item.data);
    done(to != nullptr ? TxnStatus::kOk : TxnStatus::kRemoteAccess);
    return Taken::kYes;
}

Target::Taken Target::atomic(const ItemView& item) {
    std::byte* const at = access(item, item.length, Rights::kAtomic);
    const bool aligned = item.length == 8 ? detail::is_aligned<std::uint64_t>(at)
                                          : detail::is_aligned<std::uint32_t>(at);
    if (at == nullptr || !aligned) return refuse();
    Response& response = push(Response::Kind::kValue, 1);
    response.length = item.length;
    response.value = apply_atomic(at, item);
    return Taken::kYes;
}

/// One message ends before the next begins: a part of the other kind spoils it.
void Target::begin_part(ItemOpcode kind) {
    if (message_kind_ == ItemOpcode::kInvalid) message_kind_ = kind;
    if (message_kind_ != kind) message_status_ = TxnStatus::kInvalid;
}

Target::Taken Target::write(const ItemView& item) {
    begin_part(ItemOpcode::kWrite);
    std::byte* to = nullptr;
    if (message_status_ == TxnStatus::kOk) {
        to = access(item, item.length, Rights::kWrite);
        if (to == nullptr) message_status_ = TxnStatus::kRemoteAccess;
    }
    std::optional<ReceiveBuffer> notice;
    if (item.has_immediate() && to != nullptr) {
        notice = memory_.receives->claim(peer_.gpu);
        if (!notice) return Taken::kNoReceive;
    }
    if (to != nullptr) {
        if (item.length > 0) write_bytes(to, item.data);
        if (!item.is_last()) prefetch_part<true>(to + item.length, item.length);
        message_bytes_ = std::min(message_bytes_ + item.length, wire::kMessageMax);
    }
    if (!item.is_last()) return Taken::kYes;
    // The program hears of a write with immediate when all of it is in place. Its buffer stays as
    // it is.
    if (notice) {
        memory_.receives->deliver(*notice, {.from = peer_.gpu,
                                            .status = TxnStatus::kOk,
                                            .is_write = true,
                                            .has_immediate = true,
                                            .length = message_bytes_,
                                            .immediate = item.immediate});
    }
    end_message(item);
    return Taken::kYes;
}

Target::Taken Target::read(const ItemView& item) {
    const auto total = static_cast<std::uint32_t>(item.operand);
    if (access(item, total, Rights::kRead) == nullptr) {
        return refuse();
    }
    const std::uint32_t part = part_bytes(*profile_);
    Response& response = push(Response::Kind::kRead, (total + part - 1) / part);
    response.length = total;
    response.key = item.key;
    response.address = item.address;
    return Taken::kYes;
}

Target::Taken Target::send(const ItemView& item) {
    begin_part(ItemOpcode::kSend);
    if (!receive_ && message_status_ == TxnStatus::kOk) {
        receive_ = memory_.receives->claim(peer_.gpu);
        if (!receive_) return Taken::kNoReceive;
    }
    if (message_status_ == TxnStatus::kOk) {
        const std::span<std::byte> room = receive_->bytes.subspan(message_bytes_);
        if (item.length > room.size())
            message_status_ = TxnStatus::kTooLong;
        else if (item.length > 0)
            std::memcpy(room.data(), item.data.data(), item.length);
        message_bytes_ += message_status_ == TxnStatus::kOk ? item.length : 0;
    }
    if (item.is_last()) end_message(item);
    return Taken::kYes;
}

void Target::end_message(const ItemView& item) {
    if (receive_) {
        memory_.receives->deliver(*receive_, {.from = peer_.gpu,
                                              .status = message_status_,
                                              .has_immediate = item.has_immediate(),
                                              .length = message_bytes_,
                                              .immediate = item.immediate});
        receive_.reset();
    }
    done(message_status_);
    message_kind_ = ItemOpcode::kInvalid;
    message_status_ = TxnStatus::kOk;
    message_bytes_ = 0;
}

// Responses.

Target::Taken Target::refuse() {
    done(TxnStatus::kRemoteAccess);
    return Taken::kYes;
}

void Target::done(TxnStatus status) {
    // Results of a row that say the same become one item, as long as it has not been sent.
    if (!ring_.empty()) {
        Response& last = ring_.newest();
        const bool unsent = last.first.distance_from(tx_.sent()) < (1u << 31);
        if (last.kind == Response::Kind::kDone && last.status == status && unsent &&
            last.count < UINT16_MAX) {
            ++last.count;
            return;
        }
    }
    Response& response = push(Response::Kind::kDone, 1);
    response.status = status;
    response.count = 1;
}

Response& Target::push(Response::Kind kind, std::uint32_t items) {
    if (ring_.empty()) progress_at_ = now_;
    Response& response = ring_.push();
    response.kind = kind;
    response.status = TxnStatus::kOk;
    response.first = next_;
    response.items = items;
    next_ = next_ + items;
    return response;
}

/// Where `bytes` of load data can stand in one piece, behind what is kept; nothing if nowhere.
std::optional<std::uint32_t> Target::reserve(std::uint32_t bytes) {
    const auto size = static_cast<std::uint32_t>(store_.size());
    if (stored_ == 0) store_head_ = store_tail_ = 0;
    if (store_head_ >= store_tail_) {
        if (size - store_head_ >= bytes + 8) return store_head_;
        return store_tail_ > bytes + 8 ? std::optional<std::uint32_t>(0) : std::nullopt;
    }
    return store_tail_ - store_head_ > bytes + 8 ? std::optional(store_head_) : std::nullopt;
}

/// Forgets the responses that the initiator has.
void Target::release(Time now) {
    progress_at_ = now;
    while (!ring_.empty() && is_acknowledged(ring_.oldest(), tx_.oldest())) {
        const Response& response = ring_.oldest();
        if (response.kind == Response::Kind::kData) {
            store_tail_ =
                static_cast<std::uint32_t>(response.value) + (response.length + 7) / 8 * 8;
            --stored_;
        }
        ring_.pop();
    }
}

wire::TxnHeader Target::fill(wire::TxnWriter& out, std::uint16_t channel, Time now) {
    wire::TxnHeader header{.opcode = wire::Opcode::kAck,
                           .flags = wire::TxnHeader::kFromTarget,
                           .channel = channel,
                           .psn = tx_.cursor().value,
                           .ack = rx_.expected().value};
    rx_.on_acked();
    if (nack_due_) {
        nack_due_ = false;
        header.opcode = wire::Opcode::kNack;
        *out.claim(1) = static_cast<std::byte>(nack_reason_);
        return header;
    }
    while (has_items()) {
        if (!put_item(out, ring_.current(), ring_.part())) break;
        header.opcode = wire::Opcode::kResponse;
        tx_.on_sent(1, now);
        ring_.advance();
    }
    return header;
}

bool Target::put_item(wire::TxnWriter& out, const Response& response, std::uint32_t part) {
    switch (response.kind) {
        case Response::Kind::kDone: {
            if (out.room() < wire::kItemHeadSize) return false;
            put_head(out.claim(wire::kItemHeadSize), ItemOpcode::kDone,
                     static_cast<std::uint8_t>(response.status), response.count);
            return true;
        }
        case Response::Kind::kValue:
        case Response::Kind::kData: {
            const std::size_t size = wire::data_size(response.length);
            if (out.room() < size) return false;
            std::byte* const body =
                put_head(out.claim(size), ItemOpcode::kData, 0, response.length);
            if (response.kind == Response::Kind::kData) {
                std::memcpy(body, &store_[response.value], response.length);
            } else {
                std::memcpy(body, &response.value, response.length);
            }
            return true;
        }
        case Response::Kind::kRead: return put_read(out, response, part);
    }
    return false;
}

/// A part of a read is taken from memory when it goes out, if the window is still there.
bool Target::put_read(wire::TxnWriter& out, const Response& response, std::uint32_t part) {
    const std::uint32_t offset = part * part_bytes(*profile_);
    const std::uint32_t n = std::min(part_bytes(*profile_), response.length - offset);
    if (out.room() < wire::data_size(n)) return false;
    const std::uint8_t last = offset + n == response.length ? wire::kItemLast : 0;
    const std::byte* const from = memory_.windows->find(response.key, response.address + offset, n,
                                                        Rights::kRead, peer_.tenant);
    if (from == nullptr) {
        put_head(out.claim(wire::data_size(0)), ItemOpcode::kReadData, last | wire::kItemError, 0);
        return true;
    }
    std::byte* const body = put_head(out.claim(wire::data_size(n)), ItemOpcode::kReadData, last, n);
    std::memcpy(body, from, n);
    return true;
}

TimeEvent Target::on_time(Time now) {
    if (pending() > 0 && now - progress_at_ >= profile_->give_up_after) return TimeEvent::kFailed;
    if (!tx_.on_time(now)) return TimeEvent::kNone;
    ring_.seek(tx_.cursor());
    return TimeEvent::kRetried;
}

}  // namespace ethlink::txn
