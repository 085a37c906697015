// SPDX-License-Identifier: BSD-3-Clause
// Fabric files out of a few numbers: compact ones, and ones that name each node and link.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "control/config_error.h"
#include "control/topology_shape.h"
#include "proto/expected.h"

namespace ethlink::control {

/// Keys of `topology` with what somebody wrote for them: {"gpus", "8"}.
using ShapeWords = std::vector<std::pair<std::string, std::string>>;

/// What these words mean in a file; the errors name keys ("topology.gpus"), and their places mean
/// nothing.
[[nodiscard]] Expected<TopologyShape, std::vector<ConfigError>> shape_of(const ShapeWords& words);

/// A file with `topology:` and all numbers of the shape, each explained.
[[nodiscard]] std::string compact_text(const TopologyShape& shape, const std::string& fabric);

/// The same fabric with `nodes:` and `links:`; loads to the same one.
[[nodiscard]] std::string explicit_text(const TopologyShape& shape, const std::string& fabric);

}  // namespace ethlink::control
