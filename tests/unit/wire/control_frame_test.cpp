// SPDX-License-Identifier: BSD-3-Clause
// Link control frames: what the writer writes the door lets in, and every damage has its reason.
#include "proto/wire/control_frame.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "proto/wire/crc32.h"
#include "proto/wire/frame.h"
#include "proto/wire/link_word.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;
using test::from_hex;

std::vector<CtlOs> example_sets(std::size_t count) {
    const std::vector<CtlOs> four = {{CtlOsType::kAck, 0xFFFFF, 0},
                                     {CtlOsType::kInit, 0, 0xFFFF},
                                     {CtlOsType::kInitEcho, 0x12345, 0x1234},
                                     {CtlOsType::kCfUpdate, 0x80000, 31}};
    std::vector<CtlOs> sets;
    for (std::size_t i = 0; i < count; ++i) sets.push_back(four[i % four.size()]);
    return sets;
}

Bytes sets_frame(const std::vector<CtlOs>& sets) {
    Bytes out = dirty(kMaxControlFrame);
    ControlFrameWriter writer(out);
    writer.begin(7, 0x1234);
    for (const CtlOs& set : sets) EXPECT_TRUE(writer.add(set));
    out.resize(writer.finish());
    return out;
}

Bytes cc_frame(const std::vector<std::uint32_t>& consumed) {
    Bytes out = dirty(kMaxControlFrame);
    out.resize(emit_cc_update(out, 7, 0x1234, consumed));
    return out;
}

Drop refusal(std::span<const std::byte> bytes) {
    const auto view = parse_control(bytes);
    return view ? Drop::kCount : view.error();
}

// Where the CRC of a frame of ordered sets stands.
std::size_t crc_offset(const Bytes& frame) {
    return kControlBodyOffset + std::to_integer<std::size_t>(frame[15]) * CtlOs::kSize;
}

// Makes the CRC right again after a change, so that the checks behind it are reached.
void repair_crc(Bytes& frame) {
    const std::size_t end = crc_offset(frame);
    store_be32(&frame[end], crc32(std::span(frame).first(end)));
}

TEST(ControlFrame, EveryNumberOfSetsComesBack) {
    for (std::size_t count = 1; count <= kMaxControlSets; ++count) {
        const auto sets = example_sets(count);
        const Bytes frame = sets_frame(sets);
        EXPECT_EQ(frame.size(), std::max<std::size_t>(60, 24 + 8 * count));
        ASSERT_TRUE(parse(frame)->is_control());
        const auto view = parse_control(frame);
        ASSERT_TRUE(view) << count;
        EXPECT_EQ(view->kind(), ControlKind::kOrderedSets);
        EXPECT_EQ(view->tx_epoch(), 7);
        EXPECT_EQ(view->rx_epoch(), 0x1234);
        ASSERT_EQ(view->count(), count);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(view->ctl_os(i), sets[i]) << i;
        EXPECT_EQ(load_link_word(frame.data()), 0u);
    }
}

TEST(ControlFrame, EveryNumberOfCountersComesBack) {
    std::vector<std::uint32_t> consumed;
    for (std::size_t count = 1; count <= kMaxVcs; ++count) {
        consumed.push_back(0xFFFFF - static_cast<std::uint32_t>(count) * 0x1111);
        const Bytes frame = cc_frame(consumed);
        EXPECT_EQ(frame.size(), std::max<std::size_t>(60, 24 + 3 * count));
        const auto view = parse_control(frame);
        ASSERT_TRUE(view) << count;
        EXPECT_EQ(view->kind(), ControlKind::kCcUpdate);
        EXPECT_EQ(view->tx_epoch(), 7);
        EXPECT_EQ(view->rx_epoch(), 0x1234);
        ASSERT_EQ(view->count(), count);
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(view->cc(i), consumed[i]) << i;
    }
}

