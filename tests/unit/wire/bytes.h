// SPDX-License-Identifier: BSD-3-Clause
// Bytes for tests: from hexadecimal text, of one value, or random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace ethlink::wire::test {

using Bytes = std::vector<std::byte>;

/// Pairs of hexadecimal digits; everything else is skipped.
inline Bytes from_hex(std::string_view text) {
    const auto value = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    Bytes bytes;
    int high = -1;
    for (const char c : text) {
        const int digit = value(c);
        if (digit < 0) continue;
        if (high < 0) {
            high = digit;
        } else {
            bytes.push_back(static_cast<std::byte>(high << 4 | digit));
            high = -1;
        }
    }
    return bytes;
}

/// What an emit() must overwrite completely.
inline Bytes dirty(std::size_t size) {
    return Bytes(size, std::byte{0xA5});
}

inline Bytes random_bytes(std::mt19937& random, std::size_t size) {
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
}

inline void flip_bit(std::span<std::byte> bytes, std::size_t bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(0x80 >> bit % 8);
}

}  // namespace ethlink::wire::test
