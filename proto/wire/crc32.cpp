// SPDX-License-Identifier: BSD-3-Clause
#include "proto/wire/crc32.h"

#include "proto/byte_order.h"

namespace ethlink::wire {

namespace {

// The generator 0x04C11DB7 of IEEE 802.3, its bits reversed: Ethernet sends the lowest bit first.
constexpr std::uint32_t kReversedGenerator = 0xEDB88320;

// tables[k][b]: what byte b does to the register when k more bytes follow it.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedGenerator : 0);
        }
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < tables.size(); ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t crc = tables[k - 1][byte];
            tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xFF];
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

// The register (the CRC, not inverted) after eight more bytes, a little-endian number.
std::uint32_t after_eight(std::uint32_t crc, std::uint64_t eight) {
    const std::uint64_t word = eight ^ crc;
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < 8; ++i) next ^= kTables[7 - i][word >> (8 * i) & 0xFF];
    return next;
}

std::uint32_t after(std::uint32_t crc, std::span<const std::byte> bytes) {
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
        crc = after_eight(crc, load_le64(bytes.data()));
    }
    for (const std::byte byte : bytes) {
        crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFF];
    }
    return crc;
}

// Asked once. Zero, and so the table, is right as well for who comes before it is known.
const bool use_avx512 = crc32_variants::has_avx512();
const bool use_clmul = crc32_variants::has_clmul();

}  // namespace

namespace crc32_variants {

std::uint32_t table(std::span<const std::byte> bytes, std::uint32_t seed) {
    return ~after(~seed, bytes);
}

std::uint32_t table_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                              std::size_t from) {
    const std::uint32_t before = after_eight(after_eight(~std::uint32_t{0}, head.low), head.high);
    return ~after(before, whole.subspan(from));
}

}  // namespace crc32_variants

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t seed) {
    if (use_avx512) return crc32_variants::avx512(bytes, seed);
    if (use_clmul) return crc32_variants::clmul(bytes, seed);
    return crc32_variants::table(bytes, seed);
}

std::uint32_t crc32_with_head(CrcHeadWords head, std::span<const std::byte> whole,
                              std::size_t from) {
    if (use_avx512) return crc32_variants::avx512_with_head(head, whole, from);
    if (use_clmul) return crc32_variants::clmul_with_head(head, whole, from);
    return crc32_variants::table_with_head(head, whole, from);
}

}  // namespace ethlink::wire
