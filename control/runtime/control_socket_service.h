// SPDX-License-Identifier: BSD-3-Clause
// How a running process is spoken to: control socket and telemetry together.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/runtime/client_server.h"
#include "control/runtime/commands_table.h"
#include "control/runtime/control_socket.h"
#include "control/runtime/endpoint_backend.h"
#include "control/runtime/process.h"
#include "dataplane/dpdk/telemetry.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// Besides, each endpoint of the process has a socket of its own, for programs (libethlink).
///
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
    /// Where programs find the endpoints of the attached process.
    std::vector<std::string> client_sockets() const;

private:
    /// An endpoint's socket for programs, and what it asks.
    struct Clients {
        std::unique_ptr<EndpointBackend> backend;
        std::unique_ptr<ClientServer> server;
    };

    ControlService(std::unique_ptr<ControlSocket> socket, std::string directory,
                   std::string instance, Log log);
    void open_clients(Process& process);
    void close_clients();

    std::unique_ptr<ControlSocket> socket_;
    std::string directory_;
    std::string instance_;
    Log log_;
    std::vector<Clients> clients_;
    std::unique_ptr<CommandTable> table_;
    std::vector<dpdk::TelemetryCommand> telemetry_;
};

}  // namespace ethlink::control
