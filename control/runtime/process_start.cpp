// SPDX-License-Identifier: BSD-3-Clause
// How a process comes to run: plan, EAL, pool, nodes with their ports, poll threads.
#include <algorithm>
#include <fstream>
#include <map>
#include <sched.h>
#include <span>
#include <string>
#include <utility>

#include "control/failure.h"
#include "control/runtime/preflight.h"
#include "control/runtime/process.h"
#include "control/runtime/system_random.h"
#include "proto/fnv.h"

namespace ethlink::control {
namespace {

std::vector<unsigned> usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> cpus;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
    return cpus;
}

dpdk::MemoryMode for_dpdk(MemoryMode mode) {
    switch (mode) {
        case MemoryMode::kAuto: return dpdk::MemoryMode::kAuto;
        case MemoryMode::kHugepages: return dpdk::MemoryMode::kHugepages;
        case MemoryMode::kInMemory: return dpdk::MemoryMode::kInMemory;
        case MemoryMode::kNoHuge: return dpdk::MemoryMode::kNoHuge;
    }
    return dpdk::MemoryMode::kAuto;
}

bool is_pci(const std::string& device) {
    return device.find(':') == 4;
}

/// The same in all processes of this machine until it boots again: they share a clock.
std::uint16_t host_mark() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    std::getline(file, boot);
    const std::uint32_t hash = Fnv1a<std::uint32_t>().add(boot).value();
    return static_cast<std::uint16_t>(hash >> 16 ^ hash);
}

/// A worker of a node and how much there is to poll.
struct Work {
    Pollable* pollable;
    NodeId node;
    std::vector<PortId> ports;
};

/// Heaviest first, each to the thread with the least so far.
std::vector<std::vector<Work>> spread(std::vector<Work> work, std::size_t threads) {
    std::ranges::stable_sort(work, std::ranges::greater{},
                             [](const Work& item) { return item.ports.size(); });
    std::vector<std::vector<Work>> lists(threads);
    std::vector<std::size_t> load(threads, 0);
    for (Work& item : work) {
        const auto least = static_cast<std::size_t>(std::ranges::min_element(load) - load.begin());
        load[least] += item.ports.size();
        lists[least].push_back(std::move(item));
    }
    return lists;
}

/// Tells wires that one thread turns at both ends whom they lead to.
void join_wires(const Fabric& fabric, std::span<const std::shared_ptr<Wire<Mbuf>>> wires,
                std::span<const Work> thread, FollowUps& follow_ups) {
    std::map<PortRef, Pollable*> turned;
    for (const Work& item : thread) {
        for (const PortId port : item.ports) turned[{item.node, port}] = item.pollable;
    }
    for (std::size_t link = 0; link < wires.size(); ++link) {
        const auto a = turned.find(fabric.links[link].a);
        const auto b = turned.find(fabric.links[link].b);
        if (!wires[link] || a == turned.end() || b == turned.end()) continue;
        wires[link]->a_receiver() = {a->second, &follow_ups};
        wires[link]->b_receiver() = {b->second, &follow_ups};
    }
}

}  // namespace

Expected<std::unique_ptr<Process>, std::string> Process::start(const Fabric& fabric,
                                                               const ProcessOptions& options) {
    std::unique_ptr<Process> process(new Process(fabric));
    auto done = process->plan(options)
                    .and_then([&] { return process->start_eal(options); })
                    .and_then([&] { return process->make_pool(); })
                    .and_then([&] { return process->make_nodes(options); });
    if (!done) return failure(done.error());
    for (auto& s : process->switches_) process->publish_table(*s);
    done = process->run(options);
    if (!done) return failure(done.error());
    return process;
}

Expected<void, std::string> Process::plan(const ProcessOptions& options) {
    auto plan = plan_process(*fabric_, options.node, options.impairable);
    if (!plan) return failure(text(plan.error()));
    plan_ = std::move(*plan);
    if (ignores_devices()) {
        notices_.push_back(
            "links run on in-process wires; the devices that the file names for them are for "
            "`ethlink switch` and `ethlink pktgen` with --node");
    }
    for (const ConfigError& warning : plan_.warnings) notices_.push_back(warning.text());
    const bool has_endpoints = std::ranges::any_of(plan_.nodes, [&](const NodePlan& node) {
        return fabric_->node(node.node).kind == NodeKind::kEndpoint;
    });
    if (const auto why = why_no_remote_memory(*fabric_); has_endpoints && why) {
        notices_.push_back("no remote memory for programs: " + *why);
    }
    routes_.emplace(*fabric_);
    own_.emplace(*fabric_);
    return {};
}

bool Process::ignores_devices() const {
    for (const NodePlan& node : plan_.nodes) {
        const std::vector<FabricPort>& ports = fabric_->node(node.node).ports;
        for (std::size_t i = 0; i < ports.size(); ++i) {
            if (node.ports[i].wire_frames > 0 && !ports[i].device.empty()) return true;
        }
    }
    return false;
}

