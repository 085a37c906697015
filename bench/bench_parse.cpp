// SPDX-License-Identifier: BSD-3-Clause
// The door: parse() and the link word, for frames that are in the cache.
#include <cstddef>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/frames.h"
#include "bench/micro.h"
#include "proto/wire/frame.h"
#include "proto/wire/link_word.h"

namespace ethlink::bench {
namespace {

constexpr std::size_t kFrames = 64;

void parse(benchmark::State& state) {
    const auto bytes = static_cast<std::uint32_t>(state.range(0)) - kFcsBytes;
    std::vector<std::vector<std::byte>> frames;
    for (std::size_t i = 0; i < kFrames; ++i) {
        frames.push_back(make_frame(GpuId{0x0200}, GpuId{static_cast<std::uint16_t>(i)}, bytes));
        const wire::LinkWord word{
            .eligible = true, .session = 1, .sequence = static_cast<std::uint32_t>(i)};
        wire::store_link_word(frames.back().data(), word.encode());
    }
    measure(state, kFrames, [&] {
        for (const auto& frame : frames) {
            const auto view = wire::parse(frame);
            if (!view) return state.SkipWithError("refused");
            const auto word = wire::LinkWord::decode(view->link_word_raw());
            benchmark::DoNotOptimize(view->dst().value + word.sequence + view->ttl());
        }
    });
}

BENCHMARK(parse)->Arg(64)->Arg(2048);

}  // namespace
}  // namespace ethlink::bench

BENCHMARK_MAIN();
