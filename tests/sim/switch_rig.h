// SPDX-License-Identifier: BSD-3-Clause
// One real switch, of one or several workers, with an endpoint or bare hands at each cable.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/crossbar.h"
#include "dataplane/fault_port.h"
#include "dataplane/forwarding_table.h"
#include "dataplane/port_state.h"
#include "dataplane/snapshot.h"
#include "dataplane/switch_stage.h"
#include "dataplane/wire_port.h"
#include "dataplane/worker.h"
#include "tests/sim/frame.h"
#include "tests/sim/ghost.h"
#include "tests/sim/stepping.h"

namespace ethlink::sim {

/// An endpoint that sends what a test tells it, and keeps what arrives.
class ScriptStage {
public:
    struct Script {
        std::array<std::deque<SimFrame>, kMaxVcs> to_send;
        std::vector<SimFrame> received;
        std::vector<Arrival> unconsumed;
        bool consuming = true;
        std::uint32_t stuck = 0;  // bit per VC: of these nothing is consumed
    };

    explicit ScriptStage(std::shared_ptr<Script> script) : script_(std::move(script)) {}

    void refresh() {}

    template <class Node>
    void deliver(SimFrame&& frame, const wire::FrameView&, PortState<SimFrame>&,
                 const Arrival& arrival, Node&) {
        script_->received.push_back(std::move(frame));
        script_->unconsumed.push_back(arrival);
    }

    template <class Node>
    bool originate(Node& node, Time now) {
        if (script_->consuming) {
            std::erase_if(script_->unconsumed, [&](const Arrival& arrival) {
                if ((script_->stuck >> arrival.vc.value & 1u) != 0) return false;
                node.consume(arrival);
                return true;
            });
        }
        bool any = false;
        for (std::uint8_t i = 0; i < kMaxVcs; ++i) {
            auto& waiting = script_->to_send[i];
            while (!waiting.empty() && node.port(0).queues[Vc{i}].size() < kQueueFrames) {
                node.enqueue(PortId{0}, std::move(waiting.front()),
                             Arrival{kNoPort, Vc{i}, {}, now});
                waiting.pop_front();
                any = true;
            }
        }
        return any;
    }

    static constexpr std::uint32_t kQueueFrames = 64;

private:
    std::shared_ptr<Script> script_;
};

/// A port of the switch, and what is at the other end of its cable.
struct RigPort {
    bool plain = false;  // bare hands: SwitchRig::inject() and taken()
    bool software_fcs = false;
    bool guard_source = false;
    std::vector<GpuId> gpus = {};
    bool guard_tenant = false;
    Tenant tenant = {};
    WatchdogProfile watchdog{.action = WatchdogAction::kDisable};
    bool faulty = false;             // its faults may change: SwitchRig::set_faults()
    FaultOptions out = {}, in = {};  // as the switch sees it
};

struct RigOptions {
    LinkProfile profile;
    std::vector<RigPort> ports;
    std::size_t workers = 1;
    std::uint32_t best_effort_max = 16;  // frames admitted per ingress and VC without credits
    std::uint32_t max_frame_bytes = 2048;
    std::uint32_t frame_room = 10'000;
    std::size_t wire_frames = 512;
    Keep keep = Keep::kCopy;  // how all links keep what they sent; kLend only without software_fcs
};

class SwitchRig : public Stepping<SwitchRig> {
public:
    using Switch = Worker<SimFrame, SwitchStage<SimFrame>>;
    using Endpoint = Worker<SimFrame, ScriptStage>;
    using End = WirePort<SimFrame>::End;

