// SPDX-License-Identifier: BSD-3-Clause
#include "control/machine_memory.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ethlink::control {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::size_t kNamed = 2;  // so many of the largest parts are worth a word

std::string megabytes(std::uint64_t bytes) {
    return std::to_string((bytes + kMegabyte - 1) / kMegabyte) + " MB";
}

/// Where the buffers are, and the keys that say how many.
struct Part {
    std::uint64_t frames;
    std::string_view keys;
};

std::string keys_that_count(const PoolPlan& pool) {
    std::array parts{
        Part{pool.ingress, "`credits` of the VCs and `cbfc.shared_credits`"},
        Part{pool.replay, "`llr.max_outstanding_frames` and `llr.max_outstanding_bytes`"},
        Part{pool.best_effort, "`best_effort_queue_frames`"},
        Part{pool.endpoint, "`runtime.endpoint_queue_frames`"},
        Part{pool.wire, "`runtime.wire_frames`"},
        Part{pool.devices, "`runtime.rx_descriptors` and `runtime.tx_descriptors`"},
        Part{pool.faults, "`faults` of the links, or start without --impairable"},
        Part{pool.caches, "`runtime.pool_cache_frames` and `runtime.workers`"},
    };
    std::ranges::stable_sort(parts, std::ranges::greater{}, &Part::frames);
    std::string text;
    for (std::size_t i = 0; i < kNamed && parts[i].frames > 0; ++i) {
        text += (text.empty() ? "" : ", then ") + std::string(parts[i].keys) + " (" +
                std::to_string(parts[i].frames * 100 / pool.total()) + " % of the buffers)";
    }
    return text;
}

}  // namespace

std::optional<std::uint64_t> available_memory(std::istream& meminfo) {
    constexpr std::uint64_t kKilobyte = 1024;  // the kernel's "kB"
    std::string key, rest;
    while (meminfo >> key) {
        std::uint64_t kb = 0;
        if (key == "MemAvailable:" && meminfo >> kb) return kb * kKilobyte;
        std::getline(meminfo, rest);
    }
    return std::nullopt;
}

std::optional<ConfigError> check_machine(const Fabric& fabric, const CapacityPlan& plan,
                                         MemoryMode mode, const MachineMemory& machine) {
    const std::uint64_t needed = plan.memory_bytes();
    switch (mode) {
        case MemoryMode::kHugepages:
        case MemoryMode::kInMemory: return std::nullopt;
        case MemoryMode::kAuto:
            if (needed <= machine.free_hugepages) return std::nullopt;
            break;
        case MemoryMode::kNoHuge: break;
    }
    if (needed <= machine.available) return std::nullopt;
    return fabric.error("profiles",
                        std::to_string(plan.pool.total()) + " buffers of " +
                            std::to_string(plan.buffer_bytes) + " bytes and their queues take " +
                            megabytes(needed) + ", but this machine has only " +
                            megabytes(machine.available) + " available",
                        "lower " + keys_that_count(plan.pool));
}

}  // namespace ethlink::control
