// SPDX-License-Identifier: BSD-3-Clause
// The frame of production: a move-only owner of one reference to a DPDK mbuf, and its pool.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "proto/expected.h"
#include "proto/frame.h"

namespace ethlink::dpdk {

class MbufPool;

/// Exactly one pointer wide, so that a run of Mbufs is what the burst calls of DPDK take.
///
/// Invariant of a non-empty handle: one segment, and its bytes are in the mbuf's own buffer or in
/// one that the driver attached. EthPort lets nothing else in.
class Mbuf {
public:
    using Pool = MbufPool;

    Mbuf() = default;
    Mbuf(Mbuf&& other) noexcept : mbuf_(std::exchange(other.mbuf_, nullptr)) {}
    Mbuf& operator=(Mbuf&& other) noexcept {
        rte_mbuf* taken = std::exchange(other.mbuf_, nullptr);
        rte_mbuf* old = std::exchange(mbuf_, taken);
        if (old != nullptr) free(old);
        return *this;
    }
    Mbuf(const Mbuf&) = delete;
    Mbuf& operator=(const Mbuf&) = delete;
    ~Mbuf() {
        if (mbuf_ != nullptr) free(mbuf_);
    }

    /// Takes over one reference; nullptr makes an empty handle.
    static Mbuf adopt(rte_mbuf* mbuf) {
        Mbuf frame;
        frame.mbuf_ = mbuf;
        return frame;
    }

    /// Gives the reference away.
    [[nodiscard]] rte_mbuf* surrender() { return std::exchange(mbuf_, nullptr); }
    rte_mbuf* get() const { return mbuf_; }

    explicit operator bool() const { return mbuf_ != nullptr; }

    std::span<std::byte> bytes() { return {data(), mbuf_->data_len}; }
    std::span<const std::byte> bytes() const { return {data(), mbuf_->data_len}; }
    std::uint32_t size() const { return mbuf_->data_len; }

    std::byte* append(std::uint32_t n) {
        if (n > tailroom()) return nullptr;
        std::byte* tail = data() + mbuf_->data_len;
        set_size(mbuf_->data_len + n);
        return tail;
    }

    void trim(std::uint32_t n) { set_size(mbuf_->data_len - n); }

    void prefetch() const {
        if (mbuf_ != nullptr) rte_prefetch0(data());
    }

    Mbuf share() {
        rte_mbuf_refcnt_update(mbuf_, 1);
        return adopt(mbuf_);
    }

    /// Whether the bytes have another owner, too: then nobody may write them.
    bool is_shared() const { return rte_mbuf_refcnt_read(mbuf_) != 1; }

private:
    friend class MbufPool;

    std::byte* data() const { return static_cast<std::byte*>(mbuf_->buf_addr) + mbuf_->data_off; }
    std::uint32_t tailroom() const {
        return static_cast<std::uint32_t>(mbuf_->buf_len) - mbuf_->data_off - mbuf_->data_len;
    }
    void set_size(std::uint32_t n) {
        mbuf_->data_len = static_cast<std::uint16_t>(n);
        mbuf_->pkt_len = n;
    }

    /// Nobody else holds it and it needs no detaching: it can go back to its pool as it is.
    /// Looks at the mbuf's first cache line only.
    static bool is_sole_and_direct(const rte_mbuf* mbuf) {
        return rte_mbuf_refcnt_read(mbuf) == 1 && RTE_MBUF_DIRECT(mbuf);
    }

    static void free(rte_mbuf* mbuf) {
        if (likely(is_sole_and_direct(mbuf))) {
            rte_mbuf_raw_free(mbuf);
            return;
        }
        rte_pktmbuf_free_seg(mbuf);
    }

    rte_mbuf* mbuf_ = nullptr;
};

static_assert(sizeof(Mbuf) == sizeof(rte_mbuf*));

struct MbufPoolOptions {
    std::string name = "frames";           // unique in the process, at most 25 characters
    std::uint32_t frames = 8191;           // 2^n - 1 wastes least memory
    std::uint32_t data_room_bytes = 2048;  // for the frame's own bytes; the headroom comes on top
    std::uint32_t cache_frames = 256;      // per lcore; at most 512 and half of the frames
    int socket = SOCKET_ID_ANY;
};

/// All frames of a process. Any EAL lcore allocates and frees without a lock; other threads may,
/// slowly.
class MbufPool {
public:
    static Expected<std::unique_ptr<MbufPool>, std::string> create(const MbufPoolOptions& options);

    /// No frame may be out any more (in_use() == 0).
    ~MbufPool();
    MbufPool(const MbufPool&) = delete;
    MbufPool& operator=(const MbufPool&) = delete;

    /// An upper bound of the memory that a pool takes, for EalOptions::memory_mb.
    static constexpr std::uint64_t bytes_needed(std::uint64_t frames,
                                                std::uint64_t data_room_bytes) {
        return frames * (data_room_bytes + kOverheadPerFrame) + kOverheadPerPool;
    }

