// SPDX-License-Identifier: BSD-3-Clause
// The shape of a fabric: compact forms written out, and the mistakes that only the whole shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/config_error.h"
#include "proto/ids.h"

namespace ethlink::control {

/// The i-th GPU-ID that we hand out: bits 9:8 are `10`, so that the first byte of the frame looks
/// to an ordinary NIC like that of a locally administered unicast address. i < 16,384.
GpuId generated_gpu_id(std::uint32_t i);

/// Whether a NIC takes a frame for this GPU-ID as locally administered unicast.
bool looks_like_unicast(GpuId gpu);

/// Mistakes that show only when all links are known: endpoints without a link, switches without a
/// port, GPU-IDs given twice, endpoints that cannot be reached, profiles that contradict each
/// other.
[[nodiscard]] std::vector<ConfigError> check_topology(const Fabric& fabric);

/// What deserves a second look but works: odd GPU-IDs, profiles nobody uses.
[[nodiscard]] std::vector<ConfigError> topology_warnings(const Fabric& fabric);

/// Whether `node` can be run as a process of its own: every port needs a device.
[[nodiscard]] std::vector<ConfigError> check_runs_alone(const Fabric& fabric, NodeId node);

}  // namespace ethlink::control
