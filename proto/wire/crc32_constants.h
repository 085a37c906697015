// SPDX-License-Identifier: BSD-3-Clause
// The numbers that carry-less multiplication needs for the CRC-32, all computed from its generator.
// Bit-reflected, as Ethernet sends bits: the lowest bit of a number is its highest coefficient.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ethlink::wire::crc32_constants {

inline constexpr std::uint64_t kGenerator = 0x1'04C1'1DB7;  // IEEE 802.3, with its x^32

constexpr std::uint64_t reversed(std::uint64_t value, int bits) {
    std::uint64_t result = 0;
    for (int i = 0; i < bits; ++i) result |= (value >> i & 1) << (bits - 1 - i);
    return result;
}

constexpr std::uint64_t times_x(std::uint64_t remainder) {
    remainder <<= 1;
    return (remainder >> 32 & 1) != 0 ? remainder ^ kGenerator : remainder;
}

/// A remainder as a factor: the product of two reversed numbers comes out one bit too low, so this
/// one is one bit higher.
constexpr std::uint64_t factor(std::uint64_t remainder) {
    return reversed(remainder, 32) << 1;
}

/// The remainder of x^n, n >= 0, as a factor.
constexpr std::uint64_t power(int n) {
    std::uint64_t remainder = 1;
    for (int i = 0; i < n; ++i) remainder = times_x(remainder);
    return factor(remainder);
}

/// Two factors: of the first and of the second 64 bits of 128.
struct Pair {
    std::uint64_t low;
    std::uint64_t high;
};

/// Moves 128 bits forward by `bytes` >= 4, and leaves 128 bits.
constexpr Pair fold_by(int bytes) {
    return {power(8 * bytes + 32), power(8 * bytes - 32)};
}

/// Moves 128 bits forward by `bytes` >= 0 and 64 bits more, which makes 96 bits of them: the CRC is
/// the remainder of these (see kBarrett).
constexpr Pair finish_by(int bytes) {
    return {power(8 * bytes + 64 + 32), power(8 * bytes + 64 - 32)};
}

/// finish_by(0 .. N - 1), in one go: a compiler counts its steps.
template <std::size_t N>
constexpr std::array<Pair, N> all_finish_by() {
    std::array<std::uint64_t, N + 12> powers{};  // of x^8
    std::uint64_t remainder = 1;
    for (std::uint64_t& power : powers) {
        power = factor(remainder);
        for (int bit = 0; bit < 8; ++bit) remainder = times_x(remainder);
    }
    std::array<Pair, N> pairs{};
    for (std::size_t i = 0; i < N; ++i) pairs[i] = {powers[i + 12], powers[i + 4]};
    return pairs;
}

/// The integer part of x^95 / generator.
constexpr std::uint64_t quotient() {
    std::uint64_t remainder = 1;  // of the leading coefficient of x^95
    std::uint64_t result = 0;
    for (int i = 94; i >= 0; --i) {
        if ((remainder >> 31 & 1) != 0) result |= std::uint64_t{1} << i;
        remainder = times_x(remainder);
    }
    return reversed(result, 64);
}

/// Barrett's reduction of 96 bits: the first 64 times `low` begin with the multiple of the
/// generator to take off; that times `high` is what it takes off the last 32.
inline constexpr Pair kBarrett{quotient(), reversed(kGenerator, 33)};

}  // namespace ethlink::wire::crc32_constants
