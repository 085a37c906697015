// SPDX-License-Identifier: BSD-3-Clause
// The ICRC: as a frame gets it, and each way of ours by itself against DPDK's CRC (AVX-512 allowed)
// and zlib's, over the same bytes.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>
#include <rte_net_crc.h>
#include <zlib.h>

#include "bench/environment.h"
#include "bench/frames.h"
#include "bench/micro.h"
#include "proto/wire/crc32.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"

namespace ethlink::bench {
namespace {

constexpr std::size_t kRepeats = 32;

/// A frame of state.range(0) bytes, its FCS counted, and what its ICRC covers.
struct Covered {
    explicit Covered(const benchmark::State& state)
        : frame(make_frame(GpuId{0x0200}, GpuId{0x0201},
                           static_cast<std::uint32_t>(state.range(0)) - kFcsBytes)),
          bytes(static_cast<std::uint32_t>(wire::parse(frame)->icrc_offset())) {}
    std::vector<std::byte> frame;
    std::uint32_t bytes;
};

void ours(benchmark::State& state) {
    const Covered covered(state);
    measure(state, kRepeats, [&] {
        for (std::size_t i = 0; i < kRepeats; ++i) {
            benchmark::ClobberMemory();
            const auto view = wire::parse(covered.frame);
            benchmark::DoNotOptimize(wire::compute_icrc(*view));
        }
    });
}

/// One way alone, the head given: neither parse() nor the choice of the way.
template <auto WithHead, bool (*IsHere)()>
void variant(benchmark::State& state) {
    if (!IsHere()) return state.SkipWithError("not on this CPU");
    const Covered covered(state);
    const auto view = wire::parse(covered.frame);
    const auto head = wire::CrcHeadWords::of(wire::detail::icrc_head(*view));
    const auto whole = view->bytes().first(covered.bytes);
    measure(state, kRepeats, [&] {
        for (std::size_t i = 0; i < kRepeats; ++i) {
            benchmark::ClobberMemory();
            benchmark::DoNotOptimize(WithHead(head, whole, view->txn_offset()));
        }
    });
}

bool everywhere() {
    return true;
}

void dpdk(benchmark::State& state) {
    const Covered covered(state);
    measure(state, kRepeats, [&] {
        for (std::size_t i = 0; i < kRepeats; ++i) {
            benchmark::DoNotOptimize(
                rte_net_crc_calc(covered.frame.data(), covered.bytes, RTE_NET_CRC32_ETH));
        }
    });
}

void zlib(benchmark::State& state) {
    const Covered covered(state);
    std::vector<Bytef> copy;  // zlib's type for the same bytes
    for (const std::byte byte : covered.frame) copy.push_back(std::to_integer<Bytef>(byte));
    measure(state, kRepeats, [&] {
        for (std::size_t i = 0; i < kRepeats; ++i) {
            benchmark::DoNotOptimize(crc32(0, copy.data(), covered.bytes));
        }
    });
}

void sizes(benchmark::internal::Benchmark* benchmark) {
    for (const int size : {64, 128, 256, 512, 1500, 2048}) benchmark->Arg(size);
}

BENCHMARK(ours)->Apply(sizes);
BENCHMARK(variant<wire::crc32_variants::table_with_head, everywhere>)->Name("table")->Apply(sizes);
BENCHMARK(variant<wire::crc32_variants::clmul_with_head, wire::crc32_variants::has_clmul>)
    ->Name("clmul")
    ->Apply(sizes);
BENCHMARK(variant<wire::crc32_variants::avx512_with_head, wire::crc32_variants::has_avx512>)
    ->Name("avx512")
    ->Apply(sizes);
BENCHMARK(dpdk)->Apply(sizes);
BENCHMARK(zlib)->Apply(sizes);

}  // namespace
}  // namespace ethlink::bench

int main(int argc, char** argv) {
    // Our EAL lifts the limit of 256 bits that would make DPDK silently take SSE.
    const auto eal = ethlink::bench::start_environment(32);
    rte_net_crc_set_alg(RTE_NET_CRC_AVX512);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
