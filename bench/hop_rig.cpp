// SPDX-License-Identifier: BSD-3-Clause
#include "bench/hop_rig.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "bench/frames.h"
#include "dataplane/forwarding_table.h"
#include "dataplane/snapshot.h"

namespace ethlink::bench {
namespace {

using SwitchWorker = Worker<Mbuf, SwitchStage<Mbuf>>;

constexpr std::size_t kTurnsPerWindow = 64;
constexpr std::size_t kWarmUpTurns = 4'000;
constexpr std::size_t kLinkUpTurns = 10'000;
constexpr std::uint32_t kCredits = 4096;  // 64 bytes each: 128 frames of the largest size per VC

GpuId gpu_of(std::uint32_t port) {
    return {static_cast<std::uint16_t>(0x0200 + port)};
}

LinkProfile make_profile() {
    LinkProfile profile;
    for (VcProfile& vc : profile.vcs) vc.reserved = Credits{kCredits};
    return profile;
}

/// Port i sends to all others in turn, so that every egress gets as much as an ingress.
std::vector<Template> make_traffic(const HopCase& what, std::uint32_t port) {
    std::vector<Template> traffic;
    const std::uint32_t others = what.ports - 1;
    for (std::uint32_t i = 0; i < others * what.vcs; ++i) {
        const std::uint32_t to = (port + 1 + i % others) % what.ports;
        traffic.push_back({make_frame(gpu_of(port), gpu_of(to), what.frame_bytes - kFcsBytes),
                           Vc{static_cast<std::uint8_t>(i / others)}});
    }
    return traffic;
}

std::unique_ptr<const ForwardingTable> make_table(std::uint32_t ports) {
    auto table = std::make_unique<ForwardingTable>();
    for (std::uint32_t i = 0; i < ports; ++i) {
        const PortId port{static_cast<std::uint16_t>(i)};
        if (!table->set(gpu_of(i), std::span(&port, 1))) throw std::runtime_error("no table");
    }
    return table;
}

class Rig {
public:
    Rig(const HopCase& what, MbufPool& pool) : what_(what), profile_(make_profile()), tables_(1) {
        tables_.publish(make_table(what.ports));
        std::vector<PortHome> homes;
        for (std::uint16_t i = 0; i < what.ports; ++i) homes.push_back({WorkerId{0}, i});
        worker_ = std::make_unique<SwitchWorker>(WorkerId{0},
                                                 std::make_shared<Crossbar<Mbuf>>(homes, 1, 0),
                                                 SwitchStage<Mbuf>(tables_.reader(0)));
        turned_ = worker_.get();
        for (std::uint32_t i = 0; i < what.ports; ++i) add_port(i, pool);
    }

    void start() {
        worker_->start(now_);
        for (auto& neighbour : neighbours_) neighbour->start(now_);
        for (std::size_t i = 0; i < kLinkUpTurns && !is_up(); ++i) turn(false);
        if (!is_up()) throw std::runtime_error("the links did not come up");
        for (std::size_t i = 0; i < kWarmUpTurns; ++i) turn(true);
    }

    /// One turn of everybody; the cycles that the switch worker took.
    std::uint64_t turn(bool sending) {
        for (auto& neighbour : neighbours_) neighbour->turn(now_, sending);
        const std::uint64_t begin = cycles();
        turned_->poll_once(now_);
        const std::uint64_t spent = cycles() - begin - cycles_overhead();
        // Time is what the switch itself took, as if every neighbour had a core of its own; being
        // interrupted by the system must not look like a dead link.
        const auto ns = static_cast<std::int64_t>(static_cast<double>(spent) * ns_per_cycle_);
        now_ += std::min(Duration(ns), Duration(std::chrono::microseconds(20)));
        return spent;
    }

    /// Nothing new is sent any more, and all that was has arrived.
    void drain() {
        for (std::size_t i = 0; i < kLinkUpTurns; ++i) turn(false);
    }

