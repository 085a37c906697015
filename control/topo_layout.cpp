// SPDX-License-Identifier: BSD-3-Clause
#include "control/topo_layout.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ethlink::control {
namespace {

// All in points. A letter of the font size that to_dot() chooses is about 7 wide.
constexpr double kLetter = 7;
constexpr double kLine = 14;
constexpr double kInset = 10;      // around the text of a box
constexpr double kGap = 16;        // between boxes of a row
constexpr double kRackGap = 24;    // between racks
constexpr double kRackInset = 14;  // around the boxes of a rack
constexpr double kRackLabel = 20;  // below them
constexpr double kTitle = 48;      // below everything
constexpr double kLevel = 118;     // from row to row
constexpr double kLevelMax = 600;  // with live numbers on many lines
constexpr double kLiveWidth = 96;  // of a label with live numbers
constexpr double kLabelLine = 14;  // of a label
constexpr double kArc = 46;        // of a line between neighbours of a row, above them
constexpr double kMargin = 8;

double width_of(const Box& box) {
    std::size_t longest = 0;
    for (const std::string& line : box.lines) longest = std::max(longest, line.size());
    return std::max(56.0, static_cast<double>(longest) * kLetter + 2 * kInset);
}

double height_of(const Box& box) {
    return static_cast<double>(box.lines.size()) * kLine + kInset;
}

using Row = std::vector<std::size_t>;  // indices of boxes, from left to right

class Placer {
public:
    explicit Placer(const Picture& picture) : picture_(picture), lines_(picture.boxes.size(), 0) {
        for (const Box& box : picture.boxes) {
            layout_.boxes.push_back({{}, width_of(box), height_of(box)});
            top_ = std::max(top_, box.level);
        }
        find_room_for_labels();
    }

    Layout run() {
        place_racks();
        for (std::uint32_t level = 2; level <= top_; ++level) place_spines(level);
        const bool has_arcs = place_bundles();
        const double top = y_of(top_) + kLevel / 4 + (has_arcs ? kArc : 0);
        layout_.height = top + kMargin;
        layout_.title = {layout_.width / 2, kMargin + kTitle / 2 - kInset};
        return std::move(layout_);
    }

private:
    /// Labels above a box stand one above the other, so that those of neighbouring boxes do not
    /// meet: with live numbers rows are further apart, and boxes as wide as a label.
    void find_room_for_labels() {
        std::vector<std::size_t> above(picture_.boxes.size(), 0);
        std::size_t most = 0;
        bool is_live = false;
        for (const Bundle& bundle : picture_.bundles) {
            most = std::max(most, ++above[bundle.lower]);
            label_ = std::max(label_, static_cast<double>(label_of(bundle).size()) * kLabelLine);
            is_live = is_live || !bundle.notes.empty();
        }
        if (!is_live) return;
        // Lines come together towards a switch: the labels keep to the lower half of them.
        level_ =
            std::clamp(static_cast<double>(most) * label_ * 2.5 + 3 * kLine, kLevel, kLevelMax);
        for (PlacedBox& box : layout_.boxes) box.width = std::max(box.width, kLiveWidth);
    }

    double y_of(std::uint32_t level) const {
        return kMargin + kTitle + kRackLabel + kRackInset + 2 * kLine + level * level_;
    }

    /// The boxes of one level, of one rack or of none, track by track.
    Row row(std::uint32_t level, std::optional<std::uint32_t> rack) const {
        Row boxes;
        for (std::size_t i = 0; i < picture_.boxes.size(); ++i) {
            const Box& box = picture_.boxes[i];
            if (box.level == level && box.rack == rack) boxes.push_back(i);
        }
        std::stable_sort(boxes.begin(), boxes.end(), [&](std::size_t a, std::size_t b) {
            return picture_.boxes[a].track < picture_.boxes[b].track;
        });
        return boxes;
    }

    double width(const Row& row) const {
        double sum = row.empty() ? 0 : static_cast<double>(row.size() - 1) * kGap;
        for (const std::size_t box : row) sum += layout_.boxes[box].width;
        return sum;
    }

    /// From `left` on; boxes of a rack that is wider than they are get its room between them.
    void place_row(const Row& row, std::uint32_t level, double left, double room) {
        const double spare = (room - width(row)) / static_cast<double>(row.size() + 1);
        double x = left + spare;
        for (const std::size_t box : row) {
            PlacedBox& placed = layout_.boxes[box];
            placed.centre = {x + placed.width / 2, y_of(level)};
            x += placed.width + kGap + spare;
        }
    }

