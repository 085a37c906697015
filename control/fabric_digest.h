// SPDX-License-Identifier: BSD-3-Clause
// A number for what a fabric file means, so that neighbours notice when they run different ones.
#pragma once

#include <cstdint>

#include "control/config.h"

namespace ethlink::control {

/// Of names, kinds, GPU-IDs, tenants, ports and links, in their order: of all that the indices in
/// hellos stand for. Profiles, devices, faults and runtime may differ from host to host. It
/// finds mistakes, not attacks.
[[nodiscard]] std::uint64_t digest_of(const Fabric& fabric);

}  // namespace ethlink::control
