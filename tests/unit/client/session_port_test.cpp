// SPDX-License-Identifier: BSD-3-Clause
// The daemon's end of a session, against programs that keep the rules and programs that do not.
#include "dataplane/client/session_port.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/client/futex.h"
#include "tests/unit/client/shared_memory.h"

namespace ethlink::client {
namespace {

using test::load_of;
using test::RawProgram;
using test::store_data;

constexpr std::uint32_t kDepth = kDepthMin;
constexpr std::uint16_t kLoadStorePeer = 0;
constexpr std::uint16_t kRdmaPeer = 1;
constexpr std::uint16_t kWindow = 3;

class SessionPortTest : public testing::Test {
protected:
    SessionPortTest() {
        port.open_peer(kLoadStorePeer, kLoadStoreOpcodes);
        port.open_peer(kRdmaPeer, kRdmaOpcodes);
        port.add_window(kWindow, window);
    }

    /// Takes and completes everything that is there.
    std::uint32_t serve() {
        std::uint32_t served = 0;
        while (const auto submission = port.front()) {
            const std::uint16_t slot = submission->slot;
            port.pop(*submission);
            port.complete({.slot = slot});
            ++served;
        }
        port.flush();
        return served;
    }

    test::SharedMemory memory{kDepth};
    std::array<std::byte, 4096> window{};
    SessionPort port{memory.bytes(), kDepth};
    RawProgram program{memory.view()};
};

RawSubmission bulk_of(Opcode opcode, std::uint64_t offset, std::uint32_t length) {
    RawSubmission raw;
    raw.opcode = static_cast<std::uint8_t>(opcode);
    raw.peer = kRdmaPeer;
    raw.window = kWindow;
    raw.operand = offset;
    raw.length = length;
    return raw;
}

RawSubmission atomic_of(Opcode opcode, std::uint64_t address, std::uint32_t width) {
    RawSubmission raw;
    raw.opcode = static_cast<std::uint8_t>(opcode);
    raw.peer = kLoadStorePeer;
    raw.address = address;
    raw.length = width;
    return raw;
}

TEST_F(SessionPortTest, ALoadArrivesWithItsFieldsAndItsCompletionGoesBack) {
    EXPECT_FALSE(port.has_submissions());
    EXPECT_FALSE(port.front());
    RawSubmission raw = load_of(7, 0xC00C1E);
    raw.key = 0x1234;
    raw.address = 40;
    program.submit(raw);
    ASSERT_TRUE(port.has_submissions());
    const auto submission = port.front();
    ASSERT_TRUE(submission);
    EXPECT_TRUE(port.front()) << "looking changes nothing";
    EXPECT_EQ(submission->opcode, Opcode::kLoad);
    EXPECT_EQ(submission->slot, 7);
    EXPECT_EQ(submission->key, 0x1234u);
    EXPECT_EQ(submission->address, 40u);
    port.pop(*port.front());
    EXPECT_EQ(port.outstanding(), 1u);
    EXPECT_FALSE(port.front());
    port.complete({.slot = 7, .value = 55});
    EXPECT_EQ(port.outstanding(), 0u);
    const auto completion = program.take();
    ASSERT_TRUE(completion);
    EXPECT_EQ(completion->cookie, 0xC00C1Eu);
    EXPECT_EQ(completion->value, 55u);
    EXPECT_EQ(completion->length, 8u);
    EXPECT_EQ(completion->status, 0);
    EXPECT_FALSE(program.take());
}

TEST_F(SessionPortTest, StoreDataUpToEightBytesTravelsInTheRequest) {
    RawSubmission raw = load_of(0);
    raw.opcode = static_cast<std::uint8_t>(Opcode::kStore);
    raw.length = 3;
    const std::array<char, 3> text{'a', 'b', 'c'};
    std::memcpy(&raw.operand, text.data(), text.size());
    program.submit(raw);
    const auto submission = port.front();
    ASSERT_TRUE(submission);
    EXPECT_EQ(std::memcmp(store_data(*submission).data(), "abc", 3), 0);
    EXPECT_EQ(store_data(*submission).size(), 3u);
}

TEST_F(SessionPortTest, LongerDataLiesInTheSlot) {
    RawSubmission raw = load_of(9);
    raw.opcode = static_cast<std::uint8_t>(Opcode::kStore);
    raw.length = kSlotBytes;
    std::memset(memory.view().slot(9), 0x5A, kSlotBytes);
    program.submit(raw);
    const auto submission = port.front();
    ASSERT_TRUE(submission);
    ASSERT_EQ(store_data(*submission).size(), kSlotBytes);
    EXPECT_EQ(store_data(*submission).back(), std::byte{0x5A});
    port.pop(*port.front());
    port.complete({.slot = 9});
    raw.opcode = static_cast<std::uint8_t>(Opcode::kLoad);
    raw.length = 100;
    program.submit(raw);
    ASSERT_TRUE(port.front());
    port.pop(*port.front());
    port.complete({.slot = 9});
    EXPECT_EQ(program.take()->length, kSlotBytes);  // the store's
    EXPECT_EQ(program.take()->length, 100u);
}

TEST_F(SessionPortTest, ACompletedLoadOfEightBytesIsAValue) {
    program.submit(load_of(2));
    ASSERT_TRUE(port.front());
    port.pop(*port.front());
    const std::uint64_t value = 0x0123456789ABCDEF;
    port.complete({.slot = 2, .value = value});
    EXPECT_EQ(program.take()->value, value);
}

TEST_F(SessionPortTest, BulkRequestsLieInsideTheirWindow) {
    program.submit(bulk_of(Opcode::kWrite, 96, 4000));
    const auto submission = port.front();
    ASSERT_TRUE(submission);
    EXPECT_EQ(submission->local.data(), window.data() + 96);
    EXPECT_EQ(submission->local.size(), 4000u);
    port.pop(*port.front());
    EXPECT_EQ(port.window_uses(kWindow), 1u);
    port.complete({.slot = 0});
    EXPECT_EQ(port.window_uses(kWindow), 0u);
}

TEST_F(SessionPortTest, AReceiveTellsWhatItGot) {
    program.submit(bulk_of(Opcode::kRecv, 0, 512));
    ASSERT_TRUE(port.front());
    port.pop(*port.front());
    port.complete({.slot = 0, .length = 12, .value = 0xABCDEF, .immediate = true});
    const auto completion = program.take();
    ASSERT_TRUE(completion);
    EXPECT_EQ(completion->length, 12u);
    EXPECT_EQ(completion->value, 0xABCDEFu);
    EXPECT_EQ(completion->flags, CompletionFlag::kImmediate);
}

struct Malformed {
    const char* what;
    std::function<RawSubmission()> make;
};

RawSubmission changed(RawSubmission raw, const std::function<void(RawSubmission&)>& change) {
    change(raw);
    return raw;
}

std::vector<Malformed> malformed_requests() {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    const auto load = [](auto change) {
        return [change] { return changed(load_of(1, 77), change); };
    };
    const auto bulk = [](Opcode opcode, std::uint64_t offset, std::uint32_t length) {
        return [=] { return bulk_of(opcode, offset, length); };
    };
    return {
        {"opcode 0", load([](auto& raw) { raw.opcode = 0; })},
        {"opcode 15", load([](auto& raw) { raw.opcode = 15; })},
        {"opcode 255", load([](auto& raw) { raw.opcode = 255; })},
        {"an unknown flag", load([](auto& raw) { raw.flags = 0x80; })},
        {"inline, but no send", load([](auto& raw) { raw.flags = SubmissionFlag::kInline; })},
        {"reserved bits", load([](auto& raw) { raw.reserved = 1; })},
        {"a slot too far", load([](auto& raw) { raw.slot = kDepth; })},
        {"slot 65535", load([](auto& raw) { raw.slot = 0xFFFF; })},
        {"no such peer", load([](auto& raw) { raw.peer = 2; })},
        {"peer 256", load([](auto& raw) { raw.peer = 256; })},
        {"peer 65535", load([](auto& raw) { raw.peer = 0xFFFF; })},
        {"a load on an RDMA channel", load([](auto& raw) { raw.peer = kRdmaPeer; })},
        {"length 0", load([](auto& raw) { raw.length = 0; })},
        {"length 257", load([](auto& raw) { raw.length = 257; })},
        {"length 2^32-1", load([](auto& raw) { raw.length = 0xFFFFFFFF; })},
        {"a fence with a length",
         load([](auto& raw) { raw.opcode = static_cast<std::uint8_t>(Opcode::kFence); })},
        {"an atomic of 3 bytes", [] { return atomic_of(Opcode::kFetchAdd, 0, 3); }},
        {"an atomic of 16 bytes", [] { return atomic_of(Opcode::kSwap, 0, 16); }},
        {"an atomic at 4, 8 wide", [] { return atomic_of(Opcode::kFetchXor, 4, 8); }},
        {"an atomic at 2, 4 wide", [] { return atomic_of(Opcode::kCompareSwap, 2, 4); }},
        {"a write on a load/store channel",
         [] {
             return changed(bulk_of(Opcode::kWrite, 0, 1),
                            [](auto& raw) { raw.peer = kLoadStorePeer; });
         }},
        {"no such window",
         [] { return changed(bulk_of(Opcode::kRead, 0, 1), [](auto& raw) { raw.window = 4; }); }},
        {"window 256",
         [] { return changed(bulk_of(Opcode::kRead, 0, 1), [](auto& raw) { raw.window = 256; }); }},
        {"window 65535",
         [] {
             return changed(bulk_of(Opcode::kRead, 0, 1), [](auto& raw) { raw.window = 0xFFFF; });
         }},
        {"a byte behind the window", bulk(Opcode::kWrite, 4096, 1)},
        {"across the window's end", bulk(Opcode::kSend, 4000, 97)},
        {"more than the window", bulk(Opcode::kRecv, 0, 4097)},
        {"an offset that wraps", bulk(Opcode::kRead, kMax, 2)},
        {"an offset that wraps to the start", bulk(Opcode::kRead, kMax - 3, 8)},
        {"longer than 1 GiB", bulk(Opcode::kWriteImm, 0, kMessageBytesMax + 1)},
        {"length 2^32-1, bulk", bulk(Opcode::kWrite, 1, 0xFFFFFFFF)},
        {"257 bytes inline",
         [] {
             return changed(bulk_of(Opcode::kSend, 0, 257),
                            [](auto& raw) { raw.flags = SubmissionFlag::kInline; });
         }},
    };
}

TEST_F(SessionPortTest, AMalformedRequestEndsAsInvalidAndTheNextOneIsServed) {
    std::uint64_t expected = 0;
    for (const Malformed& malformed : malformed_requests()) {
        program.submit(malformed.make());
        program.submit(load_of(5, 1));
        const auto submission = port.front();
        ASSERT_TRUE(submission) << malformed.what;
        EXPECT_EQ(submission->cookie, 1u) << malformed.what;
        port.pop(*port.front());
        port.complete({.slot = 5});
        const auto rejected = program.take();
        ASSERT_TRUE(rejected) << malformed.what;
        EXPECT_EQ(rejected->status, static_cast<std::uint8_t>(Status::kInvalid)) << malformed.what;
        EXPECT_EQ(program.take()->status, 0) << malformed.what;
        EXPECT_EQ(port.counters().malformed.read(), ++expected) << malformed.what;
    }
    EXPECT_EQ(port.broken(), nullptr);
}

TEST_F(SessionPortTest, WithoutBytesNoWindowIsNeeded) {
    for (const Opcode opcode : {Opcode::kWriteImm, Opcode::kSend, Opcode::kRecv, Opcode::kWrite}) {
        RawSubmission raw = bulk_of(opcode, 0, 0);
        raw.window = 200;
        program.submit(raw);
        const auto submission = port.front();
        ASSERT_TRUE(submission);
        EXPECT_TRUE(submission->local.empty());
        port.pop(*port.front());
        port.complete({.slot = 0});
    }
}

TEST_F(SessionPortTest, ASlotThatIsInUseCannotBeNamedAgain) {
    program.submit(load_of(1, 10));
    program.submit(load_of(1, 11));
    ASSERT_TRUE(port.front());
    port.pop(*port.front());
    EXPECT_FALSE(port.front());
    const auto rejected = program.take();
    ASSERT_TRUE(rejected);
    EXPECT_EQ(rejected->cookie, 11u);
    EXPECT_EQ(rejected->status, static_cast<std::uint8_t>(Status::kInvalid));
    port.complete({.slot = 1});
    EXPECT_EQ(program.take()->cookie, 10u);
    program.submit(load_of(1, 12));
    EXPECT_TRUE(port.front()) << "free again";
}

TEST_F(SessionPortTest, CompletingTwiceOrNothingChangesNothing) {
    port.complete({.slot = 3});
    port.complete({.slot = 0xFFFF});
    EXPECT_FALSE(program.take());
    program.submit(load_of(3));
    EXPECT_EQ(serve(), 1u);
    port.complete({.slot = 3});
    EXPECT_TRUE(program.take());
    EXPECT_FALSE(program.take());
    EXPECT_EQ(port.outstanding(), 0u);
}

TEST_F(SessionPortTest, NoMoreIsTakenThanTheCompletionRingHolds) {
    // A program that takes no completions and asks on and on.
    for (std::uint32_t i = 0; i < kDepth; ++i) {
        program.submit(load_of(static_cast<std::uint16_t>(i), i));
        EXPECT_EQ(serve(), 1u);
    }
    for (std::uint32_t i = 0; i < kDepth; ++i) program.submit(load_of(0));
    EXPECT_FALSE(port.front());
    EXPECT_TRUE(port.has_submissions());
    for (std::uint32_t i = 0; i < kDepth; ++i) {
        ASSERT_TRUE(program.peek(i)) << i;
        EXPECT_EQ(program.peek(i)->cookie, i) << "none was overwritten";
    }
    ASSERT_TRUE(program.take());
    EXPECT_EQ(serve(), 1u) << "one taken, one more can come";
    EXPECT_EQ(port.broken(), nullptr);
}

TEST_F(SessionPortTest, OutstandingRequestsKeepTheirPlacesInTheCompletionRing) {
    for (std::uint32_t i = 0; i < kDepth; ++i) {
        program.submit(load_of(static_cast<std::uint16_t>(i), i));
        ASSERT_TRUE(port.front());
        port.pop(*port.front());
    }
    EXPECT_EQ(port.outstanding(), kDepth);
    for (int i = 0; i < 100; ++i) program.submit(load_of(0xFFFF));
    EXPECT_FALSE(port.front()) << "not even a malformed one has a place";
    EXPECT_EQ(port.counters().malformed.read(), 0u);
    for (std::uint32_t i = 0; i < kDepth; ++i) {
        port.complete({.slot = static_cast<std::uint16_t>(kDepth - 1 - i)});
    }
    for (std::uint32_t i = 0; i < kDepth; ++i) EXPECT_EQ(program.take()->cookie, kDepth - 1 - i);
}

TEST_F(SessionPortTest, ACountOfTakenCompletionsThatLiesBreaksTheSession) {
    for (std::uint32_t i = 0; i < kDepth; ++i) {
        program.submit(load_of(static_cast<std::uint16_t>(i)));
        EXPECT_EQ(serve(), 1u);
    }
    // More taken than there were.
    memory.view().control->completions_taken.store(kDepth + 1);
    program.submit(load_of(0));
    EXPECT_FALSE(port.front());
    ASSERT_NE(port.broken(), nullptr);
    memory.view().control->completions_taken.store(kDepth);
    EXPECT_FALSE(port.front()) << "and it stays so";
}

TEST_F(SessionPortTest, ACountThatGoesBackBreaksTheSession) {
    for (std::uint32_t i = 0; i < 2 * kDepth; ++i) {
        program.submit(load_of(static_cast<std::uint16_t>(i % kDepth)));
        ASSERT_EQ(serve(), 1u);
        ASSERT_TRUE(program.take());
    }
    memory.view().control->completions_taken.store(1);
    for (std::uint32_t i = 0; i < kDepth && port.broken() == nullptr; ++i) {
        program.submit(load_of(static_cast<std::uint16_t>(i)));
        serve();
    }
    program.submit(load_of(0));
    EXPECT_FALSE(port.front());
    EXPECT_NE(port.broken(), nullptr);
}

TEST_F(SessionPortTest, MalformedRequestsTakeABoundedTimeOfOneTurn) {
    for (std::uint32_t i = 0; i < 2 * SessionPort::kSkipMax; ++i) program.submit(load_of(0xFFFF));
    EXPECT_FALSE(port.front());
    EXPECT_EQ(port.counters().malformed.read(), SessionPort::kSkipMax);
    EXPECT_TRUE(port.has_submissions());
    EXPECT_FALSE(port.front());
    EXPECT_EQ(port.counters().malformed.read(), 2 * SessionPort::kSkipMax);
    EXPECT_FALSE(port.has_submissions());
}

TEST_F(SessionPortTest, WhatIsClosedWhileItIsLookedAtIsJudgedAgain) {
    program.submit(bulk_of(Opcode::kWrite, 0, 8));
    ASSERT_TRUE(port.front());
    port.remove_window(kWindow);
    EXPECT_FALSE(port.front()) << "no pointer into a window that is gone";
    EXPECT_EQ(program.take()->status, static_cast<std::uint8_t>(Status::kInvalid));
    program.submit(load_of(0));
    ASSERT_TRUE(port.front());
    port.close_peer(kLoadStorePeer);
    EXPECT_FALSE(port.front());
    EXPECT_EQ(program.take()->status, static_cast<std::uint8_t>(Status::kInvalid));
}

TEST_F(SessionPortTest, AChangeAfterTheLookHasNoEffect) {
    program.submit(bulk_of(Opcode::kWrite, 0, 8));
    const auto submission = port.front();
    ASSERT_TRUE(submission);
    RawSubmission other = bulk_of(Opcode::kWrite, 1u << 20, 1u << 20);
    other.slot = 0xFFFF;
    write_entry(memory.view().submission(0), 0, other);
    EXPECT_EQ(submission->local.size(), 8u);
    port.pop(*submission);
    port.complete({.slot = 0});
    EXPECT_EQ(program.take()->length, 8u);
}

TEST_F(SessionPortTest, RandomBytesEverywhereTouchNothingElse) {
    std::mt19937_64 random(11);
    const std::size_t entries = kDepth * sizeof(SubmissionEntry) / 8;
    for (int round = 0; round < 300 && port.broken() == nullptr; ++round) {
        // The right sequence numbers, so that the rest is looked at; some fields nearly right.
        for (std::uint32_t i = 0; i < kDepth; ++i) {
            RawSubmission raw;
            raw.opcode = static_cast<std::uint8_t>(random() % 17);
            raw.flags = static_cast<std::uint8_t>(random() % 8 == 0 ? random() : 0);
            raw.peer = static_cast<std::uint16_t>(random() % 4);
            raw.slot = static_cast<std::uint16_t>(random() % (kDepth + 2));
            raw.window = static_cast<std::uint16_t>(random() % 5);
            raw.length = static_cast<std::uint32_t>(random() >> (32 + random() % 32));
            raw.operand = random() >> (random() % 64);
            program.submit(raw);
        }
        for (std::uint32_t n = 0; n < kDepth && port.has_submissions(); ++n) {
            const auto submission = port.front();
            if (!submission) continue;
            ASSERT_LT(submission->slot, kDepth);
            const std::span<std::byte> local = submission->local;
            const bool in_slot =
                local.data() == port.slot(submission->slot).data() && local.size() <= kSlotBytes;
            const bool in_window = local.data() >= window.data() &&
                                   local.data() + local.size() <= window.data() + window.size();
            ASSERT_TRUE(local.empty() || in_slot || in_window);
            const std::uint16_t slot = submission->slot;
            port.pop(*submission);
            if (random() % 4 != 0) port.complete({.slot = slot});
        }
        for (std::uint16_t slot = 0; slot < kDepth; ++slot) port.complete({.slot = slot});
        EXPECT_EQ(port.outstanding(), 0u);
        EXPECT_EQ(port.window_uses(kWindow), 0u);
        while (program.take()) {
        }
    }
    EXPECT_GT(port.counters().malformed.read(), 1000u);
    EXPECT_GT(port.counters().taken.read(), 100u);
    // Now whole words of nonsense, the program's count included.
    for (int round = 0; round < 100; ++round) {
        for (std::size_t i = 0; i < entries; ++i) {
            memory.view().submissions[i / 8].word[i % 8].store(random());
        }
        memory.view().control->completions_taken.store(static_cast<std::uint32_t>(random()));
        serve();
    }
}

TEST_F(SessionPortTest, PositionsWrapAround) {
    // 2^32 requests are too many for a test; the rings wrap all the same, often.
    for (std::uint32_t i = 0; i < 50 * kDepth; ++i) {
        program.submit(load_of(static_cast<std::uint16_t>(i * 7 % kDepth), i));
        ASSERT_EQ(serve(), 1u);
        ASSERT_EQ(program.take()->cookie, i);
    }
}

TEST_F(SessionPortTest, WakesOnlyWhoSleeps) {
    SharedWord& sleeping = memory.view().control->sleeping;
    program.submit(load_of(0));
    serve();
    EXPECT_EQ(port.counters().wakes.read(), 0u);
    sleeping.store(1);
    port.flush();
    EXPECT_EQ(port.counters().wakes.read(), 0u) << "nothing new";
    program.submit(load_of(0));
    serve();
    EXPECT_EQ(port.counters().wakes.read(), 1u);
    EXPECT_EQ(sleeping.load(), 0u);
}

TEST_F(SessionPortTest, ASleepingProgramIsWoken) {
    std::thread sleeper([this] {
        SharedWord& sleeping = memory.view().control->sleeping;
        for (int i = 0; i < 1000; ++i) {
            program.submit(load_of(0, static_cast<std::uint64_t>(i)));
            for (std::optional<RawCompletion> completion; !(completion = program.take());) {
                sleeping.exchange(1, std::memory_order_acq_rel);
                if (!is_written(memory.view().completion(static_cast<std::uint32_t>(i)),
                                static_cast<std::uint32_t>(i))) {
                    futex_wait(sleeping, 1, std::chrono::seconds(30));
                }
            }
        }
    });
    const auto started = std::chrono::steady_clock::now();
    std::uint32_t served = 0;
    while (served < 1000) {
        served += serve();
        std::this_thread::yield();
    }
    sleeper.join();
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(25))
        << "a wake-up was lost";
    EXPECT_GT(port.counters().wakes.read(), 0u);
}

TEST_F(SessionPortTest, ShutTellsAndWakes) {
    memory.view().control->sleeping.store(1);
    port.shut();
    EXPECT_EQ(memory.view().control->closed.load(), 1u);
    EXPECT_EQ(port.counters().wakes.read(), 1u);
}

}  // namespace
}  // namespace ethlink::client
