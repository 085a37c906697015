// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/preflight.h"

#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

#include "control/fabric_proof.h"
#include "control/topology.h"
#include "dataplane/dpdk/device_args.h"
#include "dataplane/dpdk/hugepages.h"

namespace ethlink::control {
namespace {

using Errors = std::vector<ConfigError>;

/// The device's place in the file.
std::string device_path(const Fabric& fabric, PortRef ref) {
    const FabricPort& port = fabric.port(ref);
    const std::string name = fabric.port_name(ref);
    if (port.link) return "links[" + std::to_string(*port.link) + "].devices." + name;
    const auto found = fabric.plain_port_paths.find(name);
    return (found == fabric.plain_port_paths.end() ? "ports" : found->second) + ".device";
}

Errors check_devices(const Fabric& fabric, const CapacityPlan& plan) {
    Errors errors;
    for (const NodePlan& node : plan.nodes) {
        for (std::uint16_t i = 0; i < node.ports.size(); ++i) {
            const PortRef ref{node.node, PortId{i}};
            const FabricPort& port = fabric.port(ref);
            if (node.ports[i].wire_frames > 0) continue;
            const std::uint32_t frame = longest_frame(fabric.profile(port.profile)) + kFcsBytes;
            const auto args =
                dpdk::DeviceArgs::parse(port.device).and_then([&](dpdk::DeviceArgs parsed) {
                    return dpdk::complete(std::move(parsed), frame,
                                          plan.buffer_bytes - plan.headroom_bytes);
                });
            if (!args) errors.push_back(fabric.error(device_path(fabric, ref), args.error()));
        }
    }
    return errors;
}

}  // namespace

Expected<CapacityPlan, Errors> plan_process(const Fabric& fabric, std::optional<NodeId> node,
                                            bool impairable) {
    if (FabricProof proof = prove_fabric(fabric); !proof.errors.empty()) {
        return Unexpected<Errors>(std::move(proof.errors));
    }
    return plan_proven_process(fabric, node, impairable);
}

Expected<CapacityPlan, Errors> plan_proven_process(const Fabric& fabric, std::optional<NodeId> node,
                                                   bool impairable) {
    if (node) {
        Errors errors = check_runs_alone(fabric, *node);
        if (!errors.empty()) return Unexpected<Errors>(std::move(errors));
    }
    auto plan = plan_capacity(fabric, node, impairable);
    if (!plan) return plan;
    Errors errors = check_devices(fabric, *plan);
    if (!errors.empty()) return Unexpected<Errors>(std::move(errors));
    return plan;
}

MemoryMode memory_mode(const Fabric& fabric, std::optional<NodeId> node) {
    switch (fabric.runtime.memory) {
        case MemoryMode::kAuto: return MemoryMode::kAuto;
        case MemoryMode::kHugepages:
        case MemoryMode::kInMemory: return node ? fabric.runtime.memory : MemoryMode::kAuto;
        case MemoryMode::kNoHuge: return MemoryMode::kNoHuge;
    }
    return MemoryMode::kAuto;
}

MachineMemory machine_memory() {
    constexpr std::uint64_t kMiB = 1u << 20;
    std::ifstream meminfo("/proc/meminfo");
    // A machine that does not say is not refused.
    return {
        .available = available_memory(meminfo).value_or(std::numeric_limits<std::uint64_t>::max()),
        .free_hugepages = dpdk::free_hugepage_mb() * kMiB};
}

}  // namespace ethlink::control