TEST(ControlFrame, CounterBitsBeyond20AreCutOff) {
    const Bytes frame = cc_frame({0xFFF0'0001});
    EXPECT_EQ(parse_control(frame)->cc(0), 1u);
}

TEST(ControlFrame, TheLinkMayWriteItsWordAfterwards) {
    Bytes frame = cc_frame({1, 2, 3});
    store_link_word(frame.data(), 0xFFFF'FFFF);
    EXPECT_TRUE(parse_control(frame));
}

TEST(ControlFrameWriter, HasRoomFor40Sets) {
    Bytes out = dirty(2000);
    ControlFrameWriter writer(out);
    writer.begin(0, 0);
    EXPECT_TRUE(writer.empty());
    for (std::size_t i = 0; i < kMaxControlSets; ++i) {
        EXPECT_TRUE(writer.add({CtlOsType::kAck, 0, 0}));
        EXPECT_EQ(writer.count(), i + 1);
    }
    EXPECT_FALSE(writer.add({CtlOsType::kAck, 0, 0}));
    EXPECT_EQ(writer.finish(), kMaxControlFrame);
    EXPECT_EQ(kMaxControlFrame, 344u);
}

TEST(ControlFrameWriter, StaysInsideItsBytes) {
    for (std::size_t room = 0; room <= 400; ++room) {
        Bytes out = dirty(room + 8);
        const std::span<std::byte> given = std::span(out).first(room);
        ControlFrameWriter writer(given);
        writer.begin(1, 1);
        while (writer.add({CtlOsType::kAck, 1, 0})) continue;
        const std::size_t size = writer.finish();
        EXPECT_LE(size, room);
        EXPECT_EQ(size != 0, room >= 60) << room;
        EXPECT_EQ(Bytes(out.end() - 8, out.end()), dirty(8));
        if (size != 0) {
            EXPECT_TRUE(parse_control(std::span(out).first(size)));
        }
    }
}

TEST(ControlFrameWriter, SaysNothingWithoutASet) {
    Bytes out = dirty(100);
    ControlFrameWriter writer(out);
    writer.begin(1, 2);
    EXPECT_EQ(writer.finish(), 0u);
}

TEST(ControlFrameWriter, BeginStartsAnew) {
    Bytes out = dirty(100);
    ControlFrameWriter writer(out);
    writer.begin(1, 2);
    ASSERT_TRUE(writer.add({CtlOsType::kAck, 1, 0}));
    writer.begin(3, 4);
    ASSERT_TRUE(writer.add({CtlOsType::kNack, 2, 0}));
    const std::size_t size = writer.finish();
    const auto view = parse_control(std::span(out).first(size));
    ASSERT_TRUE(view);
    EXPECT_EQ(view->count(), 1u);
    EXPECT_EQ(view->tx_epoch(), 3);
    EXPECT_EQ(view->ctl_os(0).type, CtlOsType::kNack);
}

TEST(EmitCcUpdate, RefusesWhatCannotBe) {
    const std::vector<std::uint32_t> consumed(kMaxVcs + 1);
    Bytes out = dirty(400);
    EXPECT_EQ(emit_cc_update(out, 0, 0, {}), 0u);
    EXPECT_EQ(emit_cc_update(out, 0, 0, consumed), 0u);
    const auto all = std::span(consumed).first(kMaxVcs);
    EXPECT_EQ(emit_cc_update(std::span(out).first(119), 0, 0, all), 0u);
    EXPECT_EQ(emit_cc_update(std::span(out).first(59), 0, 0, all.first(1)), 0u);
    EXPECT_EQ(out, dirty(400));
    EXPECT_EQ(emit_cc_update(std::span(out).first(120), 0, 0, all), 120u);
}

TEST(ParseControl, ImpossibleLengths) {
    const Bytes frame = sets_frame(example_sets(7));  // 80 bytes, no pad
    for (std::size_t size = 0; size < frame.size(); ++size) {
        EXPECT_EQ(refusal(std::span(frame).first(size)), Drop::kControlMalformed) << size;
    }
    Bytes longer = frame;
    longer.push_back(std::byte{0});
    EXPECT_EQ(refusal(longer), Drop::kControlMalformed);
}

TEST(ParseControl, APadIsNotNeededAndGoesTo60) {
    Bytes frame = sets_frame(example_sets(1));
    for (std::size_t size = 0; size <= 60; ++size) {
        EXPECT_EQ(refusal(std::span(frame).first(size)),
                  size < 32 ? Drop::kControlMalformed : Drop::kCount)
            << size;
    }
    frame.resize(61);
    EXPECT_EQ(refusal(frame), Drop::kControlMalformed);
}

TEST(ParseControl, AddressesTypeVersionKindAndCountMustBeRight) {
    for (const std::size_t offset : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 12u, 13u}) {
        Bytes frame = sets_frame(example_sets(5));
        frame[offset] ^= std::byte{0x01};
        EXPECT_EQ(refusal(frame), Drop::kControlMalformed) << offset;
    }
    for (int raw = 0; raw < 256; ++raw) {
        Bytes frame = sets_frame(example_sets(4));
        if (raw == 0x11) continue;
        frame[14] = static_cast<std::byte>(raw);
        // As a CC_Update of four counters it has a longer pad, and its CRC elsewhere.
        EXPECT_EQ(refusal(frame), raw == 0x12 ? Drop::kControlBadCrc : Drop::kControlMalformed);
    }
    for (int count = 0; count < 256; ++count) {
        Bytes frame = dirty(kMaxControlFrame);
        const Bytes original = sets_frame(example_sets(5));
        std::copy(original.begin(), original.end(), frame.begin());
        frame[15] = static_cast<std::byte>(count);
        EXPECT_EQ(refusal(frame), count == 40 ? Drop::kControlBadCrc : Drop::kControlMalformed);
    }
}

TEST(ParseControl, AnIllegalSetIsMalformedEvenWithAGoodCrc) {
    struct Change {
        std::size_t offset;  // in the third set
        int value;
    };
    for (const Change& change : {Change{0, 0x00},
                                 {0, 0x5D},
                                 {1, 0x00},
                                 {1, 0x05},
                                 {1, 0x11},
                                 {1, 0xFF},
                                 {4, 0x00},
                                 {4, 0x5F},
                                 {7, 0x01}}) {
        Bytes frame = sets_frame(example_sets(5));
        frame[kControlBodyOffset + 2 * CtlOs::kSize + change.offset] =
            static_cast<std::byte>(change.value);
        repair_crc(frame);
        EXPECT_EQ(refusal(frame), Drop::kControlMalformed) << change.offset << ' ' << change.value;
    }
    Bytes frame = sets_frame({{CtlOsType::kCfUpdate, 1, 32}});
    EXPECT_EQ(refusal(frame), Drop::kControlMalformed);
}

TEST(ParseControl, ACounterHas20Bits) {
    Bytes frame = cc_frame({1, 2, 3});
    frame[kControlBodyOffset + 5] |= std::byte{0x01};
    EXPECT_EQ(refusal(frame), Drop::kControlBadCrc);
    store_be32(&frame[29], crc32(std::span(frame).first(29)));
    EXPECT_EQ(refusal(frame), Drop::kControlMalformed);
}

TEST(ParseControl, EveryFlippedBitIsNoticedButTheLinkWordsAndThePads) {
    for (const Bytes& original :
         {sets_frame(example_sets(1)), sets_frame(example_sets(9)), cc_frame({1, 2, 3, 4, 5})}) {
        const bool sets = original[14] == std::byte{0x11};
        const std::size_t end =
            kControlBodyOffset + std::to_integer<std::size_t>(original[15]) * (sets ? 8 : 3) + 4;
        Bytes frame = original;
        for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
            const bool in_link_word = bit >= 64 && bit < 96;
            test::flip_bit(frame, bit);
            EXPECT_EQ(!parse_control(frame), !in_link_word && bit < end * 8) << bit;
            test::flip_bit(frame, bit);
        }
    }
}

TEST(ParseControl, NoRandomBytesHurtIt) {
    std::mt19937 random(8);
    const Bytes good = sets_frame(example_sets(3));
    for (int i = 0; i < 20'000; ++i) {
        Bytes frame = test::random_bytes(random, random() % 400);
        // Half of them get past the first checks.
        if (i % 2 == 0 && frame.size() >= 16) {
            std::copy_n(good.begin(), 15, frame.begin());
            frame[15] = static_cast<std::byte>(random() % 48);
            if (crc_offset(frame) + 4 <= frame.size()) repair_crc(frame);
        }
        const auto view = parse_control(frame);
        if (!view || view->kind() != ControlKind::kOrderedSets) continue;
        for (std::size_t k = 0; k < view->count(); ++k) {
            ASSERT_FALSE(name(view->ctl_os(k).type).empty());
        }
    }
}

}  // namespace
}  // namespace ethlink::wire