    explicit SwitchRig(const RigOptions& wanted)
        : options(wanted),
          pool(50'000, options.frame_room),
          tables(options.workers),
          crossbar_(std::make_shared<Crossbar<SimFrame>>(homes(), options.workers, 8192)) {
        for (std::size_t i = 0; i < options.workers; ++i) {
            workers_.push_back(std::make_unique<Switch>(WorkerId{static_cast<std::uint8_t>(i)},
                                                        crossbar_,
                                                        SwitchStage<SimFrame>(tables.reader(i))));
        }
        for (std::size_t i = 0; i < options.ports.size(); ++i) add_port(i);
        for (auto& worker : workers_) worker->start(now);
        for (Outer& outer : outers_) {
            if (outer.worker) outer.worker->start(now);
        }
    }

    /// GPU i (0x0200 + i) is behind port i.
    static GpuId gpu(std::size_t i) { return GpuId{static_cast<std::uint16_t>(0x0200 + i)}; }
    void publish_star() {
        auto table = std::make_unique<ForwardingTable>();
        for (std::size_t i = 0; i < options.ports.size(); ++i) {
            const PortId port{static_cast<std::uint16_t>(i)};
            EXPECT_TRUE(table->set(gpu(i), std::span(&port, 1)));
        }
        tables.publish(std::move(table));
    }

    // Time.

    void step() {
        now += std::chrono::microseconds(1);
        for (Outer& outer : outers_) {
            if (outer.worker) outer.worker->poll_once(now);
        }
        for (auto& worker : workers_) worker->poll_once(now);
    }
    /// All poll loops, for threads of their own: nobody calls step() meanwhile.
    std::vector<Pollable*> loops() {
        std::vector<Pollable*> all;
        for (Outer& outer : outers_) {
            if (outer.worker) all.push_back(outer.worker.get());
        }
        for (auto& worker : workers_) all.push_back(worker.get());
        return all;
    }
    bool come_up() {
        return run_until(
            [&] {
                for (std::size_t i = 0; i < outers_.size(); ++i) {
                    if (outers_[i].worker && !(is_heard(endpoint(i)) && is_heard(port(i)))) {
                        return false;
                    }
                }
                return true;
            },
            std::chrono::milliseconds(10));
    }

    // Endpoints.

    Endpoint& endpoint_worker(std::size_t i) { return *outers_[i].worker; }
    PortState<SimFrame>& endpoint(std::size_t i) { return outers_[i].worker->port(0); }
    ScriptStage::Script& script(std::size_t i) { return *outers_[i].script; }
    /// Endpoint `from` will send one more ghost; they count up from 0 per sender, receiver and VC.
    void offer(std::size_t from, std::size_t to, Vc vc, std::uint32_t bytes = 100,
               const GhostLook& look = {}) {
        const Ghost ghost{
            .src = gpu(from), .dst = gpu(to), .vc = vc, .number = offered_[from][to][vc.value]++};
        script(from).to_send[vc.value].push_back(make_ghost(pool, ghost, bytes, look));
    }
    /// What endpoint `at` has received of VC `vc` from `from`, after checking that each frame is
    /// whole and that they came once and in order.
    std::uint64_t in_order(std::size_t at, std::size_t from, Vc vc) {
        std::uint64_t next = 0;
        for (const SimFrame& frame : script(at).received) {
            const auto ghost = read_ghost(frame);
            if (!ghost) {
                ADD_FAILURE() << "endpoint " << at << " received a damaged frame";
                continue;
            }
            if (ghost->src != gpu(from) || ghost->vc != vc) continue;
            EXPECT_EQ(ghost->dst, gpu(at));
            EXPECT_EQ(ghost->number, next) << "at " << at << " from " << from;
            ++next;
        }
        return next;
    }

    // Bare hands.

    void set_faults(std::size_t i, const PortFaults& faults) { outers_[i].faults->set(faults); }
    Wire<SimFrame>& wire(std::size_t i) { return *outers_[i].wire; }
    /// Puts a frame on the cable of port i, towards the switch. Without a software FCS.
    void inject(std::size_t i, SimFrame frame) {
        auto& ring = outers_[i].wire->b_to_a();
        ASSERT_GT(ring.room(), 0u);
        ring.push(std::move(frame));
        ring.publish();
    }
    /// What the switch has put on the cable of port i.
    std::vector<SimFrame> taken(std::size_t i) {
        auto& ring = outers_[i].wire->a_to_b();
        std::vector<SimFrame> frames;
        for (std::size_t n = ring.size(options.wire_frames); n > 0; --n) {
            frames.push_back(std::move(ring.front()));
            ring.pop();
        }
        ring.release();
        return frames;
    }

    // The switch.

    Switch& worker(std::size_t i) { return *workers_[i]; }
    PortState<SimFrame>& port(std::size_t i) {
        const PortHome home = crossbar_->home(PortId{static_cast<std::uint16_t>(i)});
        return workers_[home.worker.value]->port(home.index);
    }
    std::uint64_t drops(std::size_t i, Drop reason) { return port(i).counters.drops.read(reason); }
    std::uint64_t drops(Drop reason) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < options.ports.size(); ++i) sum += drops(i, reason);
        return sum;
    }

