// SPDX-License-Identifier: BSD-3-Clause
// A rack in a storm of everything at once: bad cables, cut ones, switches that are killed, poll
// loops that stand still, tables that change. Afterwards it is as good as new.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/rack.h"
#include "tests/sim/sweep.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using control::TrafficPattern;
using control::Workload;

std::string number(std::uint64_t n) {
    return std::to_string(n);
}

class RackStorm {
public:
    RackStorm(const Trial& trial, Oracle& oracle)
        : oracle_(oracle), draw_(trial, oracle), rack_(yaml(), workload(trial), trial.seed) {
        draw_events();
    }

    void run() {
        rack_.publish_tables();
        rack_.run_for(200us);
        rack_.send(true);
        const Time end = rack_.now + 20ms;
        while (rack_.now < end && oracle_.is_sound() && !is_over()) {
            for (Event& event : events_) happen(event);
            if (tables_ && (rack_.now - Time{1s}) % 30us == 0us) publish();
            rack_.step();
            rack_.look(oracle_);
        }
        for (Event& event : events_) event.from = event.to;
        for (Event& event : events_) happen(event);
        demand();
    }

private:
    struct Event {
        Time from, to;
        Fault fault;
        std::uint64_t where;  // a link, a loop
        bool running = false;
    };

    // Drawing.

    std::string yaml() {
        const std::uint64_t gpus = draw_.between(2, 5);
        const std::uint64_t tiny = draw_.between(1, 8);
        const std::string window =
            number(draw_.is(Fault::kTinyWindow, 0.3) ? tiny : draw_.between(16, 256));
        // A frame of 1,518 bytes takes 24 credits.
        const std::string credits =
            number(draw_.is(Fault::kTinyCredits, 0.3) ? 26 : draw_.between(64, 512));
        const std::string faults = cables();
        std::string vcs;
        for (const char* vc : {"a", "b", "c", "d"}) {
            vcs += "      - {name: " + std::string(vc) + ", lossless: true, credits: " + credits +
                   "}\n";
        }
        return "fabric: sim\n"
               "topology:\n"
               "  kind: single-rack\n"
               "  gpus: " +
               number(gpus) +
               "\n"
               "  tracks: 1\n"
               "  workers: " +
               (draw_.is(Fault::kManyWorkers) ? "2" : "1") + "\n" + faults +
               "profiles:\n"
               "  default:\n"
               "    max_frame_bytes: 1600\n"
               "    llr: {max_outstanding_frames: " +
               window +
               ", max_replay_timer_ns: 100000, ack_delay_us: 3,\n"
               "          init_interval_us: 20, pcs_lost_timeout_ns: 100000}\n"
               "    cbfc: {cc_message_timer_us: 100, cf_update_interval_us: 50}\n"
               "    vcs:\n" +
               vcs + "      - {name: e, lossless: false}\n";
    }
    std::string cables() {
        std::string text;
        const auto rate = [&](Fault fault, const char* key, double most) {
            const double p = draw_.rate(fault, most);
            if (p > 0) text += (text.empty() ? "" : ", ") + (key + std::string(": ")) + decimal(p);
        };
        rate(Fault::kLoss, "loss", 0.05);
        rate(Fault::kBitError, "bit_error", 0.02);
        rate(Fault::kDuplicate, "duplicate", 0.05);
        rate(Fault::kReorder, "reorder", 0.02);
        const std::uint64_t delay = draw_.between(100, 5000), jitter = draw_.between(100, 3000);
        if (draw_.is(Fault::kDelay, 0.3)) text += comma(text) + "delay_ns: " + number(delay);
        if (draw_.is(Fault::kJitter, 0.3)) text += comma(text) + "jitter_ns: " + number(jitter);
        const std::uint64_t seed = 1 + draw_.random.below(1'000'000);
        if (text.empty()) return text;
        return "  faults: {seed: " + number(seed) + ", both: {" + text + "}}\n";
    }
    static std::string comma(const std::string& text) { return text.empty() ? "" : ", "; }
    /// Without an exponent, which YAML files of ours do not have.
    static std::string decimal(double p) {
        std::string digits = number(static_cast<std::uint64_t>(p * 1e6) + 1);
        return "0." + std::string(6 - std::min<std::size_t>(digits.size(), 6), '0') + digits;
    }
    Workload workload(const Trial& trial) {
        Workload traffic;
        traffic.pattern =
            draw_.random.chance(0.3) ? TrafficPattern::kIncast : TrafficPattern::kAllToAll;
        traffic.vcs = {Vc{0}, Vc{2}};
        traffic.sizes = {64, 594, 128, 1518};
        traffic.frames_max = trial.work(draw_.between(20, 400), oracle_);
        return traffic;
    }
    void draw_events() {
        tables_ = draw_.has(Fault::kNewTable, 0.3);
        for (int i = 0; i < 2; ++i) draw_event(Fault::kCut, 20, 1500, 0.2);
        draw_event(Fault::kFreeze, 10, 800, 0.3);
        draw_event(Fault::kRestart, 1, 1, 0.3);
    }
    void draw_event(Fault fault, std::uint64_t least_us, std::uint64_t most_us, double chance) {
        const Time from = rack_.now + 200us + std::chrono::microseconds(draw_.between(0, 400));
        const auto length = std::chrono::microseconds(draw_.between(least_us, most_us));
        const std::uint64_t where = draw_.random.next();
        if (draw_.has(fault, chance)) events_.push_back({from, from + length, fault, where});
    }

