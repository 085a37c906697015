// SPDX-License-Identifier: BSD-3-Clause
// Fabrics of any size without a file: plain nodes and cables, and the usual shapes made of them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "control/config.h"
#include "control/topology.h"

namespace ethlink::control::test {

/// Ports are numbered as cables come: "e0", "e1", ... One VC, lossless unless said otherwise.
class FabricBuilder {
public:
    FabricBuilder() {
        Profile& profile = fabric_.profiles.emplace_back();
        profile.name = "default";
        profile.link.vc_count = 1;
        profile.link.vcs[0].lossless = true;
    }

    NodeId add_switch() {
        return add(NodeKind::kSwitch, "sw" + std::to_string(fabric_.nodes.size()));
    }
    NodeId add_gpu() {
        const NodeId node = add(NodeKind::kEndpoint, "gpu" + std::to_string(gpus_));
        fabric_.nodes[node.value].gpu = generated_gpu_id(gpus_++);
        return node;
    }
    void link(NodeId a, NodeId b) {
        const PortRef end_a{a, add_port(a)}, end_b{b, add_port(b)};
        port(end_a).peer = end_b;
        port(end_b).peer = end_a;
        port(end_a).link = port(end_b).link = fabric_.links.size();
        fabric_.links.push_back({end_a, end_b, {}, {}, {}});
    }
    /// A plain port of a switch with this GPU-ID behind it.
    void bind(NodeId node, GpuId gpu) {
        FabricPort& plain = port({node, add_port(node)});
        plain.kind = PortKind::kPlain;
        plain.gpus = {gpu};
    }
    void make_lossy() { fabric_.profiles[0].link.vcs[0].lossless = false; }
    Fabric take() { return std::move(fabric_); }

private:
    NodeId add(NodeKind kind, std::string name) {
        FabricNode& node = fabric_.nodes.emplace_back();
        node.kind = kind;
        node.name = std::move(name);
        return {static_cast<std::uint32_t>(fabric_.nodes.size() - 1)};
    }
    PortId add_port(NodeId node) {
        std::vector<FabricPort>& ports = fabric_.nodes[node.value].ports;
        FabricPort& port = ports.emplace_back();
        port.name = "e" + std::to_string(ports.size() - 1);
        return {static_cast<std::uint16_t>(ports.size() - 1)};
    }
    FabricPort& port(PortRef ref) { return fabric_.nodes[ref.node.value].ports[ref.port.value]; }

    Fabric fabric_;
    std::uint32_t gpus_ = 0;
};

/// Racks of `gpus` each on `tracks` switches, whose switches of one track are joined two by two by
/// `between` cables.
inline Fabric racks(int racks, int gpus, int tracks, int between) {
    FabricBuilder builder;
    std::vector<std::vector<NodeId>> switches(static_cast<std::size_t>(racks));
    for (auto& rack : switches) {
        for (int t = 0; t < tracks; ++t) rack.push_back(builder.add_switch());
    }
    for (const auto& rack : switches) {
        for (int g = 0; g < gpus; ++g) {
            const NodeId gpu = builder.add_gpu();
            for (const NodeId at : rack) builder.link(at, gpu);
        }
    }
    for (std::size_t t = 0; t < static_cast<std::size_t>(tracks); ++t) {
        for (std::size_t r = 1; r < switches.size(); ++r) {
            for (int i = 0; i < between; ++i) builder.link(switches[r - 1][t], switches[r][t]);
        }
    }
    return builder.take();
}

/// `leaves` per rack, each GPU on all of its rack, each leaf on all spines by `up` cables.
inline Fabric leaf_spine(int racks, int gpus, int leaves, int spines, int up = 1) {
    FabricBuilder builder;
    std::vector<NodeId> tops;
    for (int s = 0; s < spines; ++s) tops.push_back(builder.add_switch());
    for (int r = 0; r < racks; ++r) {
        std::vector<NodeId> rack;
        for (int l = 0; l < leaves; ++l) rack.push_back(builder.add_switch());
        for (int g = 0; g < gpus; ++g) {
            const NodeId gpu = builder.add_gpu();
            for (const NodeId leaf : rack) builder.link(leaf, gpu);
        }
        for (const NodeId leaf : rack) {
            for (const NodeId spine : tops) {
                for (int i = 0; i < up; ++i) builder.link(leaf, spine);
            }
        }
    }
    return builder.take();
}

/// Switches in a ring with a GPU each; `closed`: the last is joined to the first.
inline Fabric ring(int switches, bool closed) {
    FabricBuilder builder;
    std::vector<NodeId> nodes;
    for (int i = 0; i < switches; ++i) nodes.push_back(builder.add_switch());
    for (const NodeId node : nodes) builder.link(node, builder.add_gpu());
    for (std::size_t i = 1; i < nodes.size(); ++i) builder.link(nodes[i - 1], nodes[i]);
    if (closed) builder.link(nodes.back(), nodes.front());
    return builder.take();
}

using RandomBits = std::mt19937;

inline int pick(RandomBits& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
}

/// A ring of four to seven switches with a GPU each, often with chords, sometimes cut open.
inline Fabric random_ring(RandomBits& random) {
    FabricBuilder builder;
    std::vector<NodeId> nodes;
    for (int i = pick(random, 4, 7); i > 0; --i) nodes.push_back(builder.add_switch());
    const auto count = static_cast<int>(nodes.size());
    const auto at = [&](int i) { return nodes[static_cast<std::size_t>(i % count)]; };
    for (int i = 0; i < count; ++i) builder.link(at(i), builder.add_gpu());
    for (int i = pick(random, 0, 3) == 0 ? 1 : 0; i < count; ++i) builder.link(at(i), at(i + 1));
    for (int chords = pick(random, 0, count); chords > 0; --chords) {
        const int from = pick(random, 0, count - 1);
        builder.link(at(from), at(from + pick(random, 2, count - 2)));
    }
    return builder.take();
}

/// Up to a dozen switches in up to three tiers, cables between neighbouring tiers and some within
/// one, several in parallel, GPUs on one to three switches of the lowest: some fabrics of sense,
/// many of none. Or a ring.
inline Fabric random_fabric(RandomBits& random) {
    if (pick(random, 0, 3) == 0) return random_ring(random);
    FabricBuilder builder;
    std::vector<std::vector<NodeId>> tiers(static_cast<std::size_t>(pick(random, 1, 3)));
    for (auto& tier : tiers) {
        for (int i = pick(random, 1, 4); i > 0; --i) tier.push_back(builder.add_switch());
    }
    const auto any = [&](const std::vector<NodeId>& nodes) {
        return nodes[static_cast<std::size_t>(pick(random, 0, static_cast<int>(nodes.size()) - 1))];
    };
    const int density = pick(random, 30, 100);  // percent
    for (std::size_t t = 1; t < tiers.size(); ++t) {
        for (const NodeId low : tiers[t - 1]) {
            for (const NodeId high : tiers[t]) {
                if (pick(random, 1, 100) > density) continue;
                for (int i = pick(random, 1, 3); i > 0; --i) builder.link(low, high);
            }
        }
    }
    for (const auto& tier : tiers) {
        for (int i = pick(random, 0, tiers.size() == 1 ? 6 : 1); i > 0; --i) {
            const NodeId a = any(tier), b = any(tier);
            if (a != b) builder.link(a, b);
        }
    }
    for (int i = pick(random, 1, 8); i > 0; --i) {
        const NodeId gpu = builder.add_gpu();
        for (int k = pick(random, 1, 3); k > 0; --k) builder.link(any(tiers[0]), gpu);
    }
    return builder.take();
}

}  // namespace ethlink::control::test
