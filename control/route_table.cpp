// SPDX-License-Identifier: BSD-3-Clause
#include "control/route_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ethlink::control {
namespace {

std::vector<PortId> copy(std::span<const PortId> ports) {
    return {ports.begin(), ports.end()};
}

}  // namespace

std::span<const PortId> RouteTable::ports(GpuId dst) const {
    const auto found = std::ranges::lower_bound(entries_, dst, {}, &Entry::dst);
    if (found == entries_.end() || found->dst != dst) return {};
    return list(found->list);
}

std::size_t RouteTable::append(std::span<const PortId> ports) {
    members_.insert(members_.end(), ports.begin(), ports.end());
    first_.push_back(static_cast<std::uint32_t>(members_.size()));
    return list_count() - 1;
}

bool operator==(const RouteTable& a, const RouteTable& b) {
    return a.size() == b.size() && std::ranges::equal(a, b, [](const Route& x, const Route& y) {
               return x.dst == y.dst && std::ranges::equal(x.ports, y.ports);
           });
}

std::vector<RouteChange> changes(const RouteTable& before, const RouteTable& after) {
    std::vector<RouteChange> found;
    std::size_t b = 0, a = 0;
    while (b < before.size() || a < after.size()) {
        const bool has_b = b < before.size(), has_a = a < after.size();
        if (!has_a || (has_b && before[b].dst < after[a].dst)) {
            found.push_back({before[b].dst, copy(before[b].ports), {}});
            ++b;
        } else if (!has_b || after[a].dst < before[b].dst) {
            found.push_back({after[a].dst, {}, copy(after[a].ports)});
            ++a;
        } else {
            if (!std::ranges::equal(before[b].ports, after[a].ports)) {
                found.push_back({before[b].dst, copy(before[b].ports), copy(after[a].ports)});
            }
            ++a;
            ++b;
        }
    }
    return found;
}

}  // namespace ethlink::control
