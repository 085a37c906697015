// SPDX-License-Identifier: BSD-3-Clause
// An endpoint with a receiver that stands still.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/endpoint_stage.h"
#include "dataplane/port_state.h"
#include "proto/wire/frame.h"
#include "tests/sim/frame.h"

namespace ethlink::sim {

/// An endpoint that may fall sick: of some VCs it keeps what it gets and gives no credits back.
class SickStage final : public EndpointStage<SimFrame> {
public:
    using Base = EndpointStage<SimFrame>;
    using Base::Base;

    template <class Node>
    void deliver(SimFrame&& frame, const wire::FrameView& view, PortState<SimFrame>& in,
                 const Arrival& arrival, Node& node) {
        if ((*sick_vcs >> arrival.vc.value & 1u) == 0) {
            return Base::deliver(std::move(frame), view, in, arrival, node);
        }
        kept_.push_back({std::move(frame), &in, arrival});
    }
    template <class Node>
    bool originate(Node& node, Time now) {
        for (std::size_t i = 0; i < kept_.size();) {
            Kept& kept = kept_[i];
            if ((*sick_vcs >> kept.arrival.vc.value & 1u) != 0) {
                ++i;
                continue;
            }
            const auto view = wire::parse(kept.frame.bytes());
            Arrival arrival = kept.arrival;
            arrival.now = now;
            Base::deliver(std::move(kept.frame), *view, *kept.in, arrival, node);
            kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        return Base::originate(node, now);
    }

    /// Bit per VC.
    std::shared_ptr<std::uint32_t> sick_vcs = std::make_shared<std::uint32_t>(0);

private:
    struct Kept {
        SimFrame frame;
        PortState<SimFrame>* in;
        Arrival arrival;
    };
    std::vector<Kept> kept_;
};

}  // namespace ethlink::sim
