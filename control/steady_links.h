// SPDX-License-Identifier: BSD-3-Clause
// What ports say of their links, made steady: a flapping cable must not make a storm of tables.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/time.h"

namespace ethlink::control {

/// Down counts at once: frames are waiting. Up counts after a hold time, which doubles each time
/// that a link goes down soon after it was taken for up.
class SteadyLinks {
public:
    /// A link that never came up is taken for up so long: it is being started.
    static constexpr Duration kStartGrace = std::chrono::seconds(2);
    static constexpr Duration kUpHoldMin = std::chrono::milliseconds(100);
    static constexpr Duration kUpHoldMax = std::chrono::seconds(10);
    /// Up for so long: what was before is forgiven.
    static constexpr Duration kCalm = std::chrono::seconds(10);

    SteadyLinks(std::size_t links, Time start) : links_(links, Link{.since = start}) {}

    /// What the ports say just now; to be called again and again, with time that never goes back.
    /// Whether the link is taken for up.
    bool observe(std::size_t link, bool up, Time now);

    bool is_up(std::size_t link) const {
        return links_[link].state == State::kNew || links_[link].state == State::kUp;
    }
    /// How long it must be up until it is taken for up.
    Duration hold(std::size_t link) const { return links_[link].hold; }

private:
    enum class State : std::uint8_t { kNew, kUp, kDown, kHeld };
    struct Link {
        State state = State::kNew;
        Time since{};  // of the state
        Duration hold = kUpHoldMin;
    };

    static void enter(Link& link, State state, Time now) {
        link.state = state;
        link.since = now;
    }

    std::vector<Link> links_;
};

}  // namespace ethlink::control
