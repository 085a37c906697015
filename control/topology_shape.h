// SPDX-License-Identifier: BSD-3-Clause
// The shapes that fabrics usually have, as a few numbers, and the nodes and links they stand for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proto/expected.h"

namespace ethlink::control {

/// A GPU has a port on each of `tracks`. A track is a fabric of its own: no switch of one is joined
/// to a switch of another, so a frame stays on the track that its endpoint chose (decision 0013).
enum class TopologyKind : std::uint8_t {
    kBackToBack,  // two GPUs, joined by a cable per track
    kSingleRack,  // a leaf per track, joined to all GPUs
    kDualRack,    // two such racks; the two leaves of a track are joined by `uplinks` cables
    kLeafSpine,   // several such racks; the leaves of a track are joined by spines of their own
};

std::string_view word(TopologyKind kind);  // as the key `kind` spells it

/// What somebody asks for; what is left out gets a value that fits the rest.
struct ShapeRequest {
    TopologyKind kind = TopologyKind::kSingleRack;
    std::optional<std::uint32_t> gpus{};
    std::optional<std::uint32_t> racks{};
    std::optional<std::uint32_t> tracks{};
    std::optional<std::uint32_t> spines{};
    std::optional<std::uint32_t> uplinks{};
    std::optional<double> oversubscription{};  // GPU ports per uplink of a leaf; rounded down
    std::optional<std::uint32_t> workers{};
};

/// A complete shape that can be built.
struct TopologyShape {
    TopologyKind kind = TopologyKind::kSingleRack;
    std::uint32_t gpus = 4;     // of all racks together; a multiple of `racks`
    std::uint32_t racks = 1;    // rack r has GPUs r * gpus_per_rack() and following
    std::uint32_t tracks = 1;   // ports of a GPU = leaves of a rack
    std::uint32_t spines = 0;   // of all tracks together; spine s serves track s % tracks
    std::uint32_t uplinks = 0;  // ports of a leaf towards other racks
    std::uint32_t workers = 1;  // poll loops of each switch

    std::uint32_t gpus_per_rack() const { return gpus / racks; }
    std::uint32_t leaves() const;
    std::uint32_t switches() const { return leaves() + spines; }
    std::uint32_t links() const;
    std::uint32_t spines_of(std::uint32_t track) const;  // at least 1 of each in a leaf-spine
    friend bool operator==(const TopologyShape&, const TopologyShape&) = default;
};

/// A number that does not go with the others.
struct ShapeMistake {
    std::string_view key;  // "gpus"
    std::string why;
    std::string hint;
};

[[nodiscard]] Expected<TopologyShape, ShapeMistake> make_shape(const ShapeRequest& request);

/// A GPU (with its number, from 0) or a switch (without one).
struct ShapeNode {
    std::string name;
    std::optional<std::uint32_t> gpu;
};

/// One end of a cable.
struct ShapePort {
    std::string node;
    std::string port;
};

/// Leaves, then spines, then GPUs: gpu0 ..., spine0 ..., and leaf0 ... of a single rack; of several
/// racks, r0-leaf0 is the one of rack 0 and track 0.
void for_each_node(const TopologyShape& shape, const std::function<void(const ShapeNode&)>& visit);

/// The cables to GPUs, then those between switches; each leaf, track by track.
///
///   leaf, GPU      r1-leaf0:e3 - gpu7:e0      of a leaf, e3 leads to the fourth GPU of its rack;
///   of
///                                             a GPU, e0 leads to track 0
///   leaf, leaf     r0-leaf0:u5 - r1-leaf0:u5  dual-rack
///   spine, leaf    spine2:r1u5 - r1-leaf0:u5  uplink u of a leaf leads to the spine number
///                                             u % spines_of(track) of its track
void for_each_link(const TopologyShape& shape,
                   const std::function<void(const ShapePort&, const ShapePort&)>& visit);

}  // namespace ethlink::control
