// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/lcore_runner.h"

#include <algorithm>
#include <cstring>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <utility>
#include <vector>

#include <rte_launch.h>
#include <rte_lcore.h>

namespace ethlink::dpdk {

Expected<void, std::string> LcoreRunner::start(std::vector<Pollable*> pollables) {
    const std::string name = "worker lcore " + std::to_string(lcore_);
    if (running_) return Unexpected<std::string>(name + " is running already.");
    if (rte_lcore_is_enabled(lcore_) == 0 || lcore_ == rte_get_main_lcore()) {
        return Unexpected<std::string>(name + " is no worker: EAL was started with fewer.");
    }
    pollables_ = std::move(pollables);
    stop_requested_.store(false, std::memory_order_relaxed);
    turning_.store(true, std::memory_order_release);
    if (const int error = rte_eal_remote_launch(&LcoreRunner::launch, this, lcore_); error != 0) {
        turning_.store(false, std::memory_order_relaxed);
        return Unexpected<std::string>(name + " could not be started: " + std::strerror(-error) +
                                       ".");
    }
    running_ = true;
    return {};
}

void LcoreRunner::stop() {
    if (!running_) return;
    request_stop();
    // EAL's wait synchronises, too, but where no race detector can see it.
    while (turning_.load(std::memory_order_acquire)) std::this_thread::yield();
    rte_eal_wait_lcore(lcore_);
    running_ = false;
    pollables_.clear();
}

int LcoreRunner::launch(void* runner) {
    auto* self = static_cast<LcoreRunner*>(runner);
    if (self->turning_.load(std::memory_order_acquire)) self->run();
    self->turning_.store(false, std::memory_order_release);
    return 0;
}

void LcoreRunner::run() {
    // A sleep of 50 us is to take 50 us: the default slack of 50 us would double it.
    if (idle_.turns_before_sleep > 0) prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    std::uint64_t turns = 0;  // without frames
    std::uint64_t turn_began = TscClock::cycles();
    Time now = clock_.at(turn_began);
    Time frames_at = now;
    while (!stop_requested_.load(std::memory_order_relaxed)) {
        now = std::max(now, clock_.at(turn_began));  // The clock may jump back a little, we not.
        const Turn turn = poll_all(now);
        ++turns;
        if (turn == Turn::kBusy) {
            turns = 0;
            frames_at = now;
        }
        if (turn == Turn::kIdle) rest(turns, now - frames_at);
        const std::uint64_t turn_ended = TscClock::cycles();
        const std::uint64_t cycles = turn_ended - turn_began;
        counters_.turns.add();
        counters_.cycles.add(cycles);
        if (turn != Turn::kIdle) {
            counters_.busy_turns.add();
            counters_.busy_cycles.add(cycles);
        }
        turn_began = turn_ended;
    }
}

Turn LcoreRunner::poll_all(Time now) {
    Turn turn = Turn::kIdle;
    for (Pollable* pollable : pollables_) {
        follow_ups_.clear();
        turn |= pollable->poll_once(now);
        while (Pollable* next = follow_ups_.take()) turn |= next->poll_once(now);
    }
    return turn;
}

void LcoreRunner::rest(std::uint64_t turns, Duration without_frames) {
    if (idle_.turns_before_sleep > 0 && turns >= idle_.turns_before_sleep) {
        counters_.sleeps.add();
        std::this_thread::sleep_for(idle_.sleep_after(without_frames));
    } else if (idle_.yield) {
        sched_yield();
    }
}

}  // namespace ethlink::dpdk
