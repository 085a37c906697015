// SPDX-License-Identifier: BSD-3-Clause
// Packet sequence numbers: one per item and direction of a channel, on a circle of 32 bits.
#pragma once

#include <cstdint>

namespace ethlink::txn {

/// Has distances but no order, like Cyclic<>, which ends at 31 bits.
struct Psn {
    std::uint32_t value = 0;

    /// Steps forward from `from` to this.
    constexpr std::uint32_t distance_from(Psn from) const { return value - from.value; }
    constexpr Psn operator+(std::uint32_t n) const { return {value + n}; }
    friend constexpr bool operator==(Psn, Psn) = default;
};

}  // namespace ethlink::txn
