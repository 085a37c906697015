// SPDX-License-Identifier: BSD-3-Clause
#include "control/watchdog_log.h"

#include <cstddef>

#include "control/report_words.h"

namespace ethlink::control {
namespace {

std::string detected_text(const Fabric& fabric, const FabricPort& config,
                          const WatchdogProfile& profile) {
    const std::string neighbour = config.peer ? fabric.port_name(*config.peer) : "its neighbour";
    const std::string took_none =
        neighbour + " has taken no frame for " + std::to_string(to_ms(profile.detection)) + " ms; ";
    if (profile.action == WatchdogAction::kDrop) {
        return "is stuck: " + took_none +
               "what waits for it is discarded (vc_stuck) until it has room again";
    }
    return "is stuck: " + took_none +
           "its frames wait, because it is held up by somebody behind it (ethlink show watchdog)";
}

}  // namespace

void WatchdogLog::look(const Fabric& fabric, PortRef port, const PortWatchdog& watchdog,
                       std::vector<std::string>& events) {
    const std::vector<VcWatchdogCounters>& counters = watchdog.counters();
    if (counters.empty()) return;
    std::vector<Told>& told = told_[port];
    told.resize(counters.size());
    const FabricPort& config = fabric.port(port);
    for (std::size_t i = 0; i < counters.size(); ++i) {
        const std::uint64_t restored = counters[i].restored.read();
        const std::uint64_t detected = counters[i].detected.read();
        if (detected == told[i].detected && restored == told[i].restored) continue;
        const std::string vc = fabric.port_name(port) + ": VC " +
                               fabric.profile(config.profile).vc_names[i].name + " ";
        const std::uint64_t dropped = counters[i].dropped.read();
        if (detected != told[i].detected) {
            events.push_back(vc + detected_text(fabric, config, watchdog.profile()));
        }
        if (restored != told[i].restored) {
            events.push_back(vc + "moves again; " + std::to_string(dropped - told[i].dropped) +
                             " of its frames were discarded");
            told[i].dropped = dropped;
        }
        told[i].detected = detected;
        told[i].restored = restored;
    }
}

}  // namespace ethlink::control
