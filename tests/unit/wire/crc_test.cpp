// SPDX-License-Identifier: BSD-3-Clause
// CRC-32 in all its forms, against a bitwise one and against each other; ICRC and FCS on top of it.
#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "proto/wire/crc32.h"
#include "proto/wire/fcs.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "tests/unit/wire/bytes.h"

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

TEST(Crc32, CheckValue) {
    EXPECT_EQ(crc32(text("123456789")), 0xCBF43926u);
    EXPECT_EQ(bitwise(text("123456789"), 0), 0xCBF43926u);
}

// Values of zlib's crc32().
TEST(Crc32, IndependentValues) {
    EXPECT_EQ(crc32({}), 0u);
    EXPECT_EQ(crc32(text("a")), 0xE8B7BE43u);
    EXPECT_EQ(crc32(text("The quick brown fox jumps over the lazy dog")), 0x414FA339u);
    EXPECT_EQ(crc32(Bytes(32)), 0x190A55ADu);
    EXPECT_EQ(crc32(Bytes(32, std::byte{0xFF})), 0xFF6CAB0Bu);
}

TEST(Crc32, AllWaysAgreeAtEveryLengthAndAlignment) {
    std::mt19937 random(2);
    const Bytes bytes = test::random_bytes(random, 320);
    for (std::size_t start = 0; start < 17; ++start) {
        for (std::size_t size = 0; size <= 300; ++size) {
            const auto part = std::span(bytes).subspan(start, size);
            const std::uint32_t seed = static_cast<std::uint32_t>(random());
            const std::uint32_t expected = bitwise(part, seed);
            ASSERT_EQ(crc32(part, seed), expected) << size;
            ASSERT_EQ(crc32_variants::table(part, seed), expected) << size;
            if (crc32_variants::has_clmul()) {
                ASSERT_EQ(crc32_variants::clmul(part, seed), expected) << size;
            }
        }
    }
}

TEST(Crc32, AllWaysAgreeOnLongFrames) {
    std::mt19937 random(3);
    for (int i = 0; i < 200; ++i) {
        const Bytes bytes = test::random_bytes(random, random() % 10'000);
        const std::uint32_t expected = bitwise(bytes, 0);
        ASSERT_EQ(crc32(bytes), expected) << bytes.size();
        ASSERT_EQ(crc32_variants::table(bytes, 0), expected) << bytes.size();
        if (crc32_variants::has_clmul()) {
            ASSERT_EQ(crc32_variants::clmul(bytes, 0), expected) << bytes.size();
        }
    }
}

TEST(Crc32, PartsMakeTheWhole) {
    std::mt19937 random(4);
    const Bytes bytes = test::random_bytes(random, 200);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const std::span all(bytes);
        ASSERT_EQ(crc32(all.subspan(cut), crc32(all.first(cut))), crc32(all)) << cut;
    }
}

TEST(Crc32, AHeadReplacesWhatStandsThere) {
    std::mt19937 random(5);
    for (std::size_t from = 16; from <= 20; ++from) {
        for (std::size_t size = from; size <= 300; ++size) {
            const Bytes whole = test::random_bytes(random, size);
            CrcHead head;
            for (std::byte& byte : head) byte = static_cast<std::byte>(random());
            const std::uint32_t expected =
                bitwise(std::span(whole).subspan(from), bitwise(head, 0));
            ASSERT_EQ(crc32_with_head(head, whole, from), expected) << size;
            ASSERT_EQ(crc32_variants::table_with_head(head, whole, from), expected) << size;
            if (crc32_variants::has_clmul()) {
                ASSERT_EQ(crc32_variants::clmul_with_head(head, whole, from), expected) << size;
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
