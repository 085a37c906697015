// SPDX-License-Identifier: BSD-3-Clause
// Items: each comes back as it was written, and no bytes become an item that they are not.
#include "proto/wire/txn_item.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/wire/bytes.h"
#include "tests/unit/wire/lonely_page.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;
using test::from_hex;

constexpr std::uint64_t kKey = 0x0123456789ABCDEF;
constexpr std::uint64_t kAddress = 0xFEEDFACECAFEBEEF;
const std::string kWhere = "0123456789abcdef feedfacecafebeef";

std::size_t size_of(const ItemView& item) {
    const auto length = std::uint32_t{item.length};
    switch (item.opcode) {
        case ItemOpcode::kLoad: return load_size();
        case ItemOpcode::kStore: return store_size(length);
        case ItemOpcode::kAtomic: return atomic_size(item.atomic());
        case ItemOpcode::kWrite: return write_size(length, item.has_immediate());
        case ItemOpcode::kRead: return read_size();
        case ItemOpcode::kSend: return send_size(length, item.has_immediate());
        case ItemOpcode::kData:
        case ItemOpcode::kReadData: return data_size(length);
        case ItemOpcode::kDone:
        case ItemOpcode::kInvalid: break;
    }
    return kItemHeadSize;
}

bool has_where(ItemOpcode opcode) {
    switch (opcode) {
        case ItemOpcode::kLoad:
        case ItemOpcode::kStore:
        case ItemOpcode::kAtomic:
        case ItemOpcode::kWrite:
        case ItemOpcode::kRead: return true;
        case ItemOpcode::kSend:
        case ItemOpcode::kDone:
        case ItemOpcode::kData:
        case ItemOpcode::kReadData:
        case ItemOpcode::kInvalid: break;
    }
    return false;
}

// The item by the means that the code under test has for it, over bytes that it must overwrite.
Bytes written(const ItemView& item) {
    Bytes bytes = dirty(size_of(item));
    std::byte* at = put_head(bytes.data(), item.opcode, item.flags, item.length);
    if (has_where(item.opcode)) at = put_where(at, item.key, item.address);
    at = std::copy(item.data.begin(), item.data.end(), at);
    const auto put64 = [&at](std::uint64_t value) {
        store_be64(at, value);
        at += 8;
    };
    if (item.opcode == ItemOpcode::kAtomic) {
        put64(item.operand);
        if (item.atomic() == AtomicOp::kCompareSwap) put64(item.compare);
    } else if (item.opcode == ItemOpcode::kRead) {
        store_be32(at, static_cast<std::uint32_t>(item.operand));
        at += 4;
    } else if (item.opcode == ItemOpcode::kWrite || item.opcode == ItemOpcode::kSend) {
        if (item.has_immediate()) put64(item.immediate);
    }
    EXPECT_EQ(at, bytes.data() + bytes.size());
    return bytes;
}

bool same(const ItemView& a, const ItemView& b) {
    return a.opcode == b.opcode && a.flags == b.flags && a.length == b.length && a.key == b.key &&
           a.address == b.address && a.operand == b.operand && a.compare == b.compare &&
           a.immediate == b.immediate && std::ranges::equal(a.data, b.data);
}

struct Sample {
    ItemView item;
    Bytes bytes;
};

