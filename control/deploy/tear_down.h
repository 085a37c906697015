// SPDX-License-Identifier: BSD-3-Clause
// The end of a fabric that `ethlink up` has started.
#pragma once

#include <string>
#include <vector>

#include "control/deploy/fabric_record.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// Ends what the directory's record names and nothing else: processes, namespaces with their
/// interfaces, sockets, files, at last the directory. What is gone already is no error. What was
/// noteworthy comes back: processes that had to be killed, things that are in somebody's hands.
[[nodiscard]] Expected<std::vector<std::string>, std::string> tear_down(
    FabricDirectory& directory, Duration limit = std::chrono::seconds(10));

}  // namespace ethlink::control
