// SPDX-License-Identifier: BSD-3-Clause
// A fabric from its YAML text to running nodes, all as in production but for frames and time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "control/capacity.h"
#include "control/config.h"
#include "control/routes.h"
#include "control/runtime/node.h"
#include "control/runtime/traffic.h"
#include "control/runtime/txn_host.h"
#include "dataplane/fault_port.h"
#include "dataplane/pktgen_stage.h"
#include "dataplane/random.h"
#include "dataplane/switch_stage.h"
#include "dataplane/wire_port.h"
#include "tests/sim/frame.h"
#include "tests/sim/oracle.h"
#include "tests/sim/planned.h"
#include "tests/sim/sick_stage.h"
#include "tests/sim/stepping.h"

namespace ethlink::sim {

/// The nodes of one fabric. The pool holds exactly what the capacity plan says, caches and devices
/// apart, which a simulation has not.
class Rack : public Stepping<Rack> {
public:
    using Switch = control::Node<SimFrame, SwitchStage<SimFrame>>;
    using Endpoint = control::Node<SimFrame, SickStage>;
    using End = WirePort<SimFrame>::End;

    Rack(std::string_view yaml, const control::Workload& traffic, std::uint64_t seed)
        : workload(traffic),
          planned(yaml, workload),
          pool(planned.plan.pool.total() - planned.plan.pool.caches - planned.plan.pool.devices,
               planned.plan.buffer_bytes - planned.plan.headroom_bytes),
          random_(seed) {
        for (const control::FabricLink& link : planned.fabric.links) {
            const auto& plan = port_plan(link.a);
            wires_.push_back(std::make_shared<Wire<SimFrame>>(plan.wire_frames));
        }
        for (const control::NodePlan& plan : planned.plan.nodes) add_node(plan);
    }
    Rack(const Rack&) = delete;
    Rack& operator=(const Rack&) = delete;

    void publish_tables() {
        for (SwitchNode& node : switches_) {
            node.tables->publish(
                control::make_table(planned.routes->table_of(node.node->plan().node),
                                    node.node->config().name, node.tables->current()));
        }
    }
    void send(bool sending) {
        for (EndpointNode& node : endpoints_) {
            node.plans->publish(
                std::make_unique<PktgenPlan>(control::make_plan(workload, sending)));
        }
    }

    /// All poll loops once, in an order that changes; whether any of them had something to do.
    bool step(Duration time = std::chrono::microseconds(1)) {
        now += time;
        for (std::size_t i = loops_.size(); i > 1; --i) {
            std::swap(loops_[i - 1], loops_[random_.below(i)]);
        }
        bool busy = false;
        for (Pollable* loop : loops_) {
            if (loop != frozen_) busy |= loop->poll_once(now) != Turn::kIdle;
        }
        return busy;
    }

    // Over all endpoints.

    std::uint64_t sum(PktgenStat which) const {
        std::uint64_t all = 0;
        for (const EndpointNode& node : endpoints_) {
            all += pktgen(node).stats().read(which);
        }
        return all;
    }
    std::uint64_t of_endpoint(std::size_t i, PktgenStat which) const {
        return pktgen(endpoints_[i]).stats().read(which);
    }
    std::uint64_t missing() const {
        std::uint64_t all = 0;
        for (const EndpointNode& node : endpoints_) all += pktgen(node).missing();
        return all;
    }
    /// Frames that the workload sends in all.
    std::uint64_t wanted() const {
        std::uint64_t senders = 0;
        for (const PktgenIdentity& who : planned.identities) senders += who.streams.empty() ? 0 : 1;
        return senders * workload.frames_max;
    }
    bool is_delivered() const { return sum(PktgenStat::kReceivedFrames) >= wanted(); }

    std::size_t endpoint_count() const { return endpoints_.size(); }
    /// Of one endpoint, by its place among the identities.
    std::uint64_t read(std::size_t endpoint, PktgenStat which) const {
        return pktgen(endpoints_[endpoint]).stats().read(which);
    }
    /// From now on it gives no credits back on these VCs; none: it is well again.
    void sicken(std::size_t endpoint, std::uint32_t vcs) {
        *endpoints_[endpoint].node->worker(0).stage().sick_vcs = vcs;
    }

    /// The transaction layer of an endpoint, by its place among the identities.
    TxnEndpoint& memory_of(std::size_t endpoint) { return endpoints_[endpoint].host->endpoint; }

    /// Hands these bytes to an endpoint as if its link had accepted them by its first port.
    void deliver(std::size_t endpoint, std::span<const std::byte> bytes) {
        auto& worker = endpoints_[endpoint].node->worker(0);
        SimFrame frame = pool.allocate(static_cast<std::uint32_t>(bytes.size()));
        std::ranges::copy(bytes, frame.bytes().begin());
        const auto view = wire::parse(frame.bytes());
        ASSERT_TRUE(view.has_value());
        worker.stage().deliver(std::move(frame), *view, worker.port(0),
                               Arrival{PortId{0}, Vc{0}, Credits{}, now}, worker);
    }

