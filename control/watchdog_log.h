// SPDX-License-Identifier: BSD-3-Clause
// Stuck virtual channels as sentences for the log.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/config.h"
#include "dataplane/port_watchdog.h"

namespace ethlink::control {

/// Remembers what it has told.
class WatchdogLog {
public:
    /// Adds to `events` what has happened at this port since the last call. What came and went in
    /// between is told, too.
    void look(const Fabric& fabric, PortRef port, const PortWatchdog& watchdog,
              std::vector<std::string>& events);

private:
    struct Told {
        std::uint64_t detected = 0, restored = 0;
        std::uint64_t dropped = 0;  // when that was told
    };

    std::map<PortRef, std::vector<Told>> told_;  // by VC
};

}  // namespace ethlink::control
