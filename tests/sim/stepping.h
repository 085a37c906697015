// SPDX-License-Identifier: BSD-3-Clause
// A world in virtual time goes on step by step: what all of them can do.
#pragma once

#include <chrono>

#include "proto/time.h"

namespace ethlink::sim {

/// Base of a World with step(), which moves `now`.
template <class World>
class Stepping {
public:
    /// Steps until `done`, at most for `limit` of virtual time; false if it never was.
    template <class Done>
    bool run_until(Done done, Duration limit) {
        for (const Time end = now + limit; now < end;) {
            static_cast<World*>(this)->step();
            if (done()) return true;
        }
        return false;
    }
    void run_for(Duration time) {
        run_until([] { return false; }, time);
    }

    Time now{std::chrono::seconds(1)};

private:
    friend World;
    Stepping() = default;
};

}  // namespace ethlink::sim
