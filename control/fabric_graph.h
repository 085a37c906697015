// SPDX-License-Identifier: BSD-3-Clause
// A fabric as routes see it: switches, and between two of them one arc for all their cables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "control/config.h"
#include "control/fabric_health.h"
#include "proto/ids.h"

namespace ethlink::control {

/// Where an arc leads as seen from its switch. Levels count from the endpoints upwards.
enum class ArcKind : std::uint8_t { kDown, kPeer, kUp };

/// One direction of all cables between two switches.
struct Arc {
    std::uint32_t from = 0;  // indices of switches
    std::uint32_t to = 0;
    std::uint32_t reverse = 0;  // the arc from `to` to `from`
    ArcKind kind = ArcKind::kPeer;
};

inline constexpr std::size_t kNoLink = std::numeric_limits<std::size_t>::max();
inline constexpr std::uint32_t kNoSwitch = std::numeric_limits<std::uint32_t>::max();

/// One cable of an arc, or what a destination hangs on.
struct Cable {
    PortId port;                 // at the switch
    std::size_t link = kNoLink;  // kNoLink: a plain port
};

/// Where frames for a destination leave the last switch.
struct Attachment {
    std::uint32_t at = 0;  // index of the switch
    Cable cable;
};

struct Destination {
    GpuId gpu;
    std::vector<Attachment> attachments;  // by switch, then port
};

/// Never changes: health is said beside it. The fabric outlives it.
///
/// The level of a switch is its distance from the nearest port where frames come from or go to.
class FabricGraph {
public:
    explicit FabricGraph(const Fabric& fabric);

    /// Puts all switches on one level, so that every arc leads to a peer: for fabrics that have no
    /// other, or in which going up and then down does not lead everywhere.
    void flatten();
    bool is_flat() const { return flat_; }

    const Fabric& fabric() const { return *fabric_; }
    std::uint32_t switch_count() const { return static_cast<std::uint32_t>(nodes_.size()); }
    NodeId node(std::uint32_t at) const { return nodes_[at]; }
    /// kNoSwitch for an endpoint.
    std::uint32_t switch_at(NodeId node) const { return switch_of_[node.value]; }
    const std::string& name(std::uint32_t at) const { return fabric_->node(nodes_[at]).name; }

    std::uint32_t arc_count() const { return static_cast<std::uint32_t>(arcs_.size()); }
    const Arc& arc(std::uint32_t arc) const { return arcs_[arc]; }
    /// Of one switch: [first_arc(s), first_arc(s + 1)), those down first, then peers, then up.
    std::uint32_t first_arc(std::uint32_t at) const { return first_arc_[at]; }
    std::span<const Cable> cables(std::uint32_t arc) const {
        return std::span(cables_).subspan(first_cable_[arc],
                                          first_cable_[arc + 1] - first_cable_[arc]);
    }
    /// From one switch to another; arc_count() if no cable joins them.
    std::uint32_t find_arc(std::uint32_t from, std::uint32_t to) const;
    bool has_peers() const { return has_peers_; }
    /// Whether there is any switch above the lowest level.
    bool has_layers() const { return has_layers_; }

    /// Switches by level, the lowest first; those that nothing hangs on, even far away, are last.
    std::span<const std::uint32_t> upwards() const { return upwards_; }
    /// Switches on the lowest level: where frames enter and leave.
    bool is_edge(std::uint32_t at) const { return edge_[at]; }

    std::span<const Destination> destinations() const { return destinations_; }  // by GPU-ID

private:
    void find_switches();
    void find_destinations();
    void find_levels();
    void make_arcs();

    const Fabric* fabric_;
    bool flat_ = false;
    bool has_peers_ = false;
    bool has_layers_ = false;
    std::vector<NodeId> nodes_;
    std::vector<std::uint32_t> switch_of_;
    std::vector<std::uint32_t> levels_;
    std::vector<bool> edge_;
    std::vector<std::uint32_t> upwards_;
    std::vector<Arc> arcs_;
    std::vector<std::uint32_t> first_arc_;
    std::vector<Cable> cables_;
    std::vector<std::uint32_t> first_cable_;
    std::vector<Destination> destinations_;
};

/// What an arc costs while its cables are as they are.
struct ArcState {
    std::uint32_t cost = 0;    // kFar: no cable passes frames
    std::uint32_t cables = 0;  // those in use: the ones that drain only if there are no others
    friend bool operator==(const ArcState&, const ArcState&) = default;
};

inline constexpr std::uint32_t kFar = std::numeric_limits<std::uint32_t>::max();
/// One hop through a link that drains costs more than any path of others.
inline constexpr std::uint32_t kDrainCost = 1u << 16;

/// What the health of one cable makes of it.
LinkHealth seen(const FabricGraph& graph, const FabricHealth& health, NodeId node,
                const Cable& cable);
ArcState state_of_arc(const FabricGraph& graph, const FabricHealth& health, std::uint32_t arc);
std::vector<ArcState> states_of_arcs(const FabricGraph& graph, const FabricHealth& health);

}  // namespace ethlink::control
