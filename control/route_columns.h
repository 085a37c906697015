// SPDX-License-Identifier: BSD-3-Clause
// The routes of all switches towards one destination, as a graph: what a proof looks at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "control/fabric_graph.h"
#include "control/route_labels.h"
#include "control/route_table.h"
#include "proto/ids.h"

namespace ethlink::control {

/// Destinations to which every switch sends by the same arcs have one column.
struct Column {
    GpuId dst;                         // one of them
    std::vector<std::uint32_t> first;  // by switch, and one more: where its arcs begin
    std::vector<std::uint32_t> arcs;
    std::vector<bool> delivers;  // by switch: frames leave the switches here

    std::span<const std::uint32_t> hops(std::uint32_t at) const {
        return std::span(arcs).subspan(first[at], first[at + 1] - first[at]);
    }
};

/// What is wrong with one column by itself.
struct ColumnFault {
    enum class Kind : std::uint8_t {
        kHole,    // way[0] sends to way[1], which has no route
        kBounce,  // way[0] sends to way[1], which sends back
        kLoop,    // each sends to the next, the last to the first
    };
    Kind kind;
    std::vector<std::uint32_t> way;  // switches
};

/// From the labels of a group. Only arcs in `costs` that pass frames are in it.
Column column_of(const PathCosts& costs, const Labels& labels, GpuId dst);

/// Of each switch the hops of both: it has the tables of one or of the other.
Column mixed(const Column& a, const Column& b);

/// Ports of tables that are wrong whatever the others say: none such, cables to whom the frame is
/// not for.
struct PortFault {
    std::uint32_t at;
    GpuId dst;
    PortId port;
};

struct Columns {
    std::vector<Column> columns;
    std::vector<PortFault> faults;
};

/// From the tables of all nodes, in the order of Fabric::nodes (those of endpoints are not looked
/// at). Of several versions each switch has any, whichever it has: hops of all of them.
Columns columns_of(const FabricGraph& graph,
                   std::span<const std::vector<RouteTable>* const> versions);

/// Whether no hop goes across or up after one across or down. Such hops can neither loop nor, with
/// those of any other such columns, wait in a circle: up arcs by level, those across, down arcs
/// against the level is an order in which every frame proceeds.
bool is_ranked(const FabricGraph& graph, const Column& column);

/// Looks for a switch without a route to which another sends.
std::optional<ColumnFault> find_hole(const FabricGraph& graph, const Column& column);
/// Looks for frames that come back to a switch.
std::optional<ColumnFault> find_loop(const FabricGraph& graph, const Column& column);

}  // namespace ethlink::control
