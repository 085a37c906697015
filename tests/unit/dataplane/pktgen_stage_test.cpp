// SPDX-License-Identifier: BSD-3-Clause
// Does the test endpoint make the frames of its plan, and say of each frame what became of it?
#include "dataplane/pktgen_stage.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/wire_port.h"
#include "dataplane/worker.h"
#include "tests/sim/frame.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using Endpoint = Worker<SimFrame, PktgenStage<SimFrame>>;

constexpr GpuId kSelf{0x0200}, kPeer{0x0201};
constexpr Vc kVc{2};
constexpr std::uint32_t kRun = make_run(7, 1), kPeersRun = make_run(7, 2);

/// One endpoint with two streams on a plain port, and hands at the other end of its wire.
struct Rig {
    explicit Rig(const PktgenIdentity& who = identity())
        : wire(std::make_shared<Wire<SimFrame>>(4096)),
          device(wire, WirePort<SimFrame>::End::kA),
          endpoint(
              WorkerId{0},
              std::make_shared<Crossbar<SimFrame>>(std::vector<PortHome>{{WorkerId{0}, 0}}, 1, 0),
              PktgenStage<SimFrame>(who, plans.reader(0), pool)) {
        PortRules rules;
        rules.is_link = false;
        rules.vc_map = VcMap::all(kVc);
        rules.admitted_max.fill(100);
        const std::vector<std::uint32_t> queue_frames(3, 64);
        endpoint.add_port(std::make_unique<PortState<SimFrame>>(device, rules, profile, LinkEnd{},
                                                                queue_frames, 0, pool));
    }

    static PktgenIdentity identity() {
        PktgenIdentity who;
        who.self = kSelf;
        who.run = kRun;
        who.streams = {{.dst = kPeer, .vc = kVc, .entropy = 7, .dscp = 16},
                       {.dst = GpuId{0x0202}, .vc = kVc}};
        who.sources = {kPeer};
        who.streams_per_source = 2;
        return who;
    }
    void publish(const PktgenPlan& plan) { plans.publish(std::make_unique<PktgenPlan>(plan)); }
    /// Turns of a microsecond; all that left on the wire.
    std::vector<SimFrame> run(int turns) {
        std::vector<SimFrame> frames;
        for (; turns > 0; --turns) {
            endpoint.poll_once(now += 1us);
            for (std::size_t n = wire->a_to_b().size(4096); n > 0; --n) {
                frames.push_back(std::move(wire->a_to_b().front()));
                wire->a_to_b().pop();
            }
            wire->a_to_b().release();
        }
        return frames;
    }
    void hear(SimFrame frame) {
        wire->b_to_a().push(std::move(frame));
        wire->b_to_a().publish();
        endpoint.poll_once(now += 1us);
    }
    std::uint64_t stat(PktgenStat which) const { return endpoint.stage().stats().read(which); }
    std::uint64_t drops(Drop reason) const { return endpoint.port(0).counters.drops.read(reason); }
    /// A test frame to us: number and time as its maker would write them.
    SimFrame test_frame(std::uint64_t number, std::uint32_t stream = 0, GpuId src = kPeer) {
        return test_frame(TestPayload{.number = number, .run = kPeersRun, .stream = stream}, src);
    }
    SimFrame test_frame(TestPayload test, GpuId src = kPeer) {
        return frame_of([&](wire::DataFrame& repr, std::span<std::byte> payload) {
            repr.src = src;
            test.made_at = static_cast<std::uint64_t>(now.time_since_epoch().count());
            test.emit(payload);
        });
    }
    SimFrame frame_of(const std::function<void(wire::DataFrame&, std::span<std::byte>)>& change) {
        std::vector<std::byte> payload(28);
        store_be64(payload.data() + 8, static_cast<std::uint64_t>(now.time_since_epoch().count()));
        wire::DataFrame repr{.dst = kSelf,
                             .src = kPeer,
                             .vlan = {},
                             .net = {.ttl = 3},
                             .txn = {.opcode = wire::Opcode::kTest},
                             .payload = payload};
        change(repr, payload);
        SimFrame frame = pool.allocate(static_cast<std::uint32_t>(repr.size()));
        EXPECT_GT(repr.emit(frame.bytes()), 0u);
        return frame;
    }

    LinkProfile profile = quick_profile();
    FramePool pool{5000};
    std::shared_ptr<Wire<SimFrame>> wire;
    WirePort<SimFrame> device;
    Snapshot<PktgenPlan> plans{1};
    Endpoint endpoint;
    Time now{1s};
};

TEST(PktgenStage, SendsNothingWithoutAPlan) {
    Rig rig;
    EXPECT_TRUE(rig.run(10).empty());
    rig.publish({.sending = false, .sizes = {100}});
    EXPECT_TRUE(rig.run(10).empty());
}

