// SPDX-License-Identifier: BSD-3-Clause
// From a node of the fabric to its transaction layer: who it is, by which VCs and tracks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "control/config.h"
#include "dataplane/endpoint_stage.h"
#include "dataplane/secret_random.h"

namespace ethlink::control {

/// Why endpoints of this fabric have no remote memory; nothing if they have. Requests and responses
/// of each class need a lossless VC of their own, and a frame must hold the longest line.
std::optional<std::string> why_no_remote_memory(const Fabric& fabric);

/// The endpoint's channels and sessions, all memory taken; no channels if there is no remote
/// memory. `random`: epoch and first PSNs come from it. `read_clock` counts cycles.
std::unique_ptr<TxnHost> make_txn_host(const Fabric& fabric, NodeId node, SecretRandom random,
                                       CycleMeter::ReadClock read_clock);

}  // namespace ethlink::control
