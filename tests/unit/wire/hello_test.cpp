// SPDX-License-Identifier: BSD-3-Clause
// Hellos: every number of adverts comes back, and every damage has its reason.
#include "proto/wire/hello.h"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "proto/wire/control_frame.h"
#include "proto/wire/crc32.h"
#include "proto/wire/frame.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;

constexpr std::size_t kEnd = 4 + kControlBodyOffset + Hello::kHeadSize;  // without adverts

Hello example(std::size_t adverts) {
    Hello hello{.digest = 0xFEDC'BA98'7654'3210,
                .self = {0xFFFF'FFFE, 0xFFFF, 0x8000'0001},
                .heard = {1, 2, 3},
                .hold_ms = 0xABCD,
                .sequence = 0xFFFF'FFFF};
    for (std::uint32_t i = 0; i < adverts; ++i) {
        hello.add({.node = i << 24,
                   .part = static_cast<std::uint16_t>(0x8000 + i),
                   .flags = static_cast<std::uint16_t>(i),
                   .version = ~std::uint64_t{i},
                   .dead = std::uint64_t{1} << (63 - i),
                   .drained = std::uint64_t{i}});
    }
    return hello;
}

Bytes frame_of(const Hello& hello) {
    Bytes out = dirty(kMaxControlFrame);
    out.resize(emit_hello(out, 7, 0x1234, hello));
    return out;
}

void repair_crc(Bytes& frame, std::size_t adverts) {
    const std::size_t end = kControlBodyOffset + Hello::kHeadSize + adverts * LinkAdvert::kSize;
    store_be32(&frame[end], crc32(std::span(frame).first(end)));
}

TEST(Hello, EveryNumberOfAdvertsComesBack) {
    for (std::size_t count = 0; count <= Hello::kMaxAdverts; ++count) {
        const Hello hello = example(count);
        const Bytes frame = frame_of(hello);
        EXPECT_EQ(frame.size(), std::max<std::size_t>(60, kEnd + 32 * count));
        ASSERT_TRUE(parse(frame)->is_control());
        const auto view = parse_control(frame);
        ASSERT_TRUE(view) << count;
        EXPECT_EQ(view->kind(), ControlKind::kHello);
        EXPECT_EQ(view->count(), count);
        EXPECT_EQ(view->tx_epoch(), 7);
        EXPECT_EQ(view->rx_epoch(), 0x1234);
        EXPECT_EQ(view->hello(), hello) << count;
    }
    EXPECT_TRUE(example(Hello::kMaxAdverts).is_full());
}

TEST(Hello, NeedsItsRoom) {
    const Hello hello = example(3);
    Bytes small(kEnd + 3 * LinkAdvert::kSize - 1);
    EXPECT_EQ(emit_hello(small, 0, 0, hello), 0u);
    small.resize(small.size() + 1);
    EXPECT_EQ(emit_hello(small, 0, 0, hello), small.size());
    Bytes no_pad(59);
    EXPECT_EQ(emit_hello(no_pad, 0, 0, example(0)), 0u);
}

TEST(Hello, EveryFlippedBitIsSeen) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{2}, Hello::kMaxAdverts}) {
        Bytes frame = frame_of(example(count));
        for (std::size_t bit = 0; bit < (kEnd + 32 * count) * 8; ++bit) {
            const bool in_link_word = bit >= 64 && bit < 96;
            test::flip_bit(frame, bit);
            EXPECT_EQ(parse_control(frame).has_value(), in_link_word) << bit;
            test::flip_bit(frame, bit);
        }
    }
}

TEST(Hello, CountAndBytesMustAgree) {
    const Bytes good = frame_of(example(3));
    for (std::size_t count = 0; count < 256; ++count) {
        Bytes frame = good;
        frame[kControlCountOffset] = static_cast<std::byte>(count);
        if (kEnd + 32 * count <= frame.size()) repair_crc(frame, count);
        EXPECT_EQ(parse_control(frame).has_value(), count == 3) << count;
    }
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(parse_control(std::span(good).first(size))) << size;
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_control(longer));
}

}  // namespace
}  // namespace ethlink::wire
