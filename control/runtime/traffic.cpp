// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/traffic.h"

#include <algorithm>
#include <string>
#include <utility>

#include "control/capacity.h"

namespace ethlink::control {
namespace {

/// Of each stream another one, as channels draw theirs (decision 0011): from numbers in a row few
/// would differ, because all endpoints would use the same ones. SplitMix64's last step.
std::uint16_t entropy_of(GpuId src, GpuId dst, Vc vc) {
    std::uint64_t z = (std::uint64_t{src.value} << 32 | std::uint64_t{dst.value} << 8 | vc.value) *
                      0x9E37'79B9'7F4A'7C15u;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9u;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EBu;
    return static_cast<std::uint16_t>(z >> 48);
}

PktgenStream make_stream(const Fabric& fabric, GpuId src, const Route& route, Vc vc,
                         std::size_t index, bool adaptive) {
    return {.dst = route.dst,
            .port = route.ports[index % route.ports.size()],
            .vc = vc,
            .entropy = entropy_of(src, route.dst, vc),
            .dscp = fabric.profiles.front().dscp_of(vc),
            .ar = adaptive};
}

}  // namespace

std::vector<NodeId> endpoints_of(const Fabric& fabric) {
    std::vector<NodeId> endpoints;
    for (std::uint32_t n = 0; n < fabric.nodes.size(); ++n) {
        if (fabric.nodes[n].kind == NodeKind::kEndpoint) endpoints.push_back(NodeId{n});
    }
    return endpoints;
}

Expected<std::vector<PktgenIdentity>, std::string> make_identities(const Fabric& fabric,
                                                                   const Routes& routes,
                                                                   const Workload& traffic) {
    const std::vector<NodeId> endpoints = endpoints_of(fabric);
    const auto matrix = make_traffic({.pattern = traffic.pattern,
                                      .endpoints = static_cast<std::uint32_t>(endpoints.size()),
                                      .seed = traffic.seed,
                                      .target = traffic.target});
    if (!matrix) return Unexpected<std::string>(matrix.error());
    std::vector<PktgenIdentity> identities;
    std::size_t streams_max = 0;
    for (std::size_t e = 0; e < endpoints.size(); ++e) {
        const FabricNode& node = fabric.node(endpoints[e]);
        PktgenIdentity identity{
            .self = *node.gpu, .tenant = node.tenant, .streams = {}, .sources = {}};
        const RouteTable table = routes.table_of(endpoints[e]);
        for (const std::uint32_t to : (*matrix)[e]) {
            const FabricNode& peer = fabric.node(endpoints[to]);
            if (peer.tenant != node.tenant && !traffic.across_tenants) continue;
            const GpuId dst = *peer.gpu;
            const Route route{dst, table.ports(dst)};
            if (route.ports.empty()) continue;
            for (const Vc vc : traffic.vcs) {
                identity.streams.push_back(make_stream(
                    fabric, *node.gpu, route, vc, e + identity.streams.size(), traffic.adaptive));
            }
        }
        streams_max = std::max(streams_max, identity.streams.size());
        identities.push_back(std::move(identity));
    }
    for (PktgenIdentity& identity : identities) {
        for (const NodeId endpoint : endpoints)
            identity.sources.push_back(*fabric.node(endpoint).gpu);
        identity.streams_per_source = static_cast<std::uint32_t>(streams_max);
        identity.queue_frames =
            std::min(identity.queue_frames, fabric.runtime.endpoint_queue_frames);
    }
    return identities;
}

PktgenPlan make_plan(const Workload& traffic, bool sending) {
    PktgenPlan plan{.sending = sending,
                    .sizes = {},
                    .frames_per_second = traffic.frames_per_second,
                    .frames_max = traffic.frames_max};
    for (const std::uint32_t size : traffic.sizes) {
        const std::uint32_t bytes = size < kMinFrameSize ? kMinFrameSize : size;
        plan.sizes.push_back(static_cast<std::uint16_t>(bytes - kFcsBytes));
    }
    return plan;
}

}  // namespace ethlink::control
