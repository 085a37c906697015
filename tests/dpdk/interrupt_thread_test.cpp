// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/interrupt_thread.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
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

}  // namespace
}  // namespace ethlink::dpdk
