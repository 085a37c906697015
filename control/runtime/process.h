// SPDX-License-Identifier: BSD-3-Clause
// The nodes of a fabric that this process runs: memory, devices, poll threads, tables, shutdown.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/capacity.h"
#include "control/config.h"
#include "control/neighbourhood.h"
#include "control/route_keeper.h"
#include "control/runtime/node.h"
#include "control/runtime/traffic.h"
#include "control/runtime/txn_host.h"
#include "control/steady_links.h"
#include "control/watchdog_log.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/eth_port.h"
#include "dataplane/dpdk/lcore_runner.h"
#include "dataplane/dpdk/platform.h"
#include "dataplane/dpdk/port_supervisor.h"
#include "dataplane/dpdk/tsc_clock.h"
#include "dataplane/fault_port.h"
#include "dataplane/wire_port.h"
#include "proto/expected.h"

namespace ethlink::control {

using Mbuf = dpdk::Mbuf;
using SwitchNode = Node<Mbuf, SwitchStage<Mbuf>>;
using EndpointNode = Node<Mbuf, EndpointStage<Mbuf>>;

struct ProcessOptions {
    std::string instance;        // names the EAL files and sockets of this process
    std::optional<NodeId> node;  // only this one; else all, links between them on in-process wires
    Workload traffic;            // which streams the endpoints among them are made for
    std::uint32_t poll_threads = 0;  // 0 = runtime.workers of the file, or one per CPU
    bool poll_busily = false;        // never sleep, whatever the file says
    bool impairable = false;         // every link port gets a FaultPort, faults or not
    std::vector<std::string> eal_extra;
};

/// A switch with the tables that its workers observe.
struct RunningSwitch {
    Snapshot<ForwardingTable> tables;
    std::unique_ptr<SwitchNode> node;
    explicit RunningSwitch(std::size_t workers) : tables(workers) {}
};

/// An endpoint with the plans that its worker observes.
struct RunningEndpoint {
    Snapshot<PktgenPlan> plans{1};
    std::unique_ptr<TxnHost> host;
    std::unique_ptr<EndpointNode> node;  // uses the host: ends before it
    const PktgenStage<Mbuf>& stage() const { return node->worker(0).stage().pktgen(); }
};

/// A fault decorator and where it stands, to be changed while frames flow.
struct RunningFaults {
    std::string port;  // "leaf0:e0"
    FaultPort<Mbuf>* faults;
};

/// Everything belongs to the thread that called start(), but for what workers poll.
class Process {
public:
    /// Errors are sentences for the user. The fabric outlives the process.
    static Expected<std::unique_ptr<Process>, std::string> start(const Fabric& fabric,
                                                                 const ProcessOptions& options);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Supervises ports, reclaims tables, says hello to neighbours, and leads frames around links
    /// that went down, here or elsewhere; call at least every kTurnMax. What happened, for the log.
    std::vector<std::string> on_time();
    static constexpr Duration kTurnMax = std::chrono::milliseconds(20);

    /// Gives every endpoint here a new plan.
    void send(const Workload& traffic, bool sending);

    /// Instead of sending: every endpoint here asks its destinations whether they are there.
    void probe(bool probing);

    /// What this process itself holds for dead (by its ports) and drained (by its operator).
    const FabricCondition& own_condition() const { return *own_; }
    /// The same with what neighbours say of other links.
    FabricCondition with_others(FabricCondition own) const;
    /// Changes what the operator wants. Publishes new tables for switches here whose routes change,
    /// and tells how many these are. An error, and no change, if old and new tables may not be
    /// mixed.
    Expected<std::size_t, std::string> set_own_condition(const FabricCondition& own);
    /// None: this fabric says no hellos.
    const std::optional<Neighbourhood>& neighbourhood() const { return neighbourhood_; }
    /// Hellos that found no room on their way to a poll thread.
    std::uint64_t hellos_refused() const { return hellos_refused_; }

    /// Pulls or plugs the in-process wire of a port; false if it has none.
    bool set_wire(PortRef port, bool up);

    /// Whether all links run and know their credits.
    bool links_up() const;
    /// Whether nothing is under way: no unacknowledged frame, all credits back.
    bool quiet() const;
    /// Credits in use on all links of this process.
    std::uint64_t credits_in_use() const;