TEST(PktgenStage, SendsItsPlanInTurn) {
    Rig rig;
    rig.publish({.sending = true, .sizes = {60, 566, 1514}, .frames_max = 600});
    const auto frames = rig.run(200);
    ASSERT_EQ(frames.size(), 600u);
    for (std::uint64_t i = 0; i < 600; ++i) {
        const auto view = wire::parse(frames[i].bytes());
        ASSERT_TRUE(view);
        EXPECT_TRUE(wire::check_icrc(*view));
        EXPECT_EQ(view->src(), kSelf);
        EXPECT_EQ(view->dst(), i % 2 == 0 ? kPeer : GpuId{0x0202});
        EXPECT_EQ(view->entropy(), i % 2 == 0 ? 7 : 0);
        EXPECT_EQ(view->dscp(), i % 2 == 0 ? 16 : 0);
        EXPECT_FALSE(view->is_tagged());
        EXPECT_EQ(frames[i].size(), (std::array{60u, 566u, 1514u}[i % 3]));
        const auto txn = wire::TxnView::parse(view->txn_bytes());
        ASSERT_TRUE(txn);
        const auto test = TestPayload::parse(txn->payload());
        ASSERT_TRUE(test);
        EXPECT_EQ(test->stream, i % 2);
        EXPECT_EQ(test->number, i / 2);
        EXPECT_EQ(test->run, kRun);
        EXPECT_EQ(test->kind, TestPayload::Kind::kData);
    }
    EXPECT_EQ(rig.stat(PktgenStat::kSentFrames), 600u);
    EXPECT_EQ(rig.stat(PktgenStat::kSentBytes), 200u * (60 + 566 + 1514));
}

