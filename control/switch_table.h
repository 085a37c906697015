// SPDX-License-Identifier: BSD-3-Clause
// From routes to what poll cores look up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "control/route_table.h"
#include "dataplane/forwarding_table.h"
#include "proto/fnv.h"

namespace ethlink::control {

/// What a node salts its choice of paths with. By its name, so that it survives a restart, a reload
/// and nodes that are added in front of it, and is the same wherever the file is read. FNV-1a, and
/// the last step of MurmurHash3, because names differ in their last letter only.
constexpr std::uint32_t path_salt(std::string_view node) {
    std::uint32_t hash = Fnv1a<std::uint32_t>().add(node).value();
    hash = (hash ^ hash >> 16) * 0x85EB'CA6Bu;
    hash = (hash ^ hash >> 13) * 0xC2B2'AE35u;
    return hash ^ hash >> 16;
}

/// The table that the switch `node` publishes for its routes. Routes beyond ForwardingTable's
/// limits are cut to kMaxPaths ports. `before`: its table in use, so that flows stay where they
/// are.
inline std::unique_ptr<const ForwardingTable> make_table(const RouteTable& routes,
                                                         std::string_view node,
                                                         const ForwardingTable* before = nullptr) {
    auto table = std::make_unique<ForwardingTable>(path_salt(node));
    for (const Route route : routes) {
        const std::size_t n = std::min(route.ports.size(), ForwardingTable::kMaxPaths);
        if (!table->set(route.dst, route.ports.first(n), before)) return nullptr;
    }
    return table;
}

}  // namespace ethlink::control
