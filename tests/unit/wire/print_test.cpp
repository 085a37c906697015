// SPDX-License-Identifier: BSD-3-Clause
// One line per frame, for any bytes and any room.
#include "proto/wire/print.h"

#include <cctype>
#include <string>

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/link_word.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::from_hex;

std::string printed(std::span<const std::byte> frame) {
    std::string line(kPrintMax, '?');
    line.resize(print(frame, line));
    return line;
}

Bytes data_frame() {
    const Bytes payload(30);
    DataFrame frame;
    frame.dst = {514};
    frame.src = {515};
    frame.entropy = 9;
    frame.net = {.ttl = 8};
    frame.txn = {.opcode = Opcode::kSend, .channel = 1, .psn = 2, .tag = 3};
    frame.payload = payload;
    Bytes out(frame.size());
    EXPECT_EQ(frame.emit(out), out.size());
    return out;
}

Bytes control_frame() {
    Bytes out(kMaxControlFrame);
    ControlFrameWriter writer(out);
    writer.begin(1, 2);
    EXPECT_TRUE(writer.add({CtlOsType::kNack, 5, 0}));
    EXPECT_TRUE(writer.add({CtlOsType::kCfUpdate, 6, 7}));
    out.resize(writer.finish());
    return out;
}

// Good frames are in tests/golden.

TEST(Print, ABadIcrcSaysWhatItShouldBe) {
    Bytes bytes = data_frame();
    bytes[4] = std::byte{1};
    const std::string line = printed(bytes);
    EXPECT_NE(line.find("515 > 514 length 62 entropy 265 |"), std::string::npos) << line;
    EXPECT_NE(line.find(" bad, should be 0x"), std::string::npos) << line;
}

TEST(Print, AnUnknownTransactionIsShownAllTheSame) {
    Bytes bytes = data_frame();
    bytes[16] = std::byte{0x7F};
    EXPECT_NE(printed(bytes).find("| unknown_opcode: opcode 0x7f channel 1 psn 2 tag 3 payload 30"),
              std::string::npos);
    bytes[17] = std::byte{0x85};
    EXPECT_NE(printed(bytes).find("| unknown_version: opcode 0x7f version 2 channel 1 psn 2 tag 3 "
                                  "flags 0x05 payload 30"),
              std::string::npos);
}

TEST(Print, RareNetworkFieldsAreShownWhenSet) {
    Bytes bytes = data_frame();
    bytes[14] = std::byte{0xF8};
    bytes[15] = std::byte{0xFF};
    EXPECT_NE(printed(bytes).find("| ar ttl 8 dscp 63 ecn 3 reserved 7 |"), std::string::npos);
}

