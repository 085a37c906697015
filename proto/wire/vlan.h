// SPDX-License-Identifier: BSD-3-Clause
// The optional 802.1Q tag in front of the EtherType: the tenant, outside the ICRC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/byte_order.h"

namespace ethlink::wire {

inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;

/// TPID 16 | PCP 3 | DEI 1 | VID 12, most significant bit first.
struct VlanTag {
    static constexpr std::size_t kSize = 4;

    std::uint8_t pcp{};  // 0..7
    bool dei{};
    std::uint16_t vid{};  // 0..4095; 0 = a priority only, no tenant

    /// From the last two bytes of the tag (the TCI).
    static constexpr VlanTag decode(std::uint16_t tci) {
        return {.pcp = static_cast<std::uint8_t>(tci >> 13),
                .dei = (tci & 0x1000) != 0,
                .vid = static_cast<std::uint16_t>(tci & 0x0FFF)};
    }

    /// Bits of a value beyond its field are cut off.
    constexpr std::uint16_t encode() const {
        return static_cast<std::uint16_t>(((pcp & 0x7) << 13) | (dei ? 0x1000 : 0) |
                                          (vid & 0x0FFF));
    }

    void emit(std::span<std::byte, kSize> out) const {
        store_be16(&out[0], kEtherTypeVlan);
        store_be16(&out[2], encode());
    }

    friend constexpr bool operator==(const VlanTag&, const VlanTag&) = default;
};

}  // namespace ethlink::wire