TEST(PktgenStage, KeepsItsPace) {
    Rig rig;
    rig.publish({.sending = true, .sizes = {60}, .frames_per_second = 100'000});
    EXPECT_NEAR(static_cast<double>(rig.run(10'000).size()), 1000, 2);
    // A new plan begins anew: what the old one did not send is not made up for.
    rig.publish({.sending = false, .sizes = {60}});
    EXPECT_TRUE(rig.run(1000).empty());
    rig.publish({.sending = true, .sizes = {60}, .frames_per_second = 10'000});
    EXPECT_NEAR(static_cast<double>(rig.run(10'000).size()), 100, 2);
}

TEST(PktgenStage, TagsItsFramesWithItsTenant) {
    PktgenIdentity who = Rig::identity();
    who.tenant = Tenant{42};
    Rig rig(who);
    rig.publish({.sending = true, .sizes = {64}, .frames_max = 2});
    const auto frames = rig.run(2);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(wire::parse(frames[0].bytes())->tenant(), Tenant{42});
    EXPECT_EQ(frames[0].size(), 64u);
}

TEST(PktgenStage, WithoutABufferItTriesAgain) {
    Rig rig;
    std::vector<SimFrame> hoard;
    while (SimFrame frame = rig.pool.allocate(60)) hoard.push_back(std::move(frame));
    rig.publish({.sending = true, .sizes = {60}, .frames_max = 5});
    EXPECT_TRUE(rig.run(3).empty());
    EXPECT_GT(rig.stat(PktgenStat::kNoBuffer), 0u);
    hoard.clear();
    EXPECT_EQ(rig.run(3).size(), 5u);  // None was skipped.
}

TEST(PktgenStage, FollowsEachStream) {
    Rig rig;
    for (const std::uint64_t n : {0u, 1u, 3u}) rig.hear(rig.test_frame(n));
    EXPECT_EQ(rig.stat(PktgenStat::kInOrder), 3u);
    EXPECT_EQ(rig.endpoint.stage().missing(), 1u);
    rig.hear(rig.test_frame(2));
    EXPECT_EQ(rig.stat(PktgenStat::kReordered), 1u);
    EXPECT_EQ(rig.endpoint.stage().missing(), 0u);
    rig.hear(rig.test_frame(3));
    EXPECT_EQ(rig.stat(PktgenStat::kDuplicated), 1u);
    rig.hear(rig.test_frame(0, 1));
    EXPECT_EQ(rig.stat(PktgenStat::kInOrder), 4u);
    EXPECT_EQ(rig.stat(PktgenStat::kReceivedFrames), 6u);
    EXPECT_EQ(rig.stat(PktgenStat::kReceivedBytes), 360u);
    // Of no stream that is known here.
    rig.hear(rig.test_frame(0, 2));
    rig.hear(rig.test_frame(0, 0, GpuId{0x0333}));
    EXPECT_EQ(rig.stat(PktgenStat::kUnexpected), 2u);
    EXPECT_EQ(rig.stat(PktgenStat::kReceivedFrames), 6u);
}

TEST(PktgenStage, KnowsTheLargestGapOfEachStream) {
    Rig rig;
    const auto gap = [&](std::size_t stream) {
        return rig.endpoint.stage().flow(0, stream).largest_gap.read();
    };
    EXPECT_EQ(rig.endpoint.stage().flow(0, 0).last_at.read(), 0u);
    rig.hear(rig.test_frame(0));
    EXPECT_EQ(gap(0), 0u) << "a gap has two ends";
    rig.now += 70us;
    rig.hear(rig.test_frame(1));
    rig.hear(rig.test_frame(0, 1));
    rig.now += 30us;
    rig.hear(rig.test_frame(2));
    EXPECT_EQ(gap(0), 71'000u);
    EXPECT_EQ(gap(1), 0u);
    EXPECT_EQ(rig.endpoint.stage().flow(0, 0).frames.read(), 3u);
    EXPECT_EQ(rig.endpoint.stage().flow(0, 0).last_at.read(),
              static_cast<std::uint64_t>(rig.now.time_since_epoch().count()));
    // Anew, but what had begun counts.
    rig.endpoint.stage().forget_gaps();
    rig.now += 9us;
    rig.hear(rig.test_frame(3));
    EXPECT_EQ(gap(0), 10'000u);
    rig.hear(rig.test_frame(4));
    EXPECT_EQ(gap(0), 10'000u);
}

TEST(PktgenStage, OfAnotherTenantNothingIsTaken) {
    PktgenIdentity who = Rig::identity();
    who.tenant = Tenant{42};
    Rig rig(who);
    rig.hear(rig.test_frame(0));
    EXPECT_EQ(rig.stat(PktgenStat::kReceivedFrames), 0u);
    EXPECT_EQ(rig.drops(Drop::kTenantGuard), 1u);
}

TEST(PktgenStage, MeasuresLatencyFromTheTimeInTheFrame) {
    Rig rig;
    SimFrame frame = rig.test_frame(0);
    rig.now += 24us;
    rig.hear(std::move(frame));
    rig.run(1);  // The turn in which it arrived is over when the next one begins.
    EXPECT_EQ(rig.endpoint.stage().latency().snapshot().max(), 26'000u);
    EXPECT_EQ(rig.endpoint.stage().latency().snapshot().min(), 26'000u);
    // A clock that is ahead of ours says nothing.
    rig.now += 100us;
    SimFrame future = rig.test_frame(1);
    rig.now -= 50us;
    rig.hear(std::move(future));
    rig.run(1);
    EXPECT_EQ(rig.endpoint.stage().latency().snapshot().count(), 1u);
    // Neither does that of another host.
    rig.hear(rig.test_frame({.number = 2, .run = make_run(8, 2)}));
    rig.run(1);
    EXPECT_EQ(rig.endpoint.stage().latency().snapshot().count(), 1u);
}

TEST(PktgenStage, NoFrameSeemsToArriveWhenItIsMade) {
    Rig rig;
    for (std::uint64_t n = 0; n < 3; ++n) {
        rig.now += 1us;
        SimFrame frame = rig.test_frame(n);
        rig.now -= 1us;
        rig.hear(std::move(frame));  // In the very turn of its making.
    }
    rig.run(1);
    EXPECT_EQ(rig.endpoint.stage().latency().snapshot().count(), 3u);
    EXPECT_EQ(rig.endpoint.stage().latency().snapshot().min(), 1000u);
}

TEST(PktgenStage, ASourceThatWasStartedAgainBeginsAnew) {
    Rig rig;
    for (const std::uint64_t n : {0u, 1u, 3u}) rig.hear(rig.test_frame(n));
    for (const std::uint32_t run : {make_run(7, 3), make_run(9, 3)}) {
        for (const std::uint64_t n : {0u, 1u, 2u}) {
            rig.hear(rig.test_frame({.number = n, .run = run}));
        }
    }
    EXPECT_EQ(rig.stat(PktgenStat::kInOrder), 9u);
    EXPECT_EQ(rig.stat(PktgenStat::kDuplicated), 0u);
    EXPECT_EQ(rig.endpoint.stage().missing(), 1u);  // Number 2 of the first run never came.
}

std::optional<TestPayload> payload_of(const SimFrame& frame) {
    const auto view = wire::parse(frame.bytes());
    if (!view) return {};
    const auto txn = wire::TxnView::parse(view->txn_bytes());
    return txn ? TestPayload::parse(txn->payload()) : std::nullopt;
}

TEST(PktgenStage, AnswersAProbeAndCountsNoFrame) {
    Rig rig;
    rig.hear(rig.test_frame({.run = kPeersRun, .kind = TestPayload::Kind::kProbe, .stream = 1}));
    const auto frames = rig.run(1);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(wire::parse(frames[0].bytes())->dst(), kPeer);
    EXPECT_EQ(frames[0].size(), 60u);
    const auto answer = payload_of(frames[0]);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->kind, TestPayload::Kind::kAnswer);
    EXPECT_EQ(answer->run, kPeersRun);
    EXPECT_EQ(answer->stream, 1u);
    EXPECT_EQ(rig.stat(PktgenStat::kProbes), 1u);
    EXPECT_EQ(rig.stat(PktgenStat::kSentFrames) + rig.stat(PktgenStat::kReceivedFrames), 0u);
    // A stranger gets none.
    rig.hear(rig.test_frame({.kind = TestPayload::Kind::kProbe}, GpuId{0x0333}));
    EXPECT_TRUE(rig.run(1).empty());
    EXPECT_EQ(rig.stat(PktgenStat::kUnexpected), 1u);
}

TEST(PktgenStage, ProbesSlowlyUntilItIsAnswered) {
    Rig rig;
    rig.publish({.sending = true, .probing = true, .sizes = {60}});
    EXPECT_EQ(rig.run(20'000).size(), 8u);  // 20 ms, two streams.
    EXPECT_FALSE(rig.endpoint.stage().is_answered(0));
    const TestPayload yes{.run = kRun, .kind = TestPayload::Kind::kAnswer, .stream = 0};
    TestPayload of_another_run = yes;
    of_another_run.run = kPeersRun;
    rig.hear(rig.test_frame(of_another_run));
    EXPECT_FALSE(rig.endpoint.stage().is_answered(0));
    TestPayload of_no_stream = yes;
    of_no_stream.stream = 2;
    rig.hear(rig.test_frame(of_no_stream));
    rig.hear(rig.test_frame(yes));
    EXPECT_TRUE(rig.endpoint.stage().is_answered(0));
    EXPECT_FALSE(rig.endpoint.stage().is_answered(1));
    rig.run(1);
    EXPECT_EQ(rig.run(20'000).size(), 4u);  // Only the other one is asked.
    EXPECT_EQ(rig.stat(PktgenStat::kSentFrames), 0u);
    rig.publish({.sending = true, .sizes = {60}, .frames_max = 2});
    const auto frames = rig.run(5);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(payload_of(frames[0])->number, 0u);  // Probes have no number.
}

TEST(PktgenStage, RefusesByName) {
    using Bytes = std::span<std::byte>;
    struct Case {
        std::optional<Drop> reason;
        std::function<void(wire::DataFrame&, Bytes)> repr = [](wire::DataFrame&, Bytes) {};
        std::function<void(Bytes)> bytes = [](Bytes) {};
    };
    const auto seal = [](Bytes bytes) {  // A right ICRC for what was changed.
        const auto view = wire::parse(bytes);
        ASSERT_TRUE(view);
        store_be32(bytes.data() + view->icrc_offset(), wire::compute_icrc(*view));
    };
    const std::vector<Case> cases{
        {.reason = {}},
        {.reason = Drop::kNotForMe,
         .repr = [](wire::DataFrame& repr, Bytes) { repr.dst = GpuId{99}; }},
        {.reason = Drop::kBadIcrc, .bytes = [](Bytes bytes) { bytes[40] ^= std::byte{1}; }},
        {.reason = Drop::kUnknownOpcode,
         .bytes =
             [&](Bytes bytes) {
                 bytes[16] = std::byte{0x77};
                 seal(bytes);
             }},
        {.reason = Drop::kUnknownVersion,
         .bytes =
             [&](Bytes bytes) {
                 bytes[17] |= std::byte{0x40};
                 seal(bytes);
             }},
        {.reason = Drop::kTxnMalformed,
         .repr = [](wire::DataFrame& repr, Bytes) { repr.payload = repr.payload.first(23); }},
        {.reason = Drop::kTxnMalformed,
         .repr = [](wire::DataFrame&, Bytes payload) { payload[20] = std::byte{3}; }},
        {.reason = Drop::kTxnMalformed,
         .repr = [](wire::DataFrame& repr, Bytes) { repr.txn.opcode = wire::Opcode::kAck; }},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.reason ? std::string(name(*c.reason)) : "good");
        Rig rig;
        SimFrame frame = rig.frame_of(c.repr);
        c.bytes(frame.bytes());
        rig.hear(std::move(frame));
        EXPECT_EQ(rig.stat(PktgenStat::kReceivedFrames), c.reason ? 0u : 1u);
        if (c.reason) {
            EXPECT_EQ(rig.drops(*c.reason), 1u);
        }
        // Refused or taken: what it was admitted with is given back.
        EXPECT_EQ(rig.endpoint.port(0).admitted[kVc.value], 0u);
        EXPECT_EQ(rig.pool.in_use(), 0u);
    }
}

}  // namespace
}  // namespace ethlink::sim
