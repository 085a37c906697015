// SPDX-License-Identifier: BSD-3-Clause
// What of a fabric carries frames just now: the state of every link and node.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "control/config.h"

namespace ethlink::control {

/// Ascending in badness. Draining: frames still pass, but take another path as long as there is
/// one. Down: nothing passes.
enum class LinkHealth : std::uint8_t { kUp, kDraining, kDown };

/// A drained node is as if all its links were draining, one that is down as if they were down.
enum class NodeHealth : std::uint8_t { kUp, kDrained, kDown };

/// Plain data; everything is up at first. Indices as in Fabric::links and Fabric::nodes.
class FabricHealth {
public:
    explicit FabricHealth(const Fabric& fabric)
        : links_(fabric.links.size(), LinkHealth::kUp),
          nodes_(fabric.nodes.size(), NodeHealth::kUp) {}

    LinkHealth link(std::size_t link) const { return links_[link]; }
    NodeHealth node(NodeId node) const { return nodes_[node.value]; }
    void set_link(std::size_t link, LinkHealth health) { links_[link] = health; }
    void set_node(NodeId node, NodeHealth health) { nodes_[node.value] = health; }

    /// What frames see of a link: the worst of the link and the nodes at its ends.
    LinkHealth seen(const Fabric& fabric, std::size_t link) const {
        const FabricLink& ends = fabric.links[link];
        return std::max({links_[link], of_node(ends.a.node), of_node(ends.b.node)});
    }
    /// The same of what has no link, a plain port of this node.
    LinkHealth of_node(NodeId node) const {
        switch (nodes_[node.value]) {
            case NodeHealth::kUp: return LinkHealth::kUp;
            case NodeHealth::kDrained: return LinkHealth::kDraining;
            case NodeHealth::kDown: return LinkHealth::kDown;
        }
        return LinkHealth::kDown;
    }

    friend bool operator==(const FabricHealth&, const FabricHealth&) = default;

private:
    std::vector<LinkHealth> links_;
    std::vector<NodeHealth> nodes_;
};

}  // namespace ethlink::control
