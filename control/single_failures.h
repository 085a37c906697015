// SPDX-License-Identifier: BSD-3-Clause
// Takes one link or one switch away at a time, and looks at the routes that then hold, by
// themselves and mixed with those of before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "control/config_error.h"
#include "control/deadlock.h"
#include "control/route_columns.h"
#include "control/routes.h"

namespace ethlink::control {

/// What follows from one failure, or from each of several that differ in names only.
struct FailureResult {
    std::vector<ConfigError> errors;
    bool deadlock = false;
    std::string disconnects;  // a sentence; empty: everybody still reaches everybody
    std::uint64_t times = 1;  // how many failures it stands for
};

/// Shares its work between threads; works on routes of a healthy fabric, which outlive it.
///
/// Two kinds of failures are not computed one by one, because their routes cannot differ:
/// - one of several cables of an arc: all labels stay, a list of ports loses one;
/// - an endpoint's cable, where another of the same group and switch was computed: all that is
///   different is which port and which GPU-ID.
class SingleFailures {
public:
    /// `ranked`: all columns as built are ranked (is_ranked()), so that only those which a failure
    /// changes are to be looked at again.
    SingleFailures(const Routes& routes, bool ranked);

    /// Of all links and switches, in an order that does not depend on threads.
    [[nodiscard]] std::vector<FailureResult> run() const;

private:
    struct CableClass;
    struct Removed;
    struct After;

    std::vector<CableClass> cable_classes() const;
    FailureResult without_arc(std::uint32_t arc, std::vector<ArcState>& arcs) const;
    FailureResult without_switch(std::uint32_t at, std::vector<ArcState>& arcs) const;
    FailureResult without_cable(const CableClass& one) const;
    std::vector<FailureResult> between_endpoints() const;
    FailureResult without(const Removed& removed, const std::string& what,
                          std::vector<ArcState>& arcs) const;

    After relabelled(const Removed& removed, const std::vector<ArcState>& arcs) const;
    void look_at(const After& after, const std::vector<ArcState>& arcs, const std::string& what,
                 FailureResult& result) const;
    std::vector<Column> changed_columns(const After& after, const std::vector<ArcState>& arcs,
                                        const std::string& when, FailureResult& result) const;
    WaitGraph waits_as_built() const;
    std::string lost_pair(const After& after, const Removed& removed) const;
    bool is_joined(NodeId from, GpuId to) const;
    bool is_alone(std::uint32_t group) const;

    const Routes& routes_;
    const FabricGraph& graph_;
    bool ranked_;                       // all columns as built
    bool lossless_;                     // any VC
    std::vector<std::size_t> example_;  // of each group: one of its destinations
};

}  // namespace ethlink::control
