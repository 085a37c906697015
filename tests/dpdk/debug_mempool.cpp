// SPDX-License-Identifier: BSD-3-Clause
#include "tests/dpdk/debug_mempool.h"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <unordered_set>

#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#ifdef ETHLINK_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace ethlink::dpdk::test {
namespace {

constexpr char kName[] = "ethlink_debug";

void poison([[maybe_unused]] void* at, [[maybe_unused]] std::size_t bytes) {
#ifdef ETHLINK_ASAN
    __asan_poison_memory_region(at, bytes);
#endif
}
void unpoison([[maybe_unused]] void* at, [[maybe_unused]] std::size_t bytes) {
#ifdef ETHLINK_ASAN
    __asan_unpoison_memory_region(at, bytes);
#endif
}

/// What DPDK keeps in front of each buffer: the gap between two of them.
void* gap_of(const rte_mempool& pool, void* buffer) {
    return static_cast<std::byte*>(buffer) - pool.header_size;
}

/// The buffers of one pool that are not in use, the one that came back last at the end.
class Store {
public:
    int put(const rte_mempool& pool, void* const* buffers, unsigned n) {
        const std::lock_guard lock(mutex_);
        for (unsigned i = 0; i < n; ++i) {
            if (!there_.insert(buffers[i]).second) {
                std::fprintf(stderr, "buffer %p of pool %s was freed twice\n", buffers[i],
                             pool.name);
                std::abort();
            }
            free_.push_back(buffers[i]);
            all_.insert(buffers[i]);
            if (armed_) poison(buffers[i], pool.elt_size);
        }
        return 0;
    }
    int get(const rte_mempool& pool, void** buffers, unsigned n) {
        const std::lock_guard lock(mutex_);
        if (free_.size() < n) return -ENOBUFS;
        if (!armed_) arm(pool);
        // Only a pool that is taken down has fewer buffers than it was made with: its memory
        // belongs to EAL from now on.
        if (pool.populated_size < pool.size) let_go(pool);
        for (unsigned i = 0; i < n; ++i) {
            buffers[i] = free_.front();
            free_.pop_front();
            there_.erase(buffers[i]);
            unpoison(buffers[i], pool.elt_size);
        }
        return 0;
    }
    unsigned count() const {
        const std::lock_guard lock(mutex_);
        return static_cast<unsigned>(free_.size());
    }

private:
    /// Who makes the pool writes into the buffers after he has put them there; the first that is
    /// taken out says that he is done.
    void arm(const rte_mempool& pool) {
        armed_ = true;
        for (void* const buffer : all_) {
            // Of a pool of one buffer nobody could tell when it is taken down, see get().
            if (pool.size > 1) poison(gap_of(pool, buffer), pool.header_size);
            poison(buffer, pool.elt_size);
        }
    }
    void let_go(const rte_mempool& pool) {
        for (void* const buffer : all_) unpoison(gap_of(pool, buffer), pool.header_size);
        all_.clear();
    }

    mutable std::mutex mutex_;
    bool armed_ = false;
    std::deque<void*> free_;
    std::unordered_set<void*> there_, all_;
};

Store& store_of(const rte_mempool& pool) {
    return *static_cast<Store*>(pool.pool_data);
}

rte_mempool_ops make_ops() {
    rte_mempool_ops ops{};
    std::snprintf(ops.name, sizeof ops.name, "%s", kName);
    ops.alloc = [](rte_mempool* pool) {
        pool->pool_data = new Store;
        return 0;
    };
    ops.free = [](rte_mempool* pool) { delete static_cast<Store*>(pool->pool_data); };
    ops.enqueue = [](rte_mempool* pool, void* const* buffers, unsigned n) {
        return store_of(*pool).put(*pool, buffers, n);
    };
    ops.dequeue = [](rte_mempool* pool, void** buffers, unsigned n) {
        return store_of(*pool).get(*pool, buffers, n);
    };
    ops.get_count = [](const rte_mempool* pool) { return store_of(*pool).count(); };
    return ops;
}

}  // namespace

bool has_address_sanitizer() {
#ifdef ETHLINK_ASAN
    return true;
#else
    return false;
#endif
}

void use_debug_mempool() {
    static const rte_mempool_ops ops = make_ops();
    static const int index = rte_mempool_register_ops(&ops);
    if (index < 0) std::abort();
    rte_mbuf_set_user_mempool_ops(kName);
}

void use_default_mempool() {
    rte_mbuf_set_user_mempool_ops(rte_mbuf_platform_mempool_ops() != nullptr
                                      ? rte_mbuf_platform_mempool_ops()
                                      : RTE_MBUF_DEFAULT_MEMPOOL_OPS);
}

}  // namespace ethlink::dpdk::test
