// SPDX-License-Identifier: BSD-3-Clause
// A bounded queue between exactly one producer thread and one consumer thread.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace ethlink {

inline constexpr std::size_t kCacheLine = 64;

/// Each side keeps its own index and a copy of the other's, and reads the other's line only when
/// the copy says full or empty. Capacity is a power of two, fixed at construction.
template <class T>
class SpscRing {
public:
    explicit SpscRing(std::size_t capacity_min)
        : mask_(static_cast<std::uint32_t>(std::bit_ceil(capacity_min < 2 ? 2 : capacity_min)) - 1),
          slots_(std::make_unique<T[]>(std::size_t{mask_} + 1)) {}

    std::size_t capacity() const { return std::size_t{mask_} + 1; }

    // Producer.

    /// How many pushes will succeed now, at least; looks again if that is less than `wanted`.
    std::size_t room(std::size_t wanted = 1) {
        std::size_t room = capacity() - (head_ - tail_seen_);
        if (room >= wanted) return room;
        tail_seen_ = tail_.load(std::memory_order_acquire);
        return capacity() - (head_ - tail_seen_);
    }
    /// Stages an element; only after room(). The consumer sees it after publish().
    void push(T&& value) { slots_[head_++ & mask_] = std::move(value); }
    void publish() { head_published_.store(head_, std::memory_order_release); }

    // Consumer.

    /// How many elements can be taken now; looks again if that is less than `wanted`.
    std::size_t size(std::size_t wanted = 1) {
        std::size_t size = head_seen_ - tail_own_;
        if (size >= wanted) return size;
        head_seen_ = head_published_.load(std::memory_order_acquire);
        return head_seen_ - tail_own_;
    }
    /// The oldest element, to be moved from; only if size() > 0.
    T& front() { return slots_[tail_own_ & mask_]; }
    void pop() { ++tail_own_; }
    /// Gives the popped slots back to the producer.
    void release() { tail_.store(tail_own_, std::memory_order_release); }

private:
    std::uint32_t mask_;
    std::unique_ptr<T[]> slots_;
    // Indices count modulo 2^32, which the capacity divides.
    alignas(kCacheLine) std::uint32_t head_ = 0;  // producer's
    std::uint32_t tail_seen_ = 0;
    alignas(kCacheLine) std::atomic<std::uint32_t> head_published_{0};
    alignas(kCacheLine) std::uint32_t tail_own_ = 0;  // consumer's
    std::uint32_t head_seen_ = 0;
    alignas(kCacheLine) std::atomic<std::uint32_t> tail_{0};
};

}  // namespace ethlink
