// SPDX-License-Identifier: BSD-3-Clause
#include "control/perf/perf_run.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

#include <ethlink/ethlink.hpp>

namespace ethlink::control {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kOpenLimit = 5s;
constexpr int kBatch = 64;                // completions taken at once
constexpr std::uint32_t kReceives = 512;  // posted ahead at the far end
constexpr std::uint32_t kSpinUs = 1'000'000;

Unexpected<std::string> failure(const std::string& what, const std::string& why) {
    return Unexpected<std::string>(what + ": " + why);
}

double microseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

std::string_view name(PerfOperation operation) {
    switch (operation) {
        case PerfOperation::kLoad: return "load";
        case PerfOperation::kStore: return "store";
        case PerfOperation::kFetchAdd: return "fetch-add";
        case PerfOperation::kWrite: return "write";
        case PerfOperation::kRead: return "read";
        case PerfOperation::kSend: return "send";
        case PerfOperation::kCount: break;
    }
    return {};
}

/// The two programs that this one is. A member ends before what stands above it.
struct PerfRun::Ends {
    api::Session asker, owner;
    api::Window memory;                    // the owner's, open to others
    api::Window local;                     // the asker's own
    api::Peer small, bulk;                 // asker -> owner
    api::Peer back;                        // owner -> asker: by which it receives
    ethlink_remote small_at{}, bulk_at{};  // the memory, by each of the two
    std::array<std::byte, ETHLINK_LINE_MAX> line{};
    std::uint32_t receives = 0;  // posted and not completed
};

/// Times of single transactions, and how fast the whole went.
class PerfRun::Clockwork {
public:
    /// Of many under way every 16th is timed: a look at the clock takes a tenth of a transaction.
    explicit Clockwork(std::uint32_t depth)
        : every_(depth > 1 ? 16 : 1), posted_(std::bit_ceil(depth)) {
        samples_.reserve(PerfResult::kSamplesMax);
    }

    void post(std::uint64_t cookie) {
        if (is_timed(cookie)) place(cookie) = Clock::now();
    }
    void complete(std::uint64_t cookie, Clock::time_point now) {
        if (is_timed(cookie) && samples_.size() < PerfResult::kSamplesMax) {
            samples_.push_back(static_cast<float>(microseconds(now - place(cookie))));
        }
        ++in_slice_;
    }
    /// Best rate of the slices so far.
    void turn(Clock::time_point now) {
        if (now - slice_ < 100ms) return;
        best_ = std::max(best_, static_cast<double>(in_slice_) /
                                    std::chrono::duration<double>(now - slice_).count());
        slice_ = now;
        in_slice_ = 0;
    }

    void fill(PerfResult& result) {
        result.peak_gbps = std::max(best_, result.rate()) * result.task.bytes * 8 / 1e9;
        if (samples_.empty()) return;
        std::ranges::sort(samples_);
        const auto at = [&](double share) {
            const auto index =
                static_cast<std::size_t>(share * static_cast<double>(samples_.size()));
            return static_cast<double>(samples_[std::min(index, samples_.size() - 1)]);
        };
        double sum = 0, squares = 0;
        for (const float sample : samples_) sum += sample;
        result.t_avg = sum / static_cast<double>(samples_.size());
        for (const float sample : samples_) {
            squares += (sample - result.t_avg) * (sample - result.t_avg);
        }
        result.t_stdev = std::sqrt(squares / static_cast<double>(samples_.size()));
        result.t_min = samples_.front();
        result.t_max = samples_.back();
        result.t_typical = at(0.5);
        result.p99 = at(0.99);
        result.p999 = at(0.999);
    }

private:
    bool is_timed(std::uint64_t cookie) const { return (cookie & (every_ - 1)) == 0; }
    Clock::time_point& place(std::uint64_t cookie) {
        return posted_[cookie & (posted_.size() - 1)];
    }

