// SPDX-License-Identifier: BSD-3-Clause
// What each item does to memory, and what it may not do.
#include <cstring>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/txn/target_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::AtomicOp;
using wire::ItemOpcode;
using wire::TxnStatus;

constexpr std::uint64_t kTop = UINT64_MAX;

Bytes slice(const Bytes& from, std::size_t at, std::size_t n) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
    return {begin, begin + static_cast<std::ptrdiff_t>(n)};
}

TEST(Target, StoresAndLoadsEverySize) {
    TargetRig rig;
    for (const std::uint32_t n :
         {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 63u, 64u, 77u, 128u, 255u, 256u}) {
        for (const std::uint64_t at : {0u, 1u, 4u, 8u, 13u}) {
            const Bytes data = pattern(n, static_cast<std::uint8_t>(n + at));
            EXPECT_EQ(rig.status(Items(kKey).store(at, data)), TxnStatus::kOk);
            EXPECT_EQ(slice(rig.bytes(), at, n), data);
            const Item item = rig.ask(Items(kKey).load(at, n));
            EXPECT_EQ(item.view.opcode, ItemOpcode::kData);
            EXPECT_EQ(item.data, data) << n << " bytes at " << at;
        }
    }
}

TEST(Target, AStoreTouchesItsBytesAndNoOther) {
    TargetRig rig(64);
    rig.status(Items(kKey).store(13, pattern(5)));
    Bytes wanted(64);
    std::ranges::copy(pattern(5), wanted.begin() + 13);
    EXPECT_EQ(rig.bytes(), wanted) << "E3";
}

TEST(Target, TheLastByteIsInsideAndTheNextIsNot) {
    TargetRig rig(300);
    EXPECT_EQ(rig.ask(Items(kKey).load(44, 256)).view.opcode, ItemOpcode::kData);
    EXPECT_EQ(rig.ask(Items(kKey).load(299, 1)).view.opcode, ItemOpcode::kData);
    const Bytes before = rig.bytes();
    const auto refused = [&](const Items& items) {
        EXPECT_EQ(rig.status(items), TxnStatus::kRemoteAccess) << "E4, T2";
    };
    refused(Items(kKey).load(45, 256));
    refused(Items(kKey).load(300, 1));
    refused(Items(kKey).load(kTop, 1));
    refused(Items(kKey).load(kTop - 255, 256));
    refused(Items(kKey).store(299, pattern(2)));
    refused(Items(kKey).store(kTop, pattern(256)));
    refused(Items(kKey).atomic(AtomicOp::kFetchAdd, 296, 8, 1));
    refused(Items(kKey).atomic(AtomicOp::kFetchAdd, kTop - 7, 8, 1));
    refused(Items(kKey).write(299, pattern(2)));
    refused(Items(kKey).write(301, {}));
    refused(Items(kKey).read(0, 301));
    refused(Items(kKey).read(kTop, 1));
    refused(Items(kKey).read(300, 1u << 30));
    EXPECT_EQ(rig.bytes(), before) << "E3";
}

TEST(Target, EveryRefusalLooksTheSame) {
    const auto answer = [](std::uint8_t rights, std::uint64_t key, Tenant tenant,
                           std::uint64_t address) {
        TargetRig rig(64, rights);
        rig.target.start({kPeer, tenant}, rig.psn, Psn{900}, rig.now);
        rig.request(Items(key).store(address, pattern(8)));
        const Frame frame = fill(rig.target, rig.now);
        EXPECT_EQ(rig.bytes(), Bytes(64)) << "E5";
        return txn_bytes(frame.header, frame.payload);
    };
    const Bytes wrong_key = answer(Rights::kAll, kKey + 16, kTenant, 0);
    EXPECT_EQ(answer(Rights::kRead | Rights::kAtomic, kKey, kTenant, 0), wrong_key) << "T3, E5";
    EXPECT_EQ(answer(Rights::kAll, kKey, Tenant{6}, 0), wrong_key) << "T3, E5";
    EXPECT_EQ(answer(Rights::kAll, kKey, kTenant, 60), wrong_key) << "T3, E5";
}

