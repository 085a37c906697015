// SPDX-License-Identifier: BSD-3-Clause
// A fabric file, planned as in production: capacity, routes, who sends what.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "control/capacity.h"
#include "control/config.h"
#include "control/routes.h"
#include "control/runtime/traffic.h"
#include "dataplane/pktgen_stage.h"

namespace ethlink::sim {

/// What control:: makes of a text. It outlives the nodes.
struct Planned {
    explicit Planned(std::string_view yaml, const control::Workload& workload) {
        auto loaded = control::load_text(yaml, "sim.yaml");
        if (!loaded) {
            ADD_FAILURE() << control::text(loaded.error());
            return;
        }
        fabric = std::move(*loaded);
        auto planned = control::plan_capacity(fabric);
        if (!planned) {
            ADD_FAILURE() << control::text(planned.error());
            return;
        }
        plan = std::move(*planned);
        routes.emplace(fabric);
        auto made = control::make_identities(fabric, *routes, workload);
        if (!made) {
            ADD_FAILURE() << made.error();
            return;
        }
        identities = std::move(*made);
    }

    control::Fabric fabric;
    control::CapacityPlan plan;
    std::optional<control::Routes> routes;  // of this very fabric
    std::vector<PktgenIdentity> identities;
};

}  // namespace ethlink::sim
