// SPDX-License-Identifier: BSD-3-Clause
// What a peer can make an endpoint send, learn from its answers, and take from others: counted, in
// virtual time.
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/txn/endpoint_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::Opcode;
using wire::TxnHeader;
using wire::TxnStatus;

// T6: amplification.

/// Counts what goes to one GPU.
struct Meter {
    Meter(sim::TxnWire& wire_, GpuId gpu) : wire(&wire_) {
        wire->tap = [this, gpu](const Bytes& bytes, PortId, Vc) {
            if (wire::parse(bytes)->dst() == gpu) sent += bytes.size();
        };
    }
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;
    ~Meter() {
        wire->tap = [](const Bytes&, PortId, Vc) {};
    }
    sim::TxnWire* wire;
    std::uint64_t sent = 0;
};

TEST(EndpointLimits, AllChannelsOfASourceTogetherHoldABoundedNumberOfUnacknowledgedBytes) {
    TxnProfile profile = EndpointRig::quick();
    profile.items_max = 128;
    const TxnLimits limits{.targets = 32, .targets_per_source = 4};
    EndpointRig rig(limits, profile);
    sim::TxnNode& c = rig.add(kC, limits);
    std::vector<Program> channels(limits.targets_per_source);
    for (Program& program : channels) rig.connect(program, c, kB, ChannelClass::kRdma);
    // Each asks for 4 MiB by 64 requests of some 40 bytes, and then acknowledges nothing.
    Bytes landing(1 << 16);
    for (Program& program : channels) {
        for (std::uint32_t i = 0; i < profile.transactions_max; ++i) {
            rig.submit(program, c,
                       {.operation = Operation::kRead, .length = 1 << 16, .local = landing.data()});
        }
    }
    rig.wire.step();
    rig.wire.kill(kC);
    const std::uint64_t per_channel =
        std::uint64_t{profile.items_max} * (part_bytes(profile) + wire::kTxnOverhead + 64);
    const std::uint64_t bound = limits.targets_per_source * per_channel;
    Meter meter(rig.wire, kC);
    rig.wire.run(profile.retry_min / 2);
    EXPECT_LE(meter.sent, bound) << "T6: outstanding bytes of one source";
    EXPECT_GT(meter.sent, bound / 2) << "it is the window that stops it, nothing else";
    // Retries: 1, 2, 4 ... ms apart, at most retry_max, until give_up_after.
    std::uint64_t retries = 0;
    Duration apart = profile.retry_min;
    for (Duration at = apart; at < profile.give_up_after + apart; at += apart, ++retries) {
        apart = std::min(apart * 2, profile.retry_max);
    }
    rig.wire.run(profile.give_up_after);
    EXPECT_LE(meter.sent, bound * (1 + retries)) << "T6: nobody answers, so it goes on slower";
    const std::uint64_t at_the_end = meter.sent;
    rig.wire.turn = 50us;
    rig.wire.run(11s);
    EXPECT_EQ(meter.sent, at_the_end) << "T6: its channels are over";
    EXPECT_EQ(rig.b->endpoint.outstanding(), 0u);
}

TEST(EndpointLimits, AnotherSourceGetsItsAnswersBesideOneThatTakesNone) {
    const TxnLimits limits{.targets = 32, .targets_per_source = 4};
    EndpointRig rig(limits);
    sim::TxnNode& c = rig.add(kC, limits);
    std::vector<Program> channels(limits.targets_per_source);
    for (Program& program : channels) rig.connect(program, c, kB, ChannelClass::kRdma);
    for (Program& program : channels) {
        rig.submit(program, c, {.operation = Operation::kRead, .length = 4096});
    }
    rig.wire.step();
    rig.wire.kill(kC);
    Program honest;
    rig.connect(honest, *rig.a, kB);
    for (int i = 0; i < 1000; ++i) {
        rig.add_to(honest, *rig.a);
        ASSERT_TRUE(rig.finish(honest, 10us)) << "T6: it waits for others, at " << i;
    }
}

// T12: time.

/// What A gets, and when, counted from the request on.
using Answers = std::vector<std::pair<Duration, Bytes>>;