TEST(Target, EachOperationNeedsItsRight) {
    for (std::uint8_t rights = 0; rights <= Rights::kAll; ++rights) {
        TargetRig rig(64, rights);
        const auto is_allowed = [&](const Items& items) {
            const Item item = rig.ask(items);
            return item.view.opcode != ItemOpcode::kDone || item.view.status() == TxnStatus::kOk;
        };
        const bool read = (rights & Rights::kRead) != 0;
        const bool write = (rights & Rights::kWrite) != 0;
        EXPECT_EQ(is_allowed(Items(kKey).load(0, 8)), read) << "T3";
        EXPECT_EQ(is_allowed(Items(kKey).load(0, 64)), read) << "T3";
        EXPECT_EQ(is_allowed(Items(kKey).read(0, 64)), read) << "T3";
        EXPECT_EQ(is_allowed(Items(kKey).store(0, pattern(4))), write) << "T3";
        EXPECT_EQ(is_allowed(Items(kKey).write(0, pattern(4))), write) << "T3";
        EXPECT_EQ(is_allowed(Items(kKey).atomic(AtomicOp::kSwap, 0, 8, 1)),
                  (rights & Rights::kAtomic) != 0)
            << "T3, T10: atomics have a right of their own";
    }
}

TEST(Target, OverlappingWindowsAreAsConfigured) {
    TargetRig rig(64, Rights::kRead);
    rig.windows.add({2, rig.memory.get() + 16, 16, Rights::kWrite, kTenant});
    EXPECT_EQ(rig.status(Items(2).store(0, pattern(8))), TxnStatus::kOk) << "T9";
    EXPECT_EQ(rig.ask(Items(kKey).load(16, 8)).data, pattern(8)) << "T9";
    EXPECT_EQ(rig.status(Items(2).load(0, 8)), TxnStatus::kRemoteAccess) << "T9";
    EXPECT_EQ(rig.status(Items(kKey).store(16, pattern(8))), TxnStatus::kRemoteAccess) << "T9";
}

// Atomics.

std::uint64_t model(AtomicOp op, std::uint64_t old, std::uint64_t operand, std::uint64_t compare) {
    switch (op) {
        case AtomicOp::kFetchAdd: return old + operand;
        case AtomicOp::kSwap: return operand;
        case AtomicOp::kCompareSwap: return old == compare ? operand : old;
        case AtomicOp::kFetchAnd: return old & operand;
        case AtomicOp::kFetchOr: return old | operand;
        case AtomicOp::kFetchXor: return old ^ operand;
        case AtomicOp::kCount: break;
    }
    return 0;
}

RC_GTEST_PROP(TargetAtomicProperty, AllSixOperationsAreAsAPlainModelSays,
              (std::uint64_t start, std::vector<std::pair<std::uint64_t, std::uint64_t>> words)) {
    for (const std::uint32_t n : {4u, 8u}) {
        TargetRig rig(24);
        const std::uint64_t mask = n == 8 ? ~std::uint64_t{0} : 0xFFFF'FFFF;
        std::uint64_t value = start & mask;
        std::memcpy(rig.memory.get() + 8, &value, n);
        for (const auto& [operand, word] : words) {
            const auto op = static_cast<AtomicOp>(word % 6);
            // Every other comparison hits; of 32 bits the upper half does not count.
            const std::uint64_t compare = word % 2 == 0 ? value | (word & ~mask) : word;
            const Item item = rig.ask(Items(kKey).atomic(op, 8, n, operand, compare));
            RC_ASSERT(item.view.opcode == ItemOpcode::kData);
            const std::uint64_t found =
                n == 8 ? load_be64(item.data.data()) : load_be32(item.data.data());
            RC_ASSERT(item.data.size() == n);
            RC_ASSERT(found == value);
            value = model(op, value, operand & mask, compare & mask) & mask;
        }
        Bytes wanted(24);
        std::memcpy(&wanted[8], &value, n);
        RC_ASSERT(rig.bytes() == wanted);
    }
}

