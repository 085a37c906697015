// SPDX-License-Identifier: BSD-3-Clause
// One node made real: its ports, links, queues and workers, sized as the capacity plan says.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "control/capacity.h"
#include "control/config.h"
#include "control/switch_table.h"
#include "dataplane/crossbar.h"
#include "dataplane/port_state.h"
#include "dataplane/random.h"
#include "dataplane/snapshot.h"
#include "dataplane/worker.h"

namespace ethlink::control {

/// The same builder for every Platform: production gives it mbufs and devices, the simulator
/// heap frames and wires in virtual time.
template <FrameHandle F, class StageT>
class Node {
public:
    using Pool = typename F::Pool;
    using WorkerT = Worker<F, StageT>;

    /// `devices[i]` serves port i. `make_stage(worker index)` gives each worker its stage.
    /// `random` is where epochs and first sequence numbers come from. Fabric, plan and pool
    /// outlive the node.
    template <class MakeStage>
    Node(const Fabric& fabric, const NodePlan& plan, std::vector<std::unique_ptr<Port<F>>> devices,
         Pool& pool, Random& random, MakeStage make_stage)
        : fabric_(&fabric),
          plan_(&plan),
          devices_(std::move(devices)),
          crossbar_(
              std::make_shared<Crossbar<F>>(homes(fabric, plan), plan.workers, ring_frames(plan))) {
        for (std::uint32_t i = 0; i < plan.workers; ++i) {
            workers_.push_back(std::make_unique<WorkerT>(WorkerId{static_cast<std::uint8_t>(i)},
                                                         crossbar_, make_stage(i)));
        }
        for (std::size_t i = 0; i < plan.ports.size(); ++i) add_port(i, pool, random);
    }

    const FabricNode& config() const { return fabric_->node(plan_->node); }
    const NodePlan& plan() const { return *plan_; }
    std::size_t worker_count() const { return workers_.size(); }
    WorkerT& worker(std::size_t i) { return *workers_[i]; }
    const WorkerT& worker(std::size_t i) const { return *workers_[i]; }
    PortState<F>& port(PortId id) {
        const PortHome home = crossbar_->home(id);
        return workers_[home.worker.value]->port(home.index);
    }
    const PortState<F>& port(PortId id) const {
        const PortHome home = crossbar_->home(id);
        return workers_[home.worker.value]->port(home.index);
    }
    std::size_t port_count() const { return plan_->ports.size(); }
    Port<F>& device(PortId id) { return *devices_[id.value]; }

    void start(Time now) {
        for (auto& worker : workers_) worker->start(now);
    }

private:
    static std::vector<PortHome> homes(const Fabric& fabric, const NodePlan& plan) {
        const FabricNode& node = fabric.node(plan.node);
        std::vector<std::uint16_t> used(plan.workers, 0);
        std::vector<PortHome> homes;
        for (std::size_t i = 0; i < plan.ports.size(); ++i) {
            const std::uint32_t worker = plan.ports[i].worker;
            PortHome& home = homes.emplace_back(
                PortHome{WorkerId{static_cast<std::uint8_t>(worker)}, used[worker]++});
            if (is_tenants(node, node.ports[i])) home.tenant = node.ports[i].tenant.value;
        }
        return homes;
    }
    static std::size_t ring_frames(const NodePlan& plan) {
        return plan.crossbar_frames.empty() ? 0 : *std::ranges::max_element(plan.crossbar_frames);
    }

    void add_port(std::size_t index, Pool& pool, Random& random) {
        const FabricPort& config = fabric_->node(plan_->node).ports[index];
        const PortPlan& plan = plan_->ports[index];
        const Profile& profile = fabric_->profile(config.profile);
        std::vector<std::uint32_t> queue_frames;
        for (const VcPlan& vc : plan.vcs) queue_frames.push_back(vc.egress_queue_frames);
        const LinkEnd end{
            .keep = devices_[index]->keep(),
            .software_fcs = config.software_fcs,
            // The low five bits travel in each frame, and 0 means none.
            .epoch = static_cast<std::uint16_t>(random.below(2048) * 32 + 1 + random.below(31)),
            .init_seq = static_cast<std::uint32_t>(random.next())};
        workers_[plan.worker]->add_port(
            std::make_unique<PortState<F>>(*devices_[index], rules(index), profile.link, end,
                                           queue_frames, plan.replay_entries, pool));
    }

    /// A switch's port behind which are GPUs: they are let in by who they are.
    static bool is_guarded(const FabricNode& node, const FabricPort& port) {
        return node.kind == NodeKind::kSwitch && !port.gpus.empty();
    }
    /// One that lets only frames of its tenant in and out, or only untagged ones.
    static bool is_tenants(const FabricNode& node, const FabricPort& port) {
        return is_guarded(node, port) || (node.kind == NodeKind::kSwitch && port.tenant.value != 0);
    }

    PortRules rules(std::size_t index) const {
        const FabricNode& node = fabric_->node(plan_->node);
        const FabricPort& config = node.ports[index];
        const PortPlan& plan = plan_->ports[index];
        const Profile& profile = fabric_->profile(config.profile);
        const bool guarded = is_guarded(node, config);
        PortRules rules;
        rules.id = PortId{static_cast<std::uint16_t>(index)};
        rules.is_link = config.kind == PortKind::kLink;
        rules.software_fcs = config.software_fcs;
        rules.max_frame_bytes = profile.max_frame_bytes;
        rules.vc_map = profile.vc_map;
        rules.guard_source = guarded;
        rules.gpus = config.gpus;
        rules.guard_tenant = guarded || config.tenant.value != 0;
        rules.tenant = config.tenant;
        if (node.kind == NodeKind::kSwitch && config.peer) rules.watchdog = watchdog(config);
        for (std::size_t vc = 0; vc < plan.vcs.size(); ++vc) {
            rules.admitted_max[vc] = plan.vcs[vc].ingress_frames;
        }
        return rules;
    }

    /// Only an endpoint's frames are discarded: a switch that takes none is itself held up, by
    /// somebody behind it. There they wait twice as long for the edge to see to it, and are told
    /// of.
    WatchdogProfile watchdog(const FabricPort& config) const {
        WatchdogProfile profile = fabric_->profile(config.profile).watchdog;
        if (fabric_->node(config.peer->node).kind == NodeKind::kEndpoint) return profile;
        if (profile.action == WatchdogAction::kDrop) profile.action = WatchdogAction::kAlert;
        profile.detection *= 2;
        return profile;
    }

    const Fabric* fabric_;
    const NodePlan* plan_;
    std::vector<std::unique_ptr<Port<F>>> devices_;
    std::shared_ptr<Crossbar<F>> crossbar_;
    std::vector<std::unique_ptr<WorkerT>> workers_;
};

}  // namespace ethlink::control
