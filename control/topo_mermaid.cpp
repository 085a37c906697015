// SPDX-License-Identifier: BSD-3-Clause
// Mermaid: what Markdown pages draw by themselves.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/topo_picture.h"

namespace ethlink::control {
namespace {

/// Mermaid reads no quotes and no markup inside of quotes.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '"': out += "#quot;"; break;
            case '<': out += "#lt;"; break;
            case '>': out += "#gt;"; break;
            case '#': out += "#35;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "<br/>") + escaped(line);
    return text;
}

/// Names may be words of Mermaid's own ("end"), so boxes go by number.
std::string name(std::size_t box) {
    return "b" + std::to_string(box);
}

std::string box_text(const Picture& picture, std::size_t i) {
    const Box& box = picture.boxes[i];
    const std::string label = "\"" + joined(box.lines) + "\"";
    switch (box.kind) {
        case Box::Kind::kSwitch:
            return name(i) + (box.level > 1 ? "[[" + label + "]]" : "[" + label + "]") + "\n";
        case Box::Kind::kGpus: return name(i) + "(" + label + ")\n";
        case Box::Kind::kOutside: return name(i) + ">" + label + "]\n";
    }
    return "";
}

std::string bundle_text(const Bundle& bundle) {
    const bool thin = bundle.is_faulty || !bundle.is_lossless;
    std::vector<std::string> lines = label_of(bundle);
    if (bundle.is_faulty) lines.emplace_back("faults");
    const std::string label = lines.empty() ? "" : "|\"" + joined(lines) + "\"|";
    return name(bundle.upper) + (thin ? " -.-" : " ---") + label + " " + name(bundle.lower) + "\n";
}

}  // namespace

std::string to_mermaid(const Picture& picture) {
    std::string text = "---\ntitle: \"" + escaped(picture.title) + "\"\n---\nflowchart TB\n";
    for (std::size_t i = 0; i < picture.boxes.size(); ++i) {
        if (!picture.boxes[i].rack) text += "    " + box_text(picture, i);
    }
    for (std::uint32_t rack = 0; rack < picture.racks; ++rack) {
        text += "    subgraph rack" + std::to_string(rack) + " [\"rack " + std::to_string(rack) +
                "\"]\n";
        for (std::size_t i = 0; i < picture.boxes.size(); ++i) {
            if (picture.boxes[i].rack == rack) text += "        " + box_text(picture, i);
        }
        text += "    end\n";
    }
    for (const Bundle& bundle : picture.bundles) text += "    " + bundle_text(bundle);
    return text;
}

}  // namespace ethlink::control
