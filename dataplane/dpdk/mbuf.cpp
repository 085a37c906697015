// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/mbuf.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include "dataplane/dpdk/eal_log.h"

namespace ethlink::dpdk {
namespace {

constexpr std::uint32_t kDataRoomMax =
    std::numeric_limits<std::uint16_t>::max() - RTE_PKTMBUF_HEADROOM;

constexpr std::uint64_t kMiB = 1u << 20;

std::uint64_t to_mib(std::uint64_t bytes) {
    return (bytes + kMiB - 1) / kMiB;
}

std::uint64_t free_mib() {
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < rte_socket_count(); ++i) {
        rte_malloc_socket_stats stats{};
        if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0) {
            bytes += stats.heap_freesz_bytes;
        }
    }
    return bytes / kMiB;
}

/// DPDK refuses a cache that is large for its pool.
std::uint32_t cache_frames(const MbufPoolOptions& options) {
    return std::min({options.cache_frames, options.frames / 2,
                     static_cast<std::uint32_t>(RTE_MEMPOOL_CACHE_MAX_SIZE)});
}

/// What rte_pktmbuf_pool_create() does, with one flag more.
rte_mempool* make_pool(const MbufPoolOptions& options) {
    const auto room = static_cast<std::uint16_t>(options.data_room_bytes + RTE_PKTMBUF_HEADROOM);
    // A frame must not cross a page unless the IOMMU sees virtual addresses. With ordinary pages of
    // 4 KiB that would mean one frame a page; but then there is no NIC that could care.
    const unsigned flags = rte_eal_has_hugepages() == 0 ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0u;
    rte_mempool* pool = rte_mempool_create_empty(
        options.name.c_str(), options.frames, static_cast<unsigned>(sizeof(rte_mbuf)) + room,
        cache_frames(options), sizeof(rte_pktmbuf_pool_private), options.socket, flags);
    if (pool == nullptr) return nullptr;
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = room;
    const int set = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
    if (set == 0) rte_pktmbuf_pool_init(pool, &sizes);
    const int populated = set == 0 ? rte_mempool_populate_default(pool) : set;
    if (populated < 0) {
        rte_mempool_free(pool);
        rte_errno = -populated;
        return nullptr;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

std::string too_little_memory(const MbufPoolOptions& options, const LogExcerpt& log) {
    const std::uint64_t needed = MbufPool::bytes_needed(options.frames, options.data_room_bytes);
    return "pool " + options.name + ": " + std::to_string(options.frames) + " frames of " +
           std::to_string(options.data_room_bytes) + " bytes need about " +
           std::to_string(to_mib(needed)) + " MiB, but EAL has " + std::to_string(free_mib()) +
           " MiB free: raise the memory by that much or lower the number of frames: " +
           rte_strerror(rte_errno) + log.as_suffix() + ".";
}

}  // namespace

Expected<std::unique_ptr<MbufPool>, std::string> MbufPool::create(const MbufPoolOptions& options) {
    const std::uint32_t room = options.data_room_bytes;
    if (room < kDataRoomMin || room > kDataRoomMax) {
        return Unexpected<std::string>("pool " + options.name + ": a data room of " +
                                       std::to_string(room) + " bytes is outside " +
                                       std::to_string(kDataRoomMin) + " .. " +
                                       std::to_string(kDataRoomMax) + ".");
    }
    const LogExcerpt log;
    rte_mempool* pool = make_pool(options);
    if (pool == nullptr && (rte_errno == ENOMEM || rte_errno == ENOBUFS)) {
        return Unexpected<std::string>(too_little_memory(options, log));
    }
    if (pool == nullptr) {
        return Unexpected<std::string>("pool " + options.name + ": " + rte_strerror(rte_errno) +
                                       log.as_suffix() +
                                       ". The name must be new and at most 25 characters long.");
    }
    return std::unique_ptr<MbufPool>(new MbufPool(pool, room));
}

MbufPool::~MbufPool() {
    rte_mempool_free(pool_);
}

bool MbufPool::allocate_many(std::span<Mbuf> frames, std::uint32_t n) {
    if (n > data_room_bytes_) return false;
    auto** objects = reinterpret_cast<void**>(frames.data());
    if (rte_mempool_get_bulk(pool_, objects, static_cast<unsigned>(frames.size())) != 0) {
        return false;
    }
    for (Mbuf& frame : frames) prepare(frame.get(), n);
    return true;
}

}  // namespace ethlink::dpdk
