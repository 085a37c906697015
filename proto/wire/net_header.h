// SPDX-License-Identifier: BSD-3-Clause
// The network header: 2 bytes that say how switches may treat the frame.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/byte_order.h"

namespace ethlink::wire {

/// AR 1 | Reserved 3 | TTL 4 | DSCP 6 | ECN 2, most significant bit first.
struct NetHeader {
    static constexpr std::size_t kSize = 2;

    bool ar{};                // may take any of the equal paths, not only that of its entropy
    std::uint8_t reserved{};  // 0..7; zero when sent, ignored when received
    std::uint8_t ttl{};       // 0..15: hops left
    std::uint8_t dscp{};      // 0..63
    std::uint8_t ecn{};       // 0..3; fixed to 0 by the protocol

    static constexpr NetHeader decode(std::uint16_t raw) {
        return {.ar = (raw & 0x8000) != 0,
                .reserved = static_cast<std::uint8_t>((raw >> 12) & 0x7),
                .ttl = static_cast<std::uint8_t>((raw >> 8) & 0xF),
                .dscp = static_cast<std::uint8_t>((raw >> 2) & 0x3F),
                .ecn = static_cast<std::uint8_t>(raw & 0x3)};
    }

    /// Bits of a value beyond its field are cut off.
    constexpr std::uint16_t encode() const {
        return static_cast<std::uint16_t>((ar ? 0x8000 : 0) | ((reserved & 0x7) << 12) |
                                          ((ttl & 0xF) << 8) | ((dscp & 0x3F) << 2) | (ecn & 0x3));
    }

    friend constexpr bool operator==(const NetHeader&, const NetHeader&) = default;
};

/// Takes one hop off the network header at `net`; false and no change if none is left.
/// The ICRC stays right: it takes the TTL as ones.
inline bool decrement_ttl(std::byte* net) {
    if ((net[0] & std::byte{0x0F}) == std::byte{0}) return false;
    net[0] = static_cast<std::byte>(std::to_integer<unsigned>(net[0]) - 1);
    return true;
}

}  // namespace ethlink::wire
