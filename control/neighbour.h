// SPDX-License-Identifier: BSD-3-Clause
// Who is at the far end of a cable, as his hellos tell: there, silent, deaf, or somebody else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "control/config.h"
#include "proto/time.h"
#include "proto/wire/hello.h"

namespace ethlink::control {

///            hello             he hears us
///   unheard -------> one_way <-----------> up
///      ^               |    hears us not    |
///      | the link      +---------+----------+
///      | is down                 | nothing for his hold time
///      +--------------------- silent -------> back with the next hello
///
/// and miswired instead of one_way and up while it is not the node and port that the file names.
enum class NeighbourState : std::uint8_t {
    kUnheard,   // has never said hello: foreign or older, and not judged
    kUp,        // he hears us, we hear him
    kOneWay,    // we hear him, he does not hear us
    kSilent,    // said hello, and does so no more
    kMiswired,  // somebody else is at the end of this cable
};

/// "up", "one_way", ...
std::string_view name(NeighbourState state);

/// One port's view. Pure: told the time, and what arrives.
class Neighbour {
public:
    /// Hold times that are believed: less is somebody's mistake, more would be no detection.
    static constexpr Duration kHoldMin = std::chrono::milliseconds(50);
    static constexpr Duration kHoldMax = std::chrono::seconds(60);
    /// Silence counts in steps of at most this: while we did not run ourselves nobody was silent.
    static constexpr Duration kStepMax = std::chrono::milliseconds(50);

    struct Place {
        wire::HelloEnd self;                // what our own hellos say of this port
        std::optional<PortRef> expected{};  // who is at the far end by the file
        std::uint64_t digest = 0;
    };

    Neighbour(const Place& place, Time now) : place_(place), turned_(now), since_(now) {}

    /// False: a late or second copy, which changed nothing.
    bool on_hello(const wire::Hello& hello, Time now);
    /// Call at least every kStepMax, after what has arrived. `awake`: whoever takes frames from the
    /// medium has run since the last call; if not, this was nobody's silence.
    void on_time(Time now, bool awake = true);
    /// Whether LLR runs; again and again. A link that came up anew may have another neighbour, who
    /// has never said hello: those of before bind nobody.
    void on_link(bool runs, Time now);

    NeighbourState state() const { return state_; }
    Time since() const { return since_; }
    /// Whether frames may be sent to him.
    bool may_carry() const {
        return state_ == NeighbourState::kUnheard || state_ == NeighbourState::kUp ||
               (state_ == NeighbourState::kOneWay && greeting_);
    }
    /// Whether what he says of links means the same to us.
    bool is_understood() const { return is_heard() && !runs_other_file_ && !is_elsewhere_; }
    /// He names nodes and ports of another file; of who he is nothing is known.
    bool runs_other_file() const { return is_heard() && runs_other_file_; }

    /// Whom our hellos say that we hear; incarnation 0: nobody.
    wire::HelloEnd heard() const { return is_heard() ? last_ : wire::HelloEnd{}; }
    /// Who said the last hello, silent or not; incarnation 0: nobody has.
    const wire::HelloEnd& last() const { return last_; }
    Duration hold() const { return hold_; }
    std::uint64_t hellos() const { return hellos_; }
    /// Of the present neighbour's, by the gaps in their numbers.
    std::uint64_t missed() const { return missed_; }

private:
    bool is_heard() const {
        return state_ != NeighbourState::kUnheard && state_ != NeighbourState::kSilent;
    }
    bool is_late(const wire::Hello& hello) const;
    void enter(NeighbourState state, Time now);

    Place place_;
    NeighbourState state_ = NeighbourState::kUnheard;
    bool runs_other_file_ = false;
    bool is_elsewhere_ = false;
    bool greeting_ = false;     // his first hellos cannot have heard ours: for his hold time
    bool from_before_ = false;  // no hello since the link came up
    wire::HelloEnd last_{};
    std::uint32_t sequence_ = 0;
    Duration hold_{};
    Duration silence_{};  // while we ran
    Time turned_{};
    Time since_{};
    std::uint64_t hellos_ = 0;
    std::uint64_t missed_ = 0;
};

}  // namespace ethlink::control