TEST(Target, AnUnalignedAtomicDoesNothing) {
    TargetRig rig(64);
    for (std::uint64_t at = 0; at < 16; ++at) {
        for (const std::uint32_t n : {4u, 8u}) {
            const Bytes before = rig.bytes();
            const Item item = rig.ask(Items(kKey).atomic(AtomicOp::kFetchAdd, at, n, 1));
            if (at % n == 0) {
                EXPECT_EQ(item.view.opcode, ItemOpcode::kData) << n << " at " << at;
            } else {
                EXPECT_EQ(item.view.opcode, ItemOpcode::kDone) << "T10: " << n << " at " << at;
                EXPECT_EQ(item.view.status(), TxnStatus::kRemoteAccess) << "T10";
                EXPECT_EQ(rig.bytes(), before) << "T10";
            }
        }
    }
}

TEST(Target, AnAtomicThatComesTwiceIsAnsweredTwiceAndDoneOnce) {
    TargetRig rig(64);
    const Items add = Items(kKey).atomic(AtomicOp::kFetchAdd, 0, 8, 5);
    const Psn first = rig.psn;
    EXPECT_EQ(rig.request(add), Drop::kCount);
    const Frame once = fill(rig.target, rig.now);
    EXPECT_EQ(rig.again(add, first), Drop::kTxnDuplicate) << "E2";
    EXPECT_TRUE(rig.target.wants_to_send(rig.now)) << "E2: acknowledged again";
    rig.now += 1ms;
    ASSERT_EQ(rig.target.on_time(rig.now), TimeEvent::kRetried);
    const Frame twice = fill(rig.target, rig.now);
    EXPECT_EQ(twice.payload, once.payload) << "E2: the first result, not the second";
    EXPECT_EQ(std::to_integer<int>(rig.bytes()[0]), 5) << "E2";
}

// Delivery.

TEST(Target, TakesTheNewItemsOfAnOverlappingFrameOnly) {
    TargetRig rig(64);
    const Psn first = rig.psn;
    Items items(kKey);
    for (int i = 0; i < 4; ++i) items.atomic(AtomicOp::kFetchAdd, 0, 8, 1);
    rig.request(items);
    rig.answers();
    for (int i = 0; i < 3; ++i) items.atomic(AtomicOp::kFetchAdd, 0, 8, 1);
    EXPECT_EQ(rig.again(items, first), Drop::kCount);
    EXPECT_EQ(std::to_integer<int>(rig.bytes()[0]), 7) << "E2: 4 of the 7 came before";
    EXPECT_EQ(rig.answers().size(), 3u);
    EXPECT_EQ(rig.again(items, first), Drop::kTxnDuplicate) << "E2";
}

TEST(Target, AGapIsNackedAndNothingBehindItDone) {
    TargetRig rig(64);
    const Items add = Items(kKey).atomic(AtomicOp::kFetchAdd, 0, 8, 1);
    EXPECT_EQ(rig.again(add, rig.psn + 1), Drop::kTxnGap) << "E8";
    EXPECT_EQ(rig.bytes(), Bytes(64)) << "E8";
    ASSERT_TRUE(rig.target.wants_to_send(rig.now));
    const Frame nack = fill(rig.target, rig.now);
    EXPECT_EQ(nack.header.opcode, wire::Opcode::kNack);
    EXPECT_EQ(nack.header.ack, rig.psn.value);
    EXPECT_EQ(nack.payload[0], static_cast<std::byte>(wire::NackReason::kGap));
    EXPECT_EQ(rig.again(add, rig.psn + 1), Drop::kTxnGap);
    EXPECT_FALSE(rig.target.wants_to_send(rig.now)) << "once";
    rig.now += rig.profile.retry_min;
    EXPECT_EQ(rig.again(add, rig.psn + 1), Drop::kTxnGap);
    EXPECT_TRUE(rig.target.wants_to_send(rig.now)) << "it lasts";
}

