// SPDX-License-Identifier: BSD-3-Clause
// A program that works over one channel and knows, for each answer, what it must be.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "proto/byte_order.h"
#include "tests/sim/oracle.h"
#include "tests/sim/txn_wire.h"

namespace ethlink::sim {

/// Owns a slice of the peer's window, so what it reads there is what it wrote there: the shadow.
class TxnClient final : public ChannelEvents {
public:
    struct Slice {
        std::uint64_t key = 0;
        std::uint64_t base = 0;
        std::uint32_t size = 0;
        std::uint64_t counter = 0;  // address of a word that all clients add to
        bool hot = false;           // hardly anything but adding to it
        bool sends = true;          // messages, too: somebody posts receives
    };

    /// Whatever is wrong goes to the oracle, which outlives it.
    TxnClient(TxnEndpoint& endpoint, GpuId peer, txn::ChannelClass kind, const Slice& slice,
              std::uint64_t seed, Time now, Oracle& oracle)
        : endpoint_(&endpoint),
          oracle_(&oracle),
          kind_(kind),
          slice_(slice),
          random_(seed),
          shadow_(slice.size) {
        channel_ = endpoint.open(peer, kind, *this, now);
    }

    /// Submits up to `n` more operations.
    void work(std::uint32_t n, Time now) {
        for (; n > 0 && endpoint_->has_room(*channel_); --n) {
            kind_ == txn::ChannelClass::kLoadStore ? small(now) : bulk(now);
        }
    }
    void close(Time now) { endpoint_->close(*channel_, now); }

    void on_completion(const txn::Completion& completion) override {
        const bool waits = !pending_.empty();
        if (!oracle_->holds(Invariant::kE1, waits, "a completion that nobody waits for")) return;
        Pending& pending = *pending_.front();
        const bool next = completion.cookie == pending.request.cookie;
        if (!oracle_->holds(Invariant::kE8, next, "a completion out of order")) return;
        ++done;
        oracle_->ledger.tally.add(completion.status == wire::TxnStatus::kOk
                                      ? Tally::kTransactions
                                      : Tally::kTransactionsFailed);
        if (completion.status == wire::TxnStatus::kOk) {
            check(pending, completion);
        } else {
            ++failed;
            last_error = completion.status;
            if (completion.status != wire::TxnStatus::kUnreachable) doubt(pending.request);
        }
        pending_.pop_front();
    }
    void on_channel(ChannelHandle, wire::TxnStatus status) override {
        opened |= status == wire::TxnStatus::kOk;
        ended |= status != wire::TxnStatus::kOk;
        if (status != wire::TxnStatus::kOk) {
            oracle_->holds(Invariant::kE1, pending_.empty(),
                           "the channel ended before its transactions");
        }
    }

    bool idle() const { return pending_.empty(); }
    bool matches(const Bytes& memory) const {
        return std::equal(shadow_.begin(), shadow_.end(),
                          memory.begin() + static_cast<std::ptrdiff_t>(slice_.base));
    }
    std::uint64_t done = 0, failed = 0;
    std::uint64_t added = 0, sent = 0;              // certainly
    std::uint64_t maybe_added = 0, maybe_sent = 0;  // or not: ended with "unknown"
    bool opened = false, ended = false;
    wire::TxnStatus last_error{};

private:
    struct Pending {
        txn::Request request;
        Bytes local;
        Bytes expected;  // of a load or read
    };

    Pending& make(txn::Operation operation, std::uint32_t length) {
        auto pending = std::make_unique<Pending>();
        pending->request.operation = operation;
        pending->request.length = length;
        pending->request.key = slice_.key;
        pending->request.cookie = next_cookie_++;
        pending->local.resize(std::max(length, 1u));
        pending->request.local = pending->local.data();
        pending_.push_back(std::move(pending));
        return *pending_.back();
    }
    void submit(Pending& pending, Time now) {
        oracle_->holds(Invariant::kE10, endpoint_->submit(*channel_, pending.request, now),
                       "a request is refused although there is room");
    }
    std::uint32_t place(Pending& pending) {
        const std::uint32_t offset =
            static_cast<std::uint32_t>(random_.below(slice_.size - pending.request.length + 1));
        pending.request.address = slice_.base + offset;
        return offset;
    }

