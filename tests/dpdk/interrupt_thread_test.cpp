// SPDX-License-Identifier: BSD-3-Clause
#define ALLOW_EXPERIMENTAL_API  // rte_intr_instance_alloc() in DPDK 22.11
#include "dataplane/dpdk/interrupt_thread.h"

#include <atomic>
#include <chrono>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <rte_alarm.h>
#include <rte_interrupts.h>

#include "tests/dpdk/environment.h"

namespace ethlink::dpdk {
namespace {

TEST(InterruptThread, RunsTheWorkAndIsWaitedFor) {
    bool there = false;
    bool nested = false;
    const auto ran = run_on_interrupt_thread([&] {
        there = rte_thread_is_intr() != 0;
        nested = run_on_interrupt_thread([] {}).has_value();
    });
    EXPECT_TRUE(ran);
    EXPECT_TRUE(there);
    EXPECT_TRUE(nested);
    EXPECT_EQ(rte_thread_is_intr(), 0);
}

TEST(InterruptThread, WorkThatItHasNoTimeForIsTakenBack) {
    bool ran = false;
    {
        const test::BusyInterruptThread busy;
        const auto late =
            run_on_interrupt_thread([&] { ran = true; }, std::chrono::milliseconds(20));
        ASSERT_FALSE(late);
        EXPECT_NE(late.error().find("did not answer within 20 ms"), std::string::npos);
    }
    EXPECT_TRUE(run_on_interrupt_thread([] {}));
    EXPECT_FALSE(ran);
}

/// An fd that the interrupt thread watches.
class Watched {
public:
    Watched() {
        rte_intr_fd_set(handle_, fd_);
        rte_intr_type_set(handle_, RTE_INTR_HANDLE_EXT);
        EXPECT_EQ(rte_intr_callback_register(handle_, &Watched::run, this), 0);
    }
    ~Watched() {
        rte_intr_callback_unregister_sync(handle_, &Watched::run, this);
        rte_intr_instance_free(handle_);
        close(fd_);
    }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    void make_readable() { EXPECT_EQ(eventfd_write(fd_, 1), 0); }
    bool was_handled() const { return handled_.load(); }

private:
    static void run(void* argument) {
        auto* watched = static_cast<Watched*>(argument);
        eventfd_t value = 0;
        eventfd_read(watched->fd_, &value);
        watched->handled_.store(true);
    }
    int fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rte_intr_handle* handle_ = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
    std::atomic<bool> handled_{false};
};

TEST(InterruptThread, WhatItHadLearnedBeforeTheWorkIsOverThen) {
    Watched watched;
    // Keeps the thread at its alarms after the work: an alarm that is set meanwhile is run with
    // them, in the same batch of events as the work, and says nothing of the others in it.
    const auto linger = [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(100)); };
    bool ran = false;
    std::thread worker;
    {
        const test::BusyInterruptThread busy;
        worker = std::thread([&] {
            const auto work = [&] {
                rte_eal_alarm_set(1, linger, nullptr);
                std::this_thread::sleep_for(std::chrono::milliseconds(1));  // It is due.
            };
            ran = run_on_interrupt_thread(work).has_value();
            EXPECT_TRUE(watched.was_handled());
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        watched.make_readable();
    }
    worker.join();
    EXPECT_TRUE(ran);
    EXPECT_TRUE(watched.was_handled());
}

}  // namespace
}  // namespace ethlink::dpdk
