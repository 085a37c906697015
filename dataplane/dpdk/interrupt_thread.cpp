// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/interrupt_thread.h"

#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>

#include <pthread.h>
#include <rte_alarm.h>
#include <rte_interrupts.h>

namespace ethlink::dpdk {
namespace {

class Turn {
public:
    explicit Turn(const std::function<void()>& work) : work_(work) {}

    bool take(std::chrono::milliseconds patience) {
        constexpr std::uint64_t kAtOnce = 1;  // us, the least there is
        const bool set = rte_eal_alarm_set(kAtOnce, &Turn::run, this) == 0;
        if (set && is_over_within(patience)) return true;
        // Takes the alarm back, or waits for its end if it has just begun.
        rte_eal_alarm_cancel(&Turn::run, this);
        return is_over_within(std::chrono::milliseconds(0));
    }

private:
    static void run(void* argument) {
        auto* turn = static_cast<Turn*>(argument);
        turn->work_();
        // The lock is held to the end: the waiter destroys all this when it gets it.
        const std::lock_guard lock(turn->mutex_);
        turn->over_ = true;
        turn->ended_.notify_one();
    }

    bool is_over_within(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        return ended_.wait_for(lock, patience, [this] { return over_; });
    }

    const std::function<void()>& work_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
};

}  // namespace

Expected<void, std::string> run_on_interrupt_thread(const std::function<void()>& work,
                                                    std::chrono::milliseconds patience) {
    if (rte_thread_is_intr() != 0) {
        work();
        return {};
    }
    if (!Turn(work).take(patience)) {
        return Unexpected<std::string>(
            "DPDK's interrupt thread did not answer within " + std::to_string(patience.count()) +
            " ms: is its CPU taken by something else (top -H, thread eal-intr-thread)?");
    }
    // It handles events in batches. A batch that was begun before the work may hold an event of an
    // fd that the work closed, and the next fd opened has that number: let the batch end.
    Turn([] {}).take(patience);
    return {};
}

void end_interrupt_thread() {
    pthread_t thread{};
    if (!run_on_interrupt_thread([&thread] { thread = pthread_self(); })) return;
    // Deferred: it ends where it waits for events, with no lock in its hands.
    pthread_cancel(thread);
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += std::chrono::ceil<std::chrono::seconds>(kInterruptThreadPatience).count();
    pthread_timedjoin_np(thread, nullptr, &until);
}

}  // namespace ethlink::dpdk
