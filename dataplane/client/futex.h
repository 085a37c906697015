// SPDX-License-Identifier: BSD-3-Clause
// Sleeping on a word of shared memory, and waking who sleeps there.
#pragma once

#include <chrono>
#include <cstdint>

#include "dataplane/client/abi.h"

namespace ethlink::client {

/// Sleeps while the word is `expected`, until futex_wake() or `limit` is over, or for no reason.
void futex_wait(SharedWord& word, std::uint32_t expected, std::chrono::nanoseconds limit);

/// Wakes whoever sleeps on the word, in any process.
void futex_wake(SharedWord& word);

}  // namespace ethlink::client
