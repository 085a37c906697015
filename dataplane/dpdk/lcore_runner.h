// SPDX-License-Identifier: BSD-3-Clause
// A worker core: turns its pollables round and round until told to stop.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/dpdk/tsc_clock.h"
#include "dataplane/follow_ups.h"
#include "dataplane/pollable.h"
#include "proto/counter.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::dpdk {

/// What a core does with turns that found nothing to do.
///
/// The longer no frames have come, the longer it sleeps: a sixteenth of the time since the last
/// ones within the bounds below (decision 0030). What links say to each other all the time does not
/// count: a process at rest is to cost little.
struct IdlePolicy {
    std::uint32_t turns_before_sleep = 0;                // without frames; 0 = never sleep
    Duration sleep = std::chrono::microseconds(50);      // at least
    Duration sleep_max = std::chrono::microseconds(50);  // at most
    bool yield = false;  // offer the CPU after each idle turn: for lcores that share one

    Duration sleep_after(Duration without_frames) const {
        return std::max(sleep, std::min(without_frames / 16, sleep_max));
    }
};

struct RunnerCounters {
    Counter turns;
    Counter busy_turns;   // with anything to do
    Counter cycles;       // TSC, sleep included
    Counter busy_cycles;  // TSC, in turns that had something to do
    Counter sleeps;
};

/// Start and stop belong to one control thread. After stop() no pollable is being polled and none
/// will be, so they may be destroyed.
class LcoreRunner {
public:
    LcoreRunner(unsigned lcore, TscClock clock, IdlePolicy idle)
        : clock_(clock), idle_(idle), lcore_(lcore) {}
    ~LcoreRunner() { stop(); }
    LcoreRunner(const LcoreRunner&) = delete;
    LcoreRunner& operator=(const LcoreRunner&) = delete;

    /// Begins to poll, in this order, on the worker lcore.
    Expected<void, std::string> start(std::vector<Pollable*> pollables);

    /// Asks the core to finish its turn, without waiting: to stop several runners at once.
    void request_stop() { stop_requested_.store(true, std::memory_order_relaxed); }

    /// Returns when the core has left the loop. Harmless when it is not running.
    void stop();

    unsigned lcore() const { return lcore_; }
    bool running() const { return running_; }
    /// For wires that end here at both ends. Belongs to the worker while it runs.
    FollowUps& follow_ups() { return follow_ups_; }
    const RunnerCounters& counters() const { return counters_; }

private:
    static int launch(void* runner);
    void run();
    Turn poll_all(Time now);
    void rest(std::uint64_t turns, Duration without_frames);

    TscClock clock_;
    IdlePolicy idle_;
    std::vector<Pollable*> pollables_;
    FollowUps follow_ups_;
    std::atomic<bool> stop_requested_{false};
    std::atomic<bool> turning_{false};  // hands the pollables over to the worker and back
    unsigned lcore_;
    bool running_ = false;  // control thread's
    RunnerCounters counters_;
};

}  // namespace ethlink::dpdk