// Of every kind of item at least one, beside the bytes that docs/protocol.md says it has.
std::vector<Sample> samples() {
    static const Bytes data = from_hex("00 11 22 33 44");
    static constexpr auto flags = [](AtomicOp op) { return static_cast<std::uint8_t>(op); };
    const auto where = [](ItemView item) {
        item.key = kKey;
        item.address = kAddress;
        return item;
    };
    const auto with_data = [](ItemView item) {
        item.data = data;
        item.length = static_cast<std::uint16_t>(data.size());
        return item;
    };
    return {
        {where({.opcode = ItemOpcode::kLoad, .length = 256}), from_hex("01 00 0100" + kWhere)},
        {with_data(where({.opcode = ItemOpcode::kStore})),
         from_hex("02 00 0005" + kWhere + "0011223344")},
        {where({.opcode = ItemOpcode::kAtomic,
                .flags = flags(AtomicOp::kFetchXor),
                .length = 4,
                .operand = 0x1122334455667788}),
         from_hex("03 05 0004" + kWhere + "1122334455667788")},
        {where({.opcode = ItemOpcode::kAtomic,
                .flags = flags(AtomicOp::kCompareSwap),
                .length = 8,
                .operand = 0x1122334455667788,
                .compare = 0x99AABBCCDDEEFF00}),
         from_hex("03 02 0008" + kWhere + "1122334455667788 99aabbccddeeff00")},
        {with_data(where({.opcode = ItemOpcode::kWrite})),
         from_hex("10 00 0005" + kWhere + "0011223344")},
        {with_data(where({.opcode = ItemOpcode::kWrite,
                          .flags = kItemLast | kItemImmediate,
                          .immediate = 0x0807060504030201})),
         from_hex("10 03 0005" + kWhere + "0011223344 0807060504030201")},
        {where({.opcode = ItemOpcode::kRead, .operand = kMessageMax}),
         from_hex("11 00 0000" + kWhere + "40000000")},
        {with_data({.opcode = ItemOpcode::kSend, .flags = kItemLast}),
         from_hex("12 01 0005 0011223344")},
        {{.opcode = ItemOpcode::kSend,
          .flags = kItemLast | kItemImmediate,
          .immediate = 0x0807060504030201},
         from_hex("12 03 0000 0807060504030201")},
        {{.opcode = ItemOpcode::kDone,
          .flags = static_cast<std::uint8_t>(TxnStatus::kRemoteAccess),
          .length = 37},
         from_hex("81 01 0025")},
        {with_data({.opcode = ItemOpcode::kData}), from_hex("82 00 0005 0011223344")},
        {with_data({.opcode = ItemOpcode::kReadData}), from_hex("83 00 0005 0011223344")},
        {with_data({.opcode = ItemOpcode::kReadData, .flags = kItemLast}),
         from_hex("83 01 0005 0011223344")},
        {{.opcode = ItemOpcode::kReadData, .flags = kItemLast | kItemError},
         from_hex("83 05 0000")},
    };
}

std::optional<ItemView> only_item(std::span<const std::byte> bytes) {
    ItemReader reader(bytes);
    const auto item = reader.next();
    EXPECT_TRUE(!item || reader.done());
    return item;
}

