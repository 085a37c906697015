// SPDX-License-Identifier: BSD-3-Clause
// Ports go down, spines die, replies get stuck: channels move and nobody waits for others.
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/txn/endpoint_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::Opcode;
using wire::TxnHeader;
using wire::TxnStatus;

TEST(Endpoint, AChannelLeavesAPortThatIsDown) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB);
    for (int i = 0; i < 6; ++i) {
        const std::size_t dead = static_cast<std::size_t>(i) % 2;
        rig.wire.weather.dead_ports = {dead == 0, dead == 1};
        rig.a->down_ports = rig.b->down_ports = rig.wire.weather.dead_ports;
        rig.add_to(program, *rig.a);
        const Time start = rig.wire.now;
        ASSERT_TRUE(rig.finish(program));
        EXPECT_LT(rig.wire.now - start, 500us) << "no timer had to run out";
    }
    EXPECT_EQ(program.count(TxnStatus::kOk), 6u);
    EXPECT_EQ(EndpointRig::word(*rig.b), 6u) << "E2";
    EXPECT_GE(rig.a->endpoint.stats().read(TxnStat::kPathChanges), 5u);
}

TEST(Endpoint, AChannelLeavesAPathThatAnswersNothing) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB);
    for (int i = 0; i < 6; ++i) {
        const std::size_t dead = static_cast<std::size_t>(i) % 2;
        rig.wire.weather.dead_ports = {dead == 0, dead == 1};
        rig.add_to(program, *rig.a);
        const Time start = rig.wire.now;
        ASSERT_TRUE(rig.finish(program));
        EXPECT_LT(rig.wire.now - start, 20ms) << "path_retries, then another one";
    }
    EXPECT_EQ(program.count(TxnStatus::kOk), 6u);
    EXPECT_EQ(EndpointRig::word(*rig.b), 6u) << "E2";
    EXPECT_GE(rig.a->endpoint.stats().read(TxnStat::kRetries), 4u);
}

TEST(Endpoint, WhoHasNothingToRepeatAnswersByTheWayOfWhoRepeats) {
    // In the middle of a message only one side has something unacknowledged: a target that takes
    // the parts of a write, an initiator that takes those of a read. Its own way may be dead.
    TxnProfile profile = EndpointRig::quick();
    profile.items_max = 1;
    for (int i = 0; i < 32; ++i) {
        // A part comes and its ACK goes every 4 us: at some of these moments one of them is lost.
        const Duration after = 12us + (i / 4) * 500ns;
        const std::size_t dead = static_cast<std::size_t>(i) % 2;
        EndpointRig rig({}, profile);
        Program program;
        rig.connect(program, *rig.a, kB, ChannelClass::kRdma);
        Bytes local(20'000);
        rig.submit(program, *rig.a,
                   {.operation = i % 4 < 2 ? Operation::kWrite : Operation::kRead,
                    .length = 20'000,
                    .local = local.data()});
        rig.wire.run(after);
        rig.wire.weather.dead_ports = {dead == 0, dead == 1};
        ASSERT_TRUE(rig.finish(program));
        EXPECT_EQ(program.count(TxnStatus::kOk), 1u) << "E1, " << i;
    }
}

TEST(Endpoint, ADeadSpineIsLeftByAnotherEntropy) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB);
    Tap tap(rig.wire);
    rig.wire.weather.loss = 1;
    rig.add_to(program, *rig.a);
    rig.wire.run(100ms);
    std::vector<std::uint16_t> entropies;
    for (const Seen& seen : tap.of(Opcode::kRequest, kB)) {
        if (entropies.empty() || entropies.back() != seen.view().entropy()) {
            entropies.push_back(seen.view().entropy());
        }
    }
    EXPECT_GE(entropies.size(), 3u);
    rig.wire.weather.loss = 0;
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(program.count(TxnStatus::kOk), 1u);
    EXPECT_EQ(EndpointRig::word(*rig.b), 1u) << "E2";
}

TEST(Endpoint, WithAllPortsDownItWaits) {
    EndpointRig rig;
    Program program;
    rig.connect(program, *rig.a, kB);
    rig.a->down_ports = rig.wire.weather.dead_ports = {true, true};
    rig.add_to(program, *rig.a);
    rig.wire.run(100ms);
    EXPECT_TRUE(program.done.empty());
    rig.a->down_ports = rig.wire.weather.dead_ports = {};
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(program.count(TxnStatus::kOk), 1u);
}

/// A sender whose port 0 takes nothing.
struct HalfDeaf {
    std::vector<PortId> taken;
    Bytes room = Bytes(2048);
    PortId port;
    std::span<std::byte> begin(PortId to, Vc) {
        port = to;
        return to.value == 0 ? std::span<std::byte>() : std::span(room);
    }
    void commit(std::size_t) { taken.push_back(port); }
};

TEST(Endpoint, RepliesThatCannotGoHoldUpNobodyElses) {
    EndpointRig rig;
    const auto strange = [&](std::uint16_t port) {
        const TxnHeader header{.opcode = Opcode::kAck, .channel = 3};
        rig.wire.inject(sim::make_frame({.dst = kB, .src = kC}, header, {}), PortId{port});
    };
    for (const bool second : {false, true, false, true}) strange(second ? 1 : 0);
    HalfDeaf sender;
    EXPECT_TRUE(rig.b->endpoint.send(sender, rig.wire.now));
    EXPECT_EQ(sender.taken, (std::vector<PortId>{PortId{1}, PortId{1}}));
    EXPECT_FALSE(rig.b->endpoint.send(sender, rig.wire.now)) << "once";
    const Tap tap(rig.wire);
    rig.wire.step();
    EXPECT_EQ(tap.of(Opcode::kReset, kC).size(), 2u) << "the others wait";
}

}  // namespace
}  // namespace ethlink::txn::test
