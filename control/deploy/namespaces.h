// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces and veth pairs, by ip(8).
#pragma once

#include <string>
#include <vector>

#include "control/deploy/wiring.h"
#include "proto/expected.h"

namespace ethlink::control {

/// "ethlink-<fabric>-<node>".
std::string namespace_name(const std::string& fabric, const std::string& node);

/// Where `ip netns` keeps it.
std::string namespace_path(const std::string& name);

bool namespace_exists(const std::string& name);

[[nodiscard]] Expected<void, std::string> add_namespace(const std::string& name);

/// A pair for each entry, both ends up. `namespaces`: by node of the fabric.
[[nodiscard]] Expected<void, std::string> add_veths(const std::vector<VethPair>& veths,
                                                    const std::vector<std::string>& namespaces);

/// With the interfaces in it, once no process is in it any more. One that is not there is removed.
[[nodiscard]] Expected<void, std::string> remove_namespace(const std::string& name);

}  // namespace ethlink::control
