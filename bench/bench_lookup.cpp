// SPDX-License-Identifier: BSD-3-Clause
// The forwarding table: a thousand destinations in random order, one path and several.
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/micro.h"
#include "dataplane/forwarding_table.h"

namespace ethlink::bench {
namespace {

constexpr std::size_t kDestinations = 1000;
constexpr std::size_t kLookups = 1024;

void lookup(benchmark::State& state) {
    const auto paths = static_cast<std::size_t>(state.range(0));
    std::mt19937 random(1);
    ForwardingTable table;
    std::vector<GpuId> known;
    for (std::size_t i = 0; i < kDestinations; ++i) {
        known.push_back(GpuId{static_cast<std::uint16_t>(random())});
        std::vector<PortId> ports;
        for (std::size_t p = 0; p < paths; ++p) {
            ports.push_back(PortId{static_cast<std::uint16_t>((i + p) % 64)});
        }
        if (!table.set(known.back(), ports)) return state.SkipWithError("table full");
    }
    std::vector<GpuId> asked;
    for (std::size_t i = 0; i < kLookups; ++i) asked.push_back(known[random() % kDestinations]);
    std::uint16_t entropy = 0;
    measure(state, kLookups, [&] {
        for (const GpuId dst : asked) {
            const auto found = table.paths(dst);
            benchmark::DoNotOptimize(found.ports.size() == 1
                                         ? found.ports[0]
                                         : ForwardingTable::by_entropy(found, ++entropy));
        }
    });
}

BENCHMARK(lookup)->Arg(1)->Arg(4)->Arg(16)->Arg(64);

}  // namespace
}  // namespace ethlink::bench

BENCHMARK_MAIN();
