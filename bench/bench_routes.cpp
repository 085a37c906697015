// SPDX-License-Identifier: BSD-3-Clause
// Routes at scale: all of them, their proof with every single failure, and the update for one link.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "control/fabric_proof.h"
#include "control/routes.h"
#include "control/switch_table.h"
#include "tests/fabrics/fabric_builder.h"

namespace ethlink::control {
namespace {

/// A fabric of each shape, by its number of endpoints.
using Make = Fabric (*)(int endpoints);

Fabric single_rack(int endpoints) {
    return test::racks(1, endpoints, 8, 0);
}
/// As many cables between the racks, per track, as a rack has GPUs.
Fabric dual_rack(int endpoints) {
    return test::racks(2, endpoints / 2, 8, endpoints / 2);
}
/// Racks of 64 GPUs on one leaf, 32 spines.
Fabric leaf_spine(int endpoints) {
    return test::leaf_spine(endpoints / 64, 64, 1, 32);
}
/// Racks of 128 GPUs on eight leaves, 16 spines.
Fabric rails(int endpoints) {
    return test::leaf_spine(endpoints / 128, 128, 8, 16);
}

std::uint32_t size_of(const benchmark::State& state) {
    return static_cast<std::uint32_t>(state.range(0));
}

std::vector<NodeId> switches_of(const Fabric& fabric) {
    std::vector<NodeId> nodes;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].kind == NodeKind::kSwitch) nodes.push_back({n});
    }
    return nodes;
}

/// Groups, paths, and the table of every switch.
void compute(benchmark::State& state, Make make) {
    const Fabric fabric = make(static_cast<int>(size_of(state)));
    const std::vector<NodeId> switches = switches_of(fabric);
    std::size_t largest = 0, forwarding = 0;
    for (auto _ : state) {
        const Routes routes(fabric);
        for (const NodeId node : switches) {
            largest = std::max(largest, routes.table_of(node).memory_bytes());
        }
    }
    const Routes routes(fabric);
    for (const NodeId node : switches) {
        const auto table = make_table(routes.table_of(node), fabric.node(node).name);
        forwarding = std::max(forwarding, table->memory_bytes());
    }
    state.counters["switches"] = static_cast<double>(switches.size());
    state.counters["links"] = static_cast<double>(fabric.links.size());
    state.counters["route_table_bytes"] = static_cast<double>(largest);
    state.counters["forwarding_table_bytes"] = static_cast<double>(forwarding);
}

/// All routes, hop by hop, and those after every failure of one link or switch.
void prove(benchmark::State& state, Make make) {
    const Fabric fabric = make(static_cast<int>(size_of(state)));
    FabricProof proof;
    for (auto _ : state) proof = prove_fabric(fabric);
    if (!proof.errors.empty()) return state.SkipWithError(proof.errors.front().why.c_str());
    state.counters["failures"] = static_cast<double>(proof.single_failures_checked);
    state.counters["cut_off"] = static_cast<double>(proof.disconnecting_failures);
}

/// One link goes down, or comes back: until the tables of all switches that change are there.
/// `last`: a cable of the last link in the file (between switches, where there are any such), else
/// of the first endpoint.
void update(benchmark::State& state, Make make, bool last) {
    const Fabric fabric = make(static_cast<int>(size_of(state)));
    const std::size_t link = last ? fabric.links.size() - 1 : 0;
    Routes routes(fabric);
    FabricHealth health(fabric);
    std::size_t tables = 0;
    bool down = false;
    for (auto _ : state) {
        down = !down;
        health.set_link(link, down ? LinkHealth::kDown : LinkHealth::kUp);
        tables = 0;
        for (const NodeId node : routes.update(health)) {
            if (fabric.node(node).kind != NodeKind::kSwitch) continue;
            benchmark::DoNotOptimize(make_table(routes.table_of(node), fabric.node(node).name));
            ++tables;
        }
    }
    state.counters["tables"] = static_cast<double>(tables);
}

void small_to_large(benchmark::internal::Benchmark* bench) {
    bench->RangeMultiplier(4)->Range(64, 1024)->Unit(benchmark::kMillisecond)->UseRealTime();
}
void up_to_the_most(benchmark::internal::Benchmark* bench) {
    bench->RangeMultiplier(4)->Range(256, 16'384)->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK_CAPTURE(compute, single_rack, single_rack)->Apply(small_to_large);
BENCHMARK_CAPTURE(compute, dual_rack, dual_rack)->Apply(small_to_large);
BENCHMARK_CAPTURE(compute, leaf_spine, leaf_spine)->Apply(up_to_the_most);
BENCHMARK_CAPTURE(compute, rails, rails)->Apply(up_to_the_most);
BENCHMARK_CAPTURE(prove, single_rack, single_rack)->Apply(small_to_large);
BENCHMARK_CAPTURE(prove, dual_rack, dual_rack)->Apply(small_to_large);
BENCHMARK_CAPTURE(prove, leaf_spine, leaf_spine)->Apply(up_to_the_most);
BENCHMARK_CAPTURE(prove, rails, rails)->Apply(up_to_the_most);
BENCHMARK_CAPTURE(update, single_rack, single_rack, false)->Apply(small_to_large);
BENCHMARK_CAPTURE(update, dual_rack, dual_rack, true)->Apply(small_to_large);
BENCHMARK_CAPTURE(update, leaf_spine, leaf_spine, true)->Apply(up_to_the_most);
BENCHMARK_CAPTURE(update, rails, rails, true)->Apply(up_to_the_most);

}  // namespace
}  // namespace ethlink::control

BENCHMARK_MAIN();
