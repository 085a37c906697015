// SPDX-License-Identifier: BSD-3-Clause
#include "control/fabric_proof.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <oneapi/tbb/parallel_for.h>

#include "control/deadlock.h"
#include "control/proof_words.h"
#include "control/route_columns.h"
#include "control/single_failures.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kErrorsMax = 5;       // as many as a reader looks at
constexpr std::size_t kDisconnectsMax = 8;  // the same

/// What the columns of all destinations say together.
struct Verdict {
    std::vector<ConfigError> errors;
    bool deadlock = false;
    bool ranked = true;
};

enum class Holes : std::uint8_t { kRefused, kExpected };

void look_for_circles(const FabricGraph& graph, const std::vector<Column>& columns,
                      Verdict& verdict) {
    WaitGraph waits(graph);
    for (const Column& column : columns) {
        if (const auto loop = find_loop(graph, column)) {
            verdict.errors.push_back(fault_error(graph, *loop, column.dst));
        }
        waits.add(column);
    }
    if (!any_lossless(graph.fabric())) return;
    const std::vector<std::uint32_t> cycle = waits.find_cycle();
    if (cycle.empty()) return;
    verdict.deadlock = true;
    verdict.errors.push_back(cycle_error(graph, cycle));
}

Verdict look_at(const FabricGraph& graph, const Columns& all, Holes holes) {
    Verdict verdict;
    for (const PortFault& fault : all.faults) verdict.errors.push_back(port_error(graph, fault));
    std::vector<std::uint8_t> ranked(all.columns.size(), 0);
    oneapi::tbb::parallel_for(std::size_t{0}, all.columns.size(), [&](std::size_t c) {
        ranked[c] = is_ranked(graph, all.columns[c]) ? 1 : 0;
    });
    for (std::size_t c = 0; c < all.columns.size(); ++c) {
        verdict.ranked = verdict.ranked && ranked[c] == 1;
        if (holes == Holes::kExpected) continue;
        if (const auto hole = find_hole(graph, all.columns[c])) {
            verdict.errors.push_back(fault_error(graph, *hole, all.columns[c].dst));
        }
    }
    if (!verdict.ranked) look_for_circles(graph, all.columns, verdict);
    if (verdict.errors.size() > kErrorsMax) verdict.errors.resize(kErrorsMax);
    return verdict;
}

std::vector<RouteTable> tables_of_switches(const Routes& routes) {
    const FabricGraph& graph = routes.graph();
    std::vector<RouteTable> tables(graph.fabric().nodes.size());
    oneapi::tbb::parallel_for(std::uint32_t{0}, graph.switch_count(), [&](std::uint32_t at) {
        tables[graph.node(at).value] = routes.table_of(graph.node(at));
    });
    return tables;
}

void add(FailureResult&& result, FabricProof& proof) {
    proof.single_failures_checked += result.times;
    proof.deadlock_free = proof.deadlock_free && !result.deadlock;
    for (ConfigError& error : result.errors) {
        if (proof.errors.size() < kErrorsMax) proof.errors.push_back(std::move(error));
    }
    if (result.disconnects.empty()) return;
    proof.disconnecting_failures += result.times;
    if (proof.disconnects.size() >= kDisconnectsMax) return;
    const std::string like =
        result.times > 1 ? " (" + std::to_string(result.times) + " links alike)" : "";
    proof.disconnects.push_back(result.disconnects + like);
}

}  // namespace

FabricProof prove_fabric(const Fabric& fabric) {
    const Routes routes(fabric);
    Verdict built;
    {
        const std::vector<RouteTable> tables = tables_of_switches(routes);
        const std::array<const std::vector<RouteTable>*, 1> versions{&tables};
        built = look_at(routes.graph(), columns_of(routes.graph(), versions), Holes::kRefused);
    }
    FabricProof proof;
    proof.errors = std::move(built.errors);
    proof.deadlock_free = !built.deadlock;
    // What is refused as it is need not fail first.
    if (!proof.errors.empty()) return proof;
    for (FailureResult& result : SingleFailures(routes, built.ranked).run()) {
        add(std::move(result), proof);
    }
    return proof;
}

std::vector<ConfigError> prove_tables(const FabricGraph& graph,
                                      const std::vector<RouteTable>& tables) {
    const std::array<const std::vector<RouteTable>*, 1> versions{&tables};
    return look_at(graph, columns_of(graph, versions), Holes::kRefused).errors;
}

std::vector<ConfigError> prove_transition(const FabricGraph& graph,
                                          const std::vector<RouteTable>& before,
                                          const std::vector<RouteTable>& after) {
    const std::array<const std::vector<RouteTable>*, 2> versions{&before, &after};
    return look_at(graph, columns_of(graph, versions), Holes::kExpected).errors;
}

}  // namespace ethlink::control
