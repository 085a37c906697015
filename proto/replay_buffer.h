// SPDX-License-Identifier: BSD-3-Clause
// The frames that the neighbour has not acknowledged yet, by sequence number.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "proto/frame.h"
#include "proto/time.h"

namespace ethlink {

/// A ring of frames keyed by sequence number; it owns them until they are released.
///
/// Storage is lent by the caller at construction (proto/ allocates nothing): a power of two of
/// slots, at least max_outstanding_frames. Bounded also in bytes (outstanding_bytes_max).
template <FrameHandle F>
class ReplayBuffer {
public:
    struct Slot {
        F frame;
        std::uint32_t bytes = 0;
        std::uint32_t sent_tick = 0;
        std::array<std::byte, kSentHeadSize> head{};  // of a frame that is lent (Keep::kLend)
    };

    /// `slots.size()` must be a power of two. The slots outlive the buffer.
    ReplayBuffer(std::span<Slot> slots, std::uint32_t max_bytes)
        : slots_(slots.data()),
          mask_(static_cast<std::uint32_t>(slots.size()) - 1),
          max_bytes_(max_bytes) {}

    bool has_room(std::uint32_t bytes) const {
        return size_ <= mask_ && bytes_ + bytes <= max_bytes_;
    }

    /// The most that push() can still take, in frames and in bytes.
    std::uint32_t frames_left() const { return mask_ + 1 - size_; }
    std::uint32_t bytes_left() const { return bytes_ < max_bytes_ ? max_bytes_ - bytes_ : 0; }

    /// Keeps the frame that was sent as number `seq`, the successor of the last one kept.
    Slot& push(std::uint32_t seq, F&& frame, std::uint32_t bytes, Time now) {
        Slot& slot = slots_[seq & mask_];
        std::construct_at(&slot.frame, std::move(frame));  // Over an empty handle.
        slot.bytes = bytes;
        slot.sent_tick = tick(now);
        bytes_ += bytes;
        ++size_;
        return slot;
    }

    Slot& at(std::uint32_t seq) { return slots_[seq & mask_]; }

    /// A reference for the neighbour, who may write the head: it is put aside.
    static F lend(Slot& slot) {
        std::memcpy(slot.head.data(), slot.frame.bytes().data() + kSentHeadOffset, kSentHeadSize);
        return slot.frame.share();
    }

    /// A lent frame as it was sent, in a buffer of its own; empty if the pool is. Reads only what
    /// nobody writes.
    template <class Pool>
    static F copy_lent(const Slot& slot, Pool& pool) {
        F twin = pool.allocate(slot.bytes);
        if (!twin) return twin;
        std::byte* const to = twin.bytes().data();
        const std::byte* const from = slot.frame.bytes().data();
        constexpr std::size_t kBehind = kSentHeadOffset + kSentHeadSize;
        std::memcpy(to, from, kSentHeadOffset);
        std::memcpy(to + kSentHeadOffset, slot.head.data(), kSentHeadSize);
        std::memcpy(to + kBehind, from + kBehind, slot.bytes - kBehind);
        return twin;
    }

    /// Frees `count` frames from `oldest_seq` on.
    template <class Pool>
    void release(std::uint32_t oldest_seq, std::uint32_t count, Pool& pool) {
        static constexpr std::uint32_t kBatch = 32;
        F batch[kBatch];
        while (count > 0) {
            const std::uint32_t n = count < kBatch ? count : kBatch;
            for (std::uint32_t i = 0; i < n; ++i) {
                Slot& slot = slots_[(oldest_seq + i) & mask_];
                batch[i] = std::move(slot.frame);
                bytes_ -= slot.bytes;
            }
            pool.release(std::span<F>(batch, n));
            oldest_seq += n;
            size_ -= n;
            count -= n;
        }
    }

    /// When the frame `seq`, which must be kept, was first sent; to 1.024 us, up to 73 minutes ago.
    Time sent_at(std::uint32_t seq, Time now) const {
        const std::uint32_t age_ticks = tick(now) - slots_[seq & mask_].sent_tick;
        return now - Duration(std::int64_t{age_ticks} << kTickShift);
    }

    std::uint32_t size() const { return size_; }
    std::uint32_t bytes() const { return bytes_; }
    bool empty() const { return size_ == 0; }

private:
    // A tick is 1,024 ns: no division on the hot path, and 32 bytes a slot.
    static constexpr int kTickShift = 10;
    static std::uint32_t tick(Time time) {
        return static_cast<std::uint32_t>(time.time_since_epoch().count() >> kTickShift);
    }

    Slot* slots_;
    std::uint32_t mask_;
    std::uint32_t max_bytes_;
    std::uint32_t bytes_ = 0;
    std::uint32_t size_ = 0;
};

}  // namespace ethlink
