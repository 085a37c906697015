// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 of IEEE 802.3: the checksum of ICRC, control frame and FCS ("123456789" -> 0xCBF43926).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/byte_order.h"

namespace ethlink::wire {

/// The CRC of what `seed` is the CRC of, followed by `bytes`. The CRC of nothing is 0.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed = 0);

/// A frame's first bytes as a CRC sees them: some of them masked.
using CrcHead = std::array<std::byte, 16>;

/// A head as two little-endian numbers, which travel in registers.
struct CrcHeadWords {
    /// Reads in pieces, as heads are written. A load wider than the stores before it would have to
    /// wait until they are in the cache, and so the CRC of a frame until that of the one before it
    /// is done; in pieces, the compiler need not even make the array.
    static CrcHeadWords of(const CrcHead& head) {
        const std::uint32_t last = std::uint32_t{load_be16(&head[12])} << 16 | load_be16(&head[14]);
        return {load_le64(&head[0]),
                load_le32(&head[8]) | std::uint64_t{__builtin_bswap32(last)} << 32};
    }

    std::uint64_t low;
    std::uint64_t high;
};

/// The CRC of `head` followed by whole[from ..], without a copy. `from` is 16 .. whole.size().
std::uint32_t crc32_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                              std::size_t from);
inline std::uint32_t crc32_with_head(const CrcHead& head, std::span<const std::byte> whole,
                                     std::size_t from) {
    return crc32_with_head(CrcHeadWords::of(head), whole, from);
}

/// The ways to compute it, for tests and benchmarks: crc32() takes the fastest that this CPU has.
namespace crc32_variants {

std::uint32_t table(std::span<const std::byte> bytes, std::uint32_t seed);
std::uint32_t table_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                              std::size_t from);

/// Whether the CPU has carry-less multiplication; the two below need it.
bool has_clmul();
std::uint32_t clmul(std::span<const std::byte> bytes, std::uint32_t seed);
std::uint32_t clmul_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                              std::size_t from);

/// Whether the CPU does it on 512 bits at once; the two below need it.
bool has_avx512();
std::uint32_t avx512(std::span<const std::byte> bytes, std::uint32_t seed);
std::uint32_t avx512_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                               std::size_t from);

}  // namespace crc32_variants

}  // namespace ethlink::wire