TEST(Target, NumbersFromElsewhereChangeNothing) {
    TargetRig rig(64);
    const Items add = Items(kKey).atomic(AtomicOp::kFetchAdd, 0, 8, 1);
    EXPECT_EQ(rig.again(add, rig.psn + (1u << 31)), Drop::kTxnStale) << "T4";
    EXPECT_EQ(rig.frame({.opcode = wire::Opcode::kRequest, .psn = rig.psn.value, .ack = 901},
                        add.bytes()),
              Drop::kTxnStale)
        << "T4: it acknowledges what was never sent";
    EXPECT_EQ(rig.bytes(), Bytes(64)) << "T4";
    EXPECT_TRUE(rig.target.is_idle());
}

TEST(Target, AMalformedItemSpoilsItsWholeFrame) {
    TargetRig rig(64);
    const Items items = Items(kKey).store(0, pattern(8)).raw(pattern(3));
    EXPECT_EQ(rig.request(items), Drop::kTxnMalformed);
    EXPECT_EQ(rig.request(Items(kKey)), Drop::kTxnMalformed) << "no items";
    EXPECT_EQ(rig.bytes(), Bytes(64)) << "all or nothing";
    EXPECT_TRUE(rig.target.is_idle());
}

// Whatever a head promises: ASan sees a look behind the end of the block.
TEST(Target, AHeadWithoutItsBodySpoilsItsFrame) {
    for (int opcode = 0; opcode < 256; ++opcode) {
        for (unsigned flags = 0; flags < 8; ++flags) {
            for (const std::uint32_t length : {0u, 1u, 4u, 8u, 256u, 65535u}) {
                Bytes head(wire::kItemHeadSize);
                wire::put_head(head.data(), static_cast<ItemOpcode>(opcode),
                               static_cast<std::uint8_t>(flags), length);
                for (const std::size_t size : {4u, 5u, 20u, 23u}) {
                    const auto block = std::make_unique<std::byte[]>(size);
                    std::ranges::copy(head, block.get());
                    wire::ItemReader reader(std::span(block.get(), size));
                    while (const auto item = reader.next()) {
                        ASSERT_LE(item->data.size(), size - wire::kItemHeadSize) << "E3";
                    }
                    const auto n = wire::count_items(std::span(block.get(), size));
                    ASSERT_EQ(n.has_value(), reader.done()) << opcode;
                }
            }
        }
    }
}

TEST(Target, AResponseAmongRequestsIsAnsweredAndDoesNothing) {
    TargetRig rig(64);
    EXPECT_EQ(rig.status(Items(kKey).done(9)), TxnStatus::kInvalid);
    EXPECT_EQ(rig.status(Items(kKey).value(pattern(8))), TxnStatus::kInvalid);
    EXPECT_EQ(rig.status(Items(kKey).read_data(pattern(8), wire::kItemLast)), TxnStatus::kInvalid);
    EXPECT_EQ(rig.bytes(), Bytes(64));
}

TEST(Target, SoundItemsComeBackThroughTheirReader) {
    TargetRig rig(4096);
    rig.receives.post(64);
    const Items items = Items(kKey)
                            .store(0, pattern(77))
                            .load(0, 77)
                            .atomic(AtomicOp::kCompareSwap, 128, 4, 6, 0)
                            .write(200, pattern(100), false)
                            .write(300, pattern(50, 3))
                            .send(pattern(9), true, 0xFEED)
                            .read(200, 150);
    EXPECT_EQ(rig.request(items), Drop::kCount);
    const auto all = rig.answers();
    ASSERT_EQ(all.size(), 5u);
    EXPECT_EQ(all[0].view.length, 1) << "the store";
    EXPECT_EQ(all[1].data, pattern(77)) << "E8: the load behind it sees it";
    EXPECT_EQ(all[2].data, Bytes(4));
    EXPECT_EQ(all[3].view.length, 2) << "the write and the send are one item";
    Bytes wanted = pattern(100);
    const Bytes more = pattern(50, 3);
    wanted.insert(wanted.end(), more.begin(), more.end());
    EXPECT_EQ(all[4].data, wanted) << "E9";
    EXPECT_TRUE(all[4].view.is_last());
    ASSERT_EQ(rig.receives.messages.size(), 1u);
    EXPECT_EQ(rig.receives.messages[0].bytes, pattern(9));
    EXPECT_EQ(rig.receives.messages[0].received.immediate, 0xFEEDu);
}

