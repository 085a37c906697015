// SPDX-License-Identifier: BSD-3-Clause
// From a node of the fabric to its transaction layer: who it is, by which VCs and tracks.
#pragma once

#include <memory>

#include "control/config.h"
#include "dataplane/endpoint_stage.h"
#include "dataplane/random.h"
#include "proto/expected.h"

namespace ethlink::control {

/// What an endpoint of the fabric is on the wire. The error says which VCs are missing: requests
/// and responses of each class need one of their own.
[[nodiscard]] Expected<TxnIdentity, std::string> make_txn_identity(const Fabric& fabric,
                                                                   NodeId node);

/// The endpoint's channels and sessions, all memory taken. `read_clock` counts cycles.
std::unique_ptr<TxnHost> make_txn_host(const Fabric& fabric, const TxnIdentity& identity,
                                       Random& random, CycleMeter::ReadClock read_clock);

}  // namespace ethlink::control
