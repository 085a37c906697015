// SPDX-License-Identifier: BSD-3-Clause
#include "control/steady_links.h"

#include <algorithm>

namespace ethlink::control {

bool SteadyLinks::observe(std::size_t index, bool up, Time now) {
    Link& link = links_[index];
    const Duration in_state = now - link.since;
    switch (link.state) {
        case State::kNew:
            if (up) enter(link, State::kUp, now);
            if (!up && in_state >= kStartGrace) enter(link, State::kDown, now);
            break;
        case State::kUp:
            if (up) break;
            link.hold = in_state < kCalm ? std::min(2 * link.hold, kUpHoldMax) : kUpHoldMin;
            enter(link, State::kDown, now);
            break;
        case State::kDown:
            if (up) enter(link, State::kHeld, now);
            break;
        case State::kHeld:
            if (!up) enter(link, State::kDown, now);
            if (up && in_state >= link.hold) enter(link, State::kUp, now);
            break;
    }
    return is_up(index);
}

}  // namespace ethlink::control
