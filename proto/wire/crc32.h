// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 of IEEE 802.3: the checksum of ICRC, control frame and FCS ("123456789" -> 0xCBF43926).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ethlink::wire {

/// The CRC of what `seed` is the CRC of, followed by `bytes`. The CRC of nothing is 0.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed = 0);

/// A frame's first bytes as a CRC sees them: some of them masked.
using CrcHead = std::array<std::byte, 16>;

/// The CRC of `head` followed by whole[from ..], without a copy. `from` is 16 .. whole.size().
std::uint32_t crc32_with_head(const CrcHead& head, std::span<const std::byte> whole,
                              std::size_t from);

/// The ways to compute it, for tests and benchmarks: crc32() takes the fastest that this CPU has.
namespace crc32_variants {

std::uint32_t table(std::span<const std::byte> bytes, std::uint32_t seed);
std::uint32_t table_with_head(const CrcHead& head, std::span<const std::byte> whole,
                              std::size_t from);

/// Whether the CPU has carry-less multiplication; the two below need it.
bool has_clmul();
std::uint32_t clmul(std::span<const std::byte> bytes, std::uint32_t seed);
std::uint32_t clmul_with_head(const CrcHead& head, std::span<const std::byte> whole,
                              std::size_t from);

}  // namespace crc32_variants

}  // namespace ethlink::wire
