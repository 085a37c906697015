// SPDX-License-Identifier: BSD-3-Clause
// Work that must not run beside DPDK's interrupt thread runs on it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "proto/expected.h"

namespace ethlink::dpdk {

/// How long the interrupt thread may be at something else: it has short work only, but its CPU may
/// be somebody else's for a while.
inline constexpr std::chrono::milliseconds kInterruptThreadPatience{5000};

/// Runs `work` on EAL's interrupt thread, as an alarm, and returns when that thread is through with
/// it and with everything it had learned before: no handler of an fd that `work` closed comes
/// later. On the interrupt thread itself it is a plain call.
///
/// An error says that the thread did not answer in time; then `work` has not run and never will.
/// The caller holds no lock that an interrupt handler or the log sink needs. `work` does not throw.
/// EAL has been started, and is not being cleaned up.
Expected<void, std::string> run_on_interrupt_thread(
    const std::function<void()>& work,
    std::chrono::milliseconds patience = kInterruptThreadPatience);

/// Ends the thread, before rte_eal_cleanup(): that one takes away the memory that tells the thread
/// what to watch, wakes it, and goes on.
void end_interrupt_thread();

}  // namespace ethlink::dpdk
