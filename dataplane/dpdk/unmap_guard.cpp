// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/unmap_guard.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include <rte_interrupts.h>

namespace ethlink::dpdk {
namespace {

struct Guards {
    std::mutex mutex;
    std::vector<UnmapGuard*> all;
};

/// Never destroyed: the interrupt thread outlives main().
Guards& guards() {
    static Guards* instance = new Guards;
    return *instance;
}

}  // namespace

UnmapGuard::UnmapGuard() {
    const std::lock_guard lock(guards().mutex);
    guards().all.push_back(this);
}

UnmapGuard::~UnmapGuard() {
    const std::lock_guard lock(guards().mutex);
    std::erase(guards().all, this);
}

void UnmapGuard::wait_for_workers() {
    const std::lock_guard lock(guards().mutex);
    for (UnmapGuard* guard : guards().all) guard->wait_for_worker();
}

void UnmapGuard::wait_for_worker() {
    // A read-modify-write that changes nothing: the clearing of the flag, before it on this
    // thread, must not be delayed behind it.
    const std::uint32_t seen = steps_.fetch_add(0, std::memory_order_seq_cst);
    if (seen % 2 == 0) return;
    // The worker may have been preempted by this very thread: give it the CPU.
    while (steps_.load(std::memory_order_acquire) == seen) sched_yield();
}

}  // namespace ethlink::dpdk

/// Takes the place of the C library's in the whole program, drivers included.
extern "C" [[gnu::visibility("default")]] int munmap(void* address, std::size_t bytes) noexcept {
    if (rte_thread_is_intr() != 0) ethlink::dpdk::UnmapGuard::wait_for_workers();
    return static_cast<int>(syscall(SYS_munmap, address, bytes));
}
