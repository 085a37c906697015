// SPDX-License-Identifier: BSD-3-Clause
// The frame of the simulator: heap bytes of exactly the frame's size, and a pool that counts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "proto/frame.h"

namespace ethlink::sim {

class FramePool;

/// Bytes in a vector whose capacity is its size, so that a sanitizer sees every byte too many.
class SimFrame {
public:
    using Pool = FramePool;

    SimFrame() = default;
    SimFrame(SimFrame&&) = default;
    SimFrame& operator=(SimFrame&&) = default;
    SimFrame(const SimFrame&) = delete;
    SimFrame& operator=(const SimFrame&) = delete;

    explicit operator bool() const { return buffer_ != nullptr; }
    std::span<std::byte> bytes() { return buffer_->bytes; }
    std::span<const std::byte> bytes() const { return buffer_->bytes; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(buffer_->bytes.size()); }
    std::byte* append(std::uint32_t n) {
        if (size() + n > buffer_->room) return nullptr;
        resize(size() + n);
        return buffer_->bytes.data() + size() - n;
    }
    void trim(std::uint32_t n) { resize(size() - n); }
    void prefetch() const {}
    SimFrame share() {
        SimFrame other;
        other.buffer_ = buffer_;
        return other;
    }

private:
    friend class FramePool;
    struct Buffer {
        Buffer(FramePool& owner, std::uint32_t n, std::uint32_t room_max);
        ~Buffer();
        Buffer(const Buffer&) = delete;
        Buffer& operator=(const Buffer&) = delete;
        FramePool* pool;
        std::uint32_t room;
        std::vector<std::byte> bytes;
    };

    void resize(std::uint32_t n) {
        std::vector<std::byte> exact(n, std::byte{0xA5});
        std::copy_n(buffer_->bytes.begin(), std::min<std::size_t>(n, buffer_->bytes.size()),
                    exact.begin());
        buffer_->bytes = std::move(exact);
    }

    std::shared_ptr<Buffer> buffer_;
};

/// A number of frames that never grows, like the mempool of production; from any thread.
class FramePool {
public:
    explicit FramePool(std::size_t frames, std::uint32_t room = 10'000)
        : frames_(frames), room_(room) {}
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;

    SimFrame allocate(std::uint32_t n) {
        SimFrame frame;
        if (in_use() < frames_ && n <= room_) {
            frame.buffer_ = std::make_shared<SimFrame::Buffer>(*this, n, room_);
        }
        return frame;
    }
    SimFrame copy(const SimFrame& frame) {
        SimFrame twin = allocate(frame.size());
        if (twin) twin.buffer_->bytes = frame.buffer_->bytes;
        return twin;
    }
    void release(std::span<SimFrame> frames) {
        for (SimFrame& frame : frames) frame = SimFrame();
    }

    std::size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

private:
    friend class SimFrame;
    std::size_t frames_;
    std::uint32_t room_;
    std::atomic<std::size_t> in_use_{0};
};

inline SimFrame::Buffer::Buffer(FramePool& owner, std::uint32_t n, std::uint32_t room_max)
    : pool(&owner), room(room_max), bytes(n, std::byte{0xA5}) {
    pool->in_use_.fetch_add(1, std::memory_order_relaxed);
}
inline SimFrame::Buffer::~Buffer() {
    pool->in_use_.fetch_sub(1, std::memory_order_relaxed);
}

static_assert(FrameHandle<SimFrame>);
static_assert(ethlink::FramePool<FramePool, SimFrame>);

}  // namespace ethlink::sim