    std::uint64_t delivered() const {
        std::uint64_t n = 0;
        for (const auto& neighbour : neighbours_) n += neighbour->data_frames();
        return n;
    }
    std::uint64_t control() const {
        std::uint64_t n = 0;
        for (const auto& neighbour : neighbours_) n += neighbour->control_frames();
        return n;
    }
    std::uint64_t replays() const {
        std::uint64_t n = 0;
        for (std::uint32_t i = 0; i < what_.ports; ++i) {
            n += worker_->port(i).link->stats().read(LinkStat::kLlrTxReplayed);
            n += neighbours_[i]->link().stats().read(LinkStat::kLlrTxReplayed);
        }
        return n;
    }
    std::uint64_t refused() const {
        std::uint64_t n = 0;
        for (std::uint32_t i = 0; i < what_.ports; ++i) {
            n += neighbours_[i]->lost();
            for (std::size_t d = 0; d < kDropCount; ++d) {
                n += worker_->port(i).counters.drops.read(static_cast<Drop>(d));
            }
        }
        return n;
    }
    /// Frames received, and receive bursts that had any.
    std::pair<std::uint64_t, std::uint64_t> bursts() const {
        std::pair<std::uint64_t, std::uint64_t> sum{0, 0};
        for (std::uint32_t i = 0; i < what_.ports; ++i) {
            const PortCounters& counters = worker_->port(i).counters;
            sum.first += counters.rx_frames.read();
            for (std::size_t n = 1; n <= kBurstSize; ++n)
                sum.second += counters.rx_bursts[n].read();
        }
        return sum;
    }
    void set_tsc_hz(double hz) { ns_per_cycle_ = 1e9 / hz; }

private:
    void add_port(std::uint32_t i, MbufPool& pool) {
        Port<Mbuf>* near = nullptr;
        if (what_.keep == Keep::kShare) {
            auto nic = std::make_unique<NicPort>(pool);
            near = nic.get();
            auto far = std::make_unique<NicPort::FarEnd>(*nic);
            devices_.push_back(std::move(nic));
            devices_.push_back(std::move(far));
        } else {
            auto wire = std::make_shared<Wire<Mbuf>>(256);
            auto end = std::make_unique<WirePort<Mbuf>>(wire, WirePort<Mbuf>::End::kA);
            near = end.get();
            devices_.push_back(std::move(end));
            devices_.push_back(std::make_unique<WirePort<Mbuf>>(wire, WirePort<Mbuf>::End::kB));
        }
        PortRules rules;
        rules.id = PortId{static_cast<std::uint16_t>(i)};
        rules.guard_source = rules.guard_tenant = true;
        rules.gpus = {gpu_of(i)};
        const std::vector<std::uint32_t> queues(profile_.vc_count, what_.ports * kCredits);
        const auto epoch = static_cast<std::uint16_t>(33 + i);
        worker_->add_port(std::make_unique<PortState<Mbuf>>(
            *near, rules, profile_, LinkEnd{.keep = near->keep(), .epoch = epoch}, queues,
            profile_.llr.max_outstanding_frames, pool));
        neighbours_.push_back(std::make_unique<Neighbour>(*devices_.back(), profile_, epoch, pool,
                                                          make_traffic(what_, i)));
    }
    bool is_up() const {
        for (std::uint32_t i = 0; i < what_.ports; ++i) {
            if (!worker_->port(i).link->is_up() || !neighbours_[i]->link().is_up()) return false;
        }
        return true;
    }

    HopCase what_;
    LinkProfile profile_;
    Snapshot<ForwardingTable> tables_;
    std::vector<std::unique_ptr<Port<Mbuf>>> devices_;
    std::unique_ptr<SwitchWorker> worker_;
    Pollable* turned_ = nullptr;  // the worker, called as a poll core calls it
    std::vector<std::unique_ptr<Neighbour>> neighbours_;
    Time now_{std::chrono::seconds(1)};
    double ns_per_cycle_ = 0.4;
};

}  // namespace

HopResult run_hop(const HopCase& what, dpdk::MbufPool& pool, double tsc_hz) {
    Rig rig(what, pool);
    rig.set_tsc_hz(tsc_hz);
    rig.start();
    const std::uint64_t frames_before = rig.delivered();
    const std::uint64_t control_before = rig.control();
    const auto bursts_before = rig.bursts();
    std::vector<double> per_frame;
    std::vector<double> per_turn;
    for (std::uint32_t w = 0; w < what.windows; ++w) {
        const std::uint64_t begin = rig.delivered();
        std::uint64_t spent = 0;
        for (std::size_t i = 0; i < kTurnsPerWindow; ++i) spent += rig.turn(true);
        per_turn.push_back(static_cast<double>(spent) / kTurnsPerWindow);
        // What this window's last turn sent is counted in the next one, as it was in this one.
        per_frame.push_back(static_cast<double>(spent) /
                            static_cast<double>(rig.delivered() - begin));
    }
    HopResult result;
    result.frames = rig.delivered() - frames_before;
    const auto frames = static_cast<double>(result.frames);
    result.control_per_1000 = 1000 * static_cast<double>(rig.control() - control_before) / frames;
    const auto bursts = rig.bursts();
    result.burst_mean = static_cast<double>(bursts.first - bursts_before.first) /
                        static_cast<double>(bursts.second - bursts_before.second);
    result.cycles_per_frame = quantile(per_frame, 0.5);
    result.cycles_low = quantile(per_frame, 0.1);
    result.cycles_per_turn = quantile(per_turn, 0.5);
    rig.drain();
    result.replays = rig.replays();
    result.refused = rig.refused();
    return result;
}

}  // namespace ethlink::bench