    void small(Time now) {
        static constexpr std::uint32_t kSizes[] = {4, 8, 8, 8, 64, 128, 256, 1, 77};
        const std::uint32_t size = kSizes[random_.below(std::size(kSizes))];
        switch (slice_.hot && random_.chance(0.8) ? 0 : random_.below(4)) {
            case 0: {
                Pending& pending = make(txn::Operation::kAtomic, 8);
                pending.request.address = slice_.counter;
                pending.request.operand = 1 + random_.below(1000);
                return submit(pending, now);
            }
            case 1: {
                Pending& pending = make(txn::Operation::kStore, size);
                fill(pending);
                remember(pending, place(pending));
                return submit(pending, now);
            }
            default: {
                Pending& pending = make(txn::Operation::kLoad, size);
                expect(pending, place(pending));
                return submit(pending, now);
            }
        }
    }
    void bulk(Time now) {
        if (std::exchange(fence_next_, false)) return submit(make(txn::Operation::kFence, 0), now);
        const auto size = static_cast<std::uint32_t>(random_.below(slice_.size + 1));
        switch (random_.below(slice_.sends ? 4 : 2) * (slice_.sends ? 1 : 2)) {
            case 0: {
                Pending& pending = make(txn::Operation::kRead, std::max(size, 1u));
                expect(pending, place(pending));
                submit(pending, now);
                fence_next_ = true;  // no write may overtake it
                return;
            }
            case 1: {
                Pending& pending = make(txn::Operation::kSend, std::min(size, 5000u));
                fill(pending);
                pending.request.has_immediate = true;
                pending.request.immediate = next_cookie_;
                return submit(pending, now);
            }
            default: {
                Pending& pending = make(txn::Operation::kWrite, size);
                fill(pending);
                remember(pending, place(pending));
                return submit(pending, now);
            }
        }
    }
    void fill(Pending& pending) {
        for (std::byte& b : pending.local) b = static_cast<std::byte>(random_.next());
    }
    void remember(const Pending& pending, std::uint32_t offset) {
        std::copy_n(pending.local.begin(), pending.request.length,
                    shadow_.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void expect(Pending& pending, std::uint32_t offset) {
        const auto from = shadow_.begin() + static_cast<std::ptrdiff_t>(offset);
        pending.expected.assign(from, from + pending.request.length);
    }
    void doubt(const txn::Request& request) {
        if (request.operation == txn::Operation::kAtomic) maybe_added += request.operand;
        if (request.operation == txn::Operation::kSend) ++maybe_sent;
    }
    void check(const Pending& pending, const txn::Completion& completion) {
        switch (pending.request.operation) {
            case txn::Operation::kLoad:
            case txn::Operation::kRead:
                oracle_->holds(Invariant::kE9, pending.local == pending.expected,
                               "other bytes than were written");
                break;
            case txn::Operation::kAtomic: added += pending.request.operand; break;
            case txn::Operation::kSend: ++sent; break;
            case txn::Operation::kStore:
            case txn::Operation::kWrite:
            case txn::Operation::kFence:
            case txn::Operation::kCount: break;
        }
        oracle_->equal(Invariant::kE9, completion.length, pending.request.length,
                       "bytes of a completion");
    }

    TxnEndpoint* endpoint_;
    Oracle* oracle_;
    txn::ChannelClass kind_;
    Slice slice_;
    Random random_;
    Bytes shadow_;
    std::deque<std::unique_ptr<Pending>> pending_;
    std::optional<ChannelHandle> channel_;
    std::uint64_t next_cookie_ = 1;
    bool fence_next_ = false;
};

}  // namespace ethlink::sim
