// SPDX-License-Identifier: BSD-3-Clause
// Watches the links of all ports and heals those that a restart of the device can heal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/dpdk/eth_port.h"
#include "proto/time.h"

namespace ethlink::dpdk {

struct PortEvent {
    enum class Kind : std::uint8_t { kUp, kDown, kRestarted, kRestartFailed };
    Kind kind;
    const EthPort* port;
    std::string text;  // one sentence for the log
};

/// A memif client never reconnects by itself: its server killed, it stays down for ever. Only such
/// ports are restarted; a NIC's link comes back alone, and a restart would delay it.
///
/// All calls come from one control thread. No call waits for a worker to agree to a pause; a
/// restart waits for DPDK's interrupt thread (see EthPort::restart()).
class PortSupervisor {
public:
    static constexpr Duration kTick = std::chrono::milliseconds(100);
    static constexpr Duration kDownBeforeRestart = std::chrono::milliseconds(200);
    static constexpr Duration kNeverUpBeforeRestart = std::chrono::seconds(1);
    static constexpr Duration kBackOffMin = std::chrono::milliseconds(200);
    static constexpr Duration kBackOffMax = std::chrono::seconds(1);

    /// The port outlives the supervisor.
    void watch(EthPort& port, Time now);

    /// To be called about every kTick. Returns what has changed since the last call.
    std::vector<PortEvent> on_time(Time now);

private:
    struct Watched {
        EthPort* port;
        bool up;
        bool pausing;
        bool reported_failure;  // one event per outage, not one per attempt
        Time restart_at;
        Duration back_off;
    };

    static void observe(Watched& watched, Time now, std::vector<PortEvent>& events);
    static void heal(Watched& watched, Time now, std::vector<PortEvent>& events);

    std::vector<Watched> ports_;
};

}  // namespace ethlink::dpdk
