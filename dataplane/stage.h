// SPDX-License-Identifier: BSD-3-Clause
// What a node does with a frame that its link has accepted: the only difference between a switch
// and an endpoint.
#pragma once

#include <concepts>

#include "dataplane/port_state.h"
#include "proto/ids.h"
#include "proto/time.h"
#include "proto/wire/frame.h"

namespace ethlink {

/// How a frame came in.
struct Arrival {
    PortId port;
    Vc vc;
    Credits credits;  // due back to the neighbour once the frame has left this node
    Time now;
};

/// A stage belongs to one worker. `Node` is what the worker offers it:
///   enqueue(egress, F&&, arrival)  on its way out; credits return when it has left
///   consume(arrival)               it has reached its end here; credits return at once
///   refuse(arrival, Drop)          counted and gone; credits return at once
template <class S, class F, class Node>
concept Stage = requires(S& stage, F&& frame, const wire::FrameView& view, PortState<F>& in,
                         const Arrival& arrival, Node& node, Time now) {
    // Once a turn, first: look for newly published tables.
    { stage.refresh() } -> std::same_as<void>;
    // May take the frame over; what it leaves is freed with its burst. `view` is of its bytes.
    { stage.deliver(std::move(frame), view, in, arrival, node) } -> std::same_as<void>;
    // Once a turn: frames of the node's own making. True if there were any.
    { stage.originate(node, now) } -> std::same_as<bool>;
    // A stage may have `void end_turn()`: after everything has been handed to the media.
};

}  // namespace ethlink