// Responses.

TEST(Target, ResultsOfARowBecomeOneItemUntilItIsSent) {
    TargetRig rig(64);
    Items items(kKey);
    for (int i = 0; i < 5; ++i) items.store(0, pattern(8));
    rig.request(items);
    const Frame first = fill(rig.target, rig.now);
    ASSERT_EQ(first.items.size(), 1u);
    EXPECT_EQ(first.items[0].view.length, 5);
    rig.request(Items(kKey).store(0, pattern(8)));
    const Frame second = fill(rig.target, rig.now);
    ASSERT_EQ(second.items.size(), 1u) << "a PSN keeps its item";
    EXPECT_EQ(second.header.psn, first.header.psn + 1);
    EXPECT_EQ(second.items[0].view.length, 1);
    rig.now += 1ms;
    rig.target.on_time(rig.now);
    rig.request(Items(kKey).store(0, pattern(8)));
    const Frame again = fill(rig.target, rig.now);
    ASSERT_EQ(again.items.size(), 3u);
    EXPECT_EQ(again.items[0].view.length, 5) << "a PSN keeps its item, also when it goes again";
    EXPECT_EQ(again.items[1].view.length, 1);
    EXPECT_EQ(again.items[2].view.length, 1);
}

TEST(Target, ResultsThatDifferStayApart) {
    TargetRig rig(64);
    EXPECT_EQ(rig.request(Items(kKey)
                              .store(0, pattern(8))
                              .store(60, pattern(8))
                              .store(60, pattern(8))
                              .store(0, pattern(8))),
              Drop::kCount);
    const auto all = rig.answers();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].view.status(), TxnStatus::kOk);
    EXPECT_EQ(all[1].view.status(), TxnStatus::kRemoteAccess);
    EXPECT_EQ(all[1].view.length, 2);
    EXPECT_EQ(all[2].view.status(), TxnStatus::kOk) << "E1: to each its own";
}

TEST(Target, AFullRingTakesNoMoreUntilItIsAcknowledged) {
    TxnProfile profile;
    profile.transactions_max = 4;
    TargetRig rig(64, Rights::kAll, profile);
    Items items(kKey);
    for (int i = 0; i < 6; ++i) items.atomic(AtomicOp::kFetchAdd, 0, 8, 1);
    EXPECT_EQ(rig.request(items), Drop::kTxnNoRoom) << "E10";
    EXPECT_EQ(std::to_integer<int>(rig.bytes()[0]), 4) << "E10: the first four";
    const Frame nack = fill(rig.target, rig.now);
    EXPECT_EQ(nack.header.opcode, wire::Opcode::kNack);
    EXPECT_EQ(nack.header.ack, rig.psn.value) << "what was taken is acknowledged";
    EXPECT_EQ(nack.payload[0], static_cast<std::byte>(wire::NackReason::kNoRoom));
    EXPECT_EQ(rig.answers().size(), 4u);
    Items rest(kKey);
    for (int i = 0; i < 2; ++i) rest.atomic(AtomicOp::kFetchAdd, 0, 8, 1);
    EXPECT_EQ(rig.request(rest), Drop::kCount);
    EXPECT_EQ(std::to_integer<int>(rig.bytes()[0]), 6);
}

