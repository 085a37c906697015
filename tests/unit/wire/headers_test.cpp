// SPDX-License-Identifier: BSD-3-Clause
// The small headers, each on its own: fields out of golden bytes, and the same bytes out of fields.
#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "proto/byte_order.h"
#include "proto/wire/ctl_os.h"
#include "proto/wire/link_word.h"
#include "proto/wire/net_header.h"
#include "proto/wire/oefh.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/vlan.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;
using test::from_hex;

TEST(ByteOrder, BigEndianPutsTheHighestByteFirst) {
    const Bytes bytes = from_hex("0102030405060708");
    EXPECT_EQ(load_be16(bytes.data()), 0x0102);
    EXPECT_EQ(load_be32(bytes.data()), 0x01020304u);
    EXPECT_EQ(load_be64(bytes.data()), 0x0102030405060708u);

    Bytes out = dirty(8);
    store_be64(out.data(), 0x0102030405060708u);
    EXPECT_EQ(out, bytes);
    store_be16(out.data(), 0xFFFE);
    store_be32(out.data() + 2, 0xFDFCFBFA);
    EXPECT_EQ(out, from_hex("fffefdfcfbfa0708"));
}

TEST(ByteOrder, LittleEndianPutsTheLowestByteFirst) {
    const Bytes bytes = from_hex("0102030405060708");
    EXPECT_EQ(load_le32(bytes.data()), 0x04030201u);
    EXPECT_EQ(load_le64(bytes.data()), 0x0807060504030201u);
    Bytes out = dirty(4);
    store_le32(out.data(), 0x04030201);
    EXPECT_EQ(out, from_hex("01020304"));
}

TEST(ByteOrder, AnyAlignmentWillDo) {
    const Bytes bytes = from_hex("00112233445566778899");
    EXPECT_EQ(load_be32(bytes.data() + 1), 0x11223344u);
    EXPECT_EQ(load_be64(bytes.data() + 1), 0x1122334455667788u);
}

// --- OEFH ---

const Bytes kOefhBytes = from_hex("0281 0048 beef 0208 00000000 88b5");
const Oefh kOefh{.dst = {0x281}, .src = {0x208}, .total_length = 72, .entropy = 0xBEEF};

TEST(Oefh, Deconstruct) {
    const auto view = OefhView::parse(kOefhBytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->dst(), GpuId{0x281});
    EXPECT_EQ(view->src(), GpuId{0x208});
    EXPECT_EQ(view->total_length(), 72);
    EXPECT_EQ(view->entropy(), 0xBEEF);
    EXPECT_EQ(view->link_word_raw(), 0u);
    EXPECT_EQ(view->ether_type(), kEtherTypeData);
    EXPECT_EQ(view->repr(), kOefh);
}

TEST(Oefh, ConstructOverwritesEveryByte) {
    Bytes out = dirty(Oefh::kSize);
    kOefh.emit(std::span(out).first<Oefh::kSize>());
    EXPECT_EQ(out, kOefhBytes);
}

TEST(Oefh, ImpossibleLengths) {
    const Bytes bytes = dirty(60);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto view = OefhView::parse(std::span(bytes).first(size));
        EXPECT_EQ(view.has_value(), size >= 14) << size;
        if (!view) {
            EXPECT_EQ(view.error(), Drop::kRunt);
        }
    }
}

// --- Link word ---

TEST(LinkWord, Deconstruct) {
    const LinkWord word = LinkWord::decode(0b1'0'10110'10001'0000'0000'0000'0000'0001u);
    EXPECT_TRUE(word.eligible);
    EXPECT_FALSE(word.poisoned);
    EXPECT_EQ(word.vc, Vc{22});
    EXPECT_EQ(word.session, 17);
    EXPECT_EQ(word.sequence, 1u);
    EXPECT_TRUE(LinkWord::decode(1u << 30).poisoned);
    EXPECT_EQ(LinkWord::decode(0), LinkWord{});
}

TEST(LinkWord, EveryBitComesBack) {
    for (int bit = 0; bit < 32; ++bit) {
        const std::uint32_t raw = std::uint32_t{1} << bit;
        EXPECT_EQ(LinkWord::decode(raw).encode(), raw) << bit;
        EXPECT_EQ(LinkWord::decode(~raw).encode(), ~raw) << bit;
    }
}