    Mbuf allocate(std::uint32_t n) {
        if (unlikely(n > data_room_bytes_)) return {};
        void* object = nullptr;
        if (unlikely(rte_mempool_get(pool_, &object) != 0)) return {};
        rte_mbuf* mbuf = static_cast<rte_mbuf*>(object);
        prefetch_next();
        prepare(mbuf, n);
        return Mbuf::adopt(mbuf);
    }

    /// Fills `frames` (all empty) with frames of n bytes; all of them or none.
    [[nodiscard]] bool allocate_many(std::span<Mbuf> frames, std::uint32_t n);

    Mbuf copy(const Mbuf& frame) {
        const std::uint32_t n = frame.size();
        Mbuf twin = allocate(n);
        if (unlikely(!twin)) return twin;
        // One vector move instead of a branch on the length. Reads and writes past the frame's
        // end stay in the buffers: kDataRoomMin.
        if (n <= kSmallCopy && frame.tailroom() >= kSmallCopy) {
            std::memcpy(twin.data(), frame.data(), kSmallCopy);
        } else {
            rte_memcpy(twin.data(), frame.data(), n);
        }
        return twin;
    }

    /// Frees; the handles are empty afterwards. Frames that are shared, or of another pool, go
    /// their own way.
    void release(std::span<Mbuf> frames) {
        while (!frames.empty()) {
            const std::size_t n = std::min(frames.size(), kReleaseChunk);
            release_chunk(frames.first(n));
            frames = frames.subspan(n);
        }
    }

    /// Exact while nothing moves: frames in the caches of all lcores count as available.
    std::uint32_t in_use() const { return rte_mempool_in_use_count(pool_); }
    std::uint32_t available() const { return rte_mempool_avail_count(pool_); }
    std::uint32_t size() const { return pool_->size; }

    std::uint32_t data_room_bytes() const { return data_room_bytes_; }
    rte_mempool* get() const { return pool_; }

    static constexpr std::uint32_t kDataRoomMin = 128;

private:
    static constexpr std::uint32_t kSmallCopy = 64;
    static constexpr std::size_t kReleaseChunk = 64;
    // mempool header, mbuf, headroom, and the padding that spreads objects over memory channels.
    static constexpr std::uint64_t kOverheadPerFrame = 64 + 128 + RTE_PKTMBUF_HEADROOM + 256;
    static constexpr std::uint64_t kOverheadPerPool = 4u << 20;  // ring, caches of 128 lcores

    MbufPool(rte_mempool* pool, std::uint32_t data_room_bytes)
        : pool_(pool), data_room_bytes_(data_room_bytes) {}

    /// What a free mbuf does not already say: an mbuf in its pool has no next, one segment, one
    /// reference (DPDK's own invariant), so its second cache line stays untouched.
    static void prepare(rte_mbuf* mbuf, std::uint32_t n) {
        mbuf->data_off = RTE_PKTMBUF_HEADROOM;
        mbuf->refcnt = 1;  // Nobody else knows it yet: no need to be atomic.
        mbuf->nb_segs = 1;
        mbuf->port = RTE_MBUF_PORT_INVALID;
        mbuf->ol_flags = 0;
        mbuf->packet_type = 0;
        mbuf->pkt_len = n;
        mbuf->data_len = static_cast<std::uint16_t>(n);
    }

    /// Frames are taken one after another, and a free mbuf is seldom in the nearest cache.
    void prefetch_next() const {
        static constexpr std::uint32_t kAhead = 4;
        const rte_mempool_cache* cache = rte_mempool_default_cache(pool_, rte_lcore_id());
        if (cache == nullptr || cache->len < kAhead) return;
        const auto* mbuf = static_cast<const rte_mbuf*>(cache->objs[cache->len - kAhead]);
        rte_prefetch0(mbuf);
        // Where its data will be: buf_addr is in a line that may not be there yet.
        rte_prefetch0(reinterpret_cast<const std::byte*>(mbuf + 1) + RTE_PKTMBUF_HEADROOM);
    }

    void release_chunk(std::span<Mbuf> frames) {
        std::array<void*, kReleaseChunk> mine;
        unsigned count = 0;
        for (Mbuf& frame : frames) {
            rte_mbuf* mbuf = frame.surrender();
            if (mbuf == nullptr) continue;
            if (likely(mbuf->pool == pool_ && Mbuf::is_sole_and_direct(mbuf))) {
                mine[count++] = mbuf;
            } else {
                rte_pktmbuf_free_seg(mbuf);
            }
        }
        if (count > 0) rte_mempool_put_bulk(pool_, mine.data(), count);
    }

    rte_mempool* pool_;
    std::uint32_t data_room_bytes_;
};

static_assert(FrameHandle<Mbuf>);
static_assert(FramePool<MbufPool, Mbuf>);

}  // namespace ethlink::dpdk
