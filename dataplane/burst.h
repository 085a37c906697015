// SPDX-License-Identifier: BSD-3-Clause
// Up to 32 frames that move together: the unit of work of the poll loop.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace ethlink {

inline constexpr std::size_t kBurstSize = 32;

/// A short queue of frames in a fixed array. Slots at and behind size() hold empty handles.
template <class F>
class Burst {
public:
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    std::size_t room() const { return kBurstSize - size_; }

    /// There must be room.
    void push(F&& frame) {
        // Over an empty handle, which has nothing to free: one store instead of an assignment.
        std::construct_at(&frames_[size_++], std::move(frame));
    }

    F& operator[](std::size_t i) { return frames_[i]; }
    F* begin() { return frames_.data(); }
    F* end() { return frames_.data() + size_; }
    std::span<F> frames() { return {frames_.data(), size_}; }

    /// The free slots, to be filled from the front; then say how many with grow().
    std::span<F> free_slots() { return {frames_.data() + size_, room()}; }
    void grow(std::size_t n) { size_ += n; }

    /// Forgets the first n frames, whose handles have been moved from; the rest moves up.
    void drop_front(std::size_t n) {
        if (n < size_) std::move(frames_.begin() + n, frames_.begin() + size_, frames_.begin());
        size_ -= n;
    }

    /// Frees what is still held.
    void clear() {
        std::for_each(begin(), end(), [](F& frame) { frame = F(); });
        size_ = 0;
    }

private:
    std::array<F, kBurstSize> frames_{};
    std::size_t size_ = 0;
};

}  // namespace ethlink