Answers ask(const Request& request, const std::function<void(EndpointRig&)>& prepare) {
    EndpointRig rig;
    Program program;
    const bool bulk = request.operation >= Operation::kWrite;
    rig.connect(program, *rig.a, kB, bulk ? ChannelClass::kRdma : ChannelClass::kLoadStore);
    rig.wire.run(1ms);
    WindowTable& windows = rig.b->endpoint.windows();
    windows.remove(kKeyOfAll);
    prepare(rig);
    Answers answers;
    const Time asked = rig.wire.now;
    rig.wire.tap = [&](const Bytes& bytes, PortId, Vc) {
        if (wire::parse(bytes)->dst() == kA) answers.emplace_back(rig.wire.now - asked, bytes);
    };
    rig.submit(program, *rig.a, request);
    EXPECT_TRUE(rig.finish(program));
    EXPECT_EQ(program.count(TxnStatus::kRemoteAccess), 1u);
    rig.wire.run(1ms);
    rig.wire.tap = [](const Bytes&, PortId, Vc) {};
    return answers;
}

class EndpointTiming : public testing::TestWithParam<Request> {};

TEST_P(EndpointTiming, EachRefusalComesAtTheSameTimeInTheSameBytes) {
    const Request request = GetParam();
    const auto window = [](std::uint64_t key, std::uint64_t size, std::uint8_t rights,
                           std::uint16_t tenant) {
        return [=](EndpointRig& rig) {
            ASSERT_LE(size, rig.b->memory.size());
            rig.b->endpoint.windows().add(
                {key, rig.b->memory.data(), size, rights, Tenant{tenant}});
        };
    };
    const auto refusal = ask(request, [](EndpointRig&) {});
    ASSERT_FALSE(refusal.empty());
    const std::pair<const char*, std::function<void(EndpointRig&)>> cases[] = {
        {"another key of the same slot", window(kKeyOfAll ^ 1ull << 63, 4096, Rights::kAll, 0)},
        {"another key of another slot", window(kKeyOfAll ^ 1, 4096, Rights::kAll, 0)},
        {"no right at all", window(kKeyOfAll, 4096, 0, 0)},
        {"behind the end", window(kKeyOfAll, 8, Rights::kAll, 0)},
        {"a byte too long", window(kKeyOfAll, 71, Rights::kAll, 0)},
        {"another tenant", window(kKeyOfAll, 4096, Rights::kAll, 7)},
        {"revoked",
         [&](EndpointRig& rig) {
             window(kKeyOfAll, 4096, Rights::kAll, 0)(rig);
             rig.b->endpoint.windows().remove(kKeyOfAll);
         }},
    };
    for (const auto& [name, prepare] : cases) {
        EXPECT_EQ(ask(request, prepare), refusal) << "T3, T12: " << name;
    }
}

std::string name_of(const testing::TestParamInfo<Request>& info) {
    static constexpr const char* kNames[] = {"load", "store", "atomic", "write", "read"};
    return kNames[static_cast<std::size_t>(info.param.operation)];
}

INSTANTIATE_TEST_SUITE_P(
    T12, EndpointTiming,
    testing::Values(Request{.operation = Operation::kLoad, .length = 8, .address = 64},
                    Request{.operation = Operation::kStore, .length = 8, .address = 64},
                    Request{.operation = Operation::kAtomic, .length = 8, .address = 64},
                    Request{.operation = Operation::kWrite, .length = 8, .address = 64},
                    Request{.operation = Operation::kRead, .length = 8, .address = 64}),
    name_of);

/// Completions of an honest program that keeps its channel full, while somebody else does `evil`
/// each turn.
struct Honest {
    std::size_t done = 0;
    std::vector<Time> times;
};

Honest rate_beside(const TxnLimits& limits, const std::function<void(EndpointRig&, int)>& evil) {
    EndpointRig rig(limits);
    Program program;
    rig.connect(program, *rig.a, kB);
    Honest honest;
    for (int turn = 0; turn < 20'000; ++turn) {
        evil(rig, turn);
        while (rig.a->endpoint.has_room(program.channel)) rig.add_to(program, *rig.a);
        rig.wire.step();
        for (; honest.done < program.done.size(); ++honest.done) {
            EXPECT_EQ(program.done[honest.done].status, TxnStatus::kOk);
            honest.times.push_back(rig.wire.now);
        }
    }
    EXPECT_FALSE(program.ended);
    return honest;
}

