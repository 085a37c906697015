// SPDX-License-Identifier: BSD-3-Clause
// Channels between endpoints: they open, are refused, and end, each time with a definite answer.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "tests/unit/txn/endpoint_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::Opcode;
using wire::TxnHeader;
using wire::TxnStatus;

TEST(Endpoint, AChannelOpensWorksAndCloses) {
    EndpointRig rig;
    Program program;
    ASSERT_TRUE(rig.open(program, *rig.a, kB));
    EXPECT_TRUE(rig.a->endpoint.is_open(program.channel));
    EXPECT_FALSE(rig.a->endpoint.has_room(program.channel)) << "the target has not answered";
    rig.wire.run(1ms, [&] { return program.opened; });
    for (int i = 0; i < 20; ++i) rig.add_to(program, *rig.a);
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(program.count(TxnStatus::kOk), 20u) << "E1";
    EXPECT_EQ(EndpointRig::word(*rig.b), 20u) << "E2";
    rig.a->endpoint.close(program.channel, rig.wire.now);
    EXPECT_TRUE(program.ended);
    EXPECT_EQ(program.why, TxnStatus::kCancelled);
    EXPECT_FALSE(rig.a->endpoint.is_open(program.channel));
    EXPECT_FALSE(rig.a->endpoint.has_room(program.channel));
    rig.a->endpoint.close(program.channel, rig.wire.now);
    rig.wire.run(1ms);
    EXPECT_EQ(rig.a->endpoint.outstanding() + rig.b->endpoint.outstanding(), 0u);
    EXPECT_EQ(rig.a->endpoint.stats().read(TxnStat::kChannelsOpened), 1u);
    EXPECT_EQ(rig.a->endpoint.stats().read(TxnStat::kChannelsFailed), 0u);
}

TEST(Endpoint, RequestsAndResponsesNeverShareAVc) {
    EndpointRig rig;
    const Tap tap(rig.wire);
    for (const ChannelClass kind : {ChannelClass::kLoadStore, ChannelClass::kRdma}) {
        Program program;
        rig.connect(program, *rig.a, kB, kind);
        rig.submit(program, *rig.a, {.operation = Operation::kStore, .length = 8});
        ASSERT_TRUE(rig.finish(program));
        rig.a->endpoint.close(program.channel, rig.wire.now);
        rig.wire.run(1ms);
    }
    for (const Seen& seen : tap.all) {
        EXPECT_EQ(seen.vc.value % 2 == 1, (seen.header().flags & TxnHeader::kFromTarget) != 0)
            << "S10: " << name(seen.header().opcode);
    }
}

TEST(Endpoint, AClosedChannelIsNotItsSuccessor) {
    EndpointRig rig;
    Program first, second;
    rig.connect(first, *rig.a, kB);
    rig.a->endpoint.close(first.channel, rig.wire.now);
    rig.connect(second, *rig.a, kB);
    EXPECT_EQ(first.channel.index, second.channel.index);
    EXPECT_NE(first.channel, second.channel) << "E1: no alias";
    EXPECT_FALSE(rig.a->endpoint.is_open(first.channel));
    rig.a->endpoint.close(first.channel, rig.wire.now);
    EXPECT_TRUE(rig.a->endpoint.is_open(second.channel)) << "E1";
    rig.add_to(second, *rig.a);
    EXPECT_TRUE(rig.finish(second));
}

TEST(Endpoint, ChannelsFromHereAreLimited) {
    EndpointRig rig({.initiators = 2});
    Program one, two, three;
    EXPECT_TRUE(rig.open(one, *rig.a, kB));
    EXPECT_TRUE(rig.open(two, *rig.a, kB));
    EXPECT_FALSE(rig.open(three, *rig.a, kB)) << "T7, E10";
    rig.a->endpoint.close(one.channel, rig.wire.now);
    EXPECT_TRUE(rig.open(three, *rig.a, kB));
    EXPECT_FALSE(rig.a->endpoint.is_open({.index = 77}));
}

TEST(Endpoint, OneSourceTakesItsQuotaAndNotThatOfOthers) {
    EndpointRig rig({.targets = 8, .targets_per_source = 3});
    sim::TxnNode& c = rig.add(kC);
    std::vector<Program> mine(4);
    for (std::size_t i = 0; i < 3; ++i) rig.connect(mine[i], *rig.a, kB);
    ASSERT_TRUE(rig.open(mine[3], *rig.a, kB));
    rig.wire.run(1ms, [&] { return mine[3].ended; });
    EXPECT_EQ(mine[3].why, TxnStatus::kUnreachable) << "T7";
    EXPECT_EQ(rig.b->endpoint.stats().read(TxnStat::kChannelsRefused), 1u) << "T7";
    EXPECT_EQ(rig.b->dropped(Drop::kTxnNoRoom), 1u);
    Program other;
    rig.connect(other, c, kB);
    rig.add_to(other, c);
    EXPECT_TRUE(rig.finish(other)) << "T7: no effect on others";
    rig.a->endpoint.close(mine[0].channel, rig.wire.now);
    rig.wire.run(100us);
    Program again;
    rig.connect(again, *rig.a, kB);
    EXPECT_TRUE(again.opened) << "T7: a closed one gives its place back";
}

