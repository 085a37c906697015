// SPDX-License-Identifier: BSD-3-Clause
// Who can be reached from where, without any routes: which islands of switches an endpoint is on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "control/config.h"

namespace ethlink::control {

/// Linear in nodes and ports, however many endpoints there are. Two endpoints reach each other by a
/// common island (switches joined by links) or by a cable of their own; endpoints do not forward.
class Reach {
public:
    explicit Reach(const Fabric& fabric);

    /// Whether every endpoint reaches every other one, as far as one look tells: true is sure.
    bool is_whole() const { return is_whole_; }

    /// Both are indices into Fabric::nodes, of endpoints.
    bool reaches(std::size_t from, std::size_t to) const;

private:
    using Island = std::uint32_t;

    void find_islands();
    void look_at_endpoint(std::size_t endpoint);
    void look_at_bound_gpus();
    bool has_common_island() const;

    const Fabric& fabric_;
    std::vector<Island> island_of_;                     // switches
    std::vector<std::vector<Island>> islands_;          // endpoints: ascending, each once
    std::vector<std::vector<std::size_t>> neighbours_;  // endpoints at the far end of a cable
    std::vector<bool> has_plain_port_;                  // looks there for whom no link leads to
    bool is_whole_ = false;
};

}  // namespace ethlink::control
