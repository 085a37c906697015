// SPDX-License-Identifier: BSD-3-Clause
// Where the parts of a picture stand. Ours, not Graphviz's: it does not keep racks in order.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "control/topo_picture.h"

namespace ethlink::control {

/// In points (1/72 inch) from the lower left corner, as Graphviz counts.
struct Point {
    double x = 0;
    double y = 0;
};

struct PlacedBox {
    Point centre;
    double width = 0;
    double height = 0;
};

struct PlacedRack {
    std::uint32_t number = 0;
    Point low;   // lower left corner
    Point high;  // upper right corner
};

struct PlacedBundle {
    std::array<Point, 4> curve;  // cubic Bezier from the upper box to the lower one
    Point label;
};

/// Rows from spines down to GPUs; racks side by side in the order of their numbers, and in each the
/// boxes in the order of the picture, track by track. Boxes of a row never overlap.
struct Layout {
    double width = 0;
    double height = 0;
    Point title;
    std::vector<PlacedBox> boxes;       // as Picture::boxes
    std::vector<PlacedBundle> bundles;  // as Picture::bundles
    std::vector<PlacedRack> racks;
};

[[nodiscard]] Layout place(const Picture& picture);

}  // namespace ethlink::control
