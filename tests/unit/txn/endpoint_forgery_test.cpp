// SPDX-License-Identifier: BSD-3-Clause
// Frames with a good ICRC and wrong numbers: nobody ends or feeds a channel of others.
#include <optional>

#include <gtest/gtest.h>

#include "tests/unit/txn/endpoint_rig.h"

namespace ethlink::txn::test {
namespace {

using namespace std::chrono_literals;
using wire::Opcode;
using wire::TxnHeader;
using wire::TxnStatus;

// Numbers that are not of this channel (T4).

struct Victim : EndpointRig {
    Victim() {
        connect(program, *a, kB);
        add_to(program, *a);
        finish(program);
        wire.run(1ms);
        tap.emplace(wire);
        add_to(program, *a);
        finish(program);
        const auto requests = tap->of(Opcode::kRequest, kB);
        const auto responses = tap->of(Opcode::kResponse, kA);
        request = requests.at(0).header();
        response = responses.at(0).header();
        tap.reset();
    }
    Drop to_a(const TxnHeader& header, GpuId from = kB, const Bytes& body = Bytes(1)) {
        return wire.inject(sim::make_frame({.dst = kA, .src = from}, header, body));
    }
    Drop to_b(const TxnHeader& header, GpuId from = kA, const Bytes& body = Bytes(1)) {
        return wire.inject(sim::make_frame({.dst = kB, .src = from}, header, body));
    }
    void still_works() {
        EXPECT_FALSE(program.ended) << "T4";
        const std::uint64_t before = EndpointRig::word(*b);
        add_to(program, *a);
        ASSERT_TRUE(finish(program)) << "T4";
        EXPECT_EQ(program.count(TxnStatus::kOk), program.submitted) << "T4";
        EXPECT_EQ(EndpointRig::word(*b), before + 1) << "T4";
    }