    // Over all ports of all nodes.

    template <class Visit>
    void for_each_port(Visit visit) {
        for (SwitchNode& node : switches_) visit_ports(*node.node, visit);
        for (EndpointNode& node : endpoints_) visit_ports(*node.node, visit);
    }
    /// visit(index of the link, the port at one of its ends)
    template <class Visit>
    void for_each_link_end(Visit visit) {
        const auto visit_node = [&](auto& node) {
            visit_ports(node, [&](auto& port) {
                const auto& config = planned.fabric.node(node.plan().node).ports;
                visit(*config[port.rules.id.value].link, port);
            });
        };
        for (SwitchNode& node : switches_) visit_node(*node.node);
        for (EndpointNode& node : endpoints_) visit_node(*node.node);
    }
    std::uint64_t drops(Drop reason) {
        std::uint64_t all = 0;
        for_each_port([&](auto& port) { all += port.counters.drops.read(reason); });
        return all;
    }
    std::uint64_t sum(LinkStat stat) {
        std::uint64_t all = 0;
        for_each_port([&](auto& port) { all += port.link->stats().read(stat); });
        return all;
    }
    /// Nothing is under way: no queue, no unacknowledged frame, every credit back (C3).
    bool is_at_rest() {
        bool rest = true;
        for_each_port([&](auto& port) {
            rest = rest && port.link->is_up() && port.queues.frames() == 0 && port.staged.empty() &&
                   port.link->frames_held() == 0;
            for (std::uint8_t i = 0; i < port.link->profile().vc_count; ++i) {
                rest = rest && (!port.link->is_lossless(Vc{i}) ||
                                (port.link->cbfc_sender().heard(Vc{i}) &&
                                 port.link->cbfc_sender().in_use(Vc{i}).value == 0 &&
                                 port.link->cbfc_receiver().held(Vc{i}).value == 0));
            }
        });
        return rest;
    }
    /// What holds at every step of every link: the window, the replay buffer, the credits.
    void look(Oracle& oracle) {
        for_each_port([&](auto& port) {
            const auto& link = *port.link;
            oracle.at_most(Invariant::kL2, link.frames_held(),
                           link.profile().llr.max_outstanding_frames, "unacknowledged frames");
            oracle.equal(Invariant::kL13, link.frames_held(), link.llr_tx().outstanding(),
                         "frames kept for replay");
            for (std::uint8_t i = 0; i < link.profile().vc_count; ++i) {
                if (!link.is_lossless(Vc{i})) continue;
                const std::uint32_t limit = link.cbfc_receiver().limit(Vc{i}).value;
                oracle.at_most(Invariant::kC1, link.cbfc_receiver().held(Vc{i}).value, limit,
                               "credits in the receiver's buffer");
                oracle.at_most(Invariant::kC2, link.cbfc_sender().in_use(Vc{i}).value, limit,
                               "credits in use");
            }
        });
    }
    /// S1 of every switch when it holds nothing: what came in went out, or was dropped by name.
    void check_conservation(Oracle& oracle) {
        for (SwitchNode& node : switches_) {
            std::uint64_t in = 0, out = 0;
            visit_ports(*node.node, [&](auto& port) {
                for (const VcStats& vc : port.link->stats().vcs) {
                    in += vc.rx_frames.read();
                    out += vc.tx_frames.read();
                }
                out += port.link->stats().read(LinkStat::kLlrTxDiscard);
                for (const Drop reason : kBehindTheLink) out += port.counters.drops.read(reason);
            });
            oracle.equal(Invariant::kS1, out, in, "frames that left a switch, or were dropped");
        }
    }
    /// What was sent, and what the cables did, for the ledger.
    void add_up(Oracle& oracle) {
        for (SwitchNode& node : switches_) add_faults(node.faulty);
        for (EndpointNode& node : endpoints_) add_faults(node.faulty);
        oracle.ledger.faults.add(faults_);
        faults_ = {};
        oracle.ledger.tally.add(Tally::kSent, sum(PktgenStat::kSentFrames));
        oracle.ledger.tally.add(Tally::kDelivered, sum(PktgenStat::kInOrder));
        oracle.ledger.tally.add(Tally::kDoubled, sum(PktgenStat::kDuplicated));
        oracle.ledger.tally.add(Tally::kReordered, sum(PktgenStat::kReordered));
        oracle.ledger.tally.add(Tally::kCorrupted, sum(PktgenStat::kUnexpected));
    }

