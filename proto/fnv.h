// SPDX-License-Identifier: BSD-3-Clause
// FNV-1a: a hash that is the same in every process and on every host.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace ethlink {

/// Of 32 or 64 bits, with the constants of RFC 9923. It finds mistakes, not attacks.
template <class Number>
class Fnv1a {
    static_assert(std::is_same_v<Number, std::uint32_t> || std::is_same_v<Number, std::uint64_t>);
    static constexpr bool kWide = sizeof(Number) == 8;

public:
    constexpr Fnv1a& add(std::uint8_t byte) {
        hash_ = (hash_ ^ byte) * kPrime;
        return *this;
    }
    constexpr Fnv1a& add(std::string_view text) {
        for (const char c : text) add(static_cast<std::uint8_t>(c));
        return *this;
    }
    constexpr Number value() const { return hash_; }

private:
    static constexpr Number kPrime =
        static_cast<Number>(kWide ? 0x0000'0100'0000'01B3u : 0x0100'0193u);

    Number hash_ = static_cast<Number>(kWide ? 0xCBF2'9CE4'8422'2325u : 0x811C'9DC5u);
};

}  // namespace ethlink