TEST(Endpoint, AllSourcesTogetherTakeWhatThereIs) {
    EndpointRig rig({.targets = 3, .targets_per_source = 2});
    sim::TxnNode& c = rig.add(kC);
    std::vector<Program> programs(4);
    rig.connect(programs[0], *rig.a, kB);
    rig.connect(programs[1], *rig.a, kB);
    rig.connect(programs[2], c, kB);
    ASSERT_TRUE(rig.open(programs[3], c, kB));
    rig.wire.run(1ms, [&] { return programs[3].ended; });
    EXPECT_TRUE(programs[3].ended) << "T7";
    rig.add_to(programs[0], *rig.a);
    EXPECT_TRUE(rig.finish(programs[0]));
}

// Peers that go.

TEST(Endpoint, APeerThatNeverWasIsUnreachable) {
    EndpointRig rig;
    Program program;
    ASSERT_TRUE(rig.open(program, *rig.a, GpuId{0x999}));
    const Time start = rig.wire.now;
    ASSERT_TRUE(rig.wire.run(1s, [&] { return program.ended; })) << "E1";
    EXPECT_EQ(program.why, TxnStatus::kUnreachable) << "E1";
    EXPECT_LE(rig.wire.now - start, rig.profile.give_up_after + 100us) << "E1: in time";
    EXPECT_FALSE(rig.a->endpoint.is_open(program.channel));
}

TEST(Endpoint, APeerThatDiesForGoodEndsEverythingInTime) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB, ChannelClass::kRdma);
    rig.submit(program, *rig.a, {.operation = Operation::kWrite, .length = 4096});
    rig.submit(program, *rig.a, {.operation = Operation::kFence});
    rig.submit(program, *rig.a, {.operation = Operation::kRead, .length = 4096});
    rig.wire.step();
    rig.wire.kill(kB);
    const Time start = rig.wire.now;
    ASSERT_TRUE(rig.wire.run(1s, [&] { return program.ended; })) << "E1";
    EXPECT_LE(rig.wire.now - start, rig.profile.give_up_after + 100us) << "E1: in time";
    ASSERT_EQ(program.done.size(), 3u) << "E1";
    EXPECT_EQ(program.done[0].status, TxnStatus::kTimeout) << "E2: unknown";
    EXPECT_EQ(program.done[2].status, TxnStatus::kUnreachable) << "E2: not done";
    EXPECT_EQ(program.why, TxnStatus::kTimeout);
    EXPECT_EQ(rig.a->endpoint.outstanding(), 0u) << "E10";
}

TEST(Endpoint, APeerThatComesBackIsAnotherOne) {
    for (const Duration away : {Duration(0), Duration(10ms)}) {
        EndpointRig rig;
        std::vector<Program> programs(3);
        for (Program& program : programs) rig.connect(program, *rig.a, kB);
        std::uint64_t before = 0;
        for (int turn = 0; turn < 40; ++turn) {
            for (Program& program : programs) {
                if (rig.a->endpoint.has_room(program.channel)) rig.add_to(program, *rig.a);
            }
            if (turn != 30) {
                rig.wire.step();
                continue;
            }
            before = EndpointRig::word(*rig.b);
            rig.wire.kill(kB);
            rig.wire.run(away);
            rig.b = &rig.add(kB);
        }
        ASSERT_TRUE(rig.wire.run(1s, [&] {
            return std::ranges::all_of(programs, &Program::ended);
        })) << "E1";
        std::size_t ok = 0, unknown = 0;
        for (const Program& program : programs) {
            EXPECT_EQ(program.why, TxnStatus::kPeerRestarted);
            ok += program.count(TxnStatus::kOk);
            unknown += program.count(TxnStatus::kPeerRestarted);
        }
        const std::uint64_t applied = before + EndpointRig::word(*rig.b);
        EXPECT_GE(applied, ok) << "E2: success is once";
        EXPECT_LE(applied, ok + unknown) << "E2: an error is at most once";
        EXPECT_GT(unknown, 0u);
        Program again;
        rig.connect(again, *rig.a, kB);
        rig.add_to(again, *rig.a);
        ASSERT_TRUE(rig.finish(again));
        EXPECT_EQ(again.count(TxnStatus::kOk), 1u) << "a new channel works";
    }
}

