// SPDX-License-Identifier: BSD-3-Clause
// An initiator, and a test in the place of its target.
#pragma once

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "proto/txn/initiator.h"
#include "tests/unit/txn/items.h"

namespace ethlink::txn::test {

inline constexpr std::uint64_t kRemoteKey = 0xC0FFEE;

struct Completions final : CompletionSink {
    void on_completion(const Completion& completion) override { all.push_back(completion); }
    std::vector<Completion> all;
};

struct InitiatorRig {
    explicit InitiatorRig(const TxnProfile& profile_ = {},
                          const Initiator::Limits& limits = {1024, 1u << 20},
                          Psn first = Psn{0xFFFF'FFFD})
        : profile(profile_), ring(profile.transactions_max), initiator(profile, ring), psn(first) {
        initiator.start(psn, responses, limits, now);
    }

    /// Submits; the cookie is the number of the request, from 1 on.
    bool submit(Request request) {
        request.key = kRemoteKey;
        request.cookie = submitted + 1;
        locals.push_back(std::make_unique<Bytes>(pattern(request.length, 3)));
        if (request.local == nullptr) request.local = locals.back()->data();
        if (!initiator.submit(request, now)) return false;
        ++submitted;
        return true;
    }
    bool load(std::uint32_t n, std::uint64_t at = 0) {
        return submit({.operation = Operation::kLoad, .length = n, .address = at});
    }
    bool store(std::uint32_t n, std::uint64_t at = 0) {
        return submit({.operation = Operation::kStore, .length = n, .address = at});
    }
    bool add(std::uint64_t operand, std::uint32_t n = 8) {
        return submit({.operation = Operation::kAtomic, .length = n, .operand = operand});
    }
    bool write(std::uint32_t n) { return submit({.operation = Operation::kWrite, .length = n}); }
    bool send(std::uint32_t n) { return submit({.operation = Operation::kSend, .length = n}); }
    bool read(std::uint32_t n) { return submit({.operation = Operation::kRead, .length = n}); }
    bool fence() { return submit({.operation = Operation::kFence}); }

    /// One frame of what goes out now.
    Frame out() { return fill(initiator, now, profile.frame_bytes_max); }
    /// All items that go out now.
    std::vector<Item> sent() {
        std::vector<Item> all;
        while (initiator.wants_to_send(now)) {
            const Frame frame = out();
            last = frame.header;
            all.insert(all.end(), frame.items.begin(), frame.items.end());
        }
        return all;
    }
    /// The target has all items up to `n` behind the first.
    Drop ack(std::uint32_t n, wire::Opcode opcode = wire::Opcode::kAck,
             wire::NackReason reason = wire::NackReason::kGap) {
        const Bytes body =
            opcode == wire::Opcode::kNack ? Bytes{static_cast<std::byte>(reason)} : Bytes{};
        acked = psn + n;
        return frame({.opcode = opcode, .psn = responses.value, .ack = acked.value}, body);
    }
    /// A response with these items and the next number, if it is taken.
    Drop respond(const Items& items) {
        const Drop drop = respond_at(items, responses);
        if (drop == Drop::kCount) responses = responses + items.count();
        return drop;
    }
    Drop respond_at(const Items& items, Psn first) {
        return frame({.opcode = wire::Opcode::kResponse, .psn = first.value, .ack = acked.value},
                     items.bytes());
    }
    Drop frame(const wire::TxnHeader& header, const Bytes& payload) {
        const Bytes bytes = txn_bytes(header, payload);
        return initiator.on_frame(*wire::TxnView::parse(bytes), now, sink);
    }
    /// Sends all and has it acknowledged.
    void deliver() {
        const auto items = sent();
        delivered += static_cast<std::uint32_t>(items.size());
        ack(delivered);
    }
    const Bytes& local(std::size_t request) const { return *locals[request - 1]; }
    std::vector<Completion>& done() { return sink.all; }

    TxnProfile profile;
    std::vector<Transaction> ring;
    Initiator initiator;
    Completions sink;
    std::vector<std::unique_ptr<Bytes>> locals;
    std::uint64_t submitted = 0;
    std::uint32_t delivered = 0;
    Time now{std::chrono::seconds(1)};
    Psn psn;                     // of the first request
    Psn responses{0xFFFF'FFFE};  // of the next response
    Psn acked = psn;
    wire::TxnHeader last;
};

}  // namespace ethlink::txn::test
