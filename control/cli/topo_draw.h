// SPDX-License-Identifier: BSD-3-Clause
// `ethlink topo draw FILE`: a picture of a fabric, on request with what it does now.
#pragma once

#include <CLI/CLI.hpp>

namespace ethlink::cli {

void add_topo_draw(CLI::App& topo, int& exit_code);

}  // namespace ethlink::cli
