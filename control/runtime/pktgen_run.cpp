// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/pktgen_run.h"

#include <algorithm>
#include <utility>

namespace ethlink::control {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr Duration kTick = 10ms;
constexpr Duration kDrainLimit = 10s;
constexpr Duration kProgressEvery = 200ms;

/// Calls visit(const PortState&) for the ports of the endpoints here.
template <class Visit>
void for_each_endpoint_port(const Process& process, Visit visit) {
    for (const auto& endpoint : process.endpoints()) {
        const EndpointNode& node = *endpoint->node;
        for (std::uint16_t i = 0; i < node.port_count(); ++i) visit(node.port(PortId{i}));
    }
}

std::uint64_t less(std::uint64_t n, std::uint64_t taken) {
    return n - std::min(n, taken);
}

template <class Visit>
void for_each_endpoint_link(const Process& process, Visit visit) {
    for_each_endpoint_port(process, [&](const PortState<Mbuf>& port) {
        if (port.link) visit(port);
    });
}

}  // namespace

template <class Done>
bool PktgenRun::wait(Duration limit, Done done, Heed heed) {
    for (const auto end = Clock::now() + limit; !done();) {
        const auto left = end - Clock::now();
        if (left <= 0s || (heed == Heed::kStop && stop_->load())) return false;
        tick_(std::min<Duration>(left, kTick));
    }
    return true;
}

bool PktgenRun::wait_for_links(Duration limit) {
    return wait(limit, [&] { return process_->links_up(); });
}

bool PktgenRun::wait_for_answers(Duration limit) {
    process_->probe(true);
    const bool all = wait(limit, [&] { return silent().empty(); });
    process_->probe(false);
    return all;
}

std::vector<GpuId> PktgenRun::silent() const {
    std::vector<GpuId> list;
    for (const auto& endpoint : process_->endpoints()) {
        const std::vector<PktgenStream>& streams = endpoint->stage().identity().streams;
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (!endpoint->stage().is_answered(i)) list.push_back(streams[i].dst);
        }
    }
    std::ranges::sort(list, {}, &GpuId::value);
    list.erase(std::unique(list.begin(), list.end()), list.end());
    return list;
}

void PktgenRun::wait_for_silence(Duration quiet) {
    for (auto before = frame_totals(*process_).received;;) {
        const bool is_stopped = !wait(quiet, [] { return false; }) && stop_->load();
        const auto now = frame_totals(*process_).received;
        if (is_stopped || now == before) return;
        before = now;
    }
}

bool PktgenRun::plans_are_seen() {
    return std::ranges::all_of(process_->endpoints(),
                               [](const auto& e) { return e->plans.reclaim() == 0; });
}

/// Queues empty into the links, so quiet() alone would be true too early: the links must have
/// taken as many frames as were made. What links publish is older than what they count, so one
/// tick goes by first. Who is told to stop drains all the same: the numbers are to be right.
void PktgenRun::drain() {
    wait(
        kDrainLimit, [&] { return plans_are_seen(); }, Heed::kNothing);
    tick_(kTick);
    const auto all_taken = [&] {
        const std::uint64_t taken =
            link_frames() + plain_frames() + link_stat(LinkStat::kLlrTxDiscard);
        const FrameTotals totals = frame_totals(*process_);
        return taken >= totals.sent + totals.probes && process_->quiet();
    };
    wait(kDrainLimit, all_taken, Heed::kNothing);
    if (process_->fabric().nodes.size() != process_->plan().nodes.size()) return;
    const auto all_arrived = [&] {
        const FrameTotals totals = frame_totals(*process_);
        return totals.delivered() >= totals.sent && process_->quiet();
    };
    wait(kDrainLimit, all_arrived, Heed::kNothing);
}

std::uint64_t PktgenRun::link_frames() const {
    std::uint64_t sum = 0;
    for_each_endpoint_link(*process_, [&](const PortState<Mbuf>& port) {
        for (const VcStats& vc : port.link->stats().vcs) sum += vc.tx_frames.read();
    });
    return sum;
}

/// Given to the media of plain ports, or dropped for want of a buffer.
std::uint64_t PktgenRun::plain_frames() const {
    std::uint64_t sum = 0;
    for_each_endpoint_port(*process_, [&](const PortState<Mbuf>& port) {
        if (port.link) return;
        sum += port.counters.tx_frames.read() + port.counters.drops.read(Drop::kTxNoBuffer);
    });
    return sum;
}

