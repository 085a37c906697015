// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/port_supervisor.h"

#include <algorithm>
#include <vector>

namespace ethlink::dpdk {

using Kind = PortEvent::Kind;

void PortSupervisor::watch(EthPort& port, Time now) {
    const bool up = port.refresh_link_status();
    ports_.push_back({.port = &port,
                      .up = up,
                      .pausing = false,
                      .reported_failure = false,
                      .restart_at = now + (up ? kDownBeforeRestart : kNeverUpBeforeRestart),
                      .back_off = kBackOffMin});
}

std::vector<PortEvent> PortSupervisor::on_time(Time now) {
    std::vector<PortEvent> events;
    for (Watched& watched : ports_) {
        observe(watched, now, events);
        if (!watched.up && watched.port->restart_heals()) heal(watched, now, events);
    }
    return events;
}

void PortSupervisor::observe(Watched& watched, Time now, std::vector<PortEvent>& events) {
    EthPort& port = *watched.port;
    const bool up = port.refresh_link_status();
    if (up == watched.up) return;
    watched.up = up;
    if (!up) {
        watched.restart_at = now + kDownBeforeRestart;
        watched.back_off = kBackOffMin;
        events.push_back({Kind::kDown, &port, "port " + port.name() + " is down"});
        return;
    }
    watched.reported_failure = false;
    if (watched.pausing) {  // It came up while the worker was being asked: nothing to heal.
        watched.pausing = false;
        port.resume();
    }
    events.push_back({Kind::kUp, &port, "port " + port.name() + " is up"});
}

/// Ask the worker to stay out; a later tick, when it does, restarts; then it may in again.
void PortSupervisor::heal(Watched& watched, Time now, std::vector<PortEvent>& events) {
    EthPort& port = *watched.port;
    if (now < watched.restart_at) return;
    if (!port.is_paused()) {
        port.request_pause();
        watched.pausing = true;
        return;
    }
    watched.pausing = false;
    const auto restarted = port.restart();
    watched.restart_at = now + watched.back_off;
    watched.back_off = std::min(watched.back_off * 2, kBackOffMax);
    if (restarted) {
        port.resume();
        events.push_back({Kind::kRestarted, &port, "port " + port.name() + " was restarted"});
        return;
    }
    if (watched.reported_failure) return;
    watched.reported_failure = true;
    events.push_back({Kind::kRestartFailed, &port,
                      restarted.error() + " It is tried again until the other end is there."});
}

}  // namespace ethlink::dpdk
