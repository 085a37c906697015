// SPDX-License-Identifier: BSD-3-Clause
// What the links of a fabric do now, asked of its running processes.
#pragma once

#include <optional>
#include <vector>

#include "control/config.h"
#include "control/topo_picture.h"

namespace ethlink::cli {

/// An entry for each link, empty if no process told of it; takes half a second, for the rates.
/// Nothing, and a word on stderr, if no process of this fabric runs here.
std::optional<std::vector<std::optional<control::LiveLink>>> ask_links(
    const control::Fabric& fabric);

}  // namespace ethlink::cli