    /// Frames that did not arrive, of which so many at most have a reason.
    static void add_missing(Oracle& oracle, std::uint64_t missing, std::uint64_t given_up) {
        const std::uint64_t lost = missing - std::min(missing, given_up);
        oracle.ledger.tally.add(Tally::kGivenUp, missing - lost);
        oracle.ledger.tally.add(Tally::kLost, lost);
    }

    // What may happen to it.

    /// "r0-leaf0:u1".
    PortState<SimFrame>& port(std::string_view name) {
        PortState<SimFrame>* found = nullptr;
        for_each_named_port([&](const std::string& at, auto& state) {
            if (at == name) found = &state;
        });
        EXPECT_NE(found, nullptr) << "no port " << name;
        return *found;
    }
    /// Calls visit("r0-leaf0:u1", PortState&) for every port.
    template <class Visit>
    void for_each_named_port(Visit visit) {
        const auto of = [&](auto& node) {
            visit_ports(*node, [&](auto& state) {
                visit(planned.fabric.port_name({node->plan().node, state.rules.id}), state);
            });
        };
        for (SwitchNode& node : switches_) of(node.node);
        for (EndpointNode& node : endpoints_) of(node.node);
    }

    Wire<SimFrame>& wire(std::size_t link) { return *wires_[link]; }
    std::size_t loop_count() const { return loops_.size(); }
    /// One poll loop, whichever is there by chance, stands still until thaw().
    void freeze(std::size_t loop) { frozen_ = loops_[loop]; }
    void thaw() { frozen_ = nullptr; }
    std::size_t switch_count() const { return switches_.size(); }
    control::NodeId switch_node(std::size_t i) const { return switches_[i].node->plan().node; }
    /// A switch is killed and started again: it knows nothing, and what was on its way to it is
    /// gone (decision 0015). Returns how many frames died with it at most. It forwards nothing
    /// until it is given a table.
    std::uint64_t restart_switch(std::size_t i) {
        SwitchNode& node = switches_[i];
        std::uint64_t dead = 0;
        visit_ports(*node.node, [&](auto& port) {
            dead += port.link->frames_held() +
                    port.link->stats().read(LinkStat::kLlrTxFlushedFrames) +
                    port.link->stats().read(LinkStat::kLlrTxDiscard);
        });
        add_faults(node.faulty);
        thaw();
        for (std::size_t w = 0; w < node.node->worker_count(); ++w) {
            std::erase(loops_, &node.node->worker(w));
        }
        const control::NodePlan& plan = node.node->plan();
        // Its queues, and what was between its workers.
        const std::size_t before = pool.in_use();
        node.node.reset();
        dead += before - pool.in_use();
        node.tables.reset();
        for (std::size_t p = 0; p < plan.ports.size(); ++p) {
            const control::PortRef ref{plan.node, PortId{static_cast<std::uint16_t>(p)}};
            const std::size_t link = *planned.fabric.port(ref).link;
            const bool is_a = planned.fabric.links[link].a == ref;
            auto& ring = is_a ? wires_[link]->b_to_a() : wires_[link]->a_to_b();
            for (std::size_t n = ring.size(ring.capacity()); n > 0; --n) {
                ring.front() = SimFrame();
                ring.pop();
            }
            ring.release();
        }
        make_switch(plan, node);
        return dead;
    }
    void publish(std::size_t i, const control::RouteTable& routes) {
        auto& tables = *switches_[i].tables;
        const std::string& name = planned.fabric.node(switch_node(i)).name;
        tables.publish(control::make_table(routes, name, tables.current()));
    }
    std::size_t tables_pending() {
        std::size_t most = 0;
        for (SwitchNode& node : switches_) most = std::max(most, node.tables->reclaim());
        return most;
    }
    /// Takes all nodes and wires down; what the pool still misses is a leak (R1).
    std::size_t frames_leaked() {
        loops_.clear();
        switches_.clear();
        endpoints_.clear();
        wires_.clear();
        return pool.in_use();
    }

    control::Workload workload;
    Planned planned;
    FramePool pool;

private:
    static constexpr std::array kBehindTheLink{
        Drop::kPoisoned,           Drop::kTtlExpired, Drop::kSourceGuard, Drop::kTenantGuard,
        Drop::kUnknownDestination, Drop::kHairpin,    Drop::kEgressDown,  Drop::kQueueFull,
        Drop::kForwardingOff,      Drop::kVcStuck};

    using FaultyPorts = std::vector<FaultPort<SimFrame>*>;
    struct SwitchNode {
        std::unique_ptr<Snapshot<ForwardingTable>> tables;
        std::unique_ptr<Switch> node;
        FaultyPorts faulty;  // of its devices
    };
    struct EndpointNode {
        std::unique_ptr<Snapshot<PktgenPlan>> plans;
        std::unique_ptr<TxnHost> host;
        std::unique_ptr<Endpoint> node;
        FaultyPorts faulty;
    };

