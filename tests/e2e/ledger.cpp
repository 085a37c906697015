// SPDX-License-Identifier: BSD-3-Clause
// A program over libethlink that knows what each of its transactions must bring, and says so.
//
//   ledger own  SOCKET BYTES                            lends memory; prints its key; at the end of
//                                                       stdin prints the first word, and goes
//   ledger work SOCKET GPU KEY BASE SIZE SEED N CLASS   N transactions on BASE .. BASE + SIZE of
//   it;
//                                                       CLASS: ls or rdma. It ends with an error.
// One JSON object a line.
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <ethlink/ethlink.hpp>

#include "dataplane/random.h"

namespace {

using namespace ethlink;
using Bytes = std::vector<std::byte>;
using namespace std::chrono_literals;

constexpr std::size_t kUnderWay = 256;
constexpr std::uint32_t kSizes[] = {4, 8, 8, 8, 64, 128, 256, 1, 77};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "ledger: %s: %s\n", what.c_str(), ethlink_last_error());
    std::exit(1);
}

template <class T>
T must(api::Result<T> result, const char* what) {
    if (!result) fail(std::string(what) + ": " + result.text());
    return std::move(*result);
}

int own(const std::string& socket, std::size_t bytes) {
    auto session = must(api::Session::open(socket.c_str(), 10s), "open");
    auto memory =
        must(session.alloc(bytes, ETHLINK_READ | ETHLINK_WRITE | ETHLINK_ATOMIC), "alloc");
    std::printf("{\"key\": \"%016" PRIx64 "\"}\n", memory.key());
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    std::printf("{\"counter\": %" PRIu64 "}\n", memory.as<std::uint64_t>()[0]);
    return 0;
}

/// Works on its slice alone, so what it reads there is what it wrote: the shadow. The word at
/// address 0 is everybody's.
class Worker {
public:
    Worker(const std::string& socket, std::uint16_t gpu, std::uint64_t key, std::uint64_t base,
           std::uint32_t size, std::uint64_t seed, bool rdma)
        : session_(must(api::Session::open(socket.c_str(), 10s), "open")),
          key_(key),
          base_(base),
          rdma_(rdma),
          random_(seed),
          shadow_(size) {
        peer_ =
            must(session_.connect(gpu, rdma ? ETHLINK_RDMA : ETHLINK_LOAD_STORE, 10s), "connect");
        if (!rdma) return;
        local_ = must(session_.alloc(std::size_t{size} * kUnderWay, 0), "local memory");
    }

    void run(std::uint64_t transactions) {
        clear(transactions);
        const auto more = [&] { return posted_ < transactions && first_error_.empty(); };
        while (done_ < posted_ || more()) {
            while (more() && pending_.size() < limit()) rdma_ ? bulk() : small();
            take();
        }
        std::printf("{\"transactions\": %" PRIu64 ", \"ok\": %" PRIu64 ", \"wrong\": %" PRIu64
                    ", \"added\": %" PRIu64 ", \"first_error\": \"%s\"}\n",
                    done_, ok_, wrong_, added_, first_error_.c_str());
    }
    bool clean() const { return wrong_ == 0 && ok_ == done_; }

private:
    struct Pending {
        int op = 0;
        std::uint64_t cookie = 0;
        std::uint64_t operand = 0;
        std::uint32_t length = 0;
        Bytes line;             // where a load lands
        std::size_t place = 0;  // where a read lands in the local window
        Bytes expected;
    };

    std::size_t limit() const { return rdma_ ? 32 : kUnderWay; }