    /// S1, L9: frames that came in = went out + were dropped with a reason + are held here.
    void expect_conservation() {
        std::uint64_t in = 0, out = 0, dropped = 0, held = 0;
        for (std::size_t i = 0; i < options.ports.size(); ++i) {
            PortState<SimFrame>& p = port(i);
            held += p.queues.frames();
            if (p.link) {
                for (const VcStats& vc : p.link->stats().vcs) {
                    in += vc.rx_frames.read();
                    out += vc.tx_frames.read();
                }
                dropped += p.link->stats().read(LinkStat::kLlrTxDiscard);
            } else {
                in += p.counters.rx_frames.read();
                out += p.counters.tx_frames.read() + p.staged.size();
            }
            for (std::size_t d = 0; d < kDropCount; ++d) {
                const auto reason = static_cast<Drop>(d);
                if (!p.link || is_behind_the_link(reason)) dropped += drops(i, reason);
            }
        }
        for (std::uint8_t a = 0; a < options.workers; ++a) {
            for (std::uint8_t b = 0; b < options.workers; ++b) {
                if (a == b) continue;
                auto& ring = crossbar_->ring(WorkerId{a}, WorkerId{b});
                held += ring.size(ring.capacity());
            }
        }
        ASSERT_EQ(in, out + dropped + held)
            << "S1: " << out << " out, " << dropped << " dropped, " << held << " held";
    }
    /// C3: credits that are not back, over all links and both directions.
    std::uint64_t credits_leaked() {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < outers_.size(); ++i) {
            if (!outers_[i].worker) continue;
            for (std::uint8_t vc = 0; vc < options.profile.vc_count; ++vc) {
                if (!port(i).link->is_lossless(Vc{vc})) continue;
                sum += port(i).link->cbfc_sender().in_use(Vc{vc}).value;
                sum += endpoint(i).link->cbfc_sender().in_use(Vc{vc}).value;
            }
        }
        return sum;
    }
    /// Frames admitted on VCs without credits that have not left yet.
    std::uint32_t admitted() {
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < options.ports.size(); ++i) {
            for (const std::uint32_t n : port(i).admitted) sum += n;
        }
        return sum;
    }

    const RigOptions options;
    FramePool pool;
    Snapshot<ForwardingTable> tables;

