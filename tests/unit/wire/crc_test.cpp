// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 in all its forms, against a bitwise one and against each other; ICRC and FCS on top of it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "proto/wire/build.h"
#include "proto/wire/crc32.h"
#include "proto/wire/crc32_constants.h"
#include "proto/wire/fcs.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "tests/unit/wire/bytes.h"
#include "tests/unit/wire/lonely_page.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;
using test::from_hex;

Bytes text(std::string_view characters) {
    const auto bytes = std::as_bytes(std::span(characters));
    return Bytes(bytes.begin(), bytes.end());
}

// The definition, bit by bit.
std::uint32_t bitwise(std::span<const std::byte> bytes, std::uint32_t seed) {
    std::uint32_t crc = ~seed;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
    }
    return ~crc;
}

// Values that the literature gives for this generator, bit-reflected: V. Gopal et al., "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009.
TEST(Crc32Constants, AreTheKnownOnes) {
    using namespace crc32_constants;
    EXPECT_EQ(fold_by(64).low, 0x1'5444'2BD4u);
    EXPECT_EQ(fold_by(64).high, 0x1'C6E4'1596u);
    EXPECT_EQ(fold_by(16).low, 0x1'7519'97D0u);
    EXPECT_EQ(fold_by(16).high, 0x0'CCAA'009Eu);
    EXPECT_EQ(power(64), 0x1'63CD'6124u);
    EXPECT_EQ(kBarrett.high, 0x1'DB71'0641u);
    // Reversed, the integer part of x^95 / P ends as that of x^64 / P does.
    EXPECT_EQ(kBarrett.low & 0x1'FFFF'FFFFu, 0x1'F701'1641u);
}

TEST(Crc32Constants, TheQuotientLeavesARemainder) {
    using namespace crc32_constants;
    // x^95 less quotient times generator, highest coefficient first: fewer than 32 bits are left.
    const std::uint64_t quotient = reversed(kBarrett.low, 64);
    std::uint64_t high = std::uint64_t{1} << 31;  // x^95
    std::uint64_t low = 0;
    for (int i = 0; i < 64; ++i) {
        if ((quotient >> i & 1) == 0) continue;
        low ^= kGenerator << i;
        if (i > 31) high ^= kGenerator >> (64 - i);
    }
    EXPECT_EQ(high, 0u);
    EXPECT_EQ(factor(low), power(95));
}

TEST(Crc32Constants, TheTableHasWhatOneByOneGives) {
    using namespace crc32_constants;
    constexpr auto kAll = all_finish_by<128>();
    for (std::size_t i = 0; i < kAll.size(); ++i) {
        const Pair expected = finish_by(static_cast<int>(i));
        EXPECT_EQ(kAll[i].low, expected.low) << i;
        EXPECT_EQ(kAll[i].high, expected.high) << i;
    }
}

struct Way {
    const char* name;
    bool is_here;
    std::uint32_t (*crc)(std::span<const std::byte> bytes, std::uint32_t seed);
    std::uint32_t (*with_head)(CrcHeadWords head, std::span<const std::byte> whole,
                               std::size_t from);
};

std::vector<Way> all_ways() {
    std::vector<Way> ways = {
        {"chosen", true, crc32, crc32_with_head},
        {"table", true, crc32_variants::table, crc32_variants::table_with_head},
        {"clmul", crc32_variants::has_clmul(), crc32_variants::clmul,
         crc32_variants::clmul_with_head},
        {"avx512", crc32_variants::has_avx512(), crc32_variants::avx512,
         crc32_variants::avx512_with_head}};
    std::erase_if(ways, [](const Way& way) { return !way.is_here; });
    return ways;
}

CrcHead random_head(std::mt19937& random) {
    CrcHead head;
    for (std::byte& byte : head) byte = static_cast<std::byte>(random());
    return head;
}

TEST(Crc32, CheckValue) {
    for (const Way& way : all_ways()) EXPECT_EQ(way.crc(text("123456789"), 0), 0xCBF43926u);
    EXPECT_EQ(bitwise(text("123456789"), 0), 0xCBF43926u);
}

// Values of zlib's crc32().
TEST(Crc32, IndependentValues) {
    for (const Way& way : all_ways()) {
        SCOPED_TRACE(way.name);
        EXPECT_EQ(way.crc({}, 0), 0u);
        EXPECT_EQ(way.crc(text("a"), 0), 0xE8B7BE43u);
        EXPECT_EQ(way.crc(text("The quick brown fox jumps over the lazy dog"), 0), 0x414FA339u);
        EXPECT_EQ(way.crc(Bytes(32), 0), 0x190A55ADu);
        EXPECT_EQ(way.crc(Bytes(32, std::byte{0xFF}), 0), 0xFF6CAB0Bu);
    }
}

