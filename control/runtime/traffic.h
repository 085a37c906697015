// SPDX-License-Identifier: BSD-3-Clause
// Who sends to whom, how much: from a pattern and numbers to the plans that endpoints follow.
#pragma once

#include <cstdint>
#include <vector>

#include "control/config.h"
#include "control/pktgen/frame_sizes.h"
#include "control/pktgen/traffic_matrix.h"
#include "control/routes.h"
#include "dataplane/pktgen_stage.h"
#include "proto/expected.h"

namespace ethlink::control {

/// What the endpoints of one run send. Sizes in bytes with FCS, as RFC 2544 counts.
struct Workload {
    TrafficPattern pattern = TrafficPattern::kAllToAll;
    std::uint64_t seed = 1;
    std::uint32_t target = 0;    // incast: index of the endpoint that receives
    std::vector<Vc> vcs{Vc{2}};  // each pair sends one stream on each of them
    std::vector<std::uint32_t> sizes{256};
    double frames_per_second = 0;  // per endpoint; 0 = as fast as window and credits allow
    std::uint64_t frames_max = 0;  // per endpoint; 0 = no limit
    bool adaptive = false;         // AR = 1: switches choose a path for each frame
    bool across_tenants = false;   // also to GPUs of other tenants: switches refuse it
};

/// The endpoints of a fabric in the order of Fabric::nodes: what a traffic matrix counts by.
std::vector<NodeId> endpoints_of(const Fabric& fabric);

/// For each endpoint, in that order: who it is and which streams it sends. Streams of one pair
/// are spread over the tracks; a destination that cannot be reached, or that belongs to another
/// tenant, gets none.
[[nodiscard]] Expected<std::vector<PktgenIdentity>, std::string> make_identities(
    const Fabric& fabric, const Routes& routes, const Workload& traffic);

/// The plan of every endpoint for this traffic, sending or not.
PktgenPlan make_plan(const Workload& traffic, bool sending);

}  // namespace ethlink::control