TEST(LinkWord, ValuesBeyondTheirFieldsAreCutOff) {
    const LinkWord word{.vc = Vc{0xFF}, .session = 0xFF, .sequence = 0xFFFF'FFFF};
    EXPECT_EQ(word.encode(), 0x3FFF'FFFFu);
}

TEST(LinkWord, StandsAtOffset8) {
    Bytes frame = dirty(14);
    store_link_word(frame.data(), 0x01020304);
    EXPECT_EQ(load_link_word(frame.data()), 0x01020304u);
    EXPECT_EQ(frame, from_hex("a5a5a5a5a5a5a5a5 01020304 a5a5"));
}

// --- Network header ---

TEST(NetHeader, Deconstruct) {
    // 1 | 010 | 0111 | 101110 | 01
    const NetHeader net = NetHeader::decode(0b1'010'0111'101110'01);
    EXPECT_TRUE(net.ar);
    EXPECT_EQ(net.reserved, 2);
    EXPECT_EQ(net.ttl, 7);
    EXPECT_EQ(net.dscp, 46);
    EXPECT_EQ(net.ecn, 1);
}

TEST(NetHeader, EveryValueComesBack) {
    for (std::uint32_t raw = 0; raw <= 0xFFFF; ++raw) {
        ASSERT_EQ(NetHeader::decode(static_cast<std::uint16_t>(raw)).encode(), raw);
    }
}

TEST(NetHeader, ValuesBeyondTheirFieldsAreCutOff) {
    EXPECT_EQ((NetHeader{.reserved = 0xF8, .ttl = 0xF0, .dscp = 0xC0, .ecn = 0xFC}.encode()), 0);
}

TEST(NetHeader, DecrementTouchesTheTtlOnly) {
    for (unsigned raw = 0; raw <= 0xFFFF; ++raw) {
        std::array<std::byte, 2> bytes;
        store_be16(bytes.data(), static_cast<std::uint16_t>(raw));
        const bool had_hops = (raw & 0x0F00) != 0;
        ASSERT_EQ(decrement_ttl(bytes.data()), had_hops);
        ASSERT_EQ(load_be16(bytes.data()), had_hops ? raw - 0x0100 : raw);
    }
}

// --- VLAN tag ---

TEST(VlanTag, Deconstruct) {
    EXPECT_EQ(VlanTag::decode(0xB064), (VlanTag{.pcp = 5, .dei = true, .vid = 100}));
    EXPECT_EQ(VlanTag::decode(0x0FFF), (VlanTag{.pcp = 0, .dei = false, .vid = 4095}));
}

TEST(VlanTag, ConstructOverwritesEveryByte) {
    Bytes out = dirty(VlanTag::kSize);
    VlanTag{.pcp = 5, .dei = true, .vid = 100}.emit(std::span(out).first<VlanTag::kSize>());
    EXPECT_EQ(out, from_hex("8100 b064"));
}

TEST(VlanTag, EveryValueComesBack) {
    for (std::uint32_t tci = 0; tci <= 0xFFFF; ++tci) {
        ASSERT_EQ(VlanTag::decode(static_cast<std::uint16_t>(tci)).encode(), tci);
    }
}

// --- Transaction header ---

const Bytes kTxnBytes = from_hex("02 2b 1234 89abcdef 01020304");
const TxnHeader kTxn{.opcode = Opcode::kResponse,
                     .flags = 0x2B,
                     .channel = 0x1234,
                     .psn = 0x89ABCDEF,
                     .ack = 0x01020304};

TEST(Txn, Deconstruct) {
    Bytes bytes = kTxnBytes;
    bytes.push_back(std::byte{0x77});
    const auto view = TxnView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->opcode(), Opcode::kResponse);
    EXPECT_EQ(view->flags(), 0x2B);
    EXPECT_TRUE(view->from_target());
    EXPECT_EQ(view->channel(), 0x1234);
    EXPECT_EQ(view->psn(), 0x89ABCDEFu);
    EXPECT_EQ(view->ack(), 0x01020304u);
    EXPECT_EQ(view->repr(), kTxn);
    ASSERT_EQ(view->payload().size(), 1u);
    EXPECT_EQ(view->payload()[0], std::byte{0x77});
}

TEST(Txn, ConstructOverwritesEveryByte) {
    Bytes out = dirty(TxnHeader::kSize);
    kTxn.emit(std::span(out).first<TxnHeader::kSize>());
    EXPECT_EQ(out, kTxnBytes);
}

TEST(Txn, FlagsCannotBecomeAVersion) {
    Bytes out = dirty(TxnHeader::kSize);
    TxnHeader{.opcode = Opcode::kTest, .flags = 0xFF}.emit(
        std::span(out).first<TxnHeader::kSize>());
    EXPECT_EQ(out[1], std::byte{0x3F});
}

TEST(Txn, TheLastFlagSaysThatTheTargetSends) {
    Bytes bytes = kTxnBytes;
    for (unsigned flags = 0; flags < 64; ++flags) {
        bytes[1] = static_cast<std::byte>(flags);
        EXPECT_EQ(TxnView::parse(bytes)->from_target(), flags % 2 == 1) << flags;
        EXPECT_EQ(TxnView::parse(bytes)->flags(), flags);
    }
}

TEST(Txn, ImpossibleLengths) {
    Bytes bytes = kTxnBytes;
    bytes.resize(60);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto view = TxnView::parse(std::span(bytes).first(size));
        EXPECT_EQ(view.has_value(), size >= 12) << size;
        if (!view) {
            EXPECT_EQ(view.error(), Drop::kTxnMalformed);
        }
    }
}

