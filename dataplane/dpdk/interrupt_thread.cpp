// SPDX-License-Identifier: BSD-3-Clause
// DPDK 22.11 calls it experimental to make an interrupt handle; later ones do not.
#define ALLOW_EXPERIMENTAL_API
#include "dataplane/dpdk/interrupt_thread.h"

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include <pthread.h>
#include <rte_alarm.h>
#include <rte_interrupts.h>

namespace ethlink::dpdk {
namespace {

class Alarm {
public:
    explicit Alarm(const std::function<void()>& work) : work_(work) {}

    bool take(std::chrono::milliseconds patience) {
        constexpr std::uint64_t kAtOnce = 1;  // us, the least there is
        const bool set = rte_eal_alarm_set(kAtOnce, &Alarm::run, this) == 0;
        if (set && is_over_within(patience)) return true;
        // Takes the alarm back, or waits for its end if it has just begun.
        rte_eal_alarm_cancel(&Alarm::run, this);
        return is_over_within(std::chrono::milliseconds(0));
    }

private:
    static void run(void* argument) {
        auto* alarm = static_cast<Alarm*>(argument);
        alarm->work_();
        // The lock is held to the end: the waiter destroys all this when it gets it.
        const std::lock_guard lock(alarm->mutex_);
        alarm->over_ = true;
        alarm->ended_.notify_one();
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

/// The thread handles events in batches, one epoll_wait() each. A batch that is under way may still
/// hold the event of an fd that has been closed meanwhile, and the next fd opened has its number:
/// its handler would be called with nothing to read, and memif's would wait in recvmsg() for ever.
///
/// An alarm cannot tell when a batch is over: whoever is set while alarms are being handled is
/// handled with them. An fd that becomes readable only now can: its event is in a later batch.
class LaterBatch {
public:
    LaterBatch() : handle_(rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE)) {
        if (handle_ == nullptr || fd_ < 0) return;
        rte_intr_fd_set(handle_, fd_);
        rte_intr_type_set(handle_, RTE_INTR_HANDLE_EXT);
        registered_ = rte_intr_callback_register(handle_, &LaterBatch::run, this) == 0;
    }
    ~LaterBatch() {
        // Not the call that waits for the thread: it does so by turning round and round.
        while (registered_ &&
               rte_intr_callback_unregister(handle_, &LaterBatch::run, this) == -EAGAIN) {
            std::this_thread::yield();
        }
        rte_intr_instance_free(handle_);
        if (fd_ >= 0) close(fd_);
    }
    LaterBatch(const LaterBatch&) = delete;
    LaterBatch& operator=(const LaterBatch&) = delete;

    void await(std::chrono::milliseconds patience) {
        if (!registered_ || eventfd_write(fd_, 1) != 0) return;
        std::unique_lock lock(mutex_);
        registered_ = !left_.wait_for(lock, patience, [this] { return has_left_; });
    }

private:
    static void run(void* argument) {
        auto* batch = static_cast<LaterBatch*>(argument);
        rte_intr_callback_unregister_pending(batch->handle_, &LaterBatch::run, argument,
                                             &LaterBatch::leave);
    }
    /// The thread does not know it any more.
    static void leave(rte_intr_handle*, void* argument) {
        auto* batch = static_cast<LaterBatch*>(argument);
        const std::lock_guard lock(batch->mutex_);
        batch->has_left_ = true;
        batch->left_.notify_one();
    }

    int fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rte_intr_handle* handle_;
    bool registered_ = false;
    std::mutex mutex_;
    std::condition_variable left_;
    bool has_left_ = false;
};

}  // namespace

Expected<void, std::string> run_on_interrupt_thread(const std::function<void()>& work,
                                                    std::chrono::milliseconds patience) {
    if (rte_thread_is_intr() != 0) {
        work();
        return {};
    }
    if (!Alarm(work).take(patience)) {
        return Unexpected<std::string>(
            "DPDK's interrupt thread did not answer within " + std::to_string(patience.count()) +
            " ms: is its CPU taken by something else (top -H, thread eal-intr-thread)?");
    }
    LaterBatch().await(patience);  // Its own batch may hold events of fds that the work has closed.
    return {};
}

void end_interrupt_thread() {
    pthread_t thread{};
    // Not LaterBatch: after it the thread is still on its way out of a handler, writes to its pipe,
    // and would be cancelled there. After an alarm the next place is where it waits for events.
    if (!Alarm([&thread] { thread = pthread_self(); }).take(kInterruptThreadPatience)) return;
    Alarm([] {}).take(kInterruptThreadPatience);
    // Deferred: it ends where it waits for events, with no lock in its hands.
    pthread_cancel(thread);
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += std::chrono::ceil<std::chrono::seconds>(kInterruptThreadPatience).count();
    pthread_timedjoin_np(thread, nullptr, &until);
}

}  // namespace ethlink::dpdk