    void add_faults(FaultyPorts& ports) {
        for (const FaultPort<SimFrame>* port : ports) {
            const auto& stats = port->tx_stats();
            faults_.add(Fault::kLoss, stats.read(FaultStat::kLost));
            faults_.add(Fault::kBitError, stats.read(FaultStat::kCorrupted));
            faults_.add(Fault::kDuplicate, stats.read(FaultStat::kDuplicated));
            faults_.add(Fault::kReorder, stats.read(FaultStat::kReordered));
        }
        ports.clear();
    }

    static const PktgenStage<SimFrame>& pktgen(const EndpointNode& node) {
        return std::as_const(*node.node).worker(0).stage().pktgen();
    }

    template <class Node, class Visit>
    static void visit_ports(Node& node, Visit visit) {
        for (std::size_t i = 0; i < node.port_count(); ++i) {
            visit(node.port(PortId{static_cast<std::uint16_t>(i)}));
        }
    }
    const control::PortPlan& port_plan(const control::PortRef& ref) const {
        return planned.plan.nodes[ref.node.value].ports[ref.port.value];
    }

    std::unique_ptr<Port<SimFrame>> make_device(const control::PortRef& ref, FaultyPorts& faulty) {
        const control::FabricPort& config = planned.fabric.port(ref);
        const control::FabricLink& link = planned.fabric.links[*config.link];
        std::unique_ptr<Port<SimFrame>> device = std::make_unique<WirePort<SimFrame>>(
            wires_[*config.link], link.a == ref ? End::kA : End::kB);
        if (!config.transmit_faults.any()) return device;
        auto port = std::make_unique<FaultPort<SimFrame>>(
            std::move(device), pool, port_plan(ref).fault_frames, config.software_fcs,
            PortFaults{.tx = config.transmit_faults, .rx = {}});
        faulty.push_back(port.get());
        return port;
    }
    std::vector<std::unique_ptr<Port<SimFrame>>> make_devices(const control::NodePlan& plan,
                                                              FaultyPorts& faulty) {
        std::vector<std::unique_ptr<Port<SimFrame>>> devices;
        for (std::size_t i = 0; i < plan.ports.size(); ++i) {
            devices.push_back(
                make_device({plan.node, PortId{static_cast<std::uint16_t>(i)}}, faulty));
        }
        return devices;
    }
    void add_node(const control::NodePlan& plan) {
        if (planned.fabric.node(plan.node).kind == control::NodeKind::kSwitch) {
            make_switch(plan, switches_.emplace_back());
        } else {
            add_endpoint(plan);
        }
    }
    void make_switch(const control::NodePlan& plan, SwitchNode& into) {
        into.tables = std::make_unique<Snapshot<ForwardingTable>>(plan.workers);
        into.node = std::make_unique<Switch>(
            planned.fabric, plan, make_devices(plan, into.faulty), pool, random_,
            [&](std::uint32_t i) { return SwitchStage<SimFrame>(into.tables->reader(i)); });
        start(*into.node);
    }
    void add_endpoint(const control::NodePlan& plan) {
        EndpointNode node{std::make_unique<Snapshot<PktgenPlan>>(1),
                          control::make_txn_host(planned.fabric, plan.node,
                                                 SecretRandom::seeded(random_.next()), nullptr),
                          nullptr,
                          {}};
        auto devices = make_devices(plan, node.faulty);
        node.node = std::make_unique<Endpoint>(
            planned.fabric, plan, std::move(devices), pool, random_, [&](std::uint32_t) {
                return SickStage(
                    PktgenStage<SimFrame>(planned.identities[endpoints_.size()],
                                          node.plans->reader(0), pool),
                    *node.host, pool,
                    planned.fabric.profiles.front().max_frame_bytes + control::kTagBytes,
                    planned.fabric.runtime.endpoint_queue_frames);
            });
        start(*node.node);
        endpoints_.push_back(std::move(node));
    }
    template <class Node>
    void start(Node& node) {
        node.start(now);
        for (std::size_t i = 0; i < node.worker_count(); ++i) loops_.push_back(&node.worker(i));
    }

    Random random_;
    std::vector<std::shared_ptr<Wire<SimFrame>>> wires_;
    std::vector<SwitchNode> switches_;
    std::vector<EndpointNode> endpoints_;  // in the order of identities
    std::vector<Pollable*> loops_;
    const Pollable* frozen_ = nullptr;
    Counts<Fault> faults_;  // of devices that are gone
};

}  // namespace ethlink::sim
