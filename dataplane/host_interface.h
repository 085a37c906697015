// SPDX-License-Identifier: BSD-3-Clause
// What one port's worker hands up to the control thread, and takes from it to send: hellos.
#pragma once

#include <cstddef>

#include "dataplane/spsc_ring.h"
#include "proto/counter.h"
#include "proto/time.h"
#include "proto/wire/hello.h"

namespace ethlink {

/// SAI's host interface of a port: its own rings, so that a neighbour that floods his port takes
/// nothing from another. Who finds a ring full drops and counts: hellos are repeated.
struct HostInterface {
    struct Punted {
        Time at{};  // when it arrived
        wire::Hello hello;
    };
    static constexpr std::size_t kPuntFrames = 8;    // some turns of the control thread
    static constexpr std::size_t kInjectFrames = 4;  // a worker looks several times a millisecond

    static constexpr std::size_t kBytes =
        kPuntFrames * sizeof(Punted) + kInjectFrames * sizeof(wire::Hello);

    SpscRing<Punted> punt{kPuntFrames};           // worker to control
    SpscRing<wire::Hello> inject{kInjectFrames};  // control to worker
    Counter polls;  // moves while the worker runs, several times a millisecond
};

}  // namespace ethlink
