// SPDX-License-Identifier: BSD-3-Clause
#include "control/topo_generate.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config.h"
#include "control/config_reader.h"
#include "control/counted.h"
#include "control/topology.h"
#include "control/topology_form.h"
#include "control/yaml_reader.h"

namespace ethlink::control {
namespace {

using Errors = std::vector<ConfigError>;

std::string number(std::uint64_t n) {
    return std::to_string(n);
}

/// "gpu0 to gpu3".
std::string range(std::string_view name, std::uint32_t first, std::uint32_t count) {
    const std::string begin = std::string(name) + number(first);
    return count == 1 ? begin : begin + " to " + std::string(name) + number(first + count - 1);
}

std::string sentence(const TopologyShape& shape) {
    const std::string tracks = counted(shape.tracks, "track");
    const std::string gpus = number(shape.gpus) + " GPUs";
    const std::string in_racks =
        gpus + " in " + number(shape.racks) + " racks of " + number(shape.gpus_per_rack());
    switch (shape.kind) {
        case TopologyKind::kBackToBack:
            return "Two GPUs and " + counted(shape.tracks, "cable") + " between them.";
        case TopologyKind::kSingleRack:
            return "One rack: " + gpus + " on " + tracks + ", a switch for each.";
        case TopologyKind::kDualRack:
            return in_racks + ", " + tracks +
                   ": each joins a leaf of one rack to one of the other.";
        case TopologyKind::kLeafSpine:
            return in_racks + ", " + tracks + " with " + counted(shape.spines, "spine") +
                   " in all.";
    }
    return "";
}

std::string sums(const TopologyShape& shape) {
    return number(shape.gpus) + " endpoints, " + counted(shape.switches(), "switch", "switches") +
           ", " + counted(shape.links(), "link");
}

std::string head(const TopologyShape& shape, const std::string& fabric) {
    return "# " + sentence(shape) + "\n# " + sums(shape) + "; GPU-IDs " + hex(generated_gpu_id(0)) +
           " to " + hex(generated_gpu_id(shape.gpus - 1)) + ".\n" +
           "#\n"
           "#   ethlink check FILE        what follows from it: routes, queues, memory\n"
           "#   ethlink lab FILE          runs all of it in one process, without any NIC\n"
           "#   ethlink topo draw FILE    a picture of it\n"
           "#\n"
           "# Profiles, faults, runtime and traffic have their defaults: configs/single-rack.yaml\n"
           "# lists them.\n\n"
           "fabric: " +
           fabric + "\n\n";
}

/// Lines "key: value  # comment", with the comments in one column.
class Keys {
public:
    void add(std::string_view key, const std::string& value, const std::string& comment) {
        lines_.push_back({"  " + std::string(key) + ": " + value, comment});
    }

    std::string text() const {
        std::size_t width = 0;
        for (const auto& [line, comment] : lines_) {
            if (!comment.empty()) width = std::max(width, line.size());
        }
        std::string text;
        for (const auto& [line, comment] : lines_) {
            text += line;
            if (!comment.empty())
                text += std::string(width - line.size() + 2, ' ') + "# " + comment;
            text += "\n";
        }
        return text;
    }

private:
    std::vector<std::pair<std::string, std::string>> lines_;
};

std::string gpus_comment(const TopologyShape& shape) {
    if (shape.racks == 1) return range("gpu", 0, shape.gpus);
    const std::uint32_t n = shape.gpus_per_rack();
    return "in all: " + range("gpu", 0, n) + " in rack 0, " + range("gpu", n, n) + " in rack 1" +
           (shape.racks > 2 ? ", ..." : "");
}

std::string tracks_comment(const TopologyShape& shape) {
    if (shape.kind == TopologyKind::kBackToBack) return "cables: gpu0:e0 to gpu1:e0, ...";
    const std::string leaf = shape.racks == 1 ? "leaf" : "r0-leaf";
    return "ports of a GPU, and leaves of a rack: " + range(leaf, 0, shape.tracks) +
           (shape.racks == 1 ? "" : ", ...");
}

std::string uplinks_comment(const TopologyShape& shape) {
    return "ports of a leaf to " +
           std::string(shape.kind == TopologyKind::kDualRack ? "the other rack" : "spines") +
           ", for " + counted(shape.gpus_per_rack(), "GPU port");
}

}  // namespace

Expected<TopologyShape, Errors> shape_of(const ShapeWords& words) {
    std::string text = "topology:\n";
    for (const auto& [key, value] : words) {
        // Quotes and colons would make another document of it; no number has any.
        const bool plain = std::ranges::all_of(value, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.';
        });
        text += "  " + key + ": " + (plain && !value.empty() ? value : "not-a-number") + "\n";
    }
    const auto document = parse_yaml(text, "");
    if (!document) return Unexpected<Errors>({document.error()});
    ConfigLog log("");
    MapReader root({document->root().node, "", {}}, log);
    MapReader map(*root.value("topology"), log);
    const auto shape = read_shape(map, log);
    map.finish();
    if (!shape || log.has_errors()) return Unexpected<Errors>(log.take_errors());
    return *shape;
}

std::string compact_text(const TopologyShape& shape, const std::string& fabric) {
    Keys keys;
    keys.add("kind", std::string(word(shape.kind)), "");
    const bool racks = shape.kind == TopologyKind::kLeafSpine;
    if (racks) keys.add("racks", number(shape.racks), "");
    if (shape.leaves() > 0) keys.add("gpus", number(shape.gpus), gpus_comment(shape));
    keys.add("tracks", number(shape.tracks), tracks_comment(shape));
    if (shape.uplinks > 0) keys.add("uplinks", number(shape.uplinks), uplinks_comment(shape));
    if (racks) {
        keys.add("spines", number(shape.spines),
                 "in all: " + range("spine", 0, shape.spines) + "; spine s serves track s mod " +
                     number(shape.tracks));
    }
    if (shape.leaves() > 0) {
        keys.add("workers", number(shape.workers), "poll loops of each switch");
    }
    return head(shape, fabric) + "topology:\n" + keys.text();
}

std::string explicit_text(const TopologyShape& shape, const std::string& fabric) {
    std::string text = head(shape, fabric) + "nodes:\n";
    const std::string workers = shape.workers == 1 ? "" : ", workers: " + number(shape.workers);
    for_each_node(shape, [&](const ShapeNode& node) {
        text += "  " + node.name + ": ";
        text += node.gpu ? "{kind: endpoint, gpu: " + hex(generated_gpu_id(*node.gpu)) + "}\n"
                         : "{kind: switch" + workers + "}\n";
    });
    text += "\nlinks:\n";
    for_each_link(shape, [&](const ShapePort& a, const ShapePort& b) {
        text += "  - endpoints: [\"" + a.node + ":" + a.port + "\", \"" + b.node + ":" + b.port +
                "\"]\n";
    });
    return text;
}

}  // namespace ethlink::control
