// SPDX-License-Identifier: BSD-3-Clause
#include "control/route_columns.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <oneapi/tbb/parallel_for.h>

namespace ethlink::control {
namespace {

constexpr std::size_t kGpuIds = 1u << 16;

/// What a list of ports comes to: arcs, each once, and whether ports lead out of the switches.
struct Digest {
    std::vector<std::uint32_t> arcs;
    bool delivers = false;
};

/// Whom a port that leads out of the switches is for.
bool is_for(const Fabric& fabric, const FabricPort& port, GpuId dst) {
    if (port.peer) return fabric.node(port.peer->node).gpu == dst;
    return std::ranges::find(port.gpus, dst) != port.gpus.end();
}

/// The tables of one switch, all versions, as one symbol for each destination: destinations with
/// the same symbol leave by the same arcs.
class SwitchSymbols {
public:
    static constexpr std::uint32_t kNoRoute = 0;

    SwitchSymbols(const FabricGraph& graph, std::uint32_t at,
                  std::span<const std::vector<RouteTable>* const> versions)
        : graph_(graph), at_(at), ports_(graph.fabric().node(graph.node(at)).ports) {
        symbols_.resize(kGpuIds, kNoRoute);
        digests_.resize(1);
        for (const std::vector<RouteTable>* version : versions) {
            add((*version)[graph.node(at).value]);
        }
    }

    std::uint32_t operator[](GpuId dst) const { return symbols_[dst.value]; }
    const Digest& digest(std::uint32_t symbol) const { return digests_[symbol]; }
    std::size_t size() const { return digests_.size(); }
    std::vector<PortFault>& faults() { return faults_; }

private:
    void add(const RouteTable& table) {
        std::vector<Digest> of_list(table.list_count());
        for (std::size_t i = 0; i < of_list.size(); ++i) of_list[i] = digest_of(table.list(i));
        std::map<std::pair<std::uint32_t, std::size_t>, std::uint32_t> joined;
        std::pair<std::uint32_t, std::size_t> last{kNoRoute, of_list.size()};
        std::uint32_t last_symbol = kNoRoute;
        for (std::size_t i = 0; i < table.size(); ++i) {
            const GpuId dst = table[i].dst;
            const Digest& digest = of_list[table.list_of(i)];
            if (digest.delivers) check_ends(table[i]);
            std::uint32_t& symbol = symbols_[dst.value];
            // Neighbours in the table mostly have the same list.
            const std::pair wanted{symbol, table.list_of(i)};
            if (wanted != last) {
                const auto [found, is_new] = joined.emplace(wanted, 0);
                if (is_new) found->second = intern(join(digests_[symbol], digest));
                last = wanted;
                last_symbol = found->second;
            }
            symbol = last_symbol;
        }
    }

    Digest digest_of(std::span<const PortId> ports) const {
        Digest digest;
        for (const PortId port : ports) {
            if (port.value >= ports_.size()) {
                digest.delivers = true;  // check_ends() names it
                continue;
            }
            const auto& peer = ports_[port.value].peer;
            const std::uint32_t to = peer ? graph_.switch_at(peer->node) : kNoSwitch;
            if (to == kNoSwitch) digest.delivers = true;
            if (to != kNoSwitch) digest.arcs.push_back(graph_.find_arc(at_, to));
        }
        return sorted(std::move(digest));
    }

    static Digest sorted(Digest digest) {
        std::ranges::sort(digest.arcs);
        digest.arcs.erase(std::unique(digest.arcs.begin(), digest.arcs.end()), digest.arcs.end());
        return digest;
    }
    static Digest join(Digest a, const Digest& b) {
        a.arcs.insert(a.arcs.end(), b.arcs.begin(), b.arcs.end());
        a.delivers = a.delivers || b.delivers;
        return sorted(std::move(a));
    }

    std::uint32_t intern(Digest digest) {
        const auto [found, is_new] = index_.emplace(std::pair(digest.arcs, digest.delivers),
                                                    static_cast<std::uint32_t>(digests_.size()));
        if (is_new) digests_.push_back(std::move(digest));
        return found->second;
    }

