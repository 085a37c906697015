// SPDX-License-Identifier: BSD-3-Clause
// All that a process says and hears in hellos: its neighbours, and what they tell of other links.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/link_states.h"
#include "control/neighbour.h"
#include "control/route_keeper.h"
#include "proto/time.h"
#include "proto/wire/hello.h"

namespace ethlink::control {

/// Pure, one thread. The fabric outlives it. A port is an index below port_count(): the link ports
/// of the process's nodes, node by node.
class Neighbourhood {
public:
    struct Options {
        Duration interval = std::chrono::milliseconds(100);  // of hellos on one port
        std::uint32_t incarnation = 1;                       // random per start, not 0
        std::uint64_t clock_ms = 0;                          // the time of day, since 1970
    };
    /// A neighbour is taken for dead after so many intervals without a hello. What is dead for sure
    /// (no LLR, no medium) is so at once; this is for what only looks alive, and threads of a busy
    /// machine may be late.
    static constexpr int kHold = 10;
    /// News go out at once, but not oftener.
    static constexpr Duration kGap = std::chrono::milliseconds(20);
    /// A process of thousands of ports says hello less often.
    static constexpr Duration kIntervalPerPort = std::chrono::microseconds(250);

    Neighbourhood(const Fabric& fabric, std::span<const NodeId> own, const Options& options,
                  Time now);

    std::size_t port_count() const { return ports_.size(); }
    PortRef port(std::size_t port) const { return ports_[port].ref; }
    Duration interval() const { return interval_; }

    // Inputs, each turn in this order; then next() for each port.

    void on_hello(std::size_t port, const wire::Hello& hello, Time now);
    /// Whether LLR runs and the medium is up.
    void on_link(std::size_t port, bool runs, Time now);
    /// Whether the worker of this port has run since the last turn.
    void on_poll(std::size_t port, bool awake) { ports_[port].awake = awake; }
    void on_time(Time now);
    /// What this process itself holds for dead and drained.
    void set_own(const FabricCondition& own, Time now);

    // Outputs.

    /// A hello that is due on this port, or that has news.
    std::optional<wire::Hello> next(std::size_t port, Time now);
    /// Whether the neighbour can be sent frames as far as hellos tell.
    bool may_carry(std::size_t port) const { return ports_[port].neighbour.may_carry(); }
    /// What others hold for dead and drained, on top of `condition`.
    void add_to(FabricCondition& condition) const { states_.add_to(condition); }
    /// What has changed since the last call, for the log.
    std::vector<std::string> take_events();

    const Neighbour& neighbour(std::size_t port) const { return ports_[port].neighbour; }
    const LinkStates& states() const { return states_; }
    /// A sentence on the neighbour of a port; empty if all is well.
    std::string complaint(std::size_t port) const;
    /// "leaf1:e7", as far as this fabric has it.
    std::string end_name(const wire::HelloEnd& end) const;

private:
    static constexpr std::size_t kInside = SIZE_MAX;
    struct Port {
        PortRef ref;
        Neighbour neighbour;
        std::size_t told;  // the port's index in states_, or kInside: both ends are ours
        std::size_t other_end = kInside;  // where both are ours: the index of the other
        bool awake = true;
        Time due{};  // of the next hello
        Time not_before{};
        std::uint32_t sequence = 0;
        wire::HelloEnd said{};  // heard, in our last hello
        NeighbourState logged = NeighbourState::kUnheard;
        bool logged_other_file = false;
    };

    void join_inside();
    wire::HelloEnd end_of(PortRef ref) const {
        return {ref.node.value, ref.port.value, options_.incarnation};
    }

    const Fabric* fabric_;
    Options options_;
    std::uint64_t digest_;
    Duration interval_{};
    std::vector<Port> ports_;
    LinkStates states_;
};

}  // namespace ethlink::control
