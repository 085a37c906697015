// SPDX-License-Identifier: BSD-3-Clause
// A program that knows what each of its transactions must bring: the worker of the ledger.
#pragma once

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <ethlink/ethlink.hpp>

#include "dataplane/random.h"
#include "tests/e2e/ledger_journal.h"

namespace ethlink::ledger {

using Bytes = std::vector<std::byte>;
using namespace std::chrono_literals;

constexpr std::size_t kUnderWay = 256;
constexpr std::uint32_t kSizes[] = {4, 8, 8, 8, 64, 128, 256, 1, 77};

[[noreturn]] inline void fail(const std::string& what) {
    std::fprintf(stderr, "ledger: %s: %s\n", what.c_str(), ethlink_last_error());
    std::exit(1);
}

template <class T>
T must(api::Result<T> result, const char* what) {
    if (!result) fail(std::string(what) + ": " + result.text());
    return std::move(*result);
}

struct Work {
    std::string socket;      // of the worker's own endpoint
    std::uint16_t gpu = 0;   // of the owner
    std::uint64_t key = 0;   // of the owner's window
    std::uint64_t base = 0;  // bytes into it, where the slice begins
    std::uint32_t size = 0;  // bytes of the slice
    std::uint64_t seed = 0;
    std::uint64_t transactions = 0;  // 0: until the end of stdin
    bool rdma = false;
    std::string journal;  // path; empty: none
};

/// Works on its slice alone, so what it reads there is what it wrote: the shadow. The word at
/// address 0 is everybody's. The first error ends it, when all under way has ended, too.
class Worker {
public:
    explicit Worker(const Work& work)
        : journal_(work.journal),
          session_(must(api::Session::open(work.socket.c_str(), 10s), "open")),
          key_(work.key),
          base_(work.base),
          wanted_(work.transactions),
          rdma_(work.rdma),
          random_(work.seed),
          shadow_(work.size) {
        const ethlink_class peer_class = rdma_ ? ETHLINK_RDMA : ETHLINK_LOAD_STORE;
        peer_ = must(session_.connect(work.gpu, peer_class, 10s), "connect");
        if (!rdma_) return;
        local_ = must(session_.alloc(std::size_t{work.size} * kUnderWay, 0), "local memory");
    }

    void run() {
        clear();
        while (done_ < posted_ || more()) {
            while (more() && pending_.size() < limit()) rdma_ ? bulk() : small();
            if (!pending_.empty()) take();
        }
        std::printf("{\"transactions\": %" PRIu64 ", \"ok\": %" PRIu64 ", \"wrong\": %" PRIu64
                    ", \"added\": %" PRIu64 ", \"first_error\": \"%s\"}\n",
                    done_, ok_, wrong_, added_, first_error_.c_str());
    }
    bool clean() const { return wrong_ == 0 && ok_ == done_ && first_error_.empty(); }

private:
    struct Pending {
        std::uint64_t posted_ns = 0;
        int op = 0;
        std::uint64_t cookie = 0;
        std::uint64_t operand = 0;
        std::uint32_t length = 0;
        Bytes line;             // where a load lands
        std::size_t place = 0;  // where a read lands in the local window
        Bytes expected;
    };