TEST(EndpointLimits, OthersGoOnAtFullRateBesideOneWhoGuessesKeys) {
    const TxnLimits limits{.targets = 32, .targets_per_source = 16};
    const Honest alone = rate_beside(limits, [](EndpointRig&, int) {});
    ASSERT_GT(alone.done, 100'000u);
    std::vector<Program> guessing(16);
    std::uint64_t guesses = 0;
    const Honest beside = rate_beside(limits, [&](EndpointRig& rig, int turn) {
        if (turn == 0) {
            sim::TxnNode& c = rig.add(kC, limits);
            for (Program& program : guessing) ASSERT_TRUE(rig.open(program, c, kB));
        }
        sim::TxnNode& c = *rig.wire.nodes.at(kC.value);
        for (Program& program : guessing) {
            while (program.opened && c.endpoint.has_room(program.channel)) {
                ++program.submitted;
                ASSERT_TRUE(c.endpoint.submit(program.channel,
                                              {.operation = Operation::kStore,
                                               .length = 8,
                                               .key = 0x6E55'0000'0000 + ++guesses,
                                               .local = program.local.data()},
                                              rig.wire.now));
            }
        }
        if (turn != 19'999) return;
        // 64 at once, one a millisecond, and at most those of one frame on top; 16 channels.
        EXPECT_LE(rig.b->endpoint.stats().read(TxnStat::kKeyErrors), 16u * (64 + 20 + 80)) << "T1";
        EXPECT_GE(rig.b->endpoint.stats().read(TxnStat::kKeyErrors), 16u * 64);
        EXPECT_EQ(rig.b->endpoint.stats().read(TxnStat::kChannelsFailed), 0u);
    });
    for (const Program& program : guessing) EXPECT_TRUE(program.opened);
    EXPECT_EQ(beside.times, alone.times) << "T12, A2: each answer as early as alone";
}

TEST(EndpointLimits, OthersGoOnAtFullRateBesideAFlood) {
    const TxnLimits limits{.targets = 32, .targets_per_source = 8};
    const Honest alone = rate_beside(limits, [](EndpointRig&, int) {});
    std::uint32_t n = 0;
    std::uint64_t refused = 0;
    const Honest beside = rate_beside(limits, [&](EndpointRig& rig, int) {
        for (int i = 0; i < 20; ++i) {
            static constexpr Opcode kKinds[] = {Opcode::kRequest, Opcode::kAck,   Opcode::kNack,
                                                Opcode::kOpen,    Opcode::kReset, Opcode::kResponse,
                                                Opcode::kOpened};
            const auto number = n++;
            const TxnHeader header{.opcode = kKinds[number % std::size(kKinds)],
                                   .flags = static_cast<std::uint8_t>(number / 7 % 2),
                                   .channel = static_cast<std::uint16_t>(number / 14 % 64),
                                   .psn = number * 2'654'435'761u,
                                   .ack = number};
            Bytes body;
            if (header.opcode == Opcode::kOpen) {
                body.resize(OpenBody::kOpenedSize);
                OpenBody{.nonce = number, .kind = ChannelClass::kRdma}.emit(
                    std::span(body).first<OpenBody::kOpenedSize>());
            } else if (header.opcode == Opcode::kRequest) {
                body = Items(number).load(0, 8).bytes();
            }
            body.resize(wire::payload_size(header.opcode).value_or(body.size()));
            const Drop drop = rig.wire.inject(
                sim::make_frame({.dst = number % 3 == 0 ? kA : kB, .src = kC}, header, body));
            refused += drop != Drop::kCount;
        }
    });
    EXPECT_GT(refused, 300'000u);
    EXPECT_EQ(beside.times, alone.times) << "T7, T12, A2: each answer as early as alone";
}

}  // namespace
}  // namespace ethlink::txn::test
