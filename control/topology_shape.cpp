// SPDX-License-Identifier: BSD-3-Clause
#include "control/topology_shape.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "control/config_graph.h"
#include "control/counted.h"

namespace ethlink::control {
namespace {

std::string numbered(std::string_view word, std::uint32_t i) {
    return std::string(word) + std::to_string(i);
}

std::string leaf_name(const TopologyShape& shape, std::uint32_t rack, std::uint32_t track) {
    const std::string leaf = numbered("leaf", track);
    return shape.racks == 1 ? leaf : numbered("r", rack) + "-" + leaf;
}

/// The most that one of `by` gets of `n`.
std::uint64_t share(std::uint64_t n, std::uint64_t by) {
    return (n + by - 1) / by;
}

/// Fills in what was not asked for. Sums are checked later.
class Completion {
public:
    explicit Completion(const ShapeRequest& request) : request_(request) {
        shape_.kind = request.kind;
        shape_.tracks = request.tracks.value_or(1);
        shape_.workers = request.workers.value_or(1);
    }

    TopologyShape run() {
        switch (request_.kind) {
            case TopologyKind::kBackToBack: shape_.gpus = 2; break;
            case TopologyKind::kSingleRack: shape_.gpus = request_.gpus.value_or(4); break;
            case TopologyKind::kDualRack: several_racks(2); break;
            case TopologyKind::kLeafSpine:
                several_racks(request_.racks.value_or(3));
                shape_.spines = request_.spines.value_or(default_spines());
                break;
        }
        return shape_;
    }

private:
    void several_racks(std::uint32_t racks) {
        shape_.racks = racks;
        shape_.gpus = request_.gpus.value_or(4 * racks);
        const double ratio = request_.oversubscription.value_or(1);
        // Rounded up, so that nobody gets less than was asked for. What is left of a division that
        // should have no rest must not count as one.
        const double needed = std::ceil(shape_.gpus_per_rack() / ratio - 1e-9);
        shape_.uplinks =
            request_.uplinks.value_or(static_cast<std::uint32_t>(std::max(1.0, needed)));
    }

    /// Two for each track, so that any of them may fail; more where two have not enough ports.
    std::uint32_t default_spines() const {
        std::uint32_t spines = std::min<std::uint32_t>(2, shape_.uplinks);
        while (spines < shape_.uplinks &&
               shape_.racks * share(shape_.uplinks, spines) > kPortsMax) {
            ++spines;
        }
        return shape_.tracks * spines;
    }