TEST(Crc32, AllWaysAgreeAtEveryShortLengthAndAlignment) {
    std::mt19937 random(2);
    const Bytes bytes = test::random_bytes(random, 400);
    const auto ways = all_ways();
    for (std::size_t start = 0; start < 64; ++start) {
        for (std::size_t size = 0; size <= 300; ++size) {
            const auto part = std::span(bytes).subspan(start, size);
            const std::uint32_t seed = static_cast<std::uint32_t>(random());
            const std::uint32_t expected = bitwise(part, seed);
            for (const Way& way : ways)
                ASSERT_EQ(way.crc(part, seed), expected) << way.name << size;
        }
    }
}

// Each in a buffer of its own, of its exact size, so that a sanitizer sees what goes beyond.
TEST(Crc32, AllWaysAgreeAtEveryLengthOfAFrame) {
    std::mt19937 random(3);
    const auto ways = all_ways();
    for (std::size_t size = 0; size <= 4096; ++size) {
        const Bytes bytes = test::random_bytes(random, size);
        const std::uint32_t seed = static_cast<std::uint32_t>(random());
        const CrcHead head = random_head(random);
        const std::uint32_t expected = crc32_variants::table(bytes, seed);
        for (const Way& way : ways) ASSERT_EQ(way.crc(bytes, seed), expected) << way.name << size;
        if (size < head.size()) continue;
        const std::size_t from = std::min(size, head.size() + size % 5);
        const std::uint32_t with_head =
            crc32_variants::table(std::span(bytes).subspan(from), crc32_variants::table(head, 0));
        for (const Way& way : ways) {
            ASSERT_EQ(way.with_head(CrcHeadWords::of(head), bytes, from), with_head)
                << way.name << size;
        }
    }
}

TEST(Crc32, AllWaysAgreeOnLongFrames) {
    std::mt19937 random(4);
    for (int i = 0; i < 100; ++i) {
        const Bytes bytes = test::random_bytes(random, random() % 10'000);
        const std::uint32_t expected = bitwise(bytes, 0);
        for (const Way& way : all_ways()) ASSERT_EQ(way.crc(bytes, 0), expected) << way.name;
    }
}

TEST(Crc32, AllWaysAgreeOnAnyBytesCutAnywhere) {
    const auto holds = rc::check([](const std::vector<std::uint8_t>& values, std::uint32_t seed) {
        const auto bytes = std::as_bytes(std::span(values));
        const std::uint32_t expected = bitwise(bytes, seed);
        const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
        for (const Way& way : all_ways()) {
            RC_ASSERT(way.crc(bytes, seed) == expected);
            RC_ASSERT(way.crc(bytes.subspan(cut), way.crc(bytes.first(cut), seed)) == expected);
        }
    });
    EXPECT_TRUE(holds);
}

TEST(Crc32, PartsMakeTheWhole) {
    std::mt19937 random(5);
    const Bytes bytes = test::random_bytes(random, 700);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const std::span all(bytes);
        for (const Way& way : all_ways()) {
            ASSERT_EQ(way.crc(all.subspan(cut), way.crc(all.first(cut), 0)), way.crc(all, 0))
                << way.name << cut;
        }
    }
}

TEST(Crc32, AHeadReplacesWhatStandsThere) {
    std::mt19937 random(6);
    for (std::size_t from = 16; from <= 20; ++from) {
        for (std::size_t size = from; size <= 300; ++size) {
            const Bytes whole = test::random_bytes(random, size);
            const CrcHead head = random_head(random);
            const std::uint32_t expected =
                bitwise(std::span(whole).subspan(from), bitwise(head, 0));
            ASSERT_EQ(crc32_with_head(head, whole, from), expected) << size;
            for (const Way& way : all_ways()) {
                ASSERT_EQ(way.with_head(CrcHeadWords::of(head), whole, from), expected)
                    << way.name << size;
            }
        }
    }
}

TEST(Crc32, NoByteOutsideIsRead) {
    std::mt19937 random(7);
    const test::LonelyPage page;
    std::ranges::generate(page.bytes(), [&] { return static_cast<std::byte>(random()); });
    const CrcHead head = random_head(random);
    for (std::size_t size = 0; size <= 700; ++size) {
        for (const auto part : {page.bytes().first(size), page.bytes().last(size)}) {
            const std::uint32_t expected = bitwise(part, 0);
            for (const Way& way : all_ways()) ASSERT_EQ(way.crc(part, 0), expected) << way.name;
            for (std::size_t from = 16; from <= std::min<std::size_t>(size, 20); from += 4) {
                const std::uint32_t with_head = bitwise(part.subspan(from), bitwise(head, 0));
                for (const Way& way : all_ways()) {
                    ASSERT_EQ(way.with_head(CrcHeadWords::of(head), part, from), with_head)
                        << way.name << size;
                }
            }
        }
    }
}

// --- ICRC ---

DataFrame example(std::span<const std::byte> payload) {
    DataFrame frame;
    frame.dst = {0x0281};
    frame.src = {0x0208};
    frame.entropy = 0xBEEF;
    frame.net = {.ttl = 9, .dscp = 46};
    frame.txn = {.opcode = Opcode::kRequest, .flags = 1, .channel = 2, .psn = 3, .ack = 4};
    frame.payload = payload;
    return frame;
}

