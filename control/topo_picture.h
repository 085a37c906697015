// SPDX-License-Identifier: BSD-3-Clause
// What a picture of a fabric shows: boxes, racks and bundles of parallel links, before any drawing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config.h"

namespace ethlink::control {

/// A switch, a GPU or several that are joined alike, or what is behind a plain port.
struct Box {
    enum class Kind : std::uint8_t { kSwitch, kGpus, kOutside };
    Kind kind = Kind::kSwitch;
    std::string id;                  // unique: the node's name, or "leaf0:p0" of a plain port
    std::vector<std::string> lines;  // what is written in it
    std::size_t count = 1;           // nodes that it stands for
    std::uint32_t level = 0;         // 0 at the bottom: GPUs; 1 switches beside them; 2 spines ...
    std::optional<std::uint32_t> rack;   // switches of level 1 with their GPUs
    std::optional<std::uint32_t> track;  // switches that are joined to each other, if not all are
};

/// What one link does now.
struct LiveLink {
    bool is_up = false;
    double bits_per_second = 0;  // both directions together
    std::uint64_t replays = 0;   // since the start
};

/// Links between the same two boxes that look alike.
struct Bundle {
    std::size_t upper = 0;  // index into Picture::boxes; not below `lower`
    std::size_t lower = 0;
    std::vector<std::size_t> links;  // indices into Fabric::links; none: a plain port
    bool is_faulty = false;          // faults are injected
    bool is_lossless = true;         // some VC has credits, and LLR runs
    std::optional<std::uint32_t> track;
    std::string ports;               // "leaf0:e0 - gpu0:e0", of more than one: the first and last
    std::size_t down = 0;            // links that are not up; only after overlay()
    std::vector<std::string> notes;  // live numbers; only after overlay()
};

struct Picture {
    std::string title;  // "fabric single-rack: 4 GPUs, 1 switch, 4 links"
    std::vector<Box> boxes;
    std::vector<Bundle> bundles;
    std::uint32_t racks = 0;
    bool has_folded_gpus = false;
};

/// More GPUs than this are folded: those with the same neighbours become one box.
inline constexpr std::size_t kDrawnGpusMax = 16;

[[nodiscard]] Picture make_picture(const Fabric& fabric, bool fold_gpus);

/// Writes live numbers at the bundles; `live` has an entry for each link of the fabric, empty if
/// nobody told.
void overlay(Picture& picture, const std::vector<std::optional<LiveLink>>& live);

/// The picture in Graphviz's language.
[[nodiscard]] std::string to_dot(const Picture& picture);

/// The picture as a Mermaid flowchart, as Markdown pages show them.
[[nodiscard]] std::string to_mermaid(const Picture& picture);

/// "x8", then the live numbers; empty for a single link without any.
[[nodiscard]] std::vector<std::string> label_of(const Bundle& bundle);

/// What the lines mean, as far as the picture has such lines.
[[nodiscard]] std::vector<std::string> legend_of(const Picture& picture);

}  // namespace ethlink::control