TEST(Endpoint, AnIdleChannelStaysOpenForThirtySeconds) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB);
    rig.wire.turn = 50us;
    rig.wire.run(30s);
    EXPECT_FALSE(program.ended);
    rig.wire.turn = 1us;
    rig.add_to(program, *rig.a);
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(program.count(TxnStatus::kOk), 1u);
}

TEST(Endpoint, WhatAVanishedInitiatorHeldIsReclaimed) {
    TxnProfile profile = EndpointRig::quick();
    profile.items_max = 2;  // parts that go out at once
    EndpointRig rig({.targets = 1}, profile);
    Program program;
    rig.connect(program, *rig.a, kB, ChannelClass::kRdma);
    rig.b->receives.post(8192);
    program.local.resize(8192);
    rig.submit(program, *rig.a, {.operation = Operation::kSend, .length = 8192});
    ASSERT_TRUE(rig.wire.run(5us, [&] { return rig.b->receives.claimed() == 1; }));
    rig.wire.weather.loss = 1;
    rig.wire.run(10us);
    rig.wire.kill(kA);
    rig.wire.weather = {};
    sim::TxnNode& c = rig.add(kC);
    rig.wire.turn = 50us;
    rig.wire.run(9s);
    Program early;
    ASSERT_TRUE(rig.open(early, c, kB));
    rig.wire.run(1ms);
    EXPECT_TRUE(early.ended) << "it may be alive yet";
    EXPECT_EQ(rig.b->receives.delivered, 0u);
    rig.wire.run(2s);
    Program late;
    rig.connect(late, c, kB);
    EXPECT_TRUE(late.opened) << "T11: reclaimed by the timer";
    EXPECT_EQ(rig.b->receives.delivered, rig.b->receives.claimed()) << "T11";
    EXPECT_EQ(rig.b->endpoint.outstanding(), 0u);
}

TEST(Endpoint, AnInitiatorThatTakesNoAnswersLosesItsChannel) {
    EndpointRig rig({.targets = 1});
    Program program;
    rig.connect(program, *rig.a, kB);
    rig.add_to(program, *rig.a);
    rig.wire.run(3us);
    rig.wire.kill(kA);
    rig.wire.run(rig.profile.give_up_after + 1ms);
    EXPECT_EQ(rig.b->endpoint.outstanding(), 0u) << "T11";
    sim::TxnNode& c = rig.add(kC);
    Program other;
    rig.connect(other, c, kB);
    EXPECT_TRUE(other.opened);
}

TEST(Endpoint, AMessageThatNobodyWantsFailsByThatName) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB, ChannelClass::kRdma);
    for (int i = 0; i < 8; ++i) {
        rig.submit(program, *rig.a, {.operation = Operation::kSend, .length = 4096});
    }
    ASSERT_TRUE(rig.wire.run(1s, [&] { return program.ended; })) << "E1";
    EXPECT_EQ(program.count(TxnStatus::kNoReceive), 8u);
}

TEST(Endpoint, AMessageWaitsForItsBuffer) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB, ChannelClass::kRdma);
    for (int i = 0; i < 8; ++i) {
        rig.submit(program, *rig.a, {.operation = Operation::kSend, .length = 4096});
    }
    for (int i = 0; i < 8; ++i) {
        rig.wire.run(20ms);
        EXPECT_EQ(rig.b->receives.delivered, static_cast<std::size_t>(i));
        rig.b->receives.post(4096);
        ASSERT_TRUE(rig.wire.run(
            150ms, [&] { return rig.b->receives.delivered == static_cast<std::size_t>(i) + 1; }));
    }
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(program.count(TxnStatus::kOk), 8u) << "E9";
}

// Ends.

TEST(Endpoint, CloseEndsWhatIsUnderWayAtOnce) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB);
    for (int i = 0; i < 10; ++i) rig.add_to(program, *rig.a);
    rig.wire.step();
    rig.a->endpoint.close(program.channel, rig.wire.now);
    EXPECT_TRUE(program.ended);
    EXPECT_EQ(program.count(TxnStatus::kCancelled), 10u) << "E1";
    rig.wire.run(50ms);
    EXPECT_EQ(program.done.size(), 10u) << "E1: none after close";
    EXPECT_EQ(rig.b->endpoint.outstanding(), 0u);
    EXPECT_LE(EndpointRig::word(*rig.b), 10u) << "E2";
}

TEST(Endpoint, CloseBeforeTheTargetHasAnswered) {
    EndpointRig rig;
    Program program, next;
    ASSERT_TRUE(rig.open(program, *rig.a, kB));
    rig.wire.run(51us);
    rig.a->endpoint.close(program.channel, rig.wire.now);
    EXPECT_EQ(program.why, TxnStatus::kCancelled);
    rig.connect(next, *rig.a, kB);
    EXPECT_FALSE(program.opened);
    rig.add_to(next, *rig.a);
    EXPECT_TRUE(rig.finish(next));
}

