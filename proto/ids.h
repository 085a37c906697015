// SPDX-License-Identifier: BSD-3-Clause
// Names of things: an id is not a number that one can add.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace ethlink {

template <class Tag, class Rep>
struct Id {
    Rep value{};
    friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

/// An endpoint of the fabric, as it stands in the OEFH. All 65,536 values are possible.
using GpuId = Id<struct GpuIdTag, std::uint16_t>;

/// A port of one node: an index from 0, dense.
using PortId = Id<struct PortIdTag, std::uint16_t>;

/// A virtual channel of one link, 0..31 (UEC 5.2: up to 32 per port).
using Vc = Id<struct VcTag, std::uint8_t>;

/// A tenant: an 802.1Q VLAN ID, 0 = untagged.
using Tenant = Id<struct TenantTag, std::uint16_t>;

inline constexpr std::size_t kMaxVcs = 32;

/// A number of CBFC credits. Its size in bytes is a property of the link (CreditSize).
struct Credits {
    std::uint32_t value{};
    friend constexpr auto operator<=>(const Credits&, const Credits&) = default;
    friend constexpr Credits operator+(Credits a, Credits b) { return {a.value + b.value}; }
    friend constexpr Credits operator-(Credits a, Credits b) { return {a.value - b.value}; }
    constexpr Credits& operator+=(Credits b) {
        value += b.value;
        return *this;
    }
    constexpr Credits& operator-=(Credits b) {
        value -= b.value;
        return *this;
    }
};

}  // namespace ethlink