    std::uint64_t every_;
    std::vector<Clock::time_point> posted_;
    std::vector<float> samples_;
    Clock::time_point slice_ = Clock::now();
    std::uint64_t in_slice_ = 0;
    double best_ = 0;
};

PerfRun::PerfRun(std::unique_ptr<Ends> ends) : ends_(std::move(ends)) {}
PerfRun::~PerfRun() = default;

Expected<std::unique_ptr<PerfRun>, std::string> PerfRun::open(const std::string& from,
                                                              const std::string& to,
                                                              std::uint32_t bytes_max) {
    auto ends = std::make_unique<Ends>();
    auto asker = api::Session::open(from.c_str(), kOpenLimit);
    if (!asker) return failure(from, asker.text());
    ends->asker = std::move(*asker);
    auto owner = api::Session::open(to.c_str(), kOpenLimit);
    if (!owner) return failure(to, owner.text());
    ends->owner = std::move(*owner);
    const std::size_t bytes = std::max(bytes_max, 4096u);
    auto memory = ends->owner.alloc(bytes, ETHLINK_READ | ETHLINK_WRITE | ETHLINK_ATOMIC);
    if (!memory) return failure("memory of " + to, memory.text());
    ends->memory = std::move(*memory);
    auto local = ends->asker.alloc(bytes, 0);
    if (!local) return failure("memory of " + from, local.text());
    ends->local = std::move(*local);

    ethlink_info asking{}, owning{};
    ethlink_query(ends->asker.get(), &asking);
    ethlink_query(ends->owner.get(), &owning);
    const auto connect = [](api::Session& session, std::uint16_t gpu, ethlink_class kind,
                            api::Peer& peer) {
        auto connected = session.connect(gpu, kind, kOpenLimit);
        if (connected) peer = *connected;
        return connected ? std::string() : connected.text();
    };
    for (const std::string& why :
         {connect(ends->asker, owning.gpu, ETHLINK_LOAD_STORE, ends->small),
          connect(ends->asker, owning.gpu, ETHLINK_RDMA, ends->bulk),
          connect(ends->owner, asking.gpu, ETHLINK_RDMA, ends->back)}) {
        if (!why.empty()) return failure(from + " to " + to, why);
    }
    ends->small_at = ends->small.at(ends->memory.key(), 0);
    ends->bulk_at = ends->bulk.at(ends->memory.key(), 0);
    return std::unique_ptr<PerfRun>(new PerfRun(std::move(ends)));
}

int PerfRun::post(const PerfTask& task, std::uint64_t cookie) {
    Ends& e = *ends_;
    ethlink_session* const session = e.asker.get();
    switch (task.operation) {
        case PerfOperation::kLoad:
            return ethlink_post_load(session, e.small_at, e.line.data(), task.bytes, cookie);
        case PerfOperation::kStore:
            return ethlink_post_store(session, e.small_at, e.line.data(), task.bytes, cookie);
        case PerfOperation::kFetchAdd:
            return ethlink_post_atomic(session, ETHLINK_OP_FETCH_ADD, task.bytes, e.small_at, 1, 0,
                                       cookie);
        case PerfOperation::kWrite:
            return ethlink_post_write(session, e.bulk_at, e.local.get(), 0, task.bytes, cookie);
        case PerfOperation::kRead:
            return ethlink_post_read(session, e.bulk_at, e.local.get(), 0, task.bytes, cookie);
        case PerfOperation::kSend:
            return ethlink_post_send(session, e.bulk.handle, e.local.get(), 0, task.bytes, cookie);
        case PerfOperation::kCount: break;
    }
    return ETHLINK_INVALID;
}

/// Keeps receives posted for what is sent, of whatever size.
int PerfRun::post_receives() {
    while (ends_->receives < kReceives) {
        const int status =
            ethlink_post_recv(ends_->owner.get(), ends_->back.handle, ends_->memory.get(), 0,
                              ends_->memory.bytes().size(), 0);
        if (status != ETHLINK_OK) return status;
        ++ends_->receives;
    }
    return ETHLINK_OK;
}

void PerfRun::drain_receives() {
    std::array<ethlink_completion, kBatch> taken;
    const int n = ethlink_poll(ends_->owner.get(), taken.data(), kBatch);
    if (n <= 0) return;
    ends_->receives -= static_cast<std::uint32_t>(n);
    post_receives();
}

Expected<PerfResult, std::string> PerfRun::measure(const PerfTask& task,
                                                   const std::atomic<bool>& stop,
                                                   const Progress& progress) {
    PerfResult result{.task = task};
    const std::uint32_t depth = task.mode == PerfMode::kLatency ? 1 : std::max(task.depth, 1u);
    Clockwork clockwork(depth);
    ethlink_set_spin(ends_->asker.get(), kSpinUs);  // As perftest does.
    const bool sends = task.operation == PerfOperation::kSend;
    if (sends && post_receives() != ETHLINK_OK) {
        return failure("receives", ethlink_last_error());
    }
    std::array<ethlink_completion, kBatch> taken;
    const Clock::time_point begin = Clock::now();
    Clock::time_point now = begin, report = begin + 500ms;
    std::uint64_t posted = 0;
    const auto more = [&] {
        if (stop.load(std::memory_order_relaxed)) return false;
        return task.iterations > 0 ? posted < task.iterations : now - begin < task.duration;
    };
    while (more() || result.transactions + result.errors < posted) {
        while (more() && posted - result.transactions - result.errors < depth) {
            clockwork.post(posted);
            const int status = post(task, posted);
            if (status == ETHLINK_FULL) break;
            if (status != ETHLINK_OK) {
                return failure(std::string(name(task.operation)), ethlink_status_text(status));
            }
            ++posted;
        }
        const int n = ethlink_wait(ends_->asker.get(), taken.data(), kBatch, 1'000'000);
        if (n < 0) return failure("the endpoint", "it has ended");
        now = Clock::now();
        for (int i = 0; i < n; ++i) {
            const ethlink_completion& completion = taken[static_cast<std::size_t>(i)];
            if (completion.status == ETHLINK_OK) {
                clockwork.complete(completion.cookie, now);
                ++result.transactions;
            } else {
                if (result.errors++ == 0) result.first_error = completion.status;
            }
        }
        if (sends) drain_receives();
        clockwork.turn(now);
        if (now < report) continue;
        report = now + 500ms;
        result.seconds = std::chrono::duration<double>(now - begin).count();
        if (progress) progress(result);
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    clockwork.fill(result);
    return result;
}

}  // namespace ethlink::control