    void check_ends(const Route& route) {
        for (const PortId port : route.ports) {
            if (port.value < ports_.size()) {
                const FabricPort& config = ports_[port.value];
                const bool on = config.peer && graph_.switch_at(config.peer->node) != kNoSwitch;
                if (on || is_for(graph_.fabric(), config, route.dst)) continue;
            }
            faults_.push_back({at_, route.dst, port});
        }
    }

    const FabricGraph& graph_;
    std::uint32_t at_;
    const std::vector<FabricPort>& ports_;
    std::vector<std::uint32_t> symbols_;
    std::vector<Digest> digests_;
    std::map<std::pair<std::vector<std::uint32_t>, bool>, std::uint32_t> index_;
    std::vector<PortFault> faults_;
};

/// Splits a set of destinations until all in one class have the same symbol everywhere.
class Classes {
public:
    explicit Classes(std::vector<GpuId> known)
        : known_(std::move(known)),
          class_of_(known_.size(), 0),
          members_(known_.empty() ? 0 : 1, 0) {}

    void split(const SwitchSymbols& symbols) {
        constexpr std::uint32_t kUnseen = 0xFFFF'FFFF;
        std::vector<std::uint32_t> symbol_of(members_.size(), kUnseen);
        std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> parts;
        for (std::size_t i = 0; i < known_.size(); ++i) {
            const std::uint32_t symbol = symbols[known_[i]];
            const std::uint32_t old = class_of_[i];
            if (symbol_of[old] == kUnseen) symbol_of[old] = symbol;
            if (symbol_of[old] == symbol) continue;
            const auto [part, is_new] =
                parts.emplace(std::pair(old, symbol), static_cast<std::uint32_t>(members_.size()));
            if (is_new) {
                members_.push_back(i);
                symbol_of.push_back(symbol);
            }
            class_of_[i] = part->second;
        }
    }

