// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/process.h"

#include <algorithm>
#include <string>
#include <utility>

#include "control/runtime/stats_json.h"

namespace ethlink::control {
namespace {

std::uint64_t credits_used(const PortState<Mbuf>& port) {
    std::uint64_t sum = 0;
    if (!port.link) return sum;
    for (const LinkStatus::PerVc& vc : port.link->stats().status.vcs) {
        sum += vc.sender_credits_used.read();
    }
    return sum;
}

}  // namespace

Process::~Process() {
    stop();
}

std::vector<std::string> Process::on_time() {
    clock_.follow_kernel();
    std::vector<std::string> events;
    for (dpdk::PortEvent& event : supervisor_.on_time(clock_.now())) {
        events.push_back(port_of(*event.port) + ": " + event.text);
    }
    for (auto& s : switches_) s->tables.reclaim();
    for (auto& e : endpoints_) e->plans.reclaim();
    hear();
    watch_links(events);
    say(events);
    watch_vcs(events);
    return events;
}

void Process::watch_vcs(std::vector<std::string>& events) {
    for_each_port([&](const FabricNode&, const NodePlan& plan, const PortState<Mbuf>& port) {
        watchdog_log_.look(*fabric_, {plan.node, port.rules.id}, port.watchdog, events);
    });
}

bool Process::set_wire(PortRef port, bool up) {
    const std::optional<std::size_t> link = fabric_->port(port).link;
    if (!link || !wires_[*link]) return false;
    wires_[*link]->set_up(up);
    return true;
}

bool Process::runs(NodeId node) const {
    return std::ranges::any_of(plan_.nodes,
                               [&](const NodePlan& plan) { return plan.node == node; });
}

std::string Process::port_of(const dpdk::EthPort& device) const {
    for (const auto& [port, name] : device_ports_) {
        if (port == &device) return name;
    }
    return device.name();
}

void Process::send(const Workload& traffic, bool sending) {
    for (auto& endpoint : endpoints_) {
        endpoint->plans.publish(std::make_unique<PktgenPlan>(make_plan(traffic, sending)));
    }
}

void Process::probe(bool probing) {
    PktgenPlan plan;
    plan.probing = probing;
    for (auto& endpoint : endpoints_) endpoint->plans.publish(std::make_unique<PktgenPlan>(plan));
}

bool Process::links_up() const {
    bool up = true;
    for_each_port([&](const FabricNode&, const NodePlan&, const PortState<Mbuf>& port) {
        up = up && (!port.link || link_is_up(port.link->stats(), port.link->profile()));
    });
    return up;
}

std::uint64_t Process::credits_in_use() const {
    std::uint64_t sum = 0;
    for_each_port([&](const FabricNode&, const NodePlan&, const PortState<Mbuf>& port) {
        sum += credits_used(port);
    });
    return sum;
}

bool Process::quiet() const {
    std::uint64_t outstanding = 0;
    for_each_port([&](const FabricNode&, const NodePlan&, const PortState<Mbuf>& port) {
        if (port.link) outstanding += port.link->stats().status.outstanding_frames.read();
    });
    return outstanding == 0 && credits_in_use() == 0;
}

std::uint64_t Process::stop() {
    if (!pool_) return 0;
    for (auto& runner : runners_) runner->request_stop();
    for (auto& runner : runners_) runner->stop();
    hosts_.clear();
    // Nodes own ports, ports own wires; every frame is in one of them.
    for (auto& s : switches_) s->node.reset();
    for (auto& e : endpoints_) e->node.reset();
    faults_.clear();
    wires_.clear();
    const std::uint64_t leaked = pool_->in_use();
    pool_.reset();
    return leaked;
}

}  // namespace ethlink::control