    void place_racks() {
        // Rows of all racks at once: looking for each rack's boxes among all takes too long.
        std::vector<std::array<Row, 2>> rows(picture_.racks + 1u);  // the last one: of no rack
        for (std::uint32_t level = 0; level < 2; ++level) {
            for (std::size_t i = 0; i < picture_.boxes.size(); ++i) {
                const Box& box = picture_.boxes[i];
                if (box.level == level) rows[box.rack.value_or(picture_.racks)][level].push_back(i);
            }
        }
        double x = kMargin;
        for (std::uint32_t rack = 0; rack <= picture_.racks; ++rack) {
            auto& [gpus, leaves] = rows[rack];
            if (gpus.empty() && leaves.empty()) continue;
            std::stable_sort(leaves.begin(), leaves.end(), [&](std::size_t a, std::size_t b) {
                return picture_.boxes[a].track < picture_.boxes[b].track;
            });
            const double room = std::max(width(gpus), width(leaves)) + more_room(gpus, leaves);
            place_row(gpus, 0, x + kRackInset, room);
            place_row(leaves, 1, x + kRackInset, room);
            const double right = x + room + 2 * kRackInset;
            const double low = y_of(0) - 2 * kLine - kRackInset - kRackLabel / 2;
            if (rack < picture_.racks) {
                layout_.racks.push_back({rack, {x, low}, {right, y_of(1) + 2 * kLine}});
            }
            x = right + kRackGap;
        }
        const double title = static_cast<double>(picture_.title.size()) * kLetter * 1.3;
        layout_.width = std::max(x - kRackGap + kMargin, title);
    }

    /// For the labels of cables from GPU to GPU.
    static double more_room(const Row& gpus, const Row& leaves) {
        return leaves.empty() ? static_cast<double>(gpus.size()) * 90 : 0;
    }

    /// Evenly over the whole width, or beyond it if there are many.
    void place_spines(std::uint32_t level) {
        const Row spines = row(level, std::nullopt);
        if (spines.empty()) return;
        const double need = width(spines) + 2 * kMargin;
        const double more = need - layout_.width;
        if (more > 0) shift(more / 2);
        place_row(spines, level, kMargin, layout_.width - 2 * kMargin);
    }

    /// Moves everything that has a place to the middle of a wider picture.
    void shift(double by) {
        layout_.width += 2 * by;
        for (PlacedBox& box : layout_.boxes) box.centre.x += by;
        for (PlacedRack& rack : layout_.racks) {
            rack.low.x += by;
            rack.high.x += by;
        }
    }

    bool place_bundles() {
        bool has_arcs = false;
        for (const Bundle& bundle : picture_.bundles) {
            const bool beside =
                picture_.boxes[bundle.upper].level == picture_.boxes[bundle.lower].level;
            const PlacedBox& a = layout_.boxes[bundle.upper];
            const PlacedBox& b = layout_.boxes[bundle.lower];
            layout_.bundles.push_back(beside ? arc(a, b) : line(a, b, lines_[bundle.lower]++));
            has_arcs = has_arcs || beside;
        }
        return has_arcs;
    }

    /// A little off the middle of a side, towards the other end, so that not all meet in a point.
    static double towards(const PlacedBox& box, double x) {
        const double most = box.width / 2 - kInset / 2;
        return box.centre.x + std::clamp((x - box.centre.x) * 0.12, -most, most);
    }

    /// `above`: lines that the lower box has already. Labels stand near it: there the lines of
    /// different boxes are furthest apart.
    PlacedBundle line(const PlacedBox& upper, const PlacedBox& lower, std::size_t above) const {
        const Point from{towards(upper, lower.centre.x), upper.centre.y - upper.height / 2};
        const Point to{towards(lower, upper.centre.x), lower.centre.y + lower.height / 2};
        const auto at = [&](double t) {
            return Point{from.x + (to.x - from.x) * t, from.y + (to.y - from.y) * t};
        };
        const double length = from.y - to.y;
        const auto fit = static_cast<std::size_t>(std::max(1.0, (length - kLine) / label_));
        const double up = (static_cast<double>(above % fit) + 0.5) * label_ + kLine / 2;
        return {{from, at(1.0 / 3), at(2.0 / 3), to}, at(1 - up / length)};
    }

    static PlacedBundle arc(const PlacedBox& a, const PlacedBox& b) {
        const Point from{towards(a, b.centre.x), a.centre.y + a.height / 2};
        const Point to{towards(b, a.centre.x), b.centre.y + b.height / 2};
        // The curve reaches three quarters of the height of its control points.
        const double peak = std::max(from.y, to.y) + kArc / 0.75;
        return {{from, {from.x, peak}, {to.x, peak}, to},
                {(from.x + to.x) / 2, std::max(from.y, to.y) + kArc}};
    }

    const Picture& picture_;
    std::vector<std::size_t> lines_;  // by lower box: those placed so far
    double label_ = kLabelLine;       // the highest label
    double level_ = kLevel;
    Layout layout_;
    std::uint32_t top_ = 0;
};

}  // namespace

Layout place(const Picture& picture) {
    return Placer(picture).run();
}

}  // namespace ethlink::control
