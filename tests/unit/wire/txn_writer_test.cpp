// SPDX-License-Identifier: BSD-3-Clause
// A frame written in place is the frame that DataFrame writes, and leaves the rest of its buffer.
#include "proto/wire/txn_writer.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "proto/wire/build.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "proto/wire/txn_item.h"
#include "tests/unit/wire/bytes.h"

namespace ethlink::wire {
namespace {

using test::Bytes;
using test::dirty;

constexpr std::size_t kBufferMin = kEthernetMin + VlanTag::kSize;
const Envelope kPlain{.dst = {0x0281}, .src = {0x0208}, .entropy = 0xBEEF, .dscp = 46};
const TxnHeader kHeader{
    .opcode = Opcode::kRequest, .channel = 0x1234, .psn = 0x89ABCDEF, .ack = 0x01020304};

Envelope of_tenant(std::uint16_t vid) {
    Envelope envelope = kPlain;
    envelope.tenant = {vid};
    return envelope;
}

// The same by other means.
Bytes reference(const Envelope& envelope, std::span<const std::byte> payload) {
    DataFrame frame;
    frame.dst = envelope.dst;
    frame.src = envelope.src;
    frame.entropy = envelope.entropy;
    if (envelope.tenant.value != 0) frame.vlan = VlanTag{.vid = envelope.tenant.value};
    frame.net = {.ttl = 15, .dscp = envelope.dscp};
    frame.txn = kHeader;
    frame.payload = payload;
    Bytes out = dirty(frame.size());
    EXPECT_EQ(frame.emit(out), out.size());
    return out;
}

// Writes `payload` in two claims, to see that they join; then the bytes of the frame.
Bytes write(std::span<std::byte> buffer, const Envelope& envelope,
            std::span<const std::byte> payload) {
    TxnWriter writer(buffer, envelope.tenant);
    const auto half = payload.first(payload.size() / 2);
    std::ranges::copy(half, writer.claim(half.size()));
    const auto rest = payload.subspan(half.size());
    std::ranges::copy(rest, writer.claim(rest.size()));
    const std::size_t size = writer.finish(envelope, kHeader);
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(TxnWriter, WritesWhatDataFrameWrites) {
    std::mt19937 random(1);
    for (const Envelope& envelope : {kPlain, of_tenant(1), of_tenant(4094)}) {
        for (std::size_t size = 0; size <= 2100; size += size < 100 ? 1 : 97) {
            const Bytes payload = test::random_bytes(random, size);
            Bytes buffer = dirty(9216);
            const Bytes frame = write(buffer, envelope, payload);
            ASSERT_EQ(frame, reference(envelope, payload)) << size;
            // What stands behind the frame is not the writer's.
            ASSERT_TRUE(std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(frame.size()),
                                    buffer.end(), [](std::byte b) { return b == dirty(1)[0]; }));
        }
    }
}

TEST(TxnWriter, ItsFramesPassTheDoorWithAGoodIcrc) {
    for (const Envelope& envelope : {kPlain, of_tenant(100)}) {
        Bytes buffer = dirty(2048);
        TxnWriter writer(buffer, envelope.tenant);
        put_where(put_head(writer.claim(load_size()), ItemOpcode::kLoad, 0, 64), 1, 2);
        put_head(writer.claim(kItemHeadSize), ItemOpcode::kDone, 0, 3);
        const std::size_t size = writer.finish(envelope, kHeader);
        const auto view = parse(std::span(buffer).first(size));
        ASSERT_TRUE(view);
        EXPECT_TRUE(check_icrc(*view));
        EXPECT_EQ(view->tenant(), envelope.tenant);
        EXPECT_EQ(view->is_tagged(), envelope.tenant != Tenant{});
        EXPECT_EQ(view->link_word_raw(), 0u);
        EXPECT_EQ(view->net(), (NetHeader{.ttl = 15, .dscp = 46}));
        const auto txn = TxnView::parse(view->txn_bytes());
        ASSERT_TRUE(txn);
        EXPECT_EQ(txn->repr(), kHeader);
        EXPECT_EQ(count_items(txn->payload()), 2u);
    }
}

TEST(TxnWriter, TheLeastBufferHoldsTheLeastFrame) {
    for (const Envelope& envelope : {kPlain, of_tenant(7)}) {
        Bytes buffer = dirty(kBufferMin);
        EXPECT_EQ(write(buffer, envelope, {}), reference(envelope, {}));
        EXPECT_EQ(reference(envelope, {}).size(), kEthernetMin);
    }
}

TEST(TxnWriter, AFullBufferIsAFrame) {
    // The most that a Total Length can say, and sizes around the end of the pad.
    for (const std::size_t size : {std::size_t{64}, std::size_t{65}, std::size_t{2048}}) {
        for (const Envelope& envelope : {kPlain, of_tenant(7)}) {
            Bytes buffer = dirty(size);
            const Bytes payload(TxnWriter(buffer, envelope.tenant).room(), std::byte{0x3C});
            EXPECT_EQ(write(buffer, envelope, payload).size(), size);
            EXPECT_EQ(buffer, reference(envelope, payload));
        }
    }
    Bytes buffer = dirty(65'535);
    const Bytes payload(65'535 - kTxnOverhead, std::byte{0x3C});
    EXPECT_EQ(write(buffer, kPlain, payload).size(), 65'535u);
    EXPECT_EQ(buffer, reference(kPlain, payload));
}

TEST(TxnWriter, SaysHowMuchRoomIsLeft) {
    for (const Tenant tenant : {Tenant{0}, Tenant{9}}) {
        const std::size_t tag = tenant.value != 0 ? 4 : 0;
        Bytes buffer = dirty(2048);
        TxnWriter writer(buffer, tenant);
        EXPECT_TRUE(writer.empty());
        EXPECT_EQ(writer.room(), 2048 - kTxnOverhead - tag);
        EXPECT_EQ(writer.claim(10), buffer.data() + 28 + tag);
        EXPECT_FALSE(writer.empty());
        EXPECT_EQ(writer.room(), 2048 - kTxnOverhead - tag - 10);
        writer.claim(writer.room());
        EXPECT_EQ(writer.room(), 0u);
    }
}

TEST(TxnWriter, MoreThanTotalLengthCanSayIsNoFrame) {
    Bytes buffer = dirty(70'000);
    EXPECT_EQ(write(buffer, kPlain, Bytes(65'536 - kTxnOverhead)).size(), 0u);
    EXPECT_EQ(write(buffer, kPlain, Bytes(65'536)).size(), 0u);
}

}  // namespace
}  // namespace ethlink::wire