// A greedy initiator that ignores the budget gets no bytes of another load.
TEST(Target, LoadDataStaysWholeThroughEveryWrapOfItsStore) {
    TxnProfile profile;
    profile.transactions_max = 64;
    profile.response_bytes_max = 1024;
    TargetRig rig(4096, Rights::kAll, profile);
    std::ranges::copy(pattern(4096), rig.memory.get());
    Random random(3);
    struct Asked {
        std::uint64_t at;
        std::uint32_t n;
    };
    std::deque<Asked> asked;
    Psn ack{900};
    for (int i = 0; i < 20'000; ++i) {
        if (random.chance(0.55)) {
            const auto n = static_cast<std::uint32_t>(9 + random.below(248));
            const Asked one{random.below(4096 - n), n};
            rig.ack = ack;
            const Drop drop = rig.request(Items(kKey).load(one.at, n));
            ASSERT_TRUE(drop == Drop::kCount || drop == Drop::kTxnNoRoom) << "E10";
            if (drop == Drop::kCount) asked.push_back(one);
        } else if (!asked.empty()) {
            rig.target.on_new_path(rig.now);
            Frame out = fill(rig.target, rig.now);
            if (out.header.opcode == wire::Opcode::kNack) out = fill(rig.target, rig.now);
            ASSERT_EQ(out.header.psn, ack.value);
            ASSERT_LE(out.items.size(), asked.size());
            for (std::size_t k = 0; k < out.items.size(); ++k) {
                const Bytes wanted = slice(rig.bytes(), asked[k].at, asked[k].n);
                ASSERT_EQ(out.items[k].data, wanted) << "E3: bytes of another load";
            }
            const auto n = static_cast<std::uint32_t>(random.below(out.items.size() + 1));
            ack = ack + n;
            asked.erase(asked.begin(), asked.begin() + n);
            rig.frame({.opcode = wire::Opcode::kAck, .psn = rig.psn.value, .ack = ack.value}, {});
        }
    }
}

TEST(Target, AReadsWindowMayGoInTheMiddle) {
    TargetRig rig(8192);
    std::ranges::copy(pattern(8192), rig.memory.get());
    rig.request(Items(kKey).read(0, 8000));
    const Frame first = fill(rig.target, rig.now);
    ASSERT_EQ(first.items.size(), 1u);
    EXPECT_FALSE(first.items[0].view.is_last());
    rig.windows.remove(kKey);
    rig.memory.reset();  // ASan: nobody looks at it any more (E6, T8)
    const Frame rest = fill(rig.target, rig.now);
    const std::uint32_t part = part_bytes(rig.profile);
    ASSERT_EQ(rest.items.size(), (8000 + part - 1) / part - 1) << "every part has its item";
    for (const Item& item : rest.items) {
        EXPECT_TRUE(item.view.is_error()) << "E6";
        EXPECT_TRUE(item.data.empty()) << "E6";
        EXPECT_EQ(item.view.is_last(), &item == &rest.items.back());
    }
}

TEST(Target, WhoGuessesKeysWaits) {
    TargetRig rig(64);
    Items guesses(kKey + 16);
    for (std::uint32_t i = 0; i < KeyMeter::kBurst; ++i) guesses.load(0, 8);
    EXPECT_EQ(rig.request(guesses), Drop::kCount);
    EXPECT_EQ(rig.target.keys().errors(), KeyMeter::kBurst);
    rig.answers();
    EXPECT_EQ(rig.request(Items(kKey).load(0, 8)), Drop::kTxnKeyRate) << "T1";
    rig.now += KeyMeter::kRefill;
    EXPECT_EQ(rig.request(Items(kKey).load(0, 8)), Drop::kCount) << "T1: slowed, not ended";
}

TEST(Target, ANewLifeBuysNoNewGuesses) {
    TargetRig rig(64);
    Items guesses(kKey + 16);
    for (std::uint32_t i = 0; i < KeyMeter::kBurst; ++i) guesses.load(0, 8);
    rig.request(guesses);
    rig.target.start({kPeer, kTenant}, rig.psn, Psn{900}, rig.now);
    EXPECT_EQ(rig.request(Items(kKey + 16).load(0, 8)), Drop::kTxnKeyRate)
        << "T1: opening a channel again is cheap";
}

TEST(Target, AnInitiatorThatAcknowledgesNothingIsGone) {
    TargetRig rig(64);
    rig.request(Items(kKey).load(0, 8));
    fill(rig.target, rig.now);
    const Time start = rig.now;
    while (rig.now - start < rig.profile.give_up_after) {
        ASSERT_NE(rig.target.on_time(rig.now), TimeEvent::kFailed);
        rig.now += 1ms;
    }
    EXPECT_EQ(rig.target.on_time(rig.now), TimeEvent::kFailed);
}

}  // namespace
}  // namespace ethlink::txn::test
