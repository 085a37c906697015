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

Bytes frame_of(Opcode opcode, std::span<const std::byte> payload) {
    DataFrame frame;
    frame.dst = {514};
    frame.src = {515};
    frame.entropy = 9;
    frame.net = {.ttl = 8};
    frame.txn = {.opcode = opcode, .channel = 1, .psn = 2, .ack = 3};
    frame.payload = payload;
    Bytes out(frame.size());
    EXPECT_EQ(frame.emit(out), out.size());
    return out;
}

Bytes data_frame() {
    return frame_of(Opcode::kTest, Bytes(30));
}

// What the line says between the length of the payload and the ICRC.
std::string payload_text(Opcode opcode, std::string_view hex) {
    const Bytes payload = from_hex(hex);
    const std::string line = printed(frame_of(opcode, payload));
    const std::string announced = " payload " + std::to_string(payload.size());
    const std::size_t begin = line.find(announced);
    const std::size_t end = line.find(" | icrc");
    if (begin == std::string::npos || end == std::string::npos) return "?: " + line;
    return line.substr(begin + announced.size(), end - begin - announced.size());
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
    EXPECT_NE(printed(bytes).find("| unknown_opcode: opcode 0x7f channel 1 psn 2 ack 3 payload 30"),
              std::string::npos);
    bytes[17] = std::byte{0x85};
    EXPECT_NE(printed(bytes).find("| unknown_version: opcode 0x7f version 2 channel 1 psn 2 ack 3 "
                                  "from_target flags 0x04 payload 30"),
              std::string::npos);
}

const std::string kWhere = "0000000000000abc 0000000000000def";

TEST(Print, ItemsAreShownInTheirOrder) {
    EXPECT_EQ(
        payload_text(Opcode::kRequest, "01000040" + kWhere + "11000000" + kWhere + "00001000"),
        " | load 64 at 0xdef key 0xabc | read 4096 at 0xdef key 0xabc");
    EXPECT_EQ(payload_text(Opcode::kResponse, "8103ffff 82000001aa 83040000"),
              " | done 65535 peer_restarted | data 1 | read_data 0 error");
}

TEST(Print, EveryAtomicHasItsName) {
    const std::vector<std::string> ops = {"fetch_add", "swap",     "compare_swap",
                                          "fetch_and", "fetch_or", "fetch_xor"};
    for (std::size_t i = 0; i < ops.size(); ++i) {
        const bool two = ops[i] == "compare_swap";
        EXPECT_EQ(payload_text(Opcode::kRequest, "030" + std::to_string(i) + "0004" + kWhere +
                                                     "0000000000000011" +
                                                     (two ? "0000000000000022" : "")),
                  " | atomic " + ops[i] + " 4 at 0xdef key 0xabc operand 0x11" +
                      (two ? " compare 0x22" : ""));
    }
}

TEST(Print, OfManyItemsTheFirstFourAreShown) {
    const std::string four = "81000001 81000002 81000003 81000004";
    const std::string shown = " | done 1 ok | done 2 ok | done 3 ok | done 4 ok";
    EXPECT_EQ(payload_text(Opcode::kResponse, four), shown);
    EXPECT_EQ(payload_text(Opcode::kResponse, four + "81000005"), shown + " | +1 more");
    EXPECT_EQ(payload_text(Opcode::kResponse, four + four + four), shown + " | +8 more");
}

TEST(Print, AnItemThatIsNoneIsSaidSo) {
    EXPECT_EQ(payload_text(Opcode::kRequest, ""), " | txn_malformed: item 1");
    EXPECT_EQ(payload_text(Opcode::kRequest, "81"), " | txn_malformed: item 1");
    EXPECT_EQ(payload_text(Opcode::kRequest, "81000001 00000000 81000001"),
              " | done 1 ok | txn_malformed: item 2");
    EXPECT_EQ(payload_text(Opcode::kRequest, "81000001 81000001 81000001 81000001 81000001 8200"),
              " | done 1 ok | done 1 ok | done 1 ok | done 1 ok | +1 more"
              " | txn_malformed: item 6");
}