Expected<void, std::string> Process::start_eal(const ProcessOptions& options) {
    constexpr std::uint64_t kMiB = 1u << 20;
    constexpr std::uint64_t kForEal = 32;  // its own tables, and heap fragments
    dpdk::EalOptions eal;
    eal.instance = options.instance;
    eal.memory = for_dpdk(memory_mode(*fabric_, options.node));
    const std::uint64_t pool =
        dpdk::MbufPool::bytes_needed(plan_.pool.total(), plan_.buffer_bytes - plan_.headroom_bytes);
    eal.memory_mb = static_cast<std::uint32_t>(pool / kMiB + kForEal);
    const std::vector<unsigned> cpus = usable_cpus();
    std::size_t workers = 0;
    for (const NodePlan& node : plan_.nodes) {
        workers += node.workers;
        const std::vector<FabricPort>& ports = fabric_->node(node.node).ports;
        for (std::size_t i = 0; i < ports.size(); ++i) {
            const bool opened = node.ports[i].wire_frames == 0;
            if (opened && is_pci(ports[i].device)) eal.pci_devices.push_back(ports[i].device);
        }
    }
    std::size_t threads =
        options.poll_threads != 0 ? options.poll_threads : fabric_->runtime.workers;
    if (threads == 0) threads = std::min(cpus.size(), workers);
    for (std::size_t i = 0; i < threads; ++i) eal.worker_cpus.push_back(cpus[i % cpus.size()]);
    // Who sleeps shares the machine with others, of which it knows nothing: pinned, all of them
    // would stand on the first CPUs. Who never sleeps needs a CPU of its own, and says by taskset
    // which one.
    const bool sleeps = fabric_->runtime.idle == IdleMode::kSleep && !options.poll_busily;
    eal.pin_workers = !sleeps;
    eal.extra = options.eal_extra;
    auto started = dpdk::Eal::start(eal);
    if (!started) return failure(started.error());
    eal_ = std::move(*started);
    for (const std::string& notice : eal_->notices()) notices_.push_back(notice);
    return {};
}

Expected<void, std::string> Process::make_pool() {
    auto pool =
        dpdk::MbufPool::create({.name = "frames",
                                .frames = static_cast<std::uint32_t>(plan_.pool.total()),
                                .data_room_bytes = plan_.buffer_bytes - plan_.headroom_bytes,
                                .cache_frames = fabric_->runtime.pool_cache_frames});
    if (!pool) return failure(pool.error());
    pool_ = std::move(*pool);
    return {};
}

Expected<void, std::string> Process::make_nodes(const ProcessOptions& options) {
    // A switch that runs alone needs no traffic, and its fabric perhaps has no endpoints.
    const bool has_endpoint = std::ranges::any_of(plan_.nodes, [&](const NodePlan& plan) {
        return fabric_->node(plan.node).kind == NodeKind::kEndpoint;
    });
    Expected<std::vector<PktgenIdentity>, std::string> identities;
    if (has_endpoint) identities = make_identities(*fabric_, routes_->routes(), options.traffic);
    if (!identities) return failure(identities.error());
    const std::vector<NodeId> endpoints = endpoints_of(*fabric_);
    wires_.resize(fabric_->links.size());
    Random random(entropy());
    const std::uint32_t run =
        make_run(host_mark(), static_cast<std::uint16_t>(random.below(1u << 16)));
    for (const NodePlan& plan : plan_.nodes) {
        std::vector<std::unique_ptr<Port<Mbuf>>> devices;
        for (std::uint16_t i = 0; i < plan.ports.size(); ++i) {
            auto port = make_port({plan.node, PortId{i}}, plan.ports[i]);
            if (!port) return failure(port.error());
            devices.push_back(std::move(*port));
        }
        if (fabric_->node(plan.node).kind == NodeKind::kSwitch) {
            auto& s = *switches_.emplace_back(std::make_unique<RunningSwitch>(plan.workers));
            s.node = std::make_unique<SwitchNode>(
                *fabric_, plan, std::move(devices), *pool_, random,
                [&](std::uint32_t worker) { return SwitchStage<Mbuf>(s.tables.reader(worker)); });
        } else {
            const auto at = std::ranges::find(endpoints, plan.node) - endpoints.begin();
            auto& e = *endpoints_.emplace_back(std::make_unique<RunningEndpoint>());
            e.host =
                make_txn_host(*fabric_, plan.node, draw_secret_random(), &dpdk::TscClock::cycles);
            e.node = std::make_unique<EndpointNode>(
                *fabric_, plan, std::move(devices), *pool_, random, [&](std::uint32_t) {
                    PktgenIdentity pktgen = (*identities)[static_cast<std::size_t>(at)];
                    pktgen.run = run;
                    return EndpointStage<Mbuf>(
                        PktgenStage<Mbuf>(std::move(pktgen), e.plans.reader(0), *pool_), *e.host,
                        *pool_, fabric_->profiles.front().max_frame_bytes + kTagBytes,
                        fabric_->runtime.endpoint_queue_frames);
                });
        }
    }
    return {};
}

