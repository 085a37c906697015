// SPDX-License-Identifier: BSD-3-Clause
// What waits to be sent, or to be acknowledged: records in order, and the place in them from which
// items go out next.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "proto/txn/psn.h"

namespace ethlink::txn {

/// A ring over lent slots, a power of two of them. A record is sent as `items` items that begin
/// with the number `first`; one of none (a fence) has its place in the order all the same.
template <class Record>
class SendRing {
public:
    explicit SendRing(std::span<Record> slots)
        : slots_(slots.data()), mask_(static_cast<std::uint32_t>(slots.size()) - 1) {}

    bool has_room() const { return size() <= mask_; }
    bool empty() const { return head_ == tail_; }
    std::uint32_t size() const { return head_ - tail_; }
    void clear() {
        tail_ = cursor_ = head_;
        part_ = 0;
    }

    /// The next record, to be filled in at once; only with has_room().
    Record& push() { return at(head_++); }
    /// What push() would give. Writing there changes nothing.
    Record& free_slot() { return at(head_); }
    /// The record that was pushed last; only if there is one.
    Record& newest() { return at(head_ - 1); }
    Record& oldest() { return at(tail_); }
    /// `index` records behind the oldest.
    const Record& operator[](std::uint32_t index) const { return at(tail_ + index); }
    void pop() {
        if (cursor_ == tail_) begin_next();
        ++tail_;
    }

    // The cursor.

    bool all_sent() const { return cursor_ == head_; }
    const Record& current() const { return at(cursor_); }
    /// Which item of current() is next.
    std::uint32_t part() const { return part_; }
    /// Records in front of the cursor.
    std::uint32_t ahead() const { return cursor_ - tail_; }
    void advance() {
        if (++part_ == current().items) begin_next();
    }
    /// To the item with this number, or to the record of none that stands in front of it.
    void seek(Psn psn) {
        for (cursor_ = tail_; cursor_ != head_; ++cursor_) {
            part_ = psn.distance_from(current().first);
            if (part_ < std::max(current().items, 1u)) return;
        }
        part_ = 0;
    }

private:
    Record& at(std::uint32_t index) { return slots_[index & mask_]; }
    const Record& at(std::uint32_t index) const { return slots_[index & mask_]; }
    void begin_next() {
        ++cursor_;
        part_ = 0;
    }

    Record* slots_;
    std::uint32_t mask_;
    std::uint32_t head_ = 0;    // next to push
    std::uint32_t tail_ = 0;    // oldest
    std::uint32_t cursor_ = 0;  // goes out next
    std::uint32_t part_ = 0;    // ... and which of its items
};

/// Whether all items of `record` are acknowledged, `oldest` being the first number that is not.
template <class Record>
bool is_acknowledged(const Record& record, Psn oldest) {
    const std::uint32_t acknowledged = oldest.distance_from(record.first);
    return acknowledged >= record.items && acknowledged < (1u << 31);
}

}  // namespace ethlink::txn