TEST(Print, ALinkWordThatIsNotEligibleMayStillHoldSomething) {
    Bytes bytes = data_frame();
    store_link_word(bytes.data(), 0x0400'0001);
    EXPECT_NE(printed(bytes).find("| link vc 2 not eligible but 0x04000001 |"), std::string::npos);
}

TEST(Print, ARefusedFrameSaysWhyAndShowsWhatItHas) {
    const Bytes bytes = data_frame();
    const std::span all(bytes);
    EXPECT_EQ(printed({}), "runt, 0 bytes");
    EXPECT_EQ(printed(all.first(3)), "runt, 3 bytes: 020200");
    EXPECT_EQ(printed(all.first(14)), "runt, 14 bytes: 515 > 514 length 62 entropy 9 type 0x88b5");
    EXPECT_EQ(printed(all.first(16)),
              "runt, 16 bytes: 515 > 514 length 62 entropy 9 type 0x88b5 | ttl 8 dscp 0");
    EXPECT_EQ(printed(all.first(60)),
              "length_mismatch, 60 bytes: 515 > 514 length 62 entropy 9 type 0x88b5"
              " | ttl 8 dscp 0 | send channel 1 psn 2 tag 3 payload 32");
}

TEST(Print, AForeignFrameShowsItsType) {
    Bytes bytes = data_frame();
    store_be16(&bytes[12], 0x0800);
    EXPECT_EQ(printed(bytes),
              "unknown_ethertype, 62 bytes: 515 > 514 length 62 entropy 9 type 0x0800");
    store_be16(&bytes[12], 0x8100);
    EXPECT_EQ(printed(bytes),
              "unknown_ethertype, 62 bytes: 515 > 514 length 62 entropy 9"
              " vlan 2048 pcp 0 type 0x1400");
}

TEST(Print, ADamagedControlFrameSaysWhyAndShowsWhatItHas) {
    Bytes bytes = control_frame();
    bytes[22] = std::byte{0x80};
    EXPECT_EQ(printed(bytes),
              "control_bad_crc, 60 bytes: control version 1 kind 1 count 2 tx_epoch 1 rx_epoch 2"
              " | LLR_NACK seq 524293 | CF_Update vc 7 freed 6");
    bytes[20] = std::byte{0};
    EXPECT_EQ(printed(bytes),
              "control_bad_crc, 60 bytes: control version 1 kind 1 count 2 tx_epoch 1 rx_epoch 2"
              " | bad set 0002800056000000 | CF_Update vc 7 freed 6");
    bytes[14] = std::byte{0x23};
    EXPECT_EQ(printed(bytes),
              "control_malformed, 60 bytes: control version 2 kind 3 count 2"
              " tx_epoch 1 rx_epoch 2");
}

TEST(Print, AnyRoomWillDo) {
    const Bytes bytes = data_frame();
    const std::string whole = printed(bytes);
    EXPECT_EQ(print(bytes, {}), 0u);
    for (std::size_t room = 1; room <= whole.size() + 2; ++room) {
        std::string out(room + 1, '?');
        const std::size_t size = print(bytes, std::span(out).first(room));
        ASSERT_EQ(size, std::min(room - 1, whole.size()));
        ASSERT_EQ(out.substr(0, size), whole.substr(0, size));
        ASSERT_EQ(out[size], '\0');
        ASSERT_EQ(out[room], '?');
    }
}

void expect_one_line(std::span<const std::byte> bytes) {
    const std::string line = printed(bytes);
    ASSERT_FALSE(line.empty());
    ASSERT_LT(line.size(), kPrintMax - 1);
    for (const char c : line) ASSERT_TRUE(std::isprint(static_cast<unsigned char>(c))) << line;
}

TEST(Print, RandomBytesOfEveryLength) {
    std::mt19937 random(9);
    for (int round = 0; round < 20; ++round) {
        for (std::size_t size = 0; size <= 400; ++size) {
            Bytes bytes = test::random_bytes(random, size);
            expect_one_line(bytes);
            // The same with a type of ours, so that every field is reached.
            if (size < 18) continue;
            for (const std::uint16_t type : {kEtherTypeData, kEtherTypeControl, kEtherTypeVlan}) {
                store_be16(&bytes[12], type);
                if (type == kEtherTypeVlan) store_be16(&bytes[16], kEtherTypeData);
                if (type != kEtherTypeControl) {
                    store_be16(&bytes[2], static_cast<std::uint16_t>(size));
                }
                expect_one_line(bytes);
            }
            store_be16(&bytes[12], kEtherTypeControl);
            bytes[14] = static_cast<std::byte>(0x10 + round % 4);
            expect_one_line(bytes);
        }
    }
}

TEST(Print, FramesWithAFewFlippedBits) {
    std::mt19937 random(10);
    const std::vector<Bytes> good = {data_frame(), control_frame()};
    for (int i = 0; i < 20'000; ++i) {
        Bytes bytes = good[random() % good.size()];
        bytes.resize(random() % (bytes.size() + 8));
        for (unsigned flips = random() % 4; flips > 0 && !bytes.empty(); --flips) {
            test::flip_bit(bytes, random() % (bytes.size() * 8));
        }
        expect_one_line(bytes);
    }
}

}  // namespace
}  // namespace ethlink::wire
