// SPDX-License-Identifier: BSD-3-Clause
// Our SPSC ring against rte_ring (SP/SC): one core, and from one core to another.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <sched.h>
#include <thread>

#include <benchmark/benchmark.h>
#include <pthread.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "bench/micro.h"
#include "dataplane/spsc_ring.h"

namespace ethlink::bench {
namespace {

constexpr unsigned kCapacity = 1024;
constexpr std::size_t kBatch = 4096;
constexpr std::size_t kBurstMax = 32;
using Objects = std::array<void*, kBurstMax>;

class OurRing {
public:
    unsigned put(Objects& objects, unsigned n) {
        if (ring_.room(n) < n) return 0;
        for (unsigned i = 0; i < n; ++i) ring_.push(std::move(objects[i]));
        ring_.publish();
        return n;
    }
    unsigned take(Objects& objects, unsigned n) {
        if (ring_.size(n) < n) return 0;
        for (unsigned i = 0; i < n; ++i) {
            objects[i] = ring_.front();
            ring_.pop();
        }
        ring_.release();
        return n;
    }

private:
    SpscRing<void*> ring_{kCapacity};
};

class DpdkRing {
public:
    DpdkRing()
        : ring_(static_cast<rte_ring*>(std::aligned_alloc(
              kCacheLine, static_cast<std::size_t>(rte_ring_get_memsize(kCapacity))))) {
        rte_ring_init(ring_.get(), "bench", kCapacity, RING_F_SP_ENQ | RING_F_SC_DEQ);
    }
    unsigned put(Objects& objects, unsigned n) {
        return rte_ring_sp_enqueue_bulk(ring_.get(), objects.data(), n, nullptr);
    }
    unsigned take(Objects& objects, unsigned n) {
        return rte_ring_sc_dequeue_bulk(ring_.get(), objects.data(), n, nullptr);
    }

private:
    struct Free {
        void operator()(rte_ring* ring) const { std::free(ring); }
    };
    std::unique_ptr<rte_ring, Free> ring_;
};

template <class Ring>
void one_core(benchmark::State& state) {
    const auto burst = static_cast<unsigned>(state.range(0));
    Ring ring;
    Objects objects{};
    measure(state, kBatch, [&] {
        for (std::size_t i = 0; i < kBatch; i += burst) {
            ring.put(objects, burst);
            ring.take(objects, burst);
            benchmark::ClobberMemory();
        }
    });
}

/// Keeps the calling thread on the n-th of the CPUs it may use; false if there are not so many.
bool pin(int n) {
    cpu_set_t usable;
    if (pthread_getaffinity_np(pthread_self(), sizeof usable, &usable) != 0) return false;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &usable) || n-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0;
    }
    return false;
}

template <class Ring>
void two_cores(benchmark::State& state) {
    const auto burst = static_cast<unsigned>(state.range(0));
    Ring ring;
    std::atomic<int> producer{0};  // 1: runs, -1: there is no second CPU
    std::atomic<bool> stop{false};
    std::thread other([&] {
        producer.store(pin(1) ? 1 : -1);
        Objects objects{};
        while (!stop.load(std::memory_order_relaxed)) {
            if (ring.put(objects, burst) == 0) rte_pause();
        }
    });
    cpu_set_t before;
    pthread_getaffinity_np(pthread_self(), sizeof before, &before);
    while (producer.load() == 0) std::this_thread::yield();
    if (producer.load() < 0 || !pin(0)) state.SkipWithError("needs two CPUs");
    Objects objects{};
    measure(state, kBatch, [&] {
        for (std::size_t i = 0; i < kBatch;) {
            const unsigned n = ring.take(objects, burst);
            i += n;
            if (n == 0) rte_pause();
        }
    });
    stop = true;
    other.join();
    pthread_setaffinity_np(pthread_self(), sizeof before, &before);
}

BENCHMARK(one_core<OurRing>)->Arg(1)->Arg(8)->Arg(32);
BENCHMARK(one_core<DpdkRing>)->Arg(1)->Arg(8)->Arg(32);
BENCHMARK(two_cores<OurRing>)->Arg(1)->Arg(8)->Arg(32)->UseRealTime();
BENCHMARK(two_cores<DpdkRing>)->Arg(1)->Arg(8)->Arg(32)->UseRealTime();

}  // namespace
}  // namespace ethlink::bench

BENCHMARK_MAIN();
