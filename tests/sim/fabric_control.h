// SPDX-License-Identifier: BSD-3-Clause
// The control thread of a fabric in virtual time: the real SteadyLinks and RouteKeeper turn what
// ports say into tables, as Process::watch_links() does.
#pragma once

#include <cstdint>
#include <vector>

#include "control/fabric_proof.h"
#include "control/route_keeper.h"
#include "control/steady_links.h"
#include "tests/sim/oracle.h"
#include "tests/sim/rack.h"

namespace ethlink::sim {

class FabricControl {
public:
    FabricControl(Rack& rack, Oracle& oracle)
        : rack_(&rack),
          oracle_(&oracle),
          keeper_(rack.planned.fabric),
          links_(rack.planned.fabric.links.size(), rack.now) {}

    /// All tables as they are now; for switches that have none yet.
    void publish_all() {
        for (std::size_t i = 0; i < rack_->switch_count(); ++i) publish(i);
    }
    void publish(std::size_t i) {
        rack_->publish(i, keeper_.routes().table_of(rack_->switch_node(i)));
        ++published_;
    }
    /// One turn, every few hundred microseconds.
    void turn() {
        std::vector<bool> runs(rack_->planned.fabric.links.size(), true);
        rack_->for_each_link_end([&](std::size_t link, const PortState<SimFrame>& port) {
            if (!port.link->is_up() || !port.was_up) runs[link] = false;
        });
        control::FabricCondition condition = keeper_.condition();
        for (std::size_t i = 0; i < runs.size(); ++i) {
            condition.dead[i] = !links_.observe(i, runs[i], rack_->now);
        }
        rack_->tables_pending();  // frees what nobody reads any more
        if (condition != keeper_.condition()) apply(condition);
    }
    /// Whether every link is taken for up.
    bool is_whole() const {
        for (const bool dead : keeper_.condition().dead) {
            if (dead) return false;
        }
        return true;
    }
    std::uint64_t published() const { return published_; }

private:
    void apply(const control::FabricCondition& condition) {
        const std::vector<control::RouteTable> before = tables();
        const control::RouteKeeper::Update update = keeper_.apply(condition);
        oracle_->holds(Invariant::kS10, update.refused.empty(), "tables are refused");
        // While switches take them one after the other, no frame may wait in a circle.
        const auto faults = control::prove_transition(keeper_.routes().graph(), before, tables());
        oracle_->holds(Invariant::kS10, faults.empty(), "old and new tables wait in a circle");
        for (std::size_t i = 0; i < rack_->switch_count(); ++i) {
            if (!std::ranges::binary_search(update.changed, rack_->switch_node(i))) continue;
            publish(i);
            oracle_->ledger.faults.add(Fault::kNewTable);
        }
    }
    std::vector<control::RouteTable> tables() const {
        std::vector<control::RouteTable> list;
        for (std::uint32_t n = 0; n < rack_->planned.fabric.nodes.size(); ++n) {
            list.push_back(keeper_.routes().table_of({n}));
        }
        return list;
    }

    Rack* rack_;
    Oracle* oracle_;
    control::RouteKeeper keeper_;
    control::SteadyLinks links_;
    std::uint64_t published_ = 0;
};

}  // namespace ethlink::sim
