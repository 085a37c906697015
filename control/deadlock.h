// SPDX-License-Identifier: BSD-3-Clause
// Can frames of a lossless VC wait for each other in a circle? Then the fabric may stop for ever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "control/fabric_graph.h"
#include "control/route_columns.h"

namespace ethlink::control {

/// The channel-dependency graph over (link, VC): frames that went out by one arc wait for room on
/// another.
///
/// A frame keeps its VC, so one graph stands for all of them; requests and responses meet only in
/// endpoints, which take requests whether or not responses can leave. The cables of one arc are
/// one channel here: where they are used alike, as by Routes, that changes nothing, else it sees a
/// circle where with luck there is none.
class WaitGraph {
public:
    explicit WaitGraph(const FabricGraph& graph);

    /// Adds what waits for what on the ways of this column.
    void add(const Column& column);

    /// Arcs each of which waits for the next, and the last for the first; empty: no circle.
    std::vector<std::uint32_t> find_cycle() const;

private:
    std::vector<std::uint32_t> waits_for(std::uint32_t arc) const;

    const FabricGraph* graph_;
    std::vector<std::size_t> first_;  // by arc: where the bits of the arcs after it begin
    std::vector<bool> waits_;         // by arc and arc that follows it
};

}  // namespace ethlink::control
