// SPDX-License-Identifier: BSD-3-Clause
// Numbers in byte order: the only place that knows how this machine stores an integer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ethlink {

namespace detail {

constexpr std::uint16_t swapped(std::uint16_t value) {
    return __builtin_bswap16(value);
}
constexpr std::uint32_t swapped(std::uint32_t value) {
    return __builtin_bswap32(value);
}
constexpr std::uint64_t swapped(std::uint64_t value) {
    return __builtin_bswap64(value);
}

template <std::endian Order, class T>
T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return Order == std::endian::native ? value : swapped(value);
}

template <std::endian Order, class T>
void store(std::byte* to, T value) {
    if (Order != std::endian::native) value = swapped(value);
    std::memcpy(to, &value, sizeof value);
}

}  // namespace detail

// Big-endian, at any alignment: the order of every field of ours on the wire.

inline std::uint16_t load_be16(const std::byte* from) {
    return detail::load<std::endian::big, std::uint16_t>(from);
}
inline std::uint32_t load_be32(const std::byte* from) {
    return detail::load<std::endian::big, std::uint32_t>(from);
}
inline std::uint64_t load_be64(const std::byte* from) {
    return detail::load<std::endian::big, std::uint64_t>(from);
}
inline void store_be16(std::byte* to, std::uint16_t value) {
    detail::store<std::endian::big>(to, value);
}
inline void store_be32(std::byte* to, std::uint32_t value) {
    detail::store<std::endian::big>(to, value);
}
inline void store_be64(std::byte* to, std::uint64_t value) {
    detail::store<std::endian::big>(to, value);
}

// Little-endian, at any alignment: the Ethernet FCS, and words that a CRC takes in.

inline std::uint32_t load_le32(const std::byte* from) {
    return detail::load<std::endian::little, std::uint32_t>(from);
}
inline std::uint64_t load_le64(const std::byte* from) {
    return detail::load<std::endian::little, std::uint64_t>(from);
}
inline void store_le32(std::byte* to, std::uint32_t value) {
    detail::store<std::endian::little>(to, value);
}

}  // namespace ethlink