    const ShapeRequest& request_;
    TopologyShape shape_;
};

Unexpected<ShapeMistake> mistake(std::string_view key, std::string why, std::string hint) {
    return Unexpected<ShapeMistake>({key, std::move(why), std::move(hint)});
}

using Checked = Expected<TopologyShape, ShapeMistake>;

Checked check_racks(const TopologyShape& shape) {
    const std::uint32_t rest = shape.gpus % shape.racks;
    if (rest == 0) return shape;
    const std::uint32_t below = shape.gpus - rest;
    return mistake("gpus",
                   counted(shape.gpus, "GPU") + " cannot be shared out evenly over " +
                       counted(shape.racks, "rack"),
                   "`gpus` counts those of all racks: write " +
                       (below == 0 ? "" : std::to_string(below) + " or ") +
                       std::to_string(below + shape.racks) + ", or " +
                       std::to_string(std::uint64_t{shape.gpus} * shape.racks) + " for " +
                       std::to_string(shape.gpus) + " in each");
}

Checked check_spines(const TopologyShape& shape) {
    if (shape.kind != TopologyKind::kLeafSpine) return shape;
    if (shape.spines < shape.tracks) {
        return mistake("spines",
                       counted(shape.spines, "spine") + " cannot serve " +
                           counted(shape.tracks, "track") + ": each track has spines of its own",
                       "write at least " + std::to_string(shape.tracks));
    }
    const std::uint32_t most = shape.spines_of(0);
    if (most <= shape.uplinks) return shape;
    return mistake(
        "spines",
        counted(most, "spine") + " of a track cannot be reached by the " +
            counted(shape.uplinks, "uplink") + " of a leaf",
        "write at most " + std::to_string(shape.uplinks * shape.tracks) + ", or more `uplinks`");
}

Checked check_ports(const TopologyShape& shape) {
    const auto most = static_cast<std::uint32_t>(kPortsMax);
    const auto words = [&](std::string_view node, std::uint64_t ports) {
        return std::string(node) + " would have " + counted(ports, "port") +
               ", and a node has at most " + std::to_string(most);
    };
    const std::uint64_t leaf = std::uint64_t{shape.gpus_per_rack()} + shape.uplinks;
    if (shape.leaves() > 0 && leaf > most) {
        return mistake(shape.gpus_per_rack() > shape.uplinks ? "gpus" : "uplinks",
                       words("a leaf", leaf), "spread them over more racks");
    }
    if (shape.kind != TopologyKind::kLeafSpine) return shape;
    const std::uint32_t fewest = shape.spines_of(shape.tracks - 1);
    const std::uint64_t each = share(shape.uplinks, fewest);
    if (shape.racks * each > most) {
        return mistake("spines", words("a spine", shape.racks * each), "write more spines");
    }
    return shape;
}

Checked check_links(const TopologyShape& shape) {
    const std::uint64_t links = shape.links();
    if (links <= kLinksMax && shape.gpus + shape.switches() <= kNodesMax) return shape;
    return mistake("tracks",
                   "these are " + counted(links, "link") + " and " +
                       counted(shape.gpus + shape.switches(), "node") + ": more than " +
                       std::to_string(kLinksMax) + " links or " + std::to_string(kNodesMax) +
                       " nodes cannot be described",
                   "write fewer tracks or GPUs");
}

/// All cables of one spine: of rack r, the uplinks that are its own.
void visit_spine_links(const TopologyShape& shape, std::uint32_t spine,
                       const std::function<void(const ShapePort&, const ShapePort&)>& visit) {
    const std::uint32_t track = spine % shape.tracks;
    const std::uint32_t place = spine / shape.tracks;
    for (std::uint32_t r = 0; r < shape.racks; ++r) {
        for (std::uint32_t u = place; u < shape.uplinks; u += shape.spines_of(track)) {
            visit({numbered("spine", spine), numbered("r", r) + numbered("u", u)},
                  {leaf_name(shape, r, track), numbered("u", u)});
        }
    }
}

}  // namespace

std::string_view word(TopologyKind kind) {
    switch (kind) {
        case TopologyKind::kBackToBack: return "back-to-back";
        case TopologyKind::kSingleRack: return "single-rack";
        case TopologyKind::kDualRack: return "dual-rack";
        case TopologyKind::kLeafSpine: return "leaf-spine";
    }
    return "";
}

std::uint32_t TopologyShape::leaves() const {
    return kind == TopologyKind::kBackToBack ? 0 : racks * tracks;
}

std::uint32_t TopologyShape::links() const {
    switch (kind) {
        case TopologyKind::kBackToBack: return tracks;
        case TopologyKind::kSingleRack: return gpus * tracks;
        case TopologyKind::kDualRack: return (gpus + uplinks) * tracks;
        case TopologyKind::kLeafSpine: return gpus * tracks + leaves() * uplinks;
    }
    return 0;
}

std::uint32_t TopologyShape::spines_of(std::uint32_t track) const {
    return spines / tracks + (track < spines % tracks ? 1 : 0);
}

Expected<TopologyShape, ShapeMistake> make_shape(const ShapeRequest& request) {
    if (request.uplinks && request.oversubscription) {
        return mistake("oversubscription", "`uplinks` already says how many there are",
                       "write either `uplinks` or `oversubscription`");
    }
    return check_racks(Completion(request).run())
        .and_then(check_spines)
        .and_then(check_ports)
        .and_then(check_links);
}

void for_each_node(const TopologyShape& shape, const std::function<void(const ShapeNode&)>& visit) {
    for (std::uint32_t leaf = 0; leaf < shape.leaves(); ++leaf) {
        visit({leaf_name(shape, leaf / shape.tracks, leaf % shape.tracks), {}});
    }
    for (std::uint32_t s = 0; s < shape.spines; ++s) visit({numbered("spine", s), {}});
    for (std::uint32_t g = 0; g < shape.gpus; ++g) visit({numbered("gpu", g), g});
}

void for_each_link(const TopologyShape& shape,
                   const std::function<void(const ShapePort&, const ShapePort&)>& visit) {
    if (shape.kind == TopologyKind::kBackToBack) {
        for (std::uint32_t t = 0; t < shape.tracks; ++t) {
            visit({"gpu0", numbered("e", t)}, {"gpu1", numbered("e", t)});
        }
        return;
    }
    const std::uint32_t in_rack = shape.gpus_per_rack();
    for (std::uint32_t leaf = 0; leaf < shape.leaves(); ++leaf) {
        const std::uint32_t rack = leaf / shape.tracks;
        const std::uint32_t track = leaf % shape.tracks;
        const std::string name = leaf_name(shape, rack, track);
        for (std::uint32_t g = 0; g < in_rack; ++g) {
            visit({name, numbered("e", g)},
                  {numbered("gpu", rack * in_rack + g), numbered("e", track)});
        }
    }
    for (std::uint32_t s = 0; s < shape.spines; ++s) visit_spine_links(shape, s, visit);
    if (shape.kind != TopologyKind::kDualRack) return;
    for (std::uint32_t t = 0; t < shape.tracks; ++t) {
        for (std::uint32_t u = 0; u < shape.uplinks; ++u) {
            visit({leaf_name(shape, 0, t), numbered("u", u)},
                  {leaf_name(shape, 1, t), numbered("u", u)});
        }
    }
}

}  // namespace ethlink::control
