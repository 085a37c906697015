// SPDX-License-Identifier: BSD-3-Clause
// How a running process is spoken to: control socket and telemetry together.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/runtime/commands_table.h"
#include "control/runtime/control_socket.h"
#include "control/runtime/process.h"
#include "dataplane/dpdk/telemetry.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// Opened before the process starts, so that a second instance of the same name stops early;
/// answers only between attach() and detach().
class ControlService {
public:
    using Log = std::function<void(const std::string&)>;

    static Expected<std::unique_ptr<ControlService>, std::string> open(const std::string& instance,
                                                                       Log log);

    void attach(Process& process);
    /// Before Process::stop(): telemetry runs on a thread of DPDK's.
    void detach();

    /// Waits for requests and answers them, at most for `timeout`.
    void serve(Duration timeout);

    const std::string& path() const { return socket_->path(); }

private:
    ControlService(std::unique_ptr<ControlSocket> socket, std::string instance, Log log);

    std::unique_ptr<ControlSocket> socket_;
    std::string instance_;
    Log log_;
    std::unique_ptr<CommandTable> table_;
    std::vector<dpdk::TelemetryCommand> telemetry_;
};

}  // namespace ethlink::control