TEST(Print, ReasonsAreShownByNameIfTheyHaveOne) {
    EXPECT_EQ(payload_text(Opcode::kNack, "01"), " | gap");
    EXPECT_EQ(payload_text(Opcode::kNack, "02"), " | no_receive");
    EXPECT_EQ(payload_text(Opcode::kNack, "03"), " | no_room");
    EXPECT_EQ(payload_text(Opcode::kNack, "04"), " | reason 4");
    EXPECT_EQ(payload_text(Opcode::kReset, "00"), " | reason 0");
    EXPECT_EQ(payload_text(Opcode::kReset, "01"), " | unknown_channel");
    EXPECT_EQ(payload_text(Opcode::kReset, "02"), " | no_room");
    EXPECT_EQ(payload_text(Opcode::kReset, "03"), " | closed");
}

TEST(Print, AnOpenSaysWhatItAsksFor) {
    const std::string open = "0123456789abcdef 01 80 0040 00010000";
    EXPECT_EQ(payload_text(Opcode::kOpen, open),
              " | nonce 0x0123456789abcdef rdma flags 0x80 transactions 64"
              " response_bytes 65536");
    EXPECT_EQ(payload_text(Opcode::kOpened, open + "0000000000000001"),
              " | nonce 0x0123456789abcdef rdma flags 0x80 transactions 64"
              " response_bytes 65536 epoch 0x0000000000000001");
}

TEST(Print, AnOpenOfNoClassIsMalformed) {
    EXPECT_EQ(payload_text(Opcode::kOpen, "0123456789abcdef 02 00 0040 00010000"),
              " | nonce 0x0123456789abcdef class 2 transactions 64 response_bytes 65536"
              " | txn_malformed");
}

TEST(Print, APayloadOfAnotherSizeThanItsOpcodeHasIsMalformed) {
    for (const Opcode opcode :
         {Opcode::kAck, Opcode::kNack, Opcode::kReset, Opcode::kOpen, Opcode::kOpened}) {
        for (std::size_t size = 0; size <= 40; ++size) {
            const std::string line = printed(frame_of(opcode, Bytes(size)));
            const std::string told = " | txn_malformed: " + std::string(name(opcode)) + " channel";
            EXPECT_EQ(line.find(told) != std::string::npos, size != payload_size(opcode)) << line;
        }
    }
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
              " | ttl 8 dscp 0 | test channel 1 psn 2 ack 3 payload 32");
}

TEST(Print, AForeignFrameShowsItsType) {
    Bytes bytes = data_frame();
    store_be16(&bytes[12], 0x0800);
    EXPECT_EQ(printed(bytes),
              "unknown_ethertype, 62 bytes: 515 > 514 length 62 entropy 9 type 0x0800");
    store_be16(&bytes[12], 0x8100);
    EXPECT_EQ(printed(bytes),
              "unknown_ethertype, 62 bytes: 515 > 514 length 62 entropy 9"
              " vlan 2048 pcp 0 type 0x3f00");
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
    bytes[14] = std::byte{0x24};
    EXPECT_EQ(printed(bytes),
              "control_malformed, 60 bytes: control version 2 kind 4 count 2"
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
            store_be16(&bytes[12], kEtherTypeData);
            bytes[16] = static_cast<std::byte>(1 + round % 7);
            bytes[17] &= std::byte{0x3F};
            expect_one_line(bytes);
            store_be16(&bytes[12], kEtherTypeControl);
            bytes[14] = static_cast<std::byte>(0x10 + round % 4);
            expect_one_line(bytes);
        }
    }
}

TEST(Print, FramesWithAFewFlippedBits) {
    std::mt19937 random(10);
    const Bytes items = from_hex("01000040" + kWhere + "10030002" + kWhere + "aabb" + kWhere +
                                 "12010003 aabbcc 81000007 82000001 aa");
    const std::vector<Bytes> good = {data_frame(), control_frame(),
                                     frame_of(Opcode::kRequest, items),
                                     frame_of(Opcode::kOpened, Bytes(24))};
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
