// SPDX-License-Identifier: BSD-3-Clause
// The switch: who may send here, how far, and where to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "dataplane/forwarding_table.h"
#include "dataplane/snapshot.h"
#include "dataplane/stage.h"
#include "proto/wire/net_header.h"

namespace ethlink {

/// Looks at OEFH, tag and network header only; the transaction is the endpoints' business.
template <FrameHandle F>
class SwitchStage {
public:
    explicit SwitchStage(Snapshot<ForwardingTable>::Reader tables) : tables_(tables) {}

    void refresh() { table_ = tables_.observe(); }

    template <class Node>
    [[gnu::always_inline]] void deliver(F&& frame, const wire::FrameView& view, PortState<F>& in,
                                        const Arrival& arrival, Node& node) {
        const Drop refused = admit(view, in.rules);
        if (refused != Drop::kCount) [[unlikely]]
            return node.refuse(arrival, refused);
        const ForwardingTable::Paths paths = table_->paths(view.dst());
        if (paths.empty()) [[unlikely]]
            return node.refuse(arrival, Drop::kUnknownDestination);
        const PortId egress = choose(paths, view, node);
        // S6, D6: a frame never turns round; where it came from is not where it wants to go.
        if (egress == arrival.port) [[unlikely]]
            return node.refuse(arrival, Drop::kHairpin);
        // D11: a tenant's frames reach nobody else, whatever tag their sender may use.
        if (!node.admits(egress, view.tenant())) [[unlikely]]
            return node.refuse(arrival, Drop::kTenantGuard);
        wire::decrement_ttl(frame.bytes().data() + view.net_offset());
        node.enqueue(egress, std::move(frame), arrival);
    }

    template <class Node>
    bool originate(Node&, Time) {
        return false;
    }

private:
    /// kCount if the frame may pass.
    Drop admit(const wire::FrameView& view, const PortRules& rules) const {
        if (table_ == nullptr) [[unlikely]]
            return Drop::kForwardingOff;
        if (rules.guard_source && !rules.leads_to(view.src())) [[unlikely]] {
            return Drop::kSourceGuard;
        }
        if (rules.guard_tenant && view.tenant() != rules.tenant) [[unlikely]] {
            return Drop::kTenantGuard;
        }
        // A frame may cross as many switches as its TTL says (S7).
        return view.ttl() == 0 ? Drop::kTtlExpired : Drop::kCount;
    }

    /// AR = 0: by entropy, so that a flow keeps its path and its order. AR = 1: the least loaded.
    template <class Node>
    PortId choose(const ForwardingTable::Paths& paths, const wire::FrameView& view,
                  const Node& node) {
        if (paths.ports.size() == 1) [[likely]]
            return paths.ports[0];
        if (!view.ar()) return ForwardingTable::by_entropy(paths, view.entropy());
        return least_loaded(paths.ports, node);
    }

    /// Of some that stand side by side, from another place each time: equals get equal shares, and
    /// five hundred cables cost no more than eight (DRILL, SIGCOMM 2017: a few samples do).
    template <class Node>
    PortId least_loaded(std::span<const PortId> ports, const Node& node) {
        turn_ += kGolden;
        std::size_t at = static_cast<std::size_t>(std::uint64_t{turn_} * ports.size() >> 32);
        PortId best = ports[at];
        std::uint64_t least = node.load(best);
        for (std::size_t n = std::min(ports.size(), kLooks); n > 1; --n) {
            at = at + 1 < ports.size() ? at + 1 : 0;
            const std::uint64_t load = node.load(ports[at]);
            if (load >= least) continue;
            least = load;
            best = ports[at];
        }
        return best;
    }

    static constexpr std::size_t kLooks = 8;
    static constexpr std::uint32_t kGolden = 0x9E37'79B9;  // 2^32 / golden ratio: never near before

    Snapshot<ForwardingTable>::Reader tables_;
    const ForwardingTable* table_ = nullptr;
    std::uint32_t turn_ = 0;  // of 2^32: where least_loaded() begins
};

}  // namespace ethlink
