// SPDX-License-Identifier: BSD-3-Clause
// The CRC by every road (tables, carry-less multiplication, AVX-512) against eight lines of text
// book, at any length, place and split; and the FCS on top of it (L11, E11).
#include <algorithm>

#include "proto/wire/crc32.h"
#include "proto/wire/fcs.h"
#include "tests/fuzz/input.h"

namespace ethlink::fuzz {
namespace {

/// CRC-32 of IEEE 802.3, bit by bit.
std::uint32_t by_the_book(std::span<const std::byte> bytes) {
    std::uint32_t crc = 0xFFFF'FFFF;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB8'8320 : 0);
    }
    return ~crc;
}

void check_roads(std::span<const std::byte> bytes) {
    namespace variants = wire::crc32_variants;
    const std::uint32_t good = by_the_book(bytes);
    must(wire::crc32(bytes) == good, "the CRC of any bytes, anywhere");
    must(variants::table(bytes, 0) == good, "by tables");
    if (variants::has_clmul()) must(variants::clmul(bytes, 0) == good, "by multiplication");
    if (variants::has_avx512()) must(variants::avx512(bytes, 0) == good, "by AVX-512");
    wire::CrcHead head;
    if (bytes.size() < head.size()) return;
    std::copy_n(bytes.begin(), head.size(), head.begin());
    const auto words = wire::CrcHeadWords::of(head);
    const std::size_t from = head.size();
    must(wire::crc32_with_head(head, bytes, from) == good, "with its head apart");
    must(variants::table_with_head(words, bytes, from) == good, "the same by tables");
    if (variants::has_clmul()) {
        must(variants::clmul_with_head(words, bytes, from) == good, "the same by multiplication");
    }
    if (variants::has_avx512()) {
        must(variants::avx512_with_head(words, bytes, from) == good, "the same by AVX-512");
    }
}

}  // namespace

void run(Input& input) {
    const std::size_t skipped = input.u8() % 64;
    const std::uint32_t repeat = 1 + input.u8() % 16;
    const std::uint32_t flip = input.u32();
    Bytes bytes = input.rest();
    const std::size_t once = bytes.size();
    for (std::uint32_t i = 1; i < repeat && once > 0; ++i) {
        bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(once));
    }
    bytes.shrink_to_fit();
    const auto some = std::span<const std::byte>(bytes).subspan(std::min(skipped, bytes.size()));
    check_roads(some);
    Bytes frame(some.begin(), some.end());
    frame.resize(frame.size() + wire::kFcsSize);
    wire::write_fcs(frame);
    must(wire::fcs_good(frame) == !some.empty(), "an FCS that was written is good");
    if (some.empty()) return;
    const std::size_t bit = flip % (frame.size() * 8);
    frame[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    must(!wire::fcs_good(frame), "an FCS sees each bit");
}

}  // namespace ethlink::fuzz
