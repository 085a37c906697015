// SPDX-License-Identifier: BSD-3-Clause
// From (initiator, its channel number) to the index of the target's record: a small hash table.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/ids.h"

namespace ethlink {

/// Linear probing in four times the room; it never grows. One thread.
class ChannelMap {
public:
    explicit ChannelMap(std::size_t entries_max) : slots_(std::bit_ceil(entries_max * 4 + 4)) {}

    std::optional<std::size_t> find(GpuId peer, std::uint16_t channel) const {
        for (std::size_t i = home(key(peer, channel));; i = next(i)) {
            if (slots_[i].index == kFree) return std::nullopt;
            if (slots_[i].key == key(peer, channel)) return slots_[i].index;
        }
    }
    /// Only if find() finds nothing, and for at most entries_max entries.
    void insert(GpuId peer, std::uint16_t channel, std::size_t index) {
        std::size_t i = home(key(peer, channel));
        while (slots_[i].index != kFree) i = next(i);
        slots_[i] = {key(peer, channel), static_cast<std::uint32_t>(index)};
    }
    void erase(GpuId peer, std::uint16_t channel) {
        std::size_t hole = home(key(peer, channel));
        while (slots_[hole].key != key(peer, channel) || slots_[hole].index == kFree) {
            if (slots_[hole].index == kFree) return;
            hole = next(hole);
        }
        // What stands behind moves up, unless it is at home there.
        for (std::size_t i = next(hole); slots_[i].index != kFree; i = next(i)) {
            const std::size_t wanted = home(slots_[i].key);
            if (((i - wanted) & mask()) < ((i - hole) & mask())) continue;
            slots_[hole] = slots_[i];
            hole = i;
        }
        slots_[hole] = {};
    }

private:
    static constexpr std::uint32_t kFree = UINT32_MAX;
    struct Slot {
        std::uint32_t key = 0;
        std::uint32_t index = kFree;
    };

    static std::uint32_t key(GpuId peer, std::uint16_t channel) {
        return std::uint32_t{peer.value} << 16 | channel;
    }
    std::size_t mask() const { return slots_.size() - 1; }
    std::size_t home(std::uint32_t key) const {
        return (key * 0x9E37'79B1u >> 7) & mask();  // Fibonacci hashing
    }
    std::size_t next(std::size_t i) const { return (i + 1) & mask(); }

    std::vector<Slot> slots_;
};

}  // namespace ethlink
