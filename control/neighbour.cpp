// SPDX-License-Identifier: BSD-3-Clause
#include "control/neighbour.h"

#include <algorithm>

namespace ethlink::control {

std::string_view name(NeighbourState state) {
    switch (state) {
        case NeighbourState::kUnheard: return "unheard";
        case NeighbourState::kUp: return "up";
        case NeighbourState::kOneWay: return "one_way";
        case NeighbourState::kSilent: return "silent";
        case NeighbourState::kMiswired: return "miswired";
    }
    return "unknown";
}

bool Neighbour::is_late(const wire::Hello& hello) const {
    // Who was silent may begin anew with any number.
    return is_heard() && hello.self == last_ && !wire::is_newer(hello.sequence, sequence_);
}

bool Neighbour::on_hello(const wire::Hello& hello, Time now) {
    if (hello.self.incarnation == 0 || is_late(hello)) return false;
    const bool anew = is_heard() && hello.self.incarnation != last_.incarnation;
    if (hello.self == last_) {
        missed_ += hello.sequence - sequence_ - 1;
    } else {
        missed_ = 0;
    }
    ++hellos_;
    from_before_ = false;
    last_ = hello.self;
    sequence_ = hello.sequence;
    hold_ = std::clamp<Duration>(std::chrono::milliseconds(hello.hold_ms), kHoldMin, kHoldMax);
    silence_ = Duration::zero();
    runs_other_file_ = hello.digest != place_.digest;
    const PortRef from{{hello.self.node}, PortId{hello.self.port}};
    // Under another file his numbers mean something else.
    is_elsewhere_ = !runs_other_file_ && place_.expected && *place_.expected != from;
    // What he hears is our own words, whatever file he runs.
    const bool hears_us = hello.heard == place_.self;
    if (state_ == NeighbourState::kUnheard || anew) greeting_ = true;
    if (hears_us) greeting_ = false;
    enter(is_elsewhere_ ? NeighbourState::kMiswired
          : hears_us    ? NeighbourState::kUp
                        : NeighbourState::kOneWay,
          now);
    return true;
}

void Neighbour::on_time(Time now, bool awake) {
    const Duration step = std::min<Duration>(now - turned_, kStepMax);
    turned_ = now;
    if (!is_heard() || !awake) return;
    if (greeting_ && now - since_ >= hold_) greeting_ = false;
    silence_ += step;
    if (silence_ < hold_) return;
    enter(from_before_ ? NeighbourState::kUnheard : NeighbourState::kSilent, now);
}

void Neighbour::on_link(bool runs, Time now) {
    if (runs) return;
    from_before_ = true;
    if (state_ == NeighbourState::kSilent) enter(NeighbourState::kUnheard, now);
}

void Neighbour::enter(NeighbourState state, Time now) {
    if (state == state_) return;
    state_ = state;
    since_ = now;
}

}  // namespace ethlink::control
