// SPDX-License-Identifier: BSD-3-Clause
// Two endpoints with their programs on a wire that loses nothing and allocates nothing: what the
// poll thread runs of an endpoint, without links and devices below it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "control/runtime/endpoint_backend.h"
#include "dataplane/client/abi.h"
#include "dataplane/endpoint_stage.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "tests/unit/client/shared_memory.h"

namespace ethlink::txn::test {

inline constexpr GpuId kAsker{0x200}, kOwner{0x201};

/// A queue of frames in memory of its own.
class FlatWire {
public:
    /// As a port's queues: an empty span while there is no room.
    std::span<std::byte> begin(PortId port, Vc vc) {
        if (head_ - tail_ == kFrames) return {};
        slot(head_).port = port;
        slot(head_).vc = vc;
        return slot(head_).bytes;
    }
    void commit(std::size_t size) { slot(head_++).size = size; }

    /// Hands over what was sent before the call: visit(bytes, port, vc).
    template <class Visit>
    void deliver(const Visit& visit) {
        for (const std::size_t end = head_; tail_ != end; ++tail_) {
            const Slot& frame = slot(tail_);
            visit(std::span(frame.bytes).first(frame.size), frame.port, frame.vc);
        }
    }

private:
    static constexpr std::size_t kFrames = 1024;
    struct Slot {
        std::array<std::byte, 2048> bytes;
        std::size_t size = 0;
        PortId port;
        Vc vc;
    };
    Slot& slot(std::size_t index) { return slots_[index % kFrames]; }

    std::vector<Slot> slots_ = std::vector<Slot>(kFrames);
    std::size_t head_ = 0, tail_ = 0;
};

/// turn() is the poll thread's; backends are the control thread's.
struct ClientsRig {
    static TxnIdentity identity(GpuId self) {
        return {.self = self,
                .epoch = self.value,
                .ports = 2,
                .classes = {ClassVcs{Vc{0}, Vc{1}}, ClassVcs{Vc{2}, Vc{3}}}};
    }

    void turn() {
        now += kTurn;
        const bool tick = ++turns % 5 == 0;
        for (TxnHost* const host : {&asker, &owner}) {
            host->clients.poll(now);
            if (tick) {
                host->endpoint.on_time(now, [](PortId) { return true; });
                host->clients.on_time(now);
            }
            host->endpoint.send(wire, now);
            host->clients.flush();
        }
        wire.deliver([this](std::span<const std::byte> bytes, PortId port, Vc vc) {
            const auto view = wire::parse(bytes);
            ASSERT_TRUE(view && wire::check_icrc(*view));
            if (view->dst() != kOwner && view->dst() != kAsker) return;
            const auto txn = wire::TxnView::parse(view->txn_bytes());
            ASSERT_TRUE(txn);
            TxnHost& host = view->dst() == kOwner ? owner : asker;
            host.endpoint.on_frame(*view, *txn, port, vc, now);
        });
    }

    static constexpr Duration kTurn = std::chrono::microseconds(10);
    TxnProfile profile;
    TxnLimits limits{.initiators = 8, .targets = 8, .targets_per_source = 8, .windows = 64};
    TxnHost asker{identity(kAsker), profile, limits, SecretRandom::seeded(1)};
    TxnHost owner{identity(kOwner), profile, limits, SecretRandom::seeded(2)};
    control::EndpointBackend asker_backend{asker.clients, kAsker, limits};
    control::EndpointBackend owner_backend{owner.clients, kOwner, limits};
    FlatWire wire;
    Time now{};
    std::uint64_t turns = 0;
};

/// A session that exists at once; the calls are the backend's, waited for.
class RigProgram {
public:
    /// `wait` lets the poll thread go on, or is it.
    template <class Wait>
    RigProgram(control::EndpointBackend& backend, std::uint64_t id, const Wait& wait)
        : backend_(&backend), id_{id} {
        expect_ok(call(wait, [&](auto done) {
            backend.attach_session(id_, memory_.bytes(), client::kDepthMin, done);
        }));
    }
    template <class Wait>
    control::Verdict try_connect(std::uint16_t peer, GpuId gpu, client::PeerClass kind,
                                 Duration timeout, const Wait& wait) {
        return call(
            wait, [&](auto done) { backend_->open_channel(id_, peer, gpu, kind, timeout, done); });
    }
    template <class Wait>
    void connect(std::uint16_t peer, GpuId gpu, client::PeerClass kind, const Wait& wait) {
        expect_ok(try_connect(peer, gpu, kind, std::chrono::seconds(3), wait));
    }
    template <class Wait>
    void disconnect(std::uint16_t peer, const Wait& wait) {
        expect_ok(call(wait, [&](auto done) { backend_->close_channel(id_, peer, done); }));
    }
    /// `key` gets the key.
    template <class Wait>
    control::Verdict try_add_window(std::uint16_t window, std::span<std::byte> bytes,
                                    std::uint8_t rights, std::uint64_t& key, const Wait& wait) {
        return call(wait, [&](auto done) {
            backend_->add_window(id_, window, bytes, rights,
                                 [&key, done](control::Verdict verdict, std::uint64_t told) {
                                     key = told;
                                     done(std::move(verdict));
                                 });
        });
    }
    template <class Wait>
    std::uint64_t add_window(std::uint16_t window, std::span<std::byte> bytes, std::uint8_t rights,
                             const Wait& wait) {
        std::uint64_t key = 0;
        expect_ok(try_add_window(window, bytes, rights, key, wait));
        return key;
    }
    template <class Wait>
    void remove_window(std::uint16_t window, const Wait& wait) {
        expect_ok(call(wait, [&](auto done) { backend_->remove_window(id_, window, done); }));
    }
    template <class Wait>
    void leave(const Wait& wait) {
        expect_ok(call(wait, [&](auto done) { backend_->detach_session(id_, done); }));
    }

