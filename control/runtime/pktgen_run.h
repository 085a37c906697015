// SPDX-License-Identifier: BSD-3-Clause
// Trials of the packet generator: warm up, count for a while, drain, take the difference.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "control/pktgen/rate_search.h"
#include "control/runtime/process.h"
#include "control/runtime/totals.h"
#include "control/runtime/traffic.h"
#include "dataplane/histogram.h"
#include "proto/expected.h"
#include "proto/ids.h"
#include "proto/time.h"

namespace ethlink::control {

struct PktgenTimes {
    Duration warm_up = std::chrono::milliseconds(200);
    Duration counted = std::chrono::seconds(3);
};

/// What the endpoints of this process saw of one trial. The trial begins and ends with nothing
/// under way, so `frames` is exact; what arrives only while draining counts as received, too.
struct PktgenResult {
    double seconds = 0;   // how long it was sending
    FrameTotals frames;   // of the whole trial
    FrameTotals in_time;  // of these, sent and received within `seconds`: for rates
    LinkTotals links;
    std::uint64_t link_frames = 0;   // of those sent, given to links
    std::uint64_t acknowledged = 0;  // of these, acknowledged by LLR
    bool drained = false;            // nothing was under way at the end
    bool adaptive = false;           // AR = 1: frames may overtake each other
    HistogramSnapshot latency;       // ns; only where sender and receiver are in this process

    double sent_per_second() const { return per_second(in_time.sent); }
    double received_per_second() const { return per_second(in_time.received); }
    /// 8 x (bytes of whole frames, FCS included) / s: RFC 2544's throughput, without preamble and
    /// gap.
    double sent_bits_per_second() const {
        return 8 * per_second(in_time.sent_bytes + 4 * in_time.sent);
    }
    double received_bits_per_second() const {
        return 8 * per_second(in_time.received_bytes + 4 * in_time.received);
    }

private:
    double per_second(std::uint64_t n) const {
        return seconds > 0 ? static_cast<double>(n) / seconds : 0;
    }
};

/// Runs trials on a process whose endpoints were made for the workload's pattern and VCs. Rates,
/// sizes and counts may differ from trial to trial.
class PktgenRun {
public:
    /// Called again and again while a trial runs; waits about as long as it is told.
    using Tick = std::function<void(Duration)>;
    /// About five times a second.
    using Progress = std::function<void(const FrameTotals& so_far, Duration elapsed)>;

    PktgenRun(Process& process, Tick tick, const std::atomic<bool>& stop)
        : process_(&process), tick_(std::move(tick)), stop_(&stop) {}
    void set_progress(Progress progress) { progress_ = std::move(progress); }

    /// False if the links did not come up in time.
    bool wait_for_links(Duration limit);

    /// False if some destination did not answer in time; then silent() names them. A destination
    /// answers when every link of the way there and back is up, and its pktgen runs: what is sent
    /// earlier waits in front of a dead link until it is too old.
    bool wait_for_answers(Duration limit);
    std::vector<GpuId> silent() const;

    /// Whether an endpoint here has a link: only links acknowledge.
    bool has_links() const;

    /// Returns when no test frame has come for so long, or when told to stop.
    void wait_for_silence(Duration quiet);

    PktgenResult trial(const Workload& traffic, const PktgenTimes& times);

    /// Endpoints here that send with the pattern of this process.
    std::size_t senders() const;

private:
    enum class Heed : std::uint8_t { kStop, kNothing };  // what ends a wait early
    template <class Done>
    bool wait(Duration limit, Done done, Heed heed = Heed::kStop);
    void drain();
    bool plans_are_seen();
    std::uint64_t link_frames() const;
    std::uint64_t plain_frames() const;
    std::uint64_t link_stat(LinkStat stat) const;
    /// Frames of dead links: nobody will acknowledge them.
    std::uint64_t let_go() const;

    Process* process_;
    Tick tick_;
    const std::atomic<bool>* stop_;
    Progress progress_;
    std::uint64_t made_max_ = 0;  // a plan's limit counts all that an endpoint has ever made
};

struct PktgenSearchOptions {
    RateSearchOptions rates;  // of all endpoints together; rate_max 0: what an open trial reaches
    PktgenTimes times;
};

/// The search for NDR and PDR over trials. on_trial sees each as it ends.
[[nodiscard]] Expected<RateSearch, std::string> search_rate(
    PktgenRun& run, Workload traffic, PktgenSearchOptions options,
    const std::function<void(const RateTrial&, const PktgenResult&)>& on_trial,
    const std::atomic<bool>& stop);

}  // namespace ethlink::control