// Whether a head with these values begins an item, if enough bytes follow. They are such that the
// total of a read is a legal one.
bool begins_an_item(ItemOpcode opcode, unsigned flags, std::size_t length) {
    Bytes bytes(kItemHeadSize + 65'535 + 64, std::byte{0x01});
    put_head(bytes.data(), opcode, static_cast<std::uint8_t>(flags),
             static_cast<std::uint32_t>(length));
    return ItemReader(bytes).next().has_value();
}

TEST(TxnItem, Deconstruct) {
    for (const auto& [item, bytes] : samples()) {
        const auto read = only_item(bytes);
        ASSERT_TRUE(read) << name(item.opcode);
        EXPECT_TRUE(same(*read, item)) << name(item.opcode);
        EXPECT_EQ(count_items(bytes), 1u) << name(item.opcode);
    }
}

TEST(TxnItem, ConstructOverwritesEveryByteOfItsSize) {
    for (const auto& [item, bytes] : samples()) {
        EXPECT_EQ(size_of(item), bytes.size()) << name(item.opcode);
        EXPECT_EQ(written(item), bytes) << name(item.opcode);
    }
}

TEST(TxnItem, ThereIsASampleOfEveryKind) {
    std::set<ItemOpcode> seen;
    for (const auto& [item, bytes] : samples()) seen.insert(item.opcode);
    std::set<ItemOpcode> named;
    for (unsigned raw = 1; raw < 256; ++raw) {
        const auto opcode = static_cast<ItemOpcode>(raw);
        if (!name(opcode).empty()) named.insert(opcode);
    }
    EXPECT_EQ(seen, named);
}

TEST(TxnItem, NoPrefixOfAnItemIsAnItem) {
    for (const auto& [item, bytes] : samples()) {
        for (std::size_t size = 1; size < bytes.size(); ++size) {
            const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(ItemReader(cut).next()) << name(item.opcode) << " of " << size;
            EXPECT_FALSE(count_items(cut)) << name(item.opcode) << " of " << size;
        }
    }
    EXPECT_FALSE(ItemReader({}).next());
}

TEST(TxnItem, WhatFollowsAnItemIsNotItsOwn) {
    for (const auto& [item, bytes] : samples()) {
        Bytes two = bytes;
        two.insert(two.end(), bytes.begin(), bytes.end());
        ItemReader reader(two);
        for (int i = 0; i < 2; ++i) {
            const auto read = reader.next();
            ASSERT_TRUE(read);
            EXPECT_TRUE(same(*read, item)) << name(item.opcode);
        }
        EXPECT_TRUE(reader.done());
    }
}

TEST(TxnItem, EveryLengthThatItsOpcodeForbids) {
    struct Rule {
        ItemOpcode opcode;
        unsigned flags;
        std::size_t least, most;
    };
    const std::vector<Rule> rules = {{ItemOpcode::kLoad, 0, 1, 256},
                                     {ItemOpcode::kStore, 0, 1, 256},
                                     {ItemOpcode::kWrite, 0, 0, 65'535},
                                     {ItemOpcode::kWrite, kItemLast, 0, 65'535},
                                     {ItemOpcode::kRead, 0, 0, 0},
                                     {ItemOpcode::kSend, 0, 0, 65'535},
                                     {ItemOpcode::kSend, kItemLast, 0, 65'535},
                                     {ItemOpcode::kDone, 0, 1, 65'535},
                                     {ItemOpcode::kData, 0, 1, 256},
                                     {ItemOpcode::kReadData, 0, 1, 65'535},
                                     {ItemOpcode::kReadData, kItemError, 0, 0}};
    const std::vector<std::size_t> lengths = {0,    1,    2,    3,      4,      5,      7,     8,
                                              9,    16,   255,  256,    257,    258,    512,   1024,
                                              2047, 2048, 4096, 32'767, 32'768, 65'534, 65'535};
    for (const Rule& rule : rules) {
        for (const std::size_t length : lengths) {
            EXPECT_EQ(begins_an_item(rule.opcode, rule.flags, length),
                      length >= rule.least && length <= rule.most)
                << name(rule.opcode) << " flags " << rule.flags << " length " << length;
        }
    }
}

TEST(TxnItem, AnAtomicIsOf4Or8Bytes) {
    for (unsigned op = 0; op < static_cast<unsigned>(AtomicOp::kCount); ++op) {
        for (std::size_t length = 0; length <= 300; ++length) {
            EXPECT_EQ(begins_an_item(ItemOpcode::kAtomic, op, length), length == 4 || length == 8)
                << op << " length " << length;
        }
    }
}

TEST(TxnItem, OpcodesAreThoseOfTheTableAndNoOthers) {
    const Bytes known = from_hex("01 02 03 10 11 12 81 82 83");
    for (unsigned raw = 0; raw < 256; ++raw) {
        const auto opcode = static_cast<ItemOpcode>(raw);
        const bool any_length = begins_an_item(opcode, 0, 0) || begins_an_item(opcode, 0, 4);
        const bool legal = std::ranges::count(known, static_cast<std::byte>(raw)) != 0;
        EXPECT_EQ(any_length, legal) << raw;
    }
}

TEST(TxnItem, FlagsThatItsOpcodeDoesNotHave) {
    for (unsigned flags = 0; flags < 256; ++flags) {
        const auto begins = [flags](ItemOpcode opcode, std::size_t length) {
            return begins_an_item(opcode, flags, length);
        };
        EXPECT_EQ(begins(ItemOpcode::kLoad, 8), flags == 0) << flags;
        EXPECT_EQ(begins(ItemOpcode::kStore, 8), flags == 0) << flags;
        EXPECT_EQ(begins(ItemOpcode::kAtomic, 8), flags <= 5) << flags;
        // An immediate comes with the end of its message.
        EXPECT_EQ(begins(ItemOpcode::kWrite, 8), flags <= 1 || flags == 3) << flags;
        EXPECT_EQ(begins(ItemOpcode::kSend, 8), flags <= 1 || flags == 3) << flags;
        EXPECT_EQ(begins(ItemOpcode::kRead, 0), flags == 0) << flags;
        EXPECT_EQ(begins(ItemOpcode::kDone, 8), flags <= 9) << flags;
        EXPECT_EQ(begins(ItemOpcode::kData, 8), flags == 0) << flags;
        EXPECT_EQ(begins(ItemOpcode::kReadData, 8), flags <= 1) << flags;
        EXPECT_EQ(begins(ItemOpcode::kReadData, 0), flags == 4 || flags == 5) << flags;
    }
}

TEST(TxnItem, NoByteBehindAHeadIsReadWhateverItSays) {
    const test::LonelyPage page;
    const auto head = page.bytes().last(kItemHeadSize);
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
        for (unsigned flags = 0; flags < 256; ++flags) {
            for (const unsigned length : {0u, 1u, 0x7F1Au, 0xFFFFu}) {
                head[0] = static_cast<std::byte>(opcode);
                head[1] = static_cast<std::byte>(flags);
                store_be16(&head[2], static_cast<std::uint16_t>(length));
                ItemReader reader(head), skipper(head);
                ItemView item;
                EXPECT_EQ(reader.read(item), skipper.skip());
            }
        }
    }
}

TEST(TxnItem, AReadIsOfOneByteToTheMostThatAMessageHas) {
    for (const std::uint32_t total : {0u, 1u, kMessageMax, kMessageMax + 1, 0xFFFF'FFFFu}) {
        const Bytes bytes = written({.opcode = ItemOpcode::kRead, .operand = total});
        EXPECT_EQ(only_item(bytes).has_value(), total >= 1 && total <= kMessageMax) << total;
    }
}

TEST(TxnItem, EveryStatusHasAName) {
    for (unsigned raw = 0; raw < 256; ++raw) {
        const auto status = static_cast<TxnStatus>(raw);
        EXPECT_EQ(name(status).empty(), status >= TxnStatus::kCount) << raw;
    }
}

TEST(CountItems, CountsThemAll) {
    Bytes all;
    std::uint32_t count = 0;
    EXPECT_EQ(count_items(all), 0u);
    for (const auto& [item, bytes] : samples()) {
        all.insert(all.end(), bytes.begin(), bytes.end());
        EXPECT_EQ(count_items(all), ++count);
    }
}

TEST(CountItems, OneThatIsNoneSpoilsThemAll) {
    Bytes bytes;
    for (int i = 0; i < 3; ++i) {
        const Bytes done = from_hex("81 00 0001");
        bytes.insert(bytes.end(), done.begin(), done.end());
    }
    for (const std::size_t bad : {0u, 4u, 8u}) {
        Bytes spoilt = bytes;
        spoilt[bad] = std::byte{0x7F};
        EXPECT_FALSE(count_items(spoilt)) << bad;
    }
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(count_items(bytes));
}

TEST(CountItems, AsManyAsAFrameHolds) {
    Bytes bytes;
    while (bytes.size() < 65'532) {
        bytes.resize(bytes.size() + kItemHeadSize);
        put_head(&bytes[bytes.size() - kItemHeadSize], ItemOpcode::kDone, 0, 1);
    }
    EXPECT_EQ(count_items(bytes), 16'383u);
}

// --- Properties ---

// Bytes that end where their memory ends, for a sanitizer to watch.
class Exact {
public:
    explicit Exact(const Bytes& bytes)
        : size_(bytes.size()), bytes_(std::make_unique<std::byte[]>(bytes.size())) {
        std::ranges::copy(bytes, bytes_.get());
    }
    std::span<const std::byte> span() const { return {bytes_.get(), size_}; }

private:
    std::size_t size_;
    std::unique_ptr<std::byte[]> bytes_;
};

// Reads to the end or to the first nonsense; how many items. What they point to is inside.
std::uint32_t read_all(std::span<const std::byte> bytes) {
    std::uint32_t count = 0;
    unsigned sum = 0;
    std::size_t used = 0;
    for (ItemReader reader(bytes); !reader.done(); ++count) {
        const auto item = reader.next();
        if (!item) break;
        used += size_of(*item);
        RC_ASSERT(used <= bytes.size());
        for (const std::byte byte : item->data) sum += std::to_integer<unsigned>(byte);
        if (!item->data.empty()) {
            RC_ASSERT(item->data.data() >= bytes.data());
            RC_ASSERT(item->data.data() + item->data.size() <= bytes.data() + bytes.size());
        }
    }
    RC_ASSERT(sum <= 255 * bytes.size());
    return count;
}

std::uint64_t any_number() {
    return *rc::gen::arbitrary<std::uint64_t>();
}

// An item that may be, with its data in `store`, which must not move afterwards.
ItemView any_item(std::vector<std::unique_ptr<Bytes>>& store) {
    static const std::vector<Sample> kinds = samples();
    ItemView item = kinds[*rc::gen::inRange<std::size_t>(0, kinds.size())].item;
    const auto data = [&](std::size_t least, std::size_t most) {
        const auto size = *rc::gen::inRange(least, most + 1);
        store.push_back(std::make_unique<Bytes>(size));
        for (std::byte& byte : *store.back()) {
            byte = static_cast<std::byte>(*rc::gen::inRange(0, 256));
        }
        item.data = *store.back();
        item.length = static_cast<std::uint16_t>(size);
    };
    if (has_where(item.opcode)) {
        item.key = any_number();
        item.address = any_number();
    }
    switch (item.opcode) {
        case ItemOpcode::kLoad: item.length = *rc::gen::inRange<std::uint16_t>(1, 257); break;
        case ItemOpcode::kStore:
        case ItemOpcode::kData: data(1, 64); break;
        case ItemOpcode::kAtomic:
            item.flags = *rc::gen::inRange<std::uint8_t>(0, 6);
            item.length = *rc::gen::element<std::uint16_t>(4, 8);
            item.operand = any_number();
            item.compare = item.atomic() == AtomicOp::kCompareSwap ? any_number() : 0;
            break;
        case ItemOpcode::kWrite:
        case ItemOpcode::kSend:
            data(0, 64);
            item.flags = *rc::gen::element<std::uint8_t>(0, 1, 3);
            item.immediate = item.has_immediate() ? any_number() : 0;
            break;
        case ItemOpcode::kRead: item.operand = *rc::gen::inRange(1u, kMessageMax + 1); break;
        case ItemOpcode::kDone:
            item.flags = *rc::gen::inRange<std::uint8_t>(0, 10);
            item.length = *rc::gen::inRange<std::uint16_t>(1, 65'535);
            break;
        case ItemOpcode::kReadData:
            if (item.is_error()) break;
            data(1, 64);
            item.flags = *rc::gen::element<std::uint8_t>(0, 1);
            break;
        case ItemOpcode::kInvalid: break;
    }
    return item;
}

RC_GTEST_PROP(TxnItemProperty, RandomBytesAreNeverReadBeyondTheirEnd,
              (const std::vector<std::uint8_t>& raw)) {
    Bytes bytes;
    for (const std::uint8_t byte : raw) bytes.push_back(static_cast<std::byte>(byte));
    const Exact exact(bytes);
    const auto count = count_items(exact.span());
    const std::uint32_t before_nonsense = read_all(exact.span());
    RC_ASSERT(!count || *count == before_nonsense);
}

RC_GTEST_PROP(TxnItemProperty, DamagedItemsAreNeverReadBeyondTheirEnd, ()) {
    std::vector<std::unique_ptr<Bytes>> store;
    Bytes bytes;
    for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
        const Bytes one = written(any_item(store));
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    bytes.resize(*rc::gen::inRange<std::size_t>(1, bytes.size() + 1));
    for (int flips = *rc::gen::inRange(0, 4); flips > 0; --flips) {
        test::flip_bit(bytes, *rc::gen::inRange<std::size_t>(0, bytes.size() * 8));
    }
    const Exact exact(bytes);
    const auto count = count_items(exact.span());
    const std::uint32_t before_nonsense = read_all(exact.span());
    RC_ASSERT(!count || *count == before_nonsense);
}

RC_GTEST_PROP(TxnItemProperty, AListOfItemsComesBack, ()) {
    std::vector<std::unique_ptr<Bytes>> store;
    std::vector<ItemView> items;
    Bytes bytes;
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
        items.push_back(any_item(store));
        const Bytes one = written(items.back());
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    const Exact exact(bytes);
    RC_ASSERT(count_items(exact.span()) == items.size());
    ItemReader reader(exact.span());
    for (const ItemView& item : items) {
        const auto read = reader.next();
        RC_ASSERT(read.has_value());
        RC_ASSERT(same(*read, item));
    }
    RC_ASSERT(reader.done());
}

}  // namespace
}  // namespace ethlink::wire