    /// Both sides begin with zeros: what an earlier worker left goes away.
    void clear(std::uint64_t& transactions) {
        std::array<std::byte, ETHLINK_LINE_MAX> zeros{};
        if (rdma_) {
            post_write(static_cast<std::uint32_t>(shadow_.size()), 0);
            ++transactions;
            return;
        }
        for (std::size_t at = 0; at < shadow_.size(); at += zeros.size()) {
            const std::size_t n = std::min(zeros.size(), shadow_.size() - at);
            if (ethlink_store(session_.get(), peer_.at(key_, base_ + at), zeros.data(), n,
                              20'000'000) != ETHLINK_OK) {
                fail("store");
            }
        }
    }
    Pending& make(int op, std::uint32_t length) {
        auto pending = std::make_unique<Pending>();
        pending->op = op;
        pending->length = length;
        pending->cookie = posted_++;
        pending_.push_back(std::move(pending));
        return *pending_.back();
    }
    std::uint64_t place(std::uint32_t length) { return random_.below(shadow_.size() - length + 1); }
    void expect(Pending& pending, std::uint64_t offset) {
        const auto from = shadow_.begin() + static_cast<std::ptrdiff_t>(offset);
        pending.expected.assign(from, from + pending.length);
    }
    void check(int status, const char* what) {
        if (status != ETHLINK_OK) fail(std::string(what) + ": " + ethlink_status_name(status));
    }

    void small() {
        const std::uint32_t length = kSizes[random_.below(std::size(kSizes))];
        const std::uint64_t offset = place(length);
        const ethlink_remote where = peer_.at(key_, base_ + offset);
        switch (random_.below(4)) {
            case 0: {
                Pending& pending = make(ETHLINK_OP_FETCH_ADD, 8);
                pending.operand = 1 + random_.below(1000);
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
    Pending& post_write(std::uint32_t length, std::uint64_t offset) {
        Pending& pending = make(ETHLINK_OP_WRITE, length);
        pending.place = local_place(pending.cookie);
        const std::span<std::byte> data = local_.bytes().subspan(pending.place, length);
        for (std::byte& b : data) b = static_cast<std::byte>(random_.next());
        std::copy(data.begin(), data.end(), shadow_.begin() + static_cast<std::ptrdiff_t>(offset));
        check(ethlink_post_write(session_.get(), peer_.at(key_, base_ + offset), local_.get(),
                                 pending.place, length, pending.cookie),
              "write");
        return pending;
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
        const Pending& pending = *pending_.front();
        ++done_;
        if (completion.cookie != pending.cookie) ++wrong_;  // E1, E8: not the oldest
        if (completion.status != ETHLINK_OK) {
            if (first_error_.empty()) first_error_ = ethlink_status_name(completion.status);
        } else {
            ++ok_;
            if (pending.op == ETHLINK_OP_FETCH_ADD) added_ += pending.operand;
            if (pending.op == ETHLINK_OP_LOAD && pending.line != pending.expected) ++wrong_;
            if (pending.op == ETHLINK_OP_READ) compare(pending);
        }
        pending_.pop_front();
    }
    void compare(const Pending& pending) {
        const auto got = local_.bytes().subspan(pending.place, pending.length);
        if (!std::equal(got.begin(), got.end(), pending.expected.begin())) ++wrong_;
    }

    api::Session session_;
    api::Window local_;
    api::Peer peer_;
    std::uint64_t key_, base_;
    bool rdma_;
    Random random_;
    Bytes shadow_;
    std::deque<std::unique_ptr<Pending>> pending_;
    std::uint64_t posted_ = 0, done_ = 0, ok_ = 0, wrong_ = 0, added_ = 0;
    std::string first_error_;
};

std::uint64_t number(const char* text, int base = 0) {
    return std::strtoull(text, nullptr, base);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "own" && argc == 4) return own(argv[2], number(argv[3]));
    if (what == "work" && argc == 10) {
        Worker worker(argv[2], static_cast<std::uint16_t>(number(argv[3])), number(argv[4], 16),
                      number(argv[5]), static_cast<std::uint32_t>(number(argv[6])), number(argv[7]),
                      std::string(argv[9]) == "rdma");
        worker.run(number(argv[8]));
        return worker.clean() ? 0 : 1;
    }
    std::fprintf(stderr,
                 "usage: ledger own SOCKET BYTES | work SOCKET GPU KEY BASE SIZE SEED N ls|rdma\n");
    return 2;
}
