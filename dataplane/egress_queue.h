// SPDX-License-Identifier: BSD-3-Clause
// The frames of one port that wait to leave, one FIFO per VC.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "dataplane/parcel.h"

namespace ethlink {

/// A bounded FIFO of parcels. On a lossless VC it is as large as all credits that its ingresses
/// ever advertise (control/capacity), so there it cannot be full.
template <FrameHandle F>
class EgressQueue {
public:
    EgressQueue() = default;
    explicit EgressQueue(std::size_t capacity_min)
        : capacity_(static_cast<std::uint32_t>(std::bit_ceil(capacity_min < 1 ? 1 : capacity_min))),
          mask_(capacity_ - 1),
          slots_(std::make_unique<Parcel<F>[]>(capacity_)) {}

    bool empty() const { return head_ == tail_; }
    bool full() const { return head_ - tail_ >= capacity_; }
    std::uint32_t size() const { return head_ - tail_; }
    std::uint64_t bytes() const { return bytes_; }
    std::size_t capacity() const { return capacity_; }

    /// The empty parcel behind the last one, to be filled in; `bytes` as it will say. Only if not
    /// full.
    Parcel<F>& claim(std::uint32_t bytes) {
        bytes_ += bytes;
        return slots_[head_++ & mask_];
    }
    const Parcel<F>& front() const { return slots_[tail_ & mask_]; }
    Parcel<F> pop() {
        Parcel<F> parcel = std::move(slots_[tail_++ & mask_]);
        bytes_ -= parcel.bytes;
        // An empty queue starts anew: the few slots that a light load needs stay in the cache,
        // however long the queue could grow.
        if (head_ == tail_) head_ = tail_ = 0;
        return parcel;
    }

private:
    std::uint32_t capacity_ = 0;
    std::uint32_t mask_ = 0;
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    std::uint64_t bytes_ = 0;
    std::unique_ptr<Parcel<F>[]> slots_;
};

/// All VCs of one port, and which of them have something.
template <FrameHandle F>
class EgressQueues {
public:
    /// `capacities[i]` frames for VC i.
    explicit EgressQueues(std::span<const std::uint32_t> capacities) {
        for (std::size_t i = 0; i < capacities.size(); ++i) {
            queues_[i] = EgressQueue<F>(capacities[i]);
        }
    }

    /// The place of the next parcel of `vc`, empty, to be filled in at once; nullptr if its queue
    /// is full.
    [[nodiscard]] Parcel<F>* claim(Vc vc, std::uint32_t bytes) {
        EgressQueue<F>& queue = queues_[vc.value];
        if (queue.full()) [[unlikely]]
            return nullptr;
        ready_ |= 1u << vc.value;
        ++frames_;
        return &queue.claim(bytes);
    }
    /// False, and the parcel is untouched, if its queue is full.
    [[nodiscard]] bool push(Parcel<F>&& parcel) {
        Parcel<F>* const slot = claim(parcel.vc, parcel.bytes);
        if (slot == nullptr) [[unlikely]]
            return false;
        std::construct_at(slot, std::move(parcel));  // Over an empty one.
        return true;
    }
    Parcel<F> pop(Vc vc) {
        EgressQueue<F>& queue = queues_[vc.value];
        Parcel<F> parcel = queue.pop();
        if (queue.empty()) ready_ &= ~(1u << vc.value);
        --frames_;
        return parcel;
    }

    /// Bit per VC: its queue is not empty.
    std::uint32_t ready() const { return ready_; }
    const EgressQueue<F>& operator[](Vc vc) const { return queues_[vc.value]; }
    std::uint32_t frames() const { return frames_; }

private:
    std::uint32_t ready_ = 0;
    std::uint32_t frames_ = 0;
    std::array<EgressQueue<F>, kMaxVcs> queues_;
};

}  // namespace ethlink