    std::size_t size() const { return members_.size(); }
    GpuId member(std::size_t i) const { return known_[members_[i]]; }

private:
    std::vector<GpuId> known_;
    std::vector<std::uint32_t> class_of_;
    std::vector<std::size_t> members_;  // of each class the first
};

std::vector<GpuId> known_destinations(std::span<const std::vector<RouteTable>* const> versions,
                                      const FabricGraph& graph) {
    std::vector<bool> known(kGpuIds, false);
    for (const std::vector<RouteTable>* tables : versions) {
        for (std::uint32_t at = 0; at < graph.switch_count(); ++at) {
            const RouteTable& table = (*tables)[graph.node(at).value];
            for (std::size_t i = 0; i < table.size(); ++i) known[table[i].dst.value] = true;
        }
    }
    std::vector<GpuId> list;
    for (std::size_t i = 0; i < kGpuIds; ++i) {
        if (known[i]) list.push_back({static_cast<std::uint16_t>(i)});
    }
    return list;
}

/// A way on which every switch sends to the next, from one that is on a circle; nothing if all
/// ways end.
std::optional<std::vector<std::uint32_t>> find_circle(const FabricGraph& graph,
                                                      const Column& column) {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    std::vector<State> state(graph.switch_count(), State::kNew);
    struct Step {
        std::uint32_t at;
        std::size_t next;
    };
    for (std::uint32_t start = 0; start < graph.switch_count(); ++start) {
        if (state[start] != State::kNew) continue;
        std::vector<Step> way{{start, 0}};
        state[start] = State::kOpen;
        while (!way.empty()) {
            Step& step = way.back();
            const auto hops = column.hops(step.at);
            if (step.next == hops.size()) {
                state[step.at] = State::kDone;
                way.pop_back();
                continue;
            }
            const std::uint32_t to = graph.arc(hops[step.next++]).to;
            if (state[to] == State::kDone) continue;
            if (state[to] == State::kNew) {
                state[to] = State::kOpen;
                way.push_back({to, 0});
                continue;
            }
            std::vector<std::uint32_t> circle;
            const auto begin = std::ranges::find(way, to, &Step::at);
            for (auto it = begin; it != way.end(); ++it) circle.push_back(it->at);
            return circle;
        }
    }
    return std::nullopt;
}

}  // namespace

Column column_of(const PathCosts& costs, const Labels& labels, GpuId dst) {
    Column column{dst, {0}, {}, std::vector<bool>(labels.size(), false)};
    for (std::uint32_t at = 0; at < labels.size(); ++at) {
        column.delivers[at] = labels[at].way == Way::kHome;
        const std::uint32_t end = costs.graph->first_arc(at + 1);
        for (std::uint32_t a = costs.graph->first_arc(at); a < end; ++a) {
            if (is_hop(costs, labels, a)) column.arcs.push_back(a);
        }
        column.first.push_back(static_cast<std::uint32_t>(column.arcs.size()));
    }
    return column;
}

Column mixed(const Column& a, const Column& b) {
    Column column{a.dst, {0}, {}, a.delivers};
    for (std::uint32_t at = 0; at < a.delivers.size(); ++at) {
        column.delivers[at] = a.delivers[at] || b.delivers[at];
        std::ranges::set_union(a.hops(at), b.hops(at), std::back_inserter(column.arcs));
        column.first.push_back(static_cast<std::uint32_t>(column.arcs.size()));
    }
    return column;
}

Columns columns_of(const FabricGraph& graph,
                   std::span<const std::vector<RouteTable>* const> versions) {
    Columns result;
    Classes classes(known_destinations(versions, graph));
    const std::uint32_t switches = graph.switch_count();
    // Symbols of all switches at once would take 256 KiB each: they are made twice instead.
    for (std::uint32_t at = 0; at < switches; ++at) {
        SwitchSymbols symbols(graph, at, versions);
        std::ranges::move(symbols.faults(), std::back_inserter(result.faults));
        classes.split(symbols);
    }
    result.columns.resize(classes.size());
    for (std::size_t c = 0; c < classes.size(); ++c) {
        result.columns[c] = {classes.member(c), {0}, {}, std::vector<bool>(switches, false)};
    }
    for (std::uint32_t at = 0; at < switches; ++at) {
        const SwitchSymbols symbols(graph, at, versions);
        for (Column& column : result.columns) {
            const Digest& digest = symbols.digest(symbols[column.dst]);
            column.delivers[at] = digest.delivers;
            column.arcs.insert(column.arcs.end(), digest.arcs.begin(), digest.arcs.end());
            column.first.push_back(static_cast<std::uint32_t>(column.arcs.size()));
        }
    }
    return result;
}

bool is_ranked(const FabricGraph& graph, const Column& column) {
    constexpr unsigned kUp = 1, kPeer = 2, kDown = 4;
    const auto bit = [&](std::uint32_t arc) {
        switch (graph.arc(arc).kind) {
            case ArcKind::kUp: return kUp;
            case ArcKind::kPeer: return kPeer;
            case ArcKind::kDown: return kDown;
        }
        return kUp;
    };
    std::vector<std::uint8_t> in(graph.switch_count(), 0);
    for (const std::uint32_t arc : column.arcs) {
        std::uint8_t& kinds = in[graph.arc(arc).to];
        kinds = static_cast<std::uint8_t>(kinds | bit(arc));
    }
    for (const std::uint32_t arc : column.arcs) {
        const unsigned before = in[graph.arc(arc).from];
        const bool descended = (before & (kPeer | kDown)) != 0;
        if (descended && bit(arc) != kDown) return false;
    }
    return true;
}

std::optional<ColumnFault> find_hole(const FabricGraph& graph, const Column& column) {
    for (const std::uint32_t index : column.arcs) {
        const Arc& arc = graph.arc(index);
        if (column.delivers[arc.to] || !column.hops(arc.to).empty()) continue;
        return ColumnFault{ColumnFault::Kind::kHole, {arc.from, arc.to}};
    }
    return std::nullopt;
}

std::optional<ColumnFault> find_loop(const FabricGraph& graph, const Column& column) {
    for (const std::uint32_t index : column.arcs) {
        const Arc& arc = graph.arc(index);
        if (std::ranges::find(column.hops(arc.to), arc.reverse) == column.hops(arc.to).end()) {
            continue;
        }
        return ColumnFault{ColumnFault::Kind::kBounce, {arc.from, arc.to}};
    }
    const auto circle = find_circle(graph, column);
    if (!circle) return std::nullopt;
    return ColumnFault{ColumnFault::Kind::kLoop, *circle};
}

}  // namespace ethlink::control