    /// Ends the poll threads, the nodes and their counters, and frees every frame; mbufs that are
    /// still out afterwards have leaked: so many are returned.
    std::uint64_t stop();

    const Fabric& fabric() const { return *fabric_; }
    const CapacityPlan& plan() const { return plan_; }
    const RouteKeeper& routes() const { return *routes_; }
    bool runs(NodeId node) const;
    const std::vector<std::unique_ptr<RunningSwitch>>& switches() const { return switches_; }
    const std::vector<std::unique_ptr<RunningEndpoint>>& endpoints() const { return endpoints_; }
    const std::vector<RunningFaults>& faults() const { return faults_; }
    const std::vector<std::unique_ptr<dpdk::LcoreRunner>>& runners() const { return runners_; }
    const dpdk::MbufPool& pool() const { return *pool_; }
    const std::string& eal_command_line() const { return eal_->command_line(); }
    const std::vector<std::string>& notices() const { return notices_; }
    Time now() const { return clock_.now(); }

    /// Calls visit(const FabricNode&, const NodePlan&, PortState&) for every port.
    template <class Visit>
    void for_each_port(Visit visit) const {
        const auto ports_of = [&](auto& node) {
            for (std::uint16_t i = 0; i < node.port_count(); ++i) {
                visit(node.config(), node.plan(), node.port(PortId{i}));
            }
        };
        for (const auto& s : switches_) ports_of(*s->node);
        for (const auto& e : endpoints_) ports_of(*e->node);
    }

private:
    explicit Process(const Fabric& fabric)
        : fabric_(&fabric), clock_(dpdk::TscClock::calibrate()) {}

    // process_start.cpp
    Expected<void, std::string> plan(const ProcessOptions& options);
    bool ignores_devices() const;
    Expected<void, std::string> start_eal(const ProcessOptions& options);
    Expected<void, std::string> make_pool();
    Expected<void, std::string> make_nodes(const ProcessOptions& options);
    Expected<std::unique_ptr<Port<Mbuf>>, std::string> make_port(PortRef ref, const PortPlan& plan);
    Expected<std::unique_ptr<Port<Mbuf>>, std::string> open_device(PortRef ref,
                                                                   const PortPlan& plan);
    std::unique_ptr<Port<Mbuf>> plug_wire(PortRef ref, const PortPlan& plan);
    void publish_table(RunningSwitch& s);
    Expected<void, std::string> run(const ProcessOptions& options);
    dpdk::IdlePolicy idle_policy(const ProcessOptions& options) const;

    // process_links.cpp
    static std::uint64_t entropy();
    void begin_to_talk();
    void hear();
    void watch_links(std::vector<std::string>& events);
    void say(std::vector<std::string>& events);
    Expected<std::size_t, std::string> apply(const FabricCondition& condition);

    void watch_vcs(std::vector<std::string>& events);
    std::string port_of(const dpdk::EthPort& device) const;

    const Fabric* fabric_;
    dpdk::TscClock clock_;
    CapacityPlan plan_;
    std::optional<RouteKeeper> routes_;   // set by plan()
    std::optional<SteadyLinks> links_;    // set by run()
    std::optional<FabricCondition> own_;  // set by plan()
    std::optional<Neighbourhood> neighbourhood_;
    std::vector<HostInterface*> hosts_;  // by port of the neighbourhood
    std::vector<std::uint64_t> polls_;   // of the same, in the turn before
    std::uint64_t hellos_refused_ = 0;
    std::optional<FabricCondition> refused_;  // not tried again
    WatchdogLog watchdog_log_;
    std::unique_ptr<dpdk::Eal> eal_;
    std::unique_ptr<dpdk::MbufPool> pool_;
    std::vector<std::shared_ptr<Wire<Mbuf>>> wires_;  // by link
    std::vector<std::unique_ptr<RunningSwitch>> switches_;
    std::vector<std::unique_ptr<RunningEndpoint>> endpoints_;
    std::vector<RunningFaults> faults_;
    std::vector<std::unique_ptr<dpdk::LcoreRunner>> runners_;
    dpdk::PortSupervisor supervisor_;
    std::vector<std::pair<const dpdk::EthPort*, std::string>> device_ports_;  // "leaf0:e0"
    std::vector<std::string> notices_;
};

}  // namespace ethlink::control