Expected<std::unique_ptr<Port<Mbuf>>, std::string> Process::make_port(PortRef ref,
                                                                      const PortPlan& plan) {
    const FabricPort& config = fabric_->port(ref);
    std::unique_ptr<Port<Mbuf>> port;
    if (plan.wire_frames > 0) {
        port = plug_wire(ref, plan);
    } else {
        auto device = open_device(ref, plan);
        if (!device) return failure(fabric_->port_name(ref) + ": " + device.error());
        port = std::move(*device);
    }
    if (plan.fault_frames == 0) return port;
    auto faulty = std::make_unique<FaultPort<Mbuf>>(
        std::move(port), *pool_, plan.fault_frames, config.software_fcs,
        PortFaults{.tx = config.transmit_faults, .rx = {}});
    faults_.push_back({fabric_->port_name(ref), faulty.get()});
    return faulty;
}

std::unique_ptr<Port<Mbuf>> Process::plug_wire(PortRef ref, const PortPlan& plan) {
    const std::size_t link = *fabric_->port(ref).link;
    if (!wires_[link]) wires_[link] = std::make_shared<Wire<Mbuf>>(plan.wire_frames);
    const bool is_a = fabric_->links[link].a == ref;
    using End = WirePort<Mbuf>::End;
    return std::make_unique<WirePort<Mbuf>>(wires_[link], is_a ? End::kA : End::kB, plan.keep);
}

Expected<std::unique_ptr<Port<Mbuf>>, std::string> Process::open_device(PortRef ref,
                                                                        const PortPlan&) {
    const FabricPort& config = fabric_->port(ref);
    const Runtime& runtime = fabric_->runtime;
    auto port = dpdk::EthPort::open(
        {.device = config.device,
         .max_frame_bytes = longest_frame(fabric_->profile(config.profile)) + kFcsBytes,
         .rx_descriptors = static_cast<std::uint16_t>(runtime.rx_descriptors),
         .tx_descriptors = static_cast<std::uint16_t>(runtime.tx_descriptors)},
        *pool_);
    if (!port) return failure(port.error());
    for (const std::string& notice : (*port)->notices()) {
        notices_.push_back(fabric_->port_name(ref) + ": " + notice);
    }
    supervisor_.watch(**port, clock_.now());
    device_ports_.emplace_back(port->get(), fabric_->port_name(ref));
    return std::move(*port);
}

/// Made from the table in use, so that flows stay where they are.
void Process::publish_table(RunningSwitch& s) {
    const RouteTable routes = routes_->routes().table_of(s.node->plan().node);
    auto table = make_table(routes, s.node->config().name, s.tables.current());
    if (table) s.tables.publish(std::move(table));
}

dpdk::IdlePolicy Process::idle_policy(const ProcessOptions& options) const {
    const Runtime& runtime = fabric_->runtime;
    // To sleep is the better way to share: who yields may, by kernel, hand in his slice each time,
    // and is starved by anybody who computes (decision 0028).
    if (runtime.idle == IdleMode::kSleep && !options.poll_busily) {
        return {.turns_before_sleep = 256,
                .sleep = runtime.idle_sleep,
                .sleep_max = runtime.idle_sleep_max};
    }
    return {.yield = eal_->shares_cpus()};
}

Expected<void, std::string> Process::run(const ProcessOptions& options) {
    std::vector<Work> work;
    const auto add = [&](auto& node) {
        node.start(clock_.now());
        for (std::size_t i = 0; i < node.worker_count(); ++i) {
            auto& worker = node.worker(i);
            Work item{&worker, node.plan().node, {}};
            for (std::size_t port = 0; port < worker.port_count(); ++port) {
                item.ports.push_back(worker.port(port).rules.id);
            }
            work.push_back(std::move(item));
        }
    };
    for (auto& s : switches_) add(*s->node);
    for (auto& e : endpoints_) add(*e->node);
    const auto lists = spread(std::move(work), eal_->workers().size());
    for (std::size_t i = 0; i < lists.size(); ++i) {
        auto& runner = *runners_.emplace_back(
            std::make_unique<dpdk::LcoreRunner>(eal_->workers()[i], clock_, idle_policy(options)));
        std::vector<Pollable*> pollables;
        for (const Work& item : lists[i]) pollables.push_back(item.pollable);
        join_wires(*fabric_, wires_, lists[i], runner.follow_ups());
        if (auto started = runner.start(std::move(pollables)); !started)
            return failure(started.error());
    }
    begin_to_talk();
    return {};
}

}  // namespace ethlink::control
