// SPDX-License-Identifier: BSD-3-Clause
// Makes a seed that fails smaller, as long as it still fails.
#pragma once

#include <chrono>
#include <utility>

#include "tests/sim/sweep.h"

namespace ethlink::sim {

/// Takes away fault by fault, and then work, for twenty seconds at most. `trial` fails. The smaller
/// one, and what it finds.
std::pair<Trial, Oracle> shrink(const Trial& trial, const Run& run);

}  // namespace ethlink::sim