    client::test::RawProgram raw() const { return client::test::RawProgram(memory_.view()); }

private:
    template <class Wait, class Call>
    control::Verdict call(const Wait& wait, const Call& begin) {
        std::optional<control::Verdict> verdict;
        begin([&verdict](control::Verdict answer) { verdict = std::move(answer); });
        while (!verdict) {
            wait();
            backend_->turn();
        }
        return *verdict;
    }
    static void expect_ok(const control::Verdict& verdict) {
        EXPECT_TRUE(verdict.ok()) << verdict.status << " " << verdict.why;
    }

    control::EndpointBackend* backend_;
    control::SessionId id_;
    client::test::SharedMemory memory_{client::kDepthMin};
};

/// Keeps requests of every kind under way. Peer 0: loads, stores, atomics; peer 1: RDMA.
class Traffic {
public:
    static constexpr std::size_t kUnderWay = 32;
    static constexpr std::uint32_t kSmall = 4096;   // bytes of the remote window for small ones
    static constexpr std::uint32_t kBulk = 20'000;  // behind them, and of each local buffer
    static constexpr std::uint32_t kRemoteBytes = kSmall + kBulk;
    static constexpr std::size_t kLocalBytes = kUnderWay * kBulk;

    Traffic(client::test::RawProgram raw, bool sends) : raw_(raw), sends_(sends) {}

    /// Fills up what may be under way.
    void submit(std::uint64_t key) {
        for (std::uint16_t slot = 0; slot < kUnderWay; ++slot) {
            if (busy_[slot]) continue;
            busy_[slot] = true;
            ++outstanding;
            raw_.submit(make(slot, key));
        }
    }
    /// Takes completions: visit(completion).
    template <class Visit>
    void take(const Visit& visit) {
        while (const auto completion = raw_.take()) {
            busy_[completion->slot] = false;
            --outstanding;
            visit(*completion);
        }
    }
    std::size_t outstanding = 0;

private:
    client::RawSubmission make(std::uint16_t slot, std::uint64_t key) {
        using client::Opcode;
        static constexpr Opcode kSmallOnes[] = {Opcode::kLoad, Opcode::kStore, Opcode::kFetchAdd};
        static constexpr Opcode kBulkOnes[] = {Opcode::kWrite, Opcode::kRead, Opcode::kFence,
                                               Opcode::kSend};
        static constexpr std::uint32_t kSizes[] = {8, 256, 4, 64, 1, 8};
        const std::uint32_t n = next_++;
        client::RawSubmission raw;
        raw.slot = slot;
        raw.cookie = slot;
        raw.key = key;
        const bool bulk = n % 4 == 3;
        const Opcode opcode = bulk ? kBulkOnes[n / 4 % (sends_ ? 4 : 3)] : kSmallOnes[n % 4];
        raw.opcode = static_cast<std::uint8_t>(opcode);
        raw.peer = bulk ? 1 : 0;
        if (opcode == Opcode::kFence) return raw;
        raw.length = bulk ? kBulk : opcode == Opcode::kFetchAdd ? 8 : kSizes[n % std::size(kSizes)];
        raw.address = bulk ? kSmall : n * 8 % (kSmall - 256);
        raw.operand = bulk ? slot * kBulk : n;  // the offset of the local buffer, or what is stored
        if (opcode == Opcode::kSend) raw.key = raw.address = 0;
        return raw;
    }

    client::test::RawProgram raw_;
    bool sends_;
    std::array<bool, kUnderWay> busy_{};
    std::uint32_t next_ = 0;
};

}  // namespace ethlink::txn::test
