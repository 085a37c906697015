// SPDX-License-Identifier: BSD-3-Clause
// What a poll-mode core turns: anything that can be asked to do its due work now.
#pragma once

#include "proto/time.h"

namespace ethlink {

/// Polled by exactly one core, again and again; it never blocks, sleeps or takes a lock.
class Pollable {
public:
    Pollable() = default;
    Pollable(const Pollable&) = delete;
    Pollable& operator=(const Pollable&) = delete;
    virtual ~Pollable() = default;

    /// One turn; true if there was anything to do. `now` never goes back.
    virtual bool poll_once(Time now) = 0;
};

}  // namespace ethlink
