// SPDX-License-Identifier: BSD-3-Clause
// Dual racks and leaf-spine fabrics whose cables are cut and whose switches are killed, while the
// real control logic leads frames around: is every byte of remote memory right afterwards?
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/fabric_control.h"
#include "tests/sim/rack_memory.h"
#include "tests/sim/sweep.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

class FabricStorm {
public:
    FabricStorm(const Trial& trial, Oracle& oracle)
        : oracle_(oracle),
          draw_(trial, oracle),
          memory_(oracle, trial.seed, yaml()),
          control_(rack(), oracle),
          turns_(trial.work(draw_.between(30, 200), oracle)) {
        for (int i = 0; i < 3; ++i) draw_event(Fault::kCut, 200, 4000, 0.6);
        draw_event(Fault::kRestart, 1, 2000, 0.5);
        draw_event(Fault::kFreeze, 10, 800, 0.2);
        control_.publish_all();
        memory_.connect_all();
    }

    void run() {
        for (std::uint64_t i = 0; i < turns_ && oracle_.is_sound(); ++i) {
            memory_.offer(3);
            run_for(20us);
        }
        while (oracle_.is_sound() && !is_quiet()) run_for(100us);
        heal();
        if (!oracle_.is_sound()) return;
        memory_.check_memory();
        memory_.check_rest();
    }

private:
    struct Event {
        Time from, to;
        Fault fault;
        std::uint64_t where;  // a link, a loop, a switch
        bool running = false;
    };

    Rack& rack() { return *memory_.rack; }

    // Drawing.

    std::string yaml() {
        const std::string faults =
            draw_.has(Fault::kLoss)
                ? "  faults: {seed: " + std::to_string(draw_.random.below(1000) + 1) +
                      ", both: {loss: 0.005, bit_error: 0.001, duplicate: 0.005, reorder: 0.005}}\n"
                : "";
        const std::string shape =
            draw_.random.chance(0.5)
                ? "  kind: dual-rack\n  gpus: 4\n  tracks: 2\n  uplinks: 2\n"
                : "  kind: leaf-spine\n  racks: 2\n  gpus: 4\n  tracks: 2\n  spines: 4\n";
        return "fabric: sim\n"
               "topology:\n" +
               shape + faults +
               "profiles:\n"
               "  default:\n"
               "    llr: {max_outstanding_frames: 256, max_replay_timer_ns: 100000,\n"
               "          ack_delay_us: 3, init_interval_us: 20, pcs_lost_timeout_ns: 100000,\n"
               "          data_age_timeout_ns: 5000000}\n"
               "    cbfc: {cc_message_timer_us: 100, cf_update_interval_us: 50}\n";
    }
    void draw_event(Fault fault, std::uint64_t least_us, std::uint64_t most_us, double chance) {
        const Time from = rack().now + std::chrono::microseconds(draw_.between(0, 4000));
        const auto length = std::chrono::microseconds(draw_.between(least_us, most_us));
        const std::uint64_t where = draw_.random.next();
        if (draw_.has(fault, chance)) events_.push_back({from, from + length, fault, where});
    }

    // Running.

    void run_for(Duration time) {
        for (const Time end = rack().now + time; rack().now < end;) step();
    }
    void step() {
        for (Event& event : events_) happen(event);
        const bool busy = rack().step(busy_ ? 1us : 5us);
        busy_ = busy;
        if (busy) rack().look(oracle_);
        if (rack().now < control_due_) return;
        control_due_ = rack().now + 200us;
        control_.turn();
    }
    bool is_quiet() {
        return std::ranges::all_of(
            events_, [&](const Event& event) { return event.to < rack().now && !event.running; });
    }
    void happen(Event& event) {
        const bool due = rack().now >= event.from && rack().now < event.to;
        if (due == event.running) return;
        event.running = due;
        if (due) oracle_.ledger.faults.add(event.fault);
        if (event.fault == Fault::kCut) {
            rack().wire(event.where % rack().planned.fabric.links.size()).set_up(!due);
        }
        if (event.fault == Fault::kFreeze) {
            due ? rack().freeze(event.where % rack().loop_count()) : rack().thaw();
        }
        if (event.fault == Fault::kRestart) restart(event.where % rack().switch_count(), due);
    }
    /// Dead for a while, as a process that its supervisor starts again.
    void restart(std::size_t i, bool dead) {
        const control::NodeId node = rack().switch_node(i);
        for (const control::FabricPort& port : rack().planned.fabric.node(node).ports) {
            if (port.link) rack().wire(*port.link).set_up(!dead);
        }
        if (dead) {
            rack().restart_switch(i);
            control_.publish(i);
        }
    }
    /// Everything completes while the fabric may still be in pieces; then it becomes whole again.
    void heal() {
        const Time end = rack().now + 900ms;
        while (rack().now < end && oracle_.is_sound() && !memory_.is_idle()) step();
        oracle_.holds(Invariant::kE1, memory_.is_idle(), "not everything completes");
        busy_ = false;
        while (rack().now < end && oracle_.is_sound() && !control_.is_whole()) step();
        oracle_.holds(Invariant::kR2, control_.is_whole(), "links do not come back");
    }

    Oracle& oracle_;
    Draw draw_;
    RackMemory memory_;
    FabricControl control_;
    std::uint64_t turns_;
    bool busy_ = true;
    Time control_due_{};
    std::vector<Event> events_;
};

TEST(FabricStorm, RemoteMemorySurvivesCutsAndDeadSwitches) {
    const Ledger ledger =
        sweep(60, [](const Trial& trial, Oracle& oracle) { FabricStorm(trial, oracle).run(); });
    if (seeds_are_chosen()) return;
    EXPECT_GT(ledger.faults.read(Fault::kCut), 30u);
    EXPECT_GT(ledger.faults.read(Fault::kRestart), 10u);
    EXPECT_GT(ledger.faults.read(Fault::kNewTable), 60u);
}

}  // namespace
}  // namespace ethlink::sim
