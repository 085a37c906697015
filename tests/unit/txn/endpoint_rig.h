// SPDX-License-Identifier: BSD-3-Clause
// Endpoints on the simulated wire, and programs that write down what they are told.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/txn_wire.h"
#include "tests/unit/txn/items.h"

namespace ethlink::txn::test {

inline constexpr GpuId kA{0x200}, kB{0x201}, kC{0x202};
inline constexpr std::uint64_t kKeyOfAll = 0x1234'5678'9ABC'DEF0;

/// A program with one channel.
struct Program final : ChannelEvents {
    void on_completion(const Completion& completion) override {
        EXPECT_FALSE(ended) << "E1: nothing after the end";
        done.push_back(completion);
    }
    void on_channel(ChannelHandle which, wire::TxnStatus status) override {
        EXPECT_EQ(which, channel);
        EXPECT_FALSE(ended) << "E1: it ends once";
        opened |= status == wire::TxnStatus::kOk;
        if (status == wire::TxnStatus::kOk) return;
        ended = true;
        why = status;
        EXPECT_EQ(done.size(), submitted) << "E1: the channel ended before its transactions";
    }
    std::size_t count(wire::TxnStatus status) const {
        return static_cast<std::size_t>(std::ranges::count(done, status, &Completion::status));
    }

    ChannelHandle channel;
    std::vector<Completion> done;
    std::size_t submitted = 0;
    bool opened = false, ended = false;
    wire::TxnStatus why{};
    Bytes local = Bytes(4096);
};

struct EndpointRig {
    explicit EndpointRig(const TxnLimits& limits = {}, const TxnProfile& profile_ = quick())
        : profile(profile_), a(&add(kA, limits)), b(&add(kB, limits)) {}

    static TxnProfile quick() {
        TxnProfile p;
        p.transactions_max = 64;
        p.response_bytes_max = 16384;
        p.give_up_after = std::chrono::milliseconds(200);
        return p;
    }

    sim::TxnNode& add(GpuId gpu, const TxnLimits& limits = {}) {
        sim::TxnNode& node = wire.add(gpu, profile, limits);
        node.endpoint.windows().add({.key = kKeyOfAll,
                                     .bytes = node.memory.data(),
                                     .size = node.memory.size(),
                                     .rights = Rights::kAll});
        return node;
    }
    bool open(Program& program, sim::TxnNode& from, GpuId to,
              ChannelClass kind = ChannelClass::kLoadStore) {
        const auto channel = from.endpoint.open(to, kind, program, wire.now);
        if (channel) program.channel = *channel;
        return channel.has_value();
    }
    /// open() and waits for it.
    void connect(Program& program, sim::TxnNode& from, GpuId to,
                 ChannelClass kind = ChannelClass::kLoadStore) {
        ASSERT_TRUE(open(program, from, to, kind));
        ASSERT_TRUE(wire.run(std::chrono::milliseconds(50), [&] { return program.opened; }));
    }
    void submit(Program& program, sim::TxnNode& from, Request request) {
        ASSERT_TRUE(from.endpoint.has_room(program.channel));
        request.key = kKeyOfAll;
        request.cookie = ++program.submitted;
        if (request.local == nullptr) request.local = program.local.data();
        ASSERT_TRUE(from.endpoint.submit(program.channel, request, wire.now));
    }
    void add_to(Program& program, sim::TxnNode& from, std::uint64_t address = 0) {
        submit(program, from,
               {.operation = Operation::kAtomic, .length = 8, .address = address, .operand = 1});
    }
    bool finish(const Program& program, Duration limit = std::chrono::seconds(1)) {
        return wire.run(limit, [&] { return program.done.size() == program.submitted; });
    }
    static std::uint64_t word(const sim::TxnNode& node) {
        std::uint64_t value;
        std::memcpy(&value, node.memory.data(), sizeof value);
        return value;
    }

    TxnProfile profile;
    sim::TxnWire wire{1};
    sim::TxnNode* a;
    sim::TxnNode* b;
};

/// A frame that was seen on the wire.
struct Seen {
    Bytes bytes;
    PortId port;
    Vc vc;

    wire::FrameView view() const { return *wire::parse(bytes); }
    wire::TxnHeader header() const { return wire::TxnView::parse(view().txn_bytes())->repr(); }
};

/// All frames from now on.
class Tap {
public:
    explicit Tap(sim::TxnWire& wire) : wire_(&wire) {
        wire.tap = [this](const Bytes& bytes, PortId port, Vc vc) {
            all.push_back({bytes, port, vc});
        };
    }
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap() {
        wire_->tap = [](const Bytes&, PortId, Vc) {};
    }
    std::vector<Seen> of(wire::Opcode opcode, GpuId to) const {
        std::vector<Seen> found;
        for (const Seen& seen : all) {
            if (seen.header().opcode == opcode && seen.view().dst() == to) found.push_back(seen);
        }
        return found;
    }

    std::vector<Seen> all;

private:
    sim::TxnWire* wire_;
};

}  // namespace ethlink::txn::test