// Strangers.

TEST(Endpoint, AFrameOfNoChannelGetsAResetAndAResetGetsNone) {
    EndpointRig rig;
    const Tap tap(rig.wire);
    std::size_t resets = 0;
    for (const Opcode opcode :
         {Opcode::kRequest, Opcode::kAck, Opcode::kNack, Opcode::kReset, Opcode::kOpened}) {
        const TxnHeader header{.opcode = opcode, .channel = 3, .psn = 1234};
        Bytes payload = Items(kKeyOfAll).store(0, Bytes(8)).bytes();
        payload.resize(wire::payload_size(opcode).value_or(payload.size()));
        const Bytes frame = sim::make_frame({.dst = kB, .src = kC, .entropy = 99}, header, payload);
        EXPECT_EQ(rig.wire.inject(frame, PortId{1}, Vc{2}), Drop::kTxnUnknownChannel);
        rig.wire.step();
        const auto answers = tap.of(Opcode::kReset, kC);
        if (opcode != Opcode::kReset) ++resets;
        ASSERT_EQ(answers.size(), resets) << name(opcode);
        const Seen& answer = answers.back();
        EXPECT_EQ(answer.header().ack, 1234u) << "T4: it says of which frame it speaks";
        EXPECT_EQ(answer.header().flags, TxnHeader::kFromTarget);
        EXPECT_EQ(answer.header().channel, 3);
        EXPECT_EQ(answer.port, PortId{1}) << "back by the way it came";
        EXPECT_EQ(answer.view().entropy(), 99);
        EXPECT_EQ(answer.vc, Vc{3}) << "S10";
    }
    for (const Opcode opcode : {Opcode::kResponse, Opcode::kAck, Opcode::kNack, Opcode::kReset}) {
        const TxnHeader header{
            .opcode = opcode, .flags = TxnHeader::kFromTarget, .channel = 3, .psn = 1};
        const Bytes payload(wire::payload_size(opcode).value_or(1));
        EXPECT_EQ(rig.wire.inject(sim::make_frame({.dst = kB, .src = kC}, header, payload)),
                  Drop::kTxnUnknownChannel);
    }
    rig.wire.run(100us);
    EXPECT_EQ(tap.of(Opcode::kReset, kC).size(), resets) << "a target gets no RESET of strangers";
}

TEST(Endpoint, AFloodOfStrangersIsAnsweredNoFasterThanItCanBeSent) {
    EndpointRig rig;
    const Tap tap(rig.wire);
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        const TxnHeader header{.opcode = Opcode::kAck, .channel = 3, .psn = i};
        rig.wire.inject(sim::make_frame({.dst = kB, .src = kC}, header, {}));
    }
    rig.wire.step();
    EXPECT_LE(tap.of(Opcode::kReset, kC).size(), 64u) << "E10: bounded";
    Program program;
    rig.connect(program, *rig.a, kB);
    EXPECT_TRUE(program.opened);
}

TEST(Endpoint, ACopyOfAnOpenIsAnsweredAndChangesNothing) {
    EndpointRig rig;
    Program program;
    Tap tap(rig.wire);
    rig.connect(program, *rig.a, kB);
    rig.add_to(program, *rig.a);
    ASSERT_TRUE(rig.finish(program));
    const Seen open = tap.of(Opcode::kOpen, kB).at(0);
    const Seen opened = tap.of(Opcode::kOpened, kA).at(0);
    tap.all.clear();
    EXPECT_EQ(rig.wire.inject(open.bytes, open.port, open.vc), Drop::kCount);
    rig.wire.run(10us);
    ASSERT_EQ(tap.of(Opcode::kOpened, kA).size(), 1u);
    EXPECT_EQ(tap.of(Opcode::kOpened, kA)[0].header().psn, opened.header().psn);
    EXPECT_EQ(rig.a->dropped(Drop::kTxnDuplicate), 1u);
    rig.add_to(program, *rig.a);
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(EndpointRig::word(*rig.b), 2u) << "E2";
    EXPECT_FALSE(program.ended);
}

TEST(Endpoint, AnInitiatorThatComesBackReplacesItsOldChannel) {
    EndpointRig rig({.targets_per_source = 1});
    Program program;
    rig.connect(program, *rig.a, kB);
    rig.wire.kill(kA);
    rig.a = &rig.add(kA);
    Program again;
    rig.connect(again, *rig.a, kB);
    ASSERT_TRUE(again.opened) << "T7: its own record is no obstacle";
    rig.add_to(again, *rig.a);
    EXPECT_TRUE(rig.finish(again));
}

}  // namespace
}  // namespace ethlink::txn::test
