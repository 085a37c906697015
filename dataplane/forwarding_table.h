// SPDX-License-Identifier: BSD-3-Clause
// Where a switch sends a frame: GPU-ID to one port, or to one of several equal ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/ids.h"

namespace ethlink {

/// Immutable once published. The GPU-ID is the index: one load for one port, three for several.
class ForwardingTable {
public:
    static constexpr std::size_t kMaxPaths = 64;  // equal ports towards one destination

    ForwardingTable() : entries_(std::size_t{1} << 16, kUnknown) {}

    /// Builds: all of `ports` lead to `dst` equally well; the same port twice counts twice.
    /// None removes the destination. False, and no change, beyond kMaxPaths ports or 32,767 sets.
    [[nodiscard]] bool set(GpuId dst, std::span<const PortId> ports);

    /// The ports towards `dst`, none if there is no route.
    std::span<const PortId> ports(GpuId dst) const {
        const std::uint16_t entry = entries_[dst.value];
        if (entry == kUnknown) return {};
        const Set& set = sets_[entry];
        return {members_.data() + set.first, set.count};
    }

    /// One of `ports`, the same for the same entropy: a flow keeps its path and so its order.
    static PortId by_entropy(std::span<const PortId> ports, std::uint16_t entropy) {
        // Fibonacci hashing: neighbouring entropies spread, the high bits choose.
        const std::uint32_t hash = (entropy * 0x9E37'79B1u) >> 16;
        return ports[hash * static_cast<std::uint32_t>(ports.size()) >> 16];
    }

    std::size_t memory_bytes() const {
        return entries_.size() * sizeof(entries_[0]) + sets_.size() * sizeof(Set) +
               members_.size() * sizeof(PortId);
    }

private:
    static constexpr std::uint16_t kUnknown = 0xFFFF;
    struct Set {
        std::uint32_t first;
        std::uint32_t count;
    };

    std::vector<std::uint16_t> entries_;  // index of a set
    std::vector<Set> sets_;               // each distinct list of ports once
    std::vector<PortId> members_;
};

}  // namespace ethlink
