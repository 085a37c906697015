// SPDX-License-Identifier: BSD-3-Clause
// The replay buffer over mbufs: take a frame, keep it, send it, release it when acknowledged.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/environment.h"
#include "bench/micro.h"
#include "dataplane/burst.h"
#include "dataplane/dpdk/mbuf.h"
#include "proto/replay_buffer.h"

namespace ethlink::bench {
namespace {

using dpdk::Mbuf;
using dpdk::MbufPool;

MbufPool* pool = nullptr;  // of the process; set by main()

Mbuf hand_out(ReplayBuffer<Mbuf>::Slot& slot, Keep keep) {
    if (keep == Keep::kShare) return slot.frame.share();
    return keep == Keep::kLend ? ReplayBuffer<Mbuf>::lend(slot) : pool->copy(slot.frame);
}

/// Frames of state.range(1) bytes; state.range(0) of them wait for their ACK, which comes for 32.
void replay(benchmark::State& state, Keep keep) {
    const auto depth = static_cast<std::uint32_t>(state.range(0));
    const auto bytes = static_cast<std::uint32_t>(state.range(1));
    std::vector<ReplayBuffer<Mbuf>::Slot> slots(depth + kBurstSize > 512 ? 2048 : 512);
    ReplayBuffer<Mbuf> buffer(slots, UINT32_MAX);
    const Time now{std::chrono::seconds(1)};
    Burst<Mbuf> out;
    std::uint32_t seq = 0;
    const auto turn = [&] {
        for (std::size_t i = 0; i < kBurstSize; ++i) {
            auto& slot = buffer.push(seq, pool->allocate(bytes), bytes, now);
            ++seq;
            out.push(hand_out(slot, keep));
        }
        pool->release(out.frames());  // The driver is done with them.
        out.clear();
        if (buffer.size() > depth) buffer.release(seq - buffer.size(), kBurstSize, *pool);
    };
    while (buffer.size() < depth) turn();
    measure(state, kBurstSize, turn);
    buffer.release(seq - buffer.size(), buffer.size(), *pool);
}

void share(benchmark::State& state) {
    replay(state, Keep::kShare);
}
void copy(benchmark::State& state) {
    replay(state, Keep::kCopy);
}
void lend(benchmark::State& state) {
    replay(state, Keep::kLend);
}

void cases(benchmark::internal::Benchmark* benchmark) {
    for (const int depth : {64, 512, 1024}) {
        for (const int bytes : {60, 508, 2044}) benchmark->Args({depth, bytes});
    }
}

BENCHMARK(share)->Apply(cases);
BENCHMARK(copy)->Apply(cases);
BENCHMARK(lend)->Apply(cases);

int run(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    const auto eal = start_environment(64);
    const auto frames = MbufPool::create({.frames = 8191});
    if (!frames) throw std::runtime_error(frames.error());
    pool = frames->get();
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

}  // namespace
}  // namespace ethlink::bench

int main(int argc, char** argv) {
    return ethlink::bench::run(argc, argv);
}