    Program program;
    std::optional<Tap> tap;
    TxnHeader request, response;
};

TEST(EndpointForgery, AResetMustNameANumberThatIsUnderWay) {
    Victim rig;
    const TxnHeader reset{
        .opcode = Opcode::kReset, .flags = TxnHeader::kFromTarget, .channel = rig.request.channel};
    for (const std::uint32_t off : {0x8000'0000u, 2u, 0xFFFF'FFFFu, 77u}) {
        TxnHeader forged = reset;
        forged.ack = rig.request.psn + 1 + off - (off == 2 ? 1 : 0);
        if (off == 0xFFFF'FFFFu) forged.ack = rig.request.psn - 5;
        EXPECT_EQ(rig.to_a(forged), Drop::kTxnStale) << "T4: " << off;
    }
    TxnHeader right = reset;
    right.ack = rig.request.psn + 1;
    EXPECT_EQ(rig.to_a(right, kC), Drop::kTxnUnknownChannel) << "T4: not the peer";
    TxnHeader elsewhere = right;
    elsewhere.channel = 9;
    EXPECT_EQ(rig.to_a(elsewhere), Drop::kTxnUnknownChannel) << "T4: no such channel";
    elsewhere.channel = 0xFFFF;
    EXPECT_EQ(rig.to_a(elsewhere), Drop::kTxnUnknownChannel) << "T4";
    rig.still_works();
    right.ack += 1;
    EXPECT_EQ(rig.to_a(right), Drop::kCount) << "and this one is true";
    EXPECT_TRUE(rig.program.ended);
    EXPECT_EQ(rig.program.why, TxnStatus::kPeerRestarted);
}

TEST(EndpointForgery, TheTargetsSideIsNoEasier) {
    Victim rig;
    TxnHeader reset{.opcode = Opcode::kReset, .channel = rig.request.channel};
    for (const std::uint32_t psn : {rig.request.psn, rig.request.psn + 1, 0u, ~0u}) {
        reset.psn = psn;
        EXPECT_EQ(rig.to_b(reset), Drop::kTxnStale) << "T4: only the OPEN's number counts";
    }
    reset.psn = rig.request.psn - 1;  // of the first request
    EXPECT_EQ(rig.to_b(reset, kC), Drop::kTxnUnknownChannel) << "T4: not its channel";
    reset.channel ^= 1;
    EXPECT_EQ(rig.to_b(reset), Drop::kTxnUnknownChannel) << "T4";
    rig.still_works();
    reset.channel ^= 1;
    EXPECT_EQ(rig.to_b(reset), Drop::kCount) << "and this one is true";
}

TEST(EndpointForgery, RequestsWithWrongNumbersAreNotDone) {
    Victim rig;
    const Bytes add = Items(kKeyOfAll).atomic(wire::AtomicOp::kFetchAdd, 0, 8, 1'000'000).bytes();
    TxnHeader forged = rig.request;
    forged.ack = rig.response.psn + 1;
    forged.psn = rig.request.psn + 1 + (1u << 31);
    EXPECT_EQ(rig.to_b(forged, kA, add), Drop::kTxnStale) << "T4";
    forged.psn = rig.request.psn + 1;
    forged.ack = rig.response.psn + 2;
    EXPECT_EQ(rig.to_b(forged, kA, add), Drop::kTxnStale) << "T4: an ACK of what was never sent";
    forged.ack = rig.response.psn + 1;
    EXPECT_EQ(rig.to_b(forged, kC, add), Drop::kTxnUnknownChannel) << "T4";
    forged.channel += 1;
    EXPECT_EQ(rig.to_b(forged, kA, add), Drop::kTxnUnknownChannel) << "T4";
    rig.still_works();
}

TEST(EndpointForgery, ResponsesOfAnybodyElseAreNotBelieved) {
    Victim rig;
    rig.add_to(rig.program, *rig.a);
    TxnHeader forged = rig.response;
    forged.psn = rig.response.psn + 1;
    forged.ack = rig.request.psn + 2;
    const Bytes value = Items().value(Bytes(8)).bytes();
    EXPECT_EQ(rig.to_a(forged, kC, value), Drop::kTxnUnknownChannel) << "T5";
    EXPECT_EQ(rig.to_a(forged, kB, value), Drop::kTxnStale) << "T5: it has not gone out yet";
    forged.opcode = Opcode::kRequest;
    EXPECT_EQ(rig.to_a(forged, kB, value), Drop::kTxnMalformed);
    forged.opcode = Opcode::kOpen;
    EXPECT_EQ(rig.to_a(forged, kB, value), Drop::kTxnMalformed);
    rig.finish(rig.program);
    EXPECT_EQ(rig.program.done.back().value, 2u) << "T5: the true answer";
    rig.still_works();
}

TEST(EndpointForgery, OnlyTheAnswerToThisOpenOpens) {
    EndpointRig rig;
    rig.wire.weather.dead_ports = {true, true};
    Program program;
    Tap tap(rig.wire);
    ASSERT_TRUE(rig.open(program, *rig.a, kB));
    rig.wire.run(60us);
    const auto opens = tap.of(Opcode::kOpen, kB);
    ASSERT_FALSE(opens.empty());
    const Seen& open = opens.back();
    const auto payload = wire::TxnView::parse(open.view().txn_bytes())->payload();
    const auto good = *OpenBody::parse(payload, OpenBody::kOpenSize);
    const TxnHeader header{.opcode = Opcode::kOpened,
                           .flags = TxnHeader::kFromTarget,
                           .channel = open.header().channel,
                           .psn = 5,
                           .ack = open.header().psn};
    const auto opened = [&](const TxnHeader& with, OpenBody body, GpuId from = kB) {
        Bytes bytes(OpenBody::kOpenedSize);
        body.emit(std::span(bytes).first<OpenBody::kOpenedSize>());
        bytes.resize(wire::payload_size(with.opcode).value_or(bytes.size()));
        return rig.wire.inject(sim::make_frame({.dst = kA, .src = from}, with, bytes));
    };
    OpenBody body = good;
    body.transactions = 4;
    body.nonce ^= 1;
    EXPECT_EQ(opened(header, body), Drop::kTxnStale) << "T4: a stale OPENED";
    body = good;
    body.transactions = 4;
    TxnHeader wrong = header;
    wrong.ack += 1;
    EXPECT_EQ(opened(wrong, body), Drop::kTxnStale) << "T4";
    EXPECT_EQ(opened(header, body, kC), Drop::kTxnUnknownChannel) << "T4";
    body.kind = ChannelClass::kRdma;
    EXPECT_EQ(opened(header, body), Drop::kTxnMalformed);
    body.kind = good.kind;
    body.transactions = 0;
    EXPECT_EQ(opened(header, body), Drop::kTxnMalformed) << "a channel for nothing";
    wrong = header;
    wrong.opcode = Opcode::kResponse;
    EXPECT_EQ(opened(wrong, body), Drop::kTxnUnknownChannel) << "it is not open yet";
    wrong.opcode = Opcode::kReset;
    wrong.ack += 1;
    EXPECT_EQ(opened(wrong, body), Drop::kTxnStale) << "T4";
    EXPECT_FALSE(program.opened || program.ended);
    body.transactions = 4;
    EXPECT_EQ(opened(header, body), Drop::kCount);
    EXPECT_TRUE(program.opened);
    EXPECT_EQ(opened(header, body), Drop::kTxnDuplicate);
}

TEST(EndpointForgery, ALateCopyOfAnEarlierOpenDoesNotEndTheChannel) {
    EndpointRig rig;
    Program earlier, program;
    Tap tap(rig.wire);
    rig.connect(earlier, *rig.a, kB);
    const Seen late = tap.of(Opcode::kOpen, kB).front();
    rig.a->endpoint.close(earlier.channel, rig.wire.now);
    rig.connect(program, *rig.a, kB);
    ASSERT_EQ(program.channel.index, earlier.channel.index) << "the number is used again";
    EXPECT_EQ(rig.wire.inject(late.bytes, late.port), Drop::kTxnStale) << "T4, D10";
    rig.add_to(program, *rig.a);
    ASSERT_TRUE(rig.finish(program));
    EXPECT_EQ(program.done.back().status, wire::TxnStatus::kOk);
}

TEST(EndpointForgery, LateCopiesOfAnEndedChannelAreNotDoneAgain) {
    // They waited on another path while the channel came, worked and went. The OPEN makes a channel
    // that nobody wants; what keeps the request out is its ACK: it names no response of this one.
    // The numbers of each try are drawn anew, so whatever is left to chance shows.
    EndpointRig rig;
    for (int i = 0; i < 64; ++i) {
        Program program;
        Tap tap(rig.wire);
        rig.connect(program, *rig.a, kB);
        rig.add_to(program, *rig.a);
        ASSERT_TRUE(rig.finish(program));
        rig.a->endpoint.close(program.channel, rig.wire.now);
        rig.wire.run(1ms);
        const std::uint64_t before = EndpointRig::word(*rig.b);
        const Seen open = tap.of(Opcode::kOpen, kB).front();
        const Seen request = tap.of(Opcode::kRequest, kB).front();
        rig.wire.inject(open.bytes, open.port);
        EXPECT_EQ(rig.wire.inject(request.bytes, request.port), Drop::kTxnStale) << "D10";
        EXPECT_EQ(EndpointRig::word(*rig.b), before) << "E2, try " << i;
        rig.wire.run(1ms);
    }
}

TEST(EndpointForgery, AShortOrAbsurdOpenMakesNoChannel) {
    EndpointRig rig;
    const TxnHeader header{.opcode = Opcode::kOpen, .channel = 3, .psn = 1};
    const auto open = [&](const Bytes& body) {
        return rig.wire.inject(sim::make_frame({.dst = kB, .src = kC}, header, body));
    };
    EXPECT_EQ(open({}), Drop::kTxnMalformed);
    EXPECT_EQ(open(Bytes(15)), Drop::kTxnMalformed);
    EXPECT_EQ(open(Bytes(17)), Drop::kTxnMalformed);
    Bytes body(16);
    body[8] = std::byte{2};
    EXPECT_EQ(open(body), Drop::kTxnMalformed) << "no such class";
}

}  // namespace
}  // namespace ethlink::txn::test
