// SPDX-License-Identifier: BSD-3-Clause
// Graphviz: racks as clusters; everything has its place already (layout=nop2).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/topo_layout.h"
#include "control/topo_picture.h"

namespace ethlink::control {
namespace {

// Okabe and Ito's colours, which people who confuse red and green tell apart, and two more;
// vermillion is kept for what is wrong. The light ones fill the boxes of the same track.
struct Colour {
    std::string_view line;
    std::string_view fill;
};
constexpr std::array<Colour, 8> kTracks{{{"#0072b2", "#cfe3f1"},
                                         {"#009e73", "#cdebe2"},
                                         {"#b5679a", "#f2dfea"},
                                         {"#c98a00", "#fbeccd"},
                                         {"#3d9bcc", "#dceefa"},
                                         {"#555555", "#dddddd"},
                                         {"#7d5a2b", "#eadfce"},
                                         {"#5b4a9e", "#dfdaf0"}}};
constexpr Colour kOneTrack{"#44546a", "#d9dee5"};
constexpr std::string_view kWrong = "#d55e00";

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string joined(const std::vector<std::string>& lines, std::string_view between) {
    std::string text;
    for (const std::string& line : lines) {
        if (!text.empty()) text += between;
        text += line;
    }
    return text;
}

/// A label in several lines: Graphviz reads \n itself.
std::string label(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        const std::string q = quoted(line);
        text += (text.empty() ? "" : "\\n") + q.substr(1, q.size() - 2);
    }
    return "\"" + text + "\"";
}

Colour colour_of(const std::optional<std::uint32_t>& track) {
    return track ? kTracks[*track % kTracks.size()] : kOneTrack;
}

/// "12.5,300", or several of them.
std::string at(Point point) {
    char text[48];
    std::snprintf(text, sizeof text, "%.1f,%.1f", point.x, point.y);
    return text;
}

std::string bounds(Point low, Point high) {
    return quoted(at(low) + "," + at(high));
}

std::string size_text(const PlacedBox& placed) {
    char text[64];
    std::snprintf(text, sizeof text, ", width=%.3f, height=%.3f", placed.width / 72,
                  placed.height / 72);
    return ", pos=" + quoted(at(placed.centre)) + text;
}

std::string box_text(const Box& box, const PlacedBox& placed) {
    std::string text = quoted(box.id) + " [label=" + label(box.lines) + size_text(placed);
    switch (box.kind) {
        case Box::Kind::kSwitch: {
            const Colour colour = colour_of(box.track);
            text += ", style=filled, penwidth=1.6, color=" + quoted(colour.line) +
                    ", fillcolor=" + quoted(colour.fill);
            if (box.level > 1) text += ", peripheries=2";
            return text + "];\n";
        }
        case Box::Kind::kGpus:
            return text +
                   (box.count > 1 ? ", shape=box3d, style=filled" : ", style=\"rounded,filled\"") +
                   "];\n";
        case Box::Kind::kOutside: return text + ", shape=note, style=filled];\n";
    }
    return text;
}

/// Thicker with the number of links: 1 -> 1.4, 8 -> 2.9, 1,024 -> 6.4.
std::string width_of(const Bundle& bundle) {
    char text[16];
    const double links = static_cast<double>(std::max<std::size_t>(bundle.links.size(), 1));
    std::snprintf(text, sizeof text, "%.1f", 1.4 + 0.5 * std::log2(links));
    return text;
}

std::string_view style_of(const Bundle& bundle) {
    if (bundle.is_faulty) return "dashed";
    return bundle.is_lossless ? "solid" : "dotted";
}

/// On white, so that no line runs through it. The words are ours: none needs an escape.
std::string white_label(const std::vector<std::string>& lines) {
    return "<<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\" "
           "BGCOLOR=\"#ffffff\"><TR><TD>" +
           joined(lines, "<BR/>") + "</TD></TR></TABLE>>";
}

std::string bundle_text(const Picture& picture, const Bundle& bundle, const PlacedBundle& placed) {
    const bool wrong = bundle.is_faulty || bundle.down > 0;
    std::string curve;
    for (const Point point : placed.curve) curve += (curve.empty() ? "" : " ") + at(point);
    std::string text = quoted(picture.boxes[bundle.upper].id) + " -- " +
                       quoted(picture.boxes[bundle.lower].id) +
                       " [color=" + quoted(wrong ? kWrong : colour_of(bundle.track).line) +
                       ", style=" + std::string(style_of(bundle)) +
                       ", penwidth=" + (bundle.down > 0 ? "4.0" : width_of(bundle)) +
                       ", edgetooltip=" + quoted(bundle.ports) + ", pos=" + quoted(curve);
    const std::vector<std::string> lines = label_of(bundle);
    if (!lines.empty()) {
        text += ", label=" + white_label(lines) + ", lp=" + quoted(at(placed.label)) +
                ", labeltooltip=" + quoted(bundle.ports);
    }
    return text + "];\n";
}

std::string rack_text(const Picture& picture, const Layout& layout, const PlacedRack& rack,
                      const std::vector<std::size_t>& boxes) {
    const std::string name = picture.racks == 1 ? "rack" : "rack " + std::to_string(rack.number);
    std::string text = "  subgraph cluster_rack" + std::to_string(rack.number) +
                       " {\n    graph [label=" + quoted(name) +
                       ", bb=" + bounds(rack.low, rack.high) +
                       ", lp=" + quoted(at({rack.low.x + 34, rack.low.y + 12})) +
                       ", style=\"rounded,filled\", color=\"#bbbbbb\", fillcolor=\"#f5f5f5\"];\n";
    for (const std::size_t i : boxes) {
        text += "    " + box_text(picture.boxes[i], layout.boxes[i]);
    }
    return text + "  }\n";
}

std::string title_text(const Picture& picture) {
    const std::string legend = joined(legend_of(picture), "; ");
    std::vector<std::string> title{picture.title};
    if (!legend.empty()) title.push_back(legend);
    return label(title);
}

}  // namespace

std::string to_dot(const Picture& picture) {
    const Layout layout = place(picture);
    std::string text = "graph " + quoted(picture.title.substr(0, picture.title.find(':'))) +
                       " {\n"
                       "  // Every place is given. Without layout=nop2 Graphviz chooses its own.\n"
                       "  graph [layout=nop2, bb=" +
                       bounds({0, 0}, {layout.width, layout.height}) +
                       ", outputorder=edgesfirst,\n         fontname=\"Helvetica\", fontsize=13, "
                       "bgcolor=\"#ffffff\", label=" +
                       title_text(picture) + ",\n         lp=" + quoted(at(layout.title)) +
                       "];\n"
                       "  node [fontname=\"Helvetica\", fontsize=11, fixedsize=true, shape=box, "
                       "color=\"#666666\",\n        fillcolor=\"#ffffff\"];\n"
                       "  edge [fontname=\"Helvetica\", fontsize=10];\n";
    std::vector<std::vector<std::size_t>> racks(picture.racks);
    for (std::size_t i = 0; i < picture.boxes.size(); ++i) {
        const Box& box = picture.boxes[i];
        if (box.rack) {
            racks[*box.rack].push_back(i);
        } else {
            text += "  " + box_text(box, layout.boxes[i]);
        }
    }
    for (const PlacedRack& rack : layout.racks) {
        text += rack_text(picture, layout, rack, racks[rack.number]);
    }
    for (std::size_t i = 0; i < picture.bundles.size(); ++i) {
        text += "  " + bundle_text(picture, picture.bundles[i], layout.bundles[i]);
    }
    return text + "}\n";
}

}  // namespace ethlink::control
