// SPDX-License-Identifier: BSD-3-Clause
// The door: which bytes become a frame, which do not and why, and what a frame says of itself.
#include "proto/wire/frame.h"

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;
using test::from_hex;

DataFrame example(std::span<const std::byte> payload) {
    DataFrame frame;
    frame.dst = {0x0281};
    frame.src = {0x0208};
    frame.entropy = 0xBEEF;
    frame.net = {.ar = true, .ttl = 9, .dscp = 46};
    frame.txn = {.opcode = Opcode::kRequest, .flags = 1, .channel = 2, .psn = 3, .ack = 4};
    frame.payload = payload;
    return frame;
}

Bytes emitted(const DataFrame& frame) {
    Bytes out = dirty(frame.size());
    EXPECT_EQ(frame.emit(out), out.size());
    return out;
}

Drop refusal(std::span<const std::byte> bytes) {
    const auto view = parse(bytes);
    return view ? Drop::kCount : view.error();
}

TEST(Parse, DataFrame) {
    const Bytes payload =
        from_hex("00112233445566778899aabbccddeeff 00112233445566778899aabbccddeeff");
    const Bytes bytes = emitted(example(payload));
    const auto view = parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->is_control());
    EXPECT_EQ(view->data(), bytes.data());
    EXPECT_EQ(view->size(), 64u);
    EXPECT_EQ(view->bytes().size(), 64u);
    EXPECT_EQ(view->total_length(), 64);
    EXPECT_FALSE(view->is_tagged());
    EXPECT_EQ(view->tenant(), Tenant{0});
    EXPECT_EQ(view->pcp_dei(), 0);
    EXPECT_EQ(view->dst(), GpuId{0x0281});
    EXPECT_EQ(view->src(), GpuId{0x0208});
    EXPECT_EQ(view->entropy(), 0xBEEF);
    EXPECT_EQ(view->link_word_raw(), 0u);
    EXPECT_EQ(view->net_offset(), 14u);
    EXPECT_EQ(view->net(), (NetHeader{.ar = true, .ttl = 9, .dscp = 46}));
    EXPECT_TRUE(view->ar());
    EXPECT_EQ(view->ttl(), 9);
    EXPECT_EQ(view->dscp(), 46);
    EXPECT_EQ(view->txn_bytes().size(), TxnHeader::kSize + payload.size());
    EXPECT_EQ(view->txn_bytes().data(), bytes.data() + 16);
    EXPECT_EQ(view->icrc(), load_be32(&bytes[60]));
}

TEST(Parse, TaggedFrame) {
    DataFrame frame = example({});
    frame.vlan = VlanTag{.pcp = 5, .dei = true, .vid = 0xABC};
    const Bytes bytes = emitted(frame);
    const auto view = parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_TRUE(view->is_tagged());
    EXPECT_EQ(view->tenant(), Tenant{0xABC});
    EXPECT_EQ(view->pcp_dei(), 0xB);
    EXPECT_EQ(view->vlan_tag(), *frame.vlan);
    EXPECT_EQ(view->total_length(), 32);
    EXPECT_EQ(view->net_offset(), 18u);
    EXPECT_EQ(view->ttl(), 9);
    EXPECT_EQ(view->txn_bytes().data(), bytes.data() + 20);
    EXPECT_EQ(view->icrc(), load_be32(&bytes[32]));
    EXPECT_EQ(view->end_offset(), 36u);
}

TEST(Parse, APriorityTagIsATagWithoutTenant) {
    DataFrame frame = example({});
    frame.vlan = VlanTag{.pcp = 7};
    const Bytes bytes = emitted(frame);
    const auto view = parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_TRUE(view->is_tagged());
    EXPECT_EQ(view->tenant(), Tenant{0});
}

TEST(Parse, EveryShortLengthIsARunt) {
    const Bytes plain = emitted(example({}));
    DataFrame frame = example({});
    frame.vlan = VlanTag{};
    const Bytes tagged = emitted(frame);
    for (std::size_t size = 0; size <= 60; ++size) {
        EXPECT_EQ(refusal(std::span(plain).first(size)), size < 32 ? Drop::kRunt : Drop::kCount)
            << size;
        EXPECT_EQ(refusal(std::span(tagged).first(size)), size < 36 ? Drop::kRunt : Drop::kCount)
            << size;
    }
}

TEST(Parse, TotalLengthMustAgreeWithTheBytes) {
    for (const std::size_t size : {32u, 59u, 60u, 61u, 64u, 100u, 2048u, 9000u}) {
        for (const bool tagged : {false, true}) {
            const std::size_t tag = tagged ? 4 : 0;
            if (size < 32 + tag) continue;
            Bytes bytes(size);
            store_be16(&bytes[kEtherTypeOffset], tagged ? kEtherTypeVlan : kEtherTypeData);
            if (tagged) store_be16(&bytes[kEtherTypeOffset + 4], kEtherTypeData);
            for (std::size_t length = 0; length <= 0xFFFF; ++length) {
                store_be16(&bytes[kTotalLengthOffset], static_cast<std::uint16_t>(length));
                const bool fits = length >= 32 && length + tag <= size;
                const bool pad_ok = size <= std::max<std::size_t>(60, length) + tag;
                ASSERT_EQ(refusal(bytes), fits && pad_ok ? Drop::kCount : Drop::kLengthMismatch)
                    << size << " bytes, Total Length " << length << (tagged ? ", tagged" : "");
            }
        }
    }
}

