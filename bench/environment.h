// SPDX-License-Identifier: BSD-3-Clause
// DPDK's environment as every benchmark starts it: ordinary pages, no telemetry, any user.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

#include "dataplane/dpdk/eal.h"

namespace ethlink::bench {

/// Throws std::runtime_error with what EAL says.
inline std::unique_ptr<dpdk::Eal> start_environment(std::uint32_t memory_mb) {
    auto eal = dpdk::Eal::start({.instance = "bench-" + std::to_string(getpid()),
                                 .memory = dpdk::MemoryMode::kNoHuge,
                                 .memory_mb = memory_mb,
                                 .telemetry = false});
    if (!eal) throw std::runtime_error(eal.error());
    return std::move(*eal);
}

}  // namespace ethlink::bench
