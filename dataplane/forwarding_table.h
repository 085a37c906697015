// SPDX-License-Identifier: BSD-3-Clause
// Where a switch sends a frame: GPU-ID to one port, or to one of several equal ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/ids.h"

namespace ethlink {

/// Immutable once published. The GPU-ID is the index: one load for one port, three for several.
///
/// Flows are spread over several ports by buckets: the high bits of the entropy's hash choose a
/// bucket, and each port has as many of them as its share, to within one. A table that is made
/// from the one before leaves every bucket where it is, but for those of ports that are gone and
/// those that ports which are new must get: other flows keep their path (decision 0014).
///
/// The hash is salted by node: were it the same everywhere, all flows that one node sends to one
/// port would meet again at one port of the next node (decision 0023).
class ForwardingTable {
public:
    /// Ports towards one destination, each counted as often as it stands there.
    static constexpr std::size_t kMaxPaths = 1024;
    static constexpr std::size_t kBucketsPerPath = 32;

    /// What is known of one destination.
    struct Paths {
        std::span<const PortId> ports;    // as they were given to set(); none: no route
        const PortId* buckets = nullptr;  // with several ports
        unsigned shift = 0;               // of a 16-bit hash, to the number of a bucket
        std::uint32_t salt = 0;           // of that hash
        bool empty() const { return ports.empty(); }
    };

    /// `salt`: the node's, any number that no neighbour has (control::path_salt()). It is the same
    /// in all tables of a node, or all flows would move.
    explicit ForwardingTable(std::uint32_t salt = 0)
        : salt_(salt), entries_(std::size_t{1} << 16, kUnknown) {}

    /// Builds: all of `ports` lead to `dst` equally well; the same port twice counts twice.
    /// None removes the destination. False, and no change, beyond kMaxPaths ports or 65,535 sets.
    /// Flows to `dst` stay where `before` has them, if that can be; it is the same in all calls.
    [[nodiscard]] bool set(GpuId dst, std::span<const PortId> ports,
                           const ForwardingTable* before = nullptr);

    Paths paths(GpuId dst) const {
        const std::uint16_t entry = entries_[dst.value];
        if (entry == kUnknown) return {};
        const Set& set = sets_[entry];
        const PortId* const first = members_.data() + set.first;
        return {{first, set.count}, first + set.count, set.shift, salt_};
    }

    /// The ports towards `dst`, none if there is no route.
    std::span<const PortId> ports(GpuId dst) const { return paths(dst).ports; }

    /// One of the ports, the same for the same entropy: a flow keeps its path and so its order.
    /// Of several ports only.
    static PortId by_entropy(const Paths& paths, std::uint16_t entropy) {
        return paths.buckets[hash(entropy, paths.salt) >> paths.shift];
    }

    /// A permutation of all entropies, so that together they are spread evenly, and another one for
    /// each salt. A multiplication alone is a rotation, and two rotations stay in step whatever is
    /// added; the fold between two of them breaks it. 16 bits.
    static std::uint32_t hash(std::uint16_t entropy, std::uint32_t salt) {
        std::uint32_t h = ((entropy ^ salt) * (salt >> 16 | 1)) & 0xFFFF;
        h ^= h >> 6;
        return (h * 0x85CDu) & 0xFFFF;
    }

    std::size_t memory_bytes() const {
        return entries_.capacity() * sizeof(entries_[0]) +
               sets_.capacity() * (sizeof(Set) + sizeof(likes_[0])) +
               members_.capacity() * sizeof(PortId);
    }

private:
    static constexpr std::uint16_t kUnknown = 0xFFFF;
    struct Set {
        std::uint32_t first;  // its ports among members_, and behind them its buckets
        std::uint16_t count;
        std::uint16_t shift;
    };

    bool is_set(std::size_t index, std::span<const PortId> ports, std::uint16_t like) const;
    void append(std::span<const PortId> ports, std::uint16_t like, const Paths& before);

    std::uint32_t salt_;
    std::vector<std::uint16_t> entries_;  // index of a set
    std::vector<Set> sets_;               // each distinct list of ports once
    std::vector<std::uint16_t> likes_;    // by set: that of the table before whose buckets it has
    std::vector<PortId> members_;
};

}  // namespace ethlink