private:
    struct Outer {
        std::shared_ptr<Wire<SimFrame>> wire;
        std::unique_ptr<Port<SimFrame>> inner_device, device;
        FaultPort<SimFrame>* faults = nullptr;
        std::shared_ptr<ScriptStage::Script> script;
        std::unique_ptr<Endpoint> worker;  // none on a plain port
    };

    static bool is_heard(PortState<SimFrame>& state) {
        if (!state.link->is_up()) return false;
        for (std::uint8_t i = 0; i < state.link->profile().vc_count; ++i) {
            if (state.link->is_lossless(Vc{i}) && !state.link->cbfc_sender().heard(Vc{i})) {
                return false;
            }
        }
        return true;
    }
    /// Whether VcStats have counted the frame before it was refused for this.
    static bool is_behind_the_link(Drop reason) {
        switch (reason) {
            case Drop::kPoisoned:
            case Drop::kTtlExpired:
            case Drop::kSourceGuard:
            case Drop::kTenantGuard:
            case Drop::kUnknownDestination:
            case Drop::kHairpin:
            case Drop::kEgressDown:
            case Drop::kQueueFull:
            case Drop::kForwardingOff:
            case Drop::kVcStuck: return true;
            case Drop::kRunt:
            case Drop::kOversize:
            case Drop::kMultiSegment:
            case Drop::kLengthMismatch:
            case Drop::kUnknownEtherType:
            case Drop::kReservedNonzero:
            case Drop::kBadFcs:
            case Drop::kControlMalformed:
            case Drop::kControlBadCrc:
            case Drop::kControlOnPlainPort:
            case Drop::kUnknownVc:
            case Drop::kCreditOverflow:
            case Drop::kNotForMe:
            case Drop::kBadIcrc:
            case Drop::kUnknownOpcode:
            case Drop::kUnknownVersion:
            case Drop::kTxnMalformed:
            case Drop::kTxnUnknownChannel:
            case Drop::kTxnStale:
            case Drop::kTxnDuplicate:
            case Drop::kTxnGap:
            case Drop::kTxnNoRoom:
            case Drop::kTxnKeyRate:
            case Drop::kLinkDiscard:
            case Drop::kTxNoBuffer:
            case Drop::kPuntFull:
            case Drop::kCount: return false;
        }
        return false;
    }

    std::vector<PortHome> homes() const {
        std::vector<std::uint16_t> used(options.workers, 0);
        std::vector<PortHome> list;
        for (std::size_t i = 0; i < options.ports.size(); ++i) {
            const std::size_t worker = i % options.workers;
            PortHome& home = list.emplace_back(
                PortHome{WorkerId{static_cast<std::uint8_t>(worker)}, used[worker]++});
            if (options.ports[i].guard_tenant) home.tenant = options.ports[i].tenant.value;
        }
        return list;
    }
    std::size_t replay_slots() const {
        return std::bit_ceil(std::size_t{options.profile.llr.max_outstanding_frames} + 1);
    }

    void add_port(std::size_t i) {
        const RigPort& wanted = options.ports[i];
        Outer& outer = outers_.emplace_back();
        outer.wire = std::make_shared<Wire<SimFrame>>(options.wire_frames);
        outer.inner_device = std::make_unique<WirePort<SimFrame>>(outer.wire, End::kA);
        if (wanted.faulty || wanted.out.any() || wanted.in.any()) {
            auto decorated = std::make_unique<FaultPort<SimFrame>>(
                std::move(outer.inner_device), pool, 2048, wanted.software_fcs,
                PortFaults{.tx = wanted.out, .rx = wanted.in});
            outer.faults = decorated.get();
            outer.inner_device = std::move(decorated);
        }
        const PortRules rules = rules_of(i);
        std::vector<std::uint32_t> queue_frames;
        for (std::uint8_t vc = 0; vc < options.profile.vc_count; ++vc) {
            const bool lossless = options.profile.cbfc && options.profile.vcs[vc].lossless;
            const auto ingresses = static_cast<std::uint32_t>(options.ports.size());
            queue_frames.push_back(lossless ? options.profile.vcs[vc].reserved.value * ingresses
                                            : options.best_effort_max * ingresses);
        }
        const LinkEnd end{.keep = options.keep,
                          .software_fcs = wanted.software_fcs,
                          .epoch = static_cast<std::uint16_t>(1 + i),
                          .init_seq = static_cast<std::uint32_t>(1000 * i)};
        workers_[i % options.workers]->add_port(std::make_unique<PortState<SimFrame>>(
            *outer.inner_device, rules, options.profile, end, queue_frames, replay_slots(), pool));
        if (!wanted.plain) add_endpoint(outer, rules, end);
    }
    PortRules rules_of(std::size_t i) const {
        const RigPort& wanted = options.ports[i];
        PortRules rules;
        rules.id = PortId{static_cast<std::uint16_t>(i)};
        rules.is_link = !wanted.plain;
        rules.software_fcs = wanted.software_fcs;
        rules.max_frame_bytes = options.max_frame_bytes;
        rules.vc_map = VcMap::all(Vc{static_cast<std::uint8_t>(options.profile.vc_count - 1)});
        rules.admitted_max.fill(options.best_effort_max);
        rules.guard_source = wanted.guard_source;
        rules.gpus = wanted.gpus;
        rules.guard_tenant = wanted.guard_tenant;
        rules.tenant = wanted.tenant;
        rules.watchdog = wanted.watchdog;
        return rules;
    }
    void add_endpoint(Outer& outer, const PortRules& at_switch, const LinkEnd& end) {
        outer.device = std::make_unique<WirePort<SimFrame>>(outer.wire, End::kB);
        outer.script = std::make_shared<ScriptStage::Script>();
        outer.worker = std::make_unique<Endpoint>(
            WorkerId{0},
            std::make_shared<Crossbar<SimFrame>>(std::vector<PortHome>{{WorkerId{0}, 0}}, 1, 0),
            ScriptStage(outer.script));
        PortRules rules;
        rules.software_fcs = at_switch.software_fcs;
        rules.max_frame_bytes = 9216;
        rules.admitted_max.fill(1024);
        const std::vector<std::uint32_t> queue_frames(options.profile.vc_count,
                                                      ScriptStage::kQueueFrames);
        outer.worker->add_port(std::make_unique<PortState<SimFrame>>(
            *outer.device, rules, options.profile, end, queue_frames, replay_slots(), pool));
    }

    std::shared_ptr<Crossbar<SimFrame>> crossbar_;
    std::vector<std::unique_ptr<Switch>> workers_;
    std::deque<Outer> outers_;
    std::array<std::array<std::array<std::uint64_t, kMaxVcs>, 8>, 8> offered_{};
};

}  // namespace ethlink::sim