Bytes emitted(const DataFrame& frame) {
    Bytes out = dirty(frame.size());
    EXPECT_EQ(frame.emit(out), out.size());
    return out;
}

std::uint32_t icrc_of(const DataFrame& frame) {
    const Bytes bytes = emitted(frame);
    const auto view = parse(bytes);
    EXPECT_TRUE(view && check_icrc(*view));
    return view->icrc();
}

// zlib: crc32 of 0281 0020 beef 0208 00000000 88b5, 7fff, 01 01 0002 00000003 00000004.
TEST(Icrc, Golden) {
    EXPECT_EQ(icrc_of(example({})), 0x37EEBDFFu);
}

TEST(Icrc, WhatAHopMayChangeDoesNotCount) {
    const DataFrame frame = example({});
    const std::uint32_t icrc = icrc_of(frame);
    for (unsigned raw = 0; raw < 0x8000; ++raw) {
        DataFrame changed = frame;
        changed.net = NetHeader::decode(static_cast<std::uint16_t>(raw));
        ASSERT_EQ(icrc_of(changed), icrc) << raw;
    }
    DataFrame tagged = frame;
    tagged.vlan = VlanTag{.pcp = 1, .dei = true, .vid = 99};
    EXPECT_EQ(icrc_of(tagged), icrc);
}

TEST(Icrc, AdaptiveRoutingCounts) {
    DataFrame frame = example({});
    const std::uint32_t icrc = icrc_of(frame);
    frame.net.ar = true;
    EXPECT_NE(icrc_of(frame), icrc);
}

TEST(Icrc, SurvivesAHop) {
    Bytes bytes = emitted(example({}));
    ASSERT_TRUE(decrement_ttl(&bytes[parse(bytes)->net_offset()]));
    EXPECT_TRUE(check_icrc(*parse(bytes)));
}

TEST(Icrc, ALinkWordCountsUntilItIsCleared) {
    Bytes bytes = emitted(example({}));
    store_link_word(bytes.data(), 0x8000'0001);
    EXPECT_FALSE(check_icrc(*parse(bytes)));
    EXPECT_EQ(compute_icrc_without_link_word(*parse(bytes)), parse(bytes)->icrc());
    store_link_word(bytes.data(), 0);
    EXPECT_TRUE(check_icrc(*parse(bytes)));
}

// Whether a receiver would notice: refused at the door, not a data frame any more, or a bad ICRC.
bool is_noticed(const Bytes& bytes) {
    const auto view = parse(bytes);
    return !view || view->is_control() || !check_icrc(*view);
}

TEST(Icrc, EveryFlippedBitIsNoticedButThoseAHopMayChange) {
    std::mt19937 random(6);
    for (const std::size_t size : {0u, 1u, 28u, 29u, 64u, 333u, 2016u}) {
        const Bytes payload = test::random_bytes(random, size);
        for (const bool tagged : {false, true}) {
            DataFrame frame = example(payload);
            if (tagged) frame.vlan = VlanTag{.vid = 5};
            Bytes bytes = emitted(frame);
            const std::size_t net = parse(bytes)->net_offset() * 8;
            const std::size_t end = parse(bytes)->end_offset() * 8;
            for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
                const bool hop_may_change = bit > net && bit < net + 16;
                const bool in_tci = tagged && bit >= 14 * 8 && bit < 16 * 8;
                const bool in_pad = bit >= end;
                test::flip_bit(bytes, bit);
                ASSERT_EQ(is_noticed(bytes), !hop_may_change && !in_tci && !in_pad)
                    << "bit " << bit << ", payload " << size << (tagged ? ", tagged" : "");
                test::flip_bit(bytes, bit);
            }
        }
    }
}

// --- FCS ---

TEST(Fcs, GoesLeastSignificantByteFirst) {
    Bytes bytes = text("123456789....");
    write_fcs(bytes);
    EXPECT_EQ(Bytes(bytes.end() - 4, bytes.end()), from_hex("2639f4cb"));
    EXPECT_TRUE(fcs_good(bytes));
    // IEEE 802.3: the CRC of a frame with its FCS is always the same.
    EXPECT_EQ(crc32(bytes), 0x2144DF1Cu);
}

TEST(Fcs, EveryFlippedBitIsNoticed) {
    std::mt19937 random(7);
    Bytes bytes = test::random_bytes(random, 64);
    write_fcs(bytes);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        test::flip_bit(bytes, bit);
        ASSERT_FALSE(fcs_good(bytes)) << bit;
        test::flip_bit(bytes, bit);
    }
    EXPECT_TRUE(fcs_good(bytes));
}

TEST(Fcs, ImpossibleLengths) {
    const Bytes bytes(60);
    for (std::size_t size = 0; size <= 60; ++size) {
        EXPECT_FALSE(fcs_good(std::span(bytes).first(size))) << size;
    }
}

}  // namespace
}  // namespace ethlink::wire