    // Running.

    bool is_over() {
        return rack_.sum(PktgenStat::kSentFrames) == rack_.wanted() &&
               std::ranges::all_of(events_, [&](const Event& event) {
                   return event.to < rack_.now && !event.running;
               });
    }
    void publish() {
        rack_.publish_tables();
        oracle_.ledger.faults.add(Fault::kNewTable);
        oracle_.at_most(Invariant::kS4, rack_.tables_pending(), frozen_ ? SIZE_MAX : 1,
                        "tables not yet free");
    }
    void happen(Event& event) {
        const bool due = rack_.now >= event.from && rack_.now < event.to;
        if (due == event.running) return;
        event.running = due;
        if (due) oracle_.ledger.faults.add(event.fault);
        if (event.fault == Fault::kCut) {
            rack_.wire(event.where % rack_.planned.fabric.links.size()).set_up(!due);
        }
        if (event.fault == Fault::kFreeze) {
            frozen_ = true;
            due ? rack_.freeze(event.where % rack_.loop_count()) : rack_.thaw();
        }
        if (event.fault == Fault::kRestart && due) {
            dead_ += rack_.restart_switch(0);
            rack_.publish_tables();
        }
    }

    // What must hold.

    void demand() {
        if (!oracle_.is_sound()) return;
        const bool rests = rack_.run_until(
            [&] {
                return rack_.sum(PktgenStat::kSentFrames) == rack_.wanted() && rack_.is_at_rest();
            },
            100ms);
        if (!oracle_.holds(Invariant::kS11, rests, "stuck")) return;
        const std::uint64_t received = rack_.sum(PktgenStat::kReceivedFrames);
        oracle_.equal(Invariant::kS6, rack_.sum(PktgenStat::kInOrder), received, "in order");
        oracle_.equal(Invariant::kL1, rack_.sum(PktgenStat::kDuplicated), 0, "frames twice");
        oracle_.equal(Invariant::kL1, rack_.sum(PktgenStat::kUnexpected), 0, "frames of nobody");
        const std::uint64_t given_up = dead_ + rack_.sum(LinkStat::kLlrTxFlushedFrames) +
                                       rack_.sum(LinkStat::kLlrTxDiscard) +
                                       rack_.drops(Drop::kForwardingOff);
        const std::uint64_t lost = rack_.wanted() - received;
        oracle_.at_most(Invariant::kL1, lost, given_up, "missing frames");
        if (events_.empty()) oracle_.equal(Invariant::kL1, lost, 0, "missing frames");
        oracle_.equal(Invariant::kR1, rack_.sum(LinkStat::kTxNoBuffer), 0, "missed buffers");
        rack_.add_missing(oracle_, lost, given_up);
        rack_.check_conservation(oracle_);
        rack_.add_up(oracle_);
        oracle_.equal(Invariant::kR1, rack_.frames_leaked(), 0, "buffers that are not back");
    }

    Oracle& oracle_;
    Draw draw_;
    Rack rack_;
    bool tables_ = false, frozen_ = false;
    std::uint64_t dead_ = 0;  // frames, with switches
    std::vector<Event> events_;
};

TEST(RackStorm, EverythingAtOnce) {
    sweep(1500, [](const Trial& trial, Oracle& oracle) { RackStorm(trial, oracle).run(); });
}

}  // namespace
}  // namespace ethlink::sim