    bool more() {
        if (!first_error_.empty()) return false;
        return wanted_ != 0 ? posted_ < wanted_ : !told_to_end();
    }
    /// Nobody holds the other end of stdin any more. Looked at now and then: it is a system call.
    bool told_to_end() {
        if (told_ || posted_ < look_at_) return told_;
        look_at_ = posted_ + kUnderWay;
        pollfd in{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        char byte = 0;
        told_ = poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
        return told_;
    }
    std::size_t limit() const { return rdma_ ? 32 : kUnderWay; }

    /// Both sides begin with zeros: what an earlier worker left goes away.
    void clear() {
        std::array<std::byte, ETHLINK_LINE_MAX> zeros{};
        if (rdma_) {
            post_write(static_cast<std::uint32_t>(shadow_.size()), 0);
            if (wanted_ != 0) ++wanted_;
            return;
        }
        for (std::size_t at = 0; at < shadow_.size(); at += zeros.size()) {
            const std::size_t n = std::min(zeros.size(), shadow_.size() - at);
            const int status = ethlink_store(session_.get(), peer_.at(key_, base_ + at),
                                             zeros.data(), n, 20'000'000);
            if (status == ETHLINK_OK) continue;
            first_error_ = ethlink_status_name(status);
            return;
        }
    }
    Pending& make(int op, std::uint32_t length) {
        auto pending = std::make_unique<Pending>();
        pending->op = op;
        pending->length = length;
        pending->cookie = posted_++;
        pending->posted_ns = Journal::now_ns();
        journal_->posted.store(posted_);
        pending_.push_back(std::move(pending));
        return *pending_.back();
    }
    std::uint64_t place(std::uint32_t length) { return random_.below(shadow_.size() - length + 1); }
    void expect(Pending& pending, std::uint64_t offset) {
        const auto from = shadow_.begin() + static_cast<std::ptrdiff_t>(offset);
        pending.expected.assign(from, from + pending.length);
    }
    /// Whether the newest request was taken. An ended session takes none.
    void check(int status, const char* what) {
        if (status == ETHLINK_OK) return;
        if (status != ETHLINK_CLOSED) fail(std::string(what) + ": " + ethlink_status_name(status));
        pending_.pop_back();
        journal_->posted.store(--posted_);
        if (first_error_.empty()) first_error_ = ethlink_status_name(status);
    }

    void small() {
        const std::uint32_t length = kSizes[random_.below(std::size(kSizes))];
        const std::uint64_t offset = place(length);
        const ethlink_remote where = peer_.at(key_, base_ + offset);
        switch (random_.below(4)) {
            case 0: {
                Pending& pending = make(ETHLINK_OP_FETCH_ADD, 8);
                pending.operand = 1 + random_.below(1000);
                journal_->added_asked.fetch_add(pending.operand);
                return check(ethlink_post_atomic(session_.get(), pending.op, 8, peer_.at(key_, 0),
                                                 pending.operand, 0, pending.cookie),
                             "atomic");
            }
            case 1: {
                Pending& pending = make(ETHLINK_OP_STORE, length);
                std::byte* const at = &shadow_[offset];
                for (std::uint32_t i = 0; i < length; ++i) {
                    at[i] = static_cast<std::byte>(random_.next());
                }
                return check(ethlink_post_store(session_.get(), where, at, length, pending.cookie),
                             "store");
            }
            default: {
                Pending& pending = make(ETHLINK_OP_LOAD, length);
                pending.line.resize(length);
                expect(pending, offset);
                return check(ethlink_post_load(session_.get(), where, pending.line.data(), length,
                                               pending.cookie),
                             "load");
            }
        }
    }

    std::size_t local_place(std::uint64_t cookie) const {
        return cookie % kUnderWay * shadow_.size();
    }
    void post_write(std::uint32_t length, std::uint64_t offset) {
        Pending& pending = make(ETHLINK_OP_WRITE, length);
        pending.place = local_place(pending.cookie);
        const std::span<std::byte> data = local_.bytes().subspan(pending.place, length);
        for (std::byte& b : data) b = static_cast<std::byte>(random_.next());
        std::copy(data.begin(), data.end(), shadow_.begin() + static_cast<std::ptrdiff_t>(offset));
        check(ethlink_post_write(session_.get(), peer_.at(key_, base_ + offset), local_.get(),
                                 pending.place, length, pending.cookie),
              "write");
    }
    void bulk() {
        const auto length = static_cast<std::uint32_t>(1 + random_.below(shadow_.size()));
        const std::uint64_t offset = place(length);
        if (random_.chance(0.5)) {
            post_write(length, offset);
            return;
        }
        Pending& pending = make(ETHLINK_OP_READ, length);
        pending.place = local_place(pending.cookie);
        expect(pending, offset);
        check(ethlink_post_read(session_.get(), peer_.at(key_, base_ + offset), local_.get(),
                                pending.place, length, pending.cookie),
              "read");
        if (!first_error_.empty()) return;
        // A write may overtake the reading of what it changes, unless it is told not to.
        const Pending& fence = make(ETHLINK_OP_FENCE, 0);
        check(ethlink_post_fence(session_.get(), peer_.handle, fence.cookie), "fence");
    }

    void take() {
        std::array<ethlink_completion, 64> taken;
        const int n = ethlink_wait(session_.get(), taken.data(), 64, 20'000'000);
        if (n <= 0) fail("no completion in 20 s");
        for (int i = 0; i < n; ++i) settle(taken[static_cast<std::size_t>(i)]);
    }
    void settle(const ethlink_completion& completion) {
        const auto at = std::find_if(pending_.begin(), pending_.end(), [&](const auto& pending) {
            return pending->cookie == completion.cookie;
        });
        if (at == pending_.end()) return count_wrong();  // E1: ended twice, or never asked for
        const Pending& pending = **at;
        journal_->done.store(++done_);
        if (completion.status != ETHLINK_OK) {
            if (first_error_.empty()) first_error_ = ethlink_status_name(completion.status);
        } else {
            if (at != pending_.begin()) count_wrong();  // E8: successes in order
            succeeded(pending);
        }
        pending_.erase(at);
    }
    void succeeded(const Pending& pending) {
        journal_->good.store(++ok_);
        journal_->on_success(pending.posted_ns);
        if (pending.op == ETHLINK_OP_FETCH_ADD) added_ += pending.operand;
        journal_->added_seen.store(added_);
        if (pending.op == ETHLINK_OP_LOAD && pending.line != pending.expected) count_wrong();
        if (pending.op == ETHLINK_OP_READ) compare(pending);
    }
    void count_wrong() { journal_->wrong.store(++wrong_); }
    void compare(const Pending& pending) {
        const auto got = local_.bytes().subspan(pending.place, pending.length);
        if (!std::equal(got.begin(), got.end(), pending.expected.begin())) count_wrong();
    }

    JournalFile journal_;
    api::Session session_;
    api::Window local_;
    api::Peer peer_;
    std::uint64_t key_, base_, wanted_;
    bool rdma_;
    bool told_ = false;
    std::uint64_t look_at_ = 0;
    Random random_;
    Bytes shadow_;
    std::deque<std::unique_ptr<Pending>> pending_;
    std::uint64_t posted_ = 0, done_ = 0, ok_ = 0, wrong_ = 0, added_ = 0;
    std::string first_error_;
};

}  // namespace ethlink::ledger