TEST(Txn, OpcodesAreThoseOfTheTableAndNoOthers) {
    const Bytes known = from_hex("01020304050607 3f");
    Bytes bytes = kTxnBytes;
    for (int raw = 0; raw < 256; ++raw) {
        bytes[0] = static_cast<std::byte>(raw);
        bytes.resize(TxnHeader::kSize + payload_size(static_cast<Opcode>(raw)).value_or(0));
        const bool legal = std::count(known.begin(), known.end(), bytes[0]) != 0;
        const auto view = TxnView::parse(bytes);
        EXPECT_EQ(view.has_value(), legal) << raw;
        EXPECT_EQ(is_known(static_cast<Opcode>(raw)), legal) << raw;
        if (!view) {
            EXPECT_EQ(view.error(), Drop::kUnknownOpcode);
        }
    }
}

TEST(Txn, APayloadOfAnotherSizeThanItsOpcodeHasIsRefused) {
    Bytes bytes = kTxnBytes;
    bytes.resize(60);
    const auto sizes = [&](Opcode opcode) {
        bytes[0] = static_cast<std::byte>(opcode);
        std::vector<std::size_t> good;
        for (std::size_t size = 0; size <= 48; ++size) {
            const auto view = TxnView::parse(std::span(bytes).first(TxnHeader::kSize + size));
            if (view)
                good.push_back(size);
            else
                EXPECT_EQ(view.error(), Drop::kTxnMalformed);
        }
        return good;
    };
    EXPECT_EQ(sizes(Opcode::kAck), (std::vector<std::size_t>{0}));
    EXPECT_EQ(sizes(Opcode::kNack), (std::vector<std::size_t>{1}));
    EXPECT_EQ(sizes(Opcode::kReset), (std::vector<std::size_t>{1}));
    EXPECT_EQ(sizes(Opcode::kOpen), (std::vector<std::size_t>{16}));
    EXPECT_EQ(sizes(Opcode::kOpened), (std::vector<std::size_t>{24}));
    EXPECT_EQ(sizes(Opcode::kRequest).size(), 49u);
    EXPECT_EQ(sizes(Opcode::kTest).size(), 49u);
}

TEST(Txn, OtherVersionsAreRefusedWhateverTheirOpcode) {
    for (const int version : {1, 2, 3}) {
        for (const int opcode : {0x01, 0xEE}) {
            Bytes bytes = kTxnBytes;
            bytes[0] = static_cast<std::byte>(opcode);
            bytes[1] = static_cast<std::byte>(version << 6);
            EXPECT_EQ(TxnView::parse(bytes).error(), Drop::kUnknownVersion);
        }
    }
}

// --- Control ordered set ---

const Bytes kCtlOsBytes = from_hex("5c 03 ab cd e6 12 34 00");
const CtlOs kCtlOs{.type = CtlOsType::kInit, .value = 0xABCDE, .arg = 0x1234};

Expected<CtlOs, Drop> parse_set(const Bytes& bytes) {
    return CtlOs::parse(std::span(bytes).first<CtlOs::kSize>());
}

TEST(CtlOs, Deconstruct) {
    const auto set = parse_set(kCtlOsBytes);
    ASSERT_TRUE(set);
    EXPECT_EQ(*set, kCtlOs);
}

TEST(CtlOs, ConstructOverwritesEveryByte) {
    Bytes out = dirty(CtlOs::kSize);
    kCtlOs.emit(std::span(out).first<CtlOs::kSize>());
    EXPECT_EQ(out, kCtlOsBytes);
}

TEST(CtlOs, ValuesBeyondTheirFieldAreCutOff) {
    Bytes out = dirty(CtlOs::kSize);
    CtlOs{.type = CtlOsType::kAck, .value = 0xFFF0'0001}.emit(std::span(out).first<CtlOs::kSize>());
    EXPECT_EQ(parse_set(out)->value, 1u);
}

TEST(CtlOs, TypesAreThoseOfTheTableAndNoOthers) {
    for (int raw = 0; raw < 256; ++raw) {
        Bytes bytes = from_hex("5c 00 00 00 06 00 00 00");
        bytes[1] = static_cast<std::byte>(raw);
        const bool legal = (raw >= 1 && raw <= 4) || raw == 0x10;
        const auto set = parse_set(bytes);
        EXPECT_EQ(set.has_value(), legal) << raw;
        if (!set) {
            EXPECT_EQ(set.error(), Drop::kControlMalformed);
        }
    }
}

TEST(CtlOs, FramingMustBeExact) {
    for (const std::size_t framing_bit : {0u, 7u, 36u, 37u, 38u, 39u, 56u, 63u}) {
        Bytes bytes = kCtlOsBytes;
        test::flip_bit(bytes, framing_bit);
        EXPECT_FALSE(parse_set(bytes)) << framing_bit;
    }
}

TEST(CtlOs, ACreditUpdateIsOfAChannelThatCanExist) {
    for (unsigned arg = 0; arg <= 0xFFFF; ++arg) {
        Bytes bytes = from_hex("5c 10 00 00 06 00 00 00");
        store_be16(&bytes[5], static_cast<std::uint16_t>(arg));
        const auto set = parse_set(bytes);
        ASSERT_EQ(set.has_value(), arg < kMaxVcs) << arg;
        if (set) {
            ASSERT_EQ(set->vc().value, arg);
        }
    }
}

}  // namespace
}  // namespace ethlink::wire