bool PktgenRun::has_links() const {
    bool any = false;
    for_each_endpoint_link(*process_, [&](const PortState<Mbuf>&) { any = true; });
    return any;
}

std::uint64_t PktgenRun::link_stat(LinkStat stat) const {
    std::uint64_t sum = 0;
    for_each_endpoint_link(
        *process_, [&](const PortState<Mbuf>& port) { sum += port.link->stats().read(stat); });
    return sum;
}

std::uint64_t PktgenRun::let_go() const {
    return link_stat(LinkStat::kLlrTxDiscard) + link_stat(LinkStat::kLlrTxFlushedFrames);
}

std::size_t PktgenRun::senders() const {
    return static_cast<std::size_t>(std::ranges::count_if(process_->endpoints(), [](const auto& e) {
        return !e->stage().identity().streams.empty();
    }));
}

PktgenResult PktgenRun::trial(const Workload& traffic, const PktgenTimes& times) {
    Workload counted = traffic;
    counted.frames_max = traffic.frames_max == 0 ? 0 : made_max_ += traffic.frames_max;
    if (times.warm_up > 0s && traffic.frames_max == 0) {
        process_->send(traffic, true);
        wait(times.warm_up, [] { return false; });
        process_->send(traffic, false);
    }
    drain();

    PktgenResult result;
    result.adaptive = traffic.adaptive;
    const FrameTotals before = frame_totals(*process_);
    const LinkTotals links_before = link_totals(*process_);
    const HistogramSnapshot latency_before = latency(*process_);
    const std::uint64_t plain_before = plain_frames();
    const std::uint64_t let_go_before = let_go();
    const std::uint64_t most = traffic.frames_max * senders();
    const auto begin = Clock::now();
    auto next_progress = begin + kProgressEvery;
    process_->send(counted, true);
    wait(times.counted, [&] {
        const FrameTotals so_far = frame_totals(*process_) - before;
        if (progress_ && Clock::now() >= next_progress) {
            next_progress += kProgressEvery;
            progress_(so_far, Clock::now() - begin);
        }
        return most > 0 && so_far.sent >= most;
    });
    result.in_time = frame_totals(*process_) - before;
    result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    process_->send(counted, false);
    drain();
    result.drained = process_->quiet();
    result.frames = frame_totals(*process_) - before;
    const LinkTotals links = link_totals(*process_);
    result.links = {.replays = links.replays - links_before.replays,
                    .replayed = links.replayed - links_before.replayed,
                    .flushes = links.flushes - links_before.flushes,
                    .nacks = links.nacks - links_before.nacks,
                    .bad_fcs = links.bad_fcs - links_before.bad_fcs};
    // Not what links count: they carry answers to the probes of others, too.
    result.link_frames = less(result.frames.sent, plain_frames() - plain_before);
    if (result.drained) result.acknowledged = less(result.link_frames, let_go() - let_go_before);
    result.latency = latency(*process_) - latency_before;
    return result;
}

Expected<RateSearch, std::string> search_rate(
    PktgenRun& run, Workload traffic, PktgenSearchOptions options,
    const std::function<void(const RateTrial&, const PktgenResult&)>& on_trial,
    const std::atomic<bool>& stop) {
    const auto senders = static_cast<double>(run.senders());
    if (senders < 1)
        return Unexpected<std::string>("no endpoint here sends: choose another pattern");
    const auto trial_at = [&](double rate) {
        traffic.frames_per_second = rate / senders;
        PktgenResult result = run.trial(traffic, options.times);
        const RateTrial trial{.offered = rate,
                              .sent = result.frames.sent,
                              .received = result.frames.delivered(),
                              .seconds = result.seconds};
        if (!stop.load()) on_trial(trial, result);
        return std::pair(trial, std::move(result));
    };
    if (options.rates.rate_max <= 0) {
        const PktgenResult open = trial_at(0).second;
        if (open.in_time.sent == 0) {
            return Unexpected<std::string>(
                "no frame was sent in the first trial: stopped, or no "
                "link is up");
        }
        options.rates.rate_max = open.sent_per_second();
    }
    RateSearch search(options.rates);
    while (!stop.load()) {
        const auto rate = search.next_rate();
        if (!rate) break;
        const RateTrial trial = trial_at(*rate).first;
        if (!stop.load()) search.on_trial(trial);
    }
    return search;
}

}  // namespace ethlink::control
