// SPDX-License-Identifier: BSD-3-Clause
// Keeps DPDK's interrupt thread from unmapping memory that a poll core is reading at that moment.
#pragma once

#include <atomic>
#include <cstdint>

namespace ethlink::dpdk {

/// When the process at the other end of a memif dies, the driver (22.11) clears its "connected"
/// flag and unmaps the shared rings, on EAL's interrupt thread, without a look at the core that
/// polls them: a kill -9 of the neighbour under traffic is a SIGSEGV here. Between the flag and the
/// unmapping there is only one place to wait: munmap() itself. unmap_guard.cpp defines it; on any
/// other thread it does what it always does.
///
/// One guard per guarded port; a port of another driver has none and pays nothing.
class UnmapGuard {
public:
    UnmapGuard();
    ~UnmapGuard();
    UnmapGuard(const UnmapGuard&) = delete;
    UnmapGuard& operator=(const UnmapGuard&) = delete;

    /// A worker's stay in the driver; no guard, no cost.
    class Stay {
    public:
        explicit Stay(UnmapGuard* guard) : guard_(guard) {
            // Sequentially consistent: the driver's look at its flag must not overtake this.
            if (guard_ != nullptr) guard_->step(std::memory_order_seq_cst);
        }
        ~Stay() {
            if (guard_ != nullptr) guard_->step(std::memory_order_release);
        }
        Stay(const Stay&) = delete;
        Stay& operator=(const Stay&) = delete;

    private:
        UnmapGuard* guard_;
    };

    /// Returns when no worker is in a stay that began before the call.
    static void wait_for_workers();

private:
    void step(std::memory_order order) {
        steps_.store(steps_.load(std::memory_order_relaxed) + 1, order);
    }
    void wait_for_worker();

    std::atomic<std::uint32_t> steps_{0};  // odd: the worker is in the driver
};

}  // namespace ethlink::dpdk