TEST(Parse, ATagPutIntoAPaddedFrameLeavesItsPad) {
    Bytes bytes = emitted(example({}));  // 60 bytes, 28 of them pad
    const Bytes tag = from_hex("8100 0064");
    bytes.insert(bytes.begin() + 12, tag.begin(), tag.end());
    const auto view = parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->tenant(), Tenant{100});
    EXPECT_EQ(view->size(), 64u);
}

TEST(Parse, OtherEtherTypesAreRefused) {
    Bytes bytes = emitted(example({}));
    for (unsigned type = 0; type <= 0xFFFF; ++type) {
        if (type == kEtherTypeData || type == kEtherTypeVlan) continue;
        store_be16(&bytes[kEtherTypeOffset], static_cast<std::uint16_t>(type));
        const auto view = parse(bytes);
        if (type == kEtherTypeControl) {
            ASSERT_TRUE(view && view->is_control());
        } else {
            ASSERT_EQ(refusal(bytes), Drop::kUnknownEtherType);
        }
    }
}

TEST(Parse, BehindATagStandsDataAndNothingElse) {
    Bytes bytes = emitted(example({}));
    store_be16(&bytes[kEtherTypeOffset], kEtherTypeVlan);
    for (unsigned type = 0; type <= 0xFFFF; ++type) {
        store_be16(&bytes[kEtherTypeOffset + 4], static_cast<std::uint16_t>(type));
        ASSERT_EQ(refusal(bytes), type == kEtherTypeData ? Drop::kCount : Drop::kUnknownEtherType);
    }
}

TEST(Parse, ALinkWordDoesNotMatterAtTheDoor) {
    Bytes bytes = emitted(example({}));
    store_link_word(bytes.data(), 0xFFFF'FFFF);
    const auto view = parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->link_word_raw(), 0xFFFF'FFFFu);
}

TEST(Parse, ReservedNetworkBitsAreIgnored) {
    DataFrame frame = example({});
    frame.net.reserved = 7;
    frame.net.ecn = 3;
    const Bytes bytes = emitted(frame);
    const auto view = parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->net(), frame.net);
}

TEST(DataFrame, EveryPayloadSizeComesBack) {
    std::mt19937 random(1);
    for (std::size_t size = 0; size <= 2100; size += size < 100 ? 1 : 97) {
        const Bytes payload = test::random_bytes(random, size);
        for (const bool tagged : {false, true}) {
            DataFrame frame = example(payload);
            if (tagged) frame.vlan = VlanTag{.pcp = 3, .vid = 77};
            const Bytes bytes = emitted(frame);
            EXPECT_EQ(bytes.size(), std::max<std::size_t>(60, 32 + size + (tagged ? 4 : 0)));
            const auto back = read_data_frame(bytes);
            ASSERT_TRUE(back) << size;
            EXPECT_EQ(back->dst, frame.dst);
            EXPECT_EQ(back->src, frame.src);
            EXPECT_EQ(back->entropy, frame.entropy);
            EXPECT_EQ(back->vlan, frame.vlan);
            EXPECT_EQ(back->net, frame.net);
            EXPECT_EQ(back->txn, frame.txn);
            EXPECT_TRUE(std::equal(payload.begin(), payload.end(), back->payload.begin(),
                                   back->payload.end()));
        }
    }
}

TEST(DataFrame, EmitNeedsItsSizeAndNoMore) {
    const Bytes payload(41);
    const DataFrame frame = example(payload);
    for (std::size_t room = 0; room <= frame.size() + 4; ++room) {
        Bytes out = dirty(room);
        if (room < frame.size()) {
            EXPECT_EQ(frame.emit(out), 0u);
            EXPECT_EQ(out, dirty(room));
        } else {
            EXPECT_EQ(frame.emit(out), frame.size());
            EXPECT_EQ(Bytes(out.begin() + static_cast<std::ptrdiff_t>(frame.size()), out.end()),
                      dirty(room - frame.size()));
        }
    }
}

TEST(DataFrame, ALengthBeyond16BitsIsNotEmitted) {
    const Bytes payload(65'536);
    Bytes out = dirty(70'000);
    const std::span all(payload);
    EXPECT_EQ(example(all.first(65'536 - 32)).emit(out), 0u);
    EXPECT_EQ(out, dirty(70'000));
    EXPECT_EQ(example(all.first(65'535 - 32)).emit(out), 65'535u);
}

TEST(ReadDataFrame, SaysWhyNot) {
    Bytes bytes = emitted(example({}));
    EXPECT_EQ(read_data_frame(std::span(bytes).first(31)).error(), Drop::kRunt);
    bytes[16] = std::byte{0};
    EXPECT_EQ(read_data_frame(bytes).error(), Drop::kUnknownOpcode);
    store_be16(&bytes[kEtherTypeOffset], kEtherTypeControl);
    EXPECT_EQ(read_data_frame(bytes).error(), Drop::kUnknownEtherType);
}

}  // namespace
}  // namespace ethlink::wire
