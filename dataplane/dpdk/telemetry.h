// SPDX-License-Identifier: BSD-3-Clause
// /ethlink/... commands on DPDK's telemetry socket (dpdk-telemetry.py, telegraf).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/expected.h"

namespace ethlink::dpdk {

/// A flat dictionary, in order. Names: letters, digits, '_', '/'. At most 256 entries of at most
/// 127 characters fit, and 16 KiB of JSON in all: what does not fit is left out, and an entry
/// "truncated" says how much. So: one command per port, not one for all ports.
using TelemetryValue = std::variant<std::uint64_t, std::int32_t, std::string>;
using TelemetryReply = std::vector<std::pair<std::string, TelemetryValue>>;

/// Gets what stands behind the comma ("/ethlink/port,3" -> "3"), from whoever may open the socket:
/// untrusted. Runs on a telemetry thread.
using TelemetryHandler = std::function<TelemetryReply(std::string_view params)>;

/// A registered command; with the object's end it answers nothing any more, and no handler runs.
class TelemetryCommand {
public:
    static Expected<TelemetryCommand, std::string> add(std::string command, const std::string& help,
                                                       TelemetryHandler handler);

    TelemetryCommand(TelemetryCommand&& other) noexcept
        : command_(std::exchange(other.command_, {})) {}
    TelemetryCommand& operator=(TelemetryCommand&&) = delete;
    ~TelemetryCommand();

private:
    explicit TelemetryCommand(std::string command) : command_(std::move(command)) {}

    std::string command_;
};

}  // namespace ethlink::dpdk
