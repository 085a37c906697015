// SPDX-License-Identifier: BSD-3-Clause
// One Google Benchmark loop over batches, with TSC cycles per item beside its nanoseconds.
#pragma once

#include <cstddef>

#include <benchmark/benchmark.h>

#include "bench/cycles.h"

namespace ethlink::bench {

/// `batch()` does `items` equal pieces of work. "tsc" is the median over the batches.
template <class Batch>
void measure(benchmark::State& state, std::size_t items, Batch batch) {
    CycleSamples samples;
    for (auto _ : state) {
        samples.begin();
        batch();
        samples.end();
        benchmark::ClobberMemory();
    }
    const auto n = static_cast<double>(items);
    state.counters["tsc"] = samples.median(items);
    state.counters["ns"] = benchmark::Counter(
        n, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

}  // namespace ethlink::bench
