// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/control_socket_service.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "control/runtime/commands.h"
#include "control/runtime/telemetry.h"

namespace ethlink::control {

namespace {

constexpr Duration kSlice = std::chrono::milliseconds(1);
constexpr auto kCloseLimit = std::chrono::seconds(5);

}  // namespace

Expected<std::unique_ptr<ControlService>, std::string> ControlService::open(
    const std::string& instance, Log log) {
    const auto directory = choose_socket_directory();
    if (!directory) return Unexpected<std::string>(directory.error());
    auto socket = ControlSocket::open(*directory, instance);
    if (!socket) return Unexpected<std::string>(socket.error());
    if (log) (*socket)->set_log(log);
    return std::unique_ptr<ControlService>(
        new ControlService(std::move(*socket), *directory, instance, std::move(log)));
}

ControlService::ControlService(std::unique_ptr<ControlSocket> socket, std::string directory,
                               std::string instance, Log log)
    : socket_(std::move(socket)),
      directory_(std::move(directory)),
      instance_(std::move(instance)),
      log_(std::move(log)) {}

void ControlService::attach(Process& process) {
    table_ = std::make_unique<CommandTable>();
    add_commands(*table_, process, instance_);
    std::vector<std::string> notices;
    telemetry_ = serve_telemetry(process, notices);
    for (const std::string& notice : notices) {
        if (log_) log_(notice);
    }
    open_clients(process);
}

/// A process without sockets for programs is one all the same.
void ControlService::open_clients(Process& process) {
    for (const auto& endpoint : process.endpoints()) {
        const FabricNode& node = endpoint->node->config();
        const auto path = make_client_socket_path(directory_, instance_, node.name);
        Clients clients;
        clients.backend = std::make_unique<EndpointBackend>(endpoint->host->clients, *node.gpu);
        auto server = path ? ClientServer::open(*path, {}, {}, *clients.backend)
                           : Unexpected<std::string>(path.error());
        if (!server) {
            if (log_) log_("no program can use " + node.name + ": " + server.error());
            continue;
        }
        clients.server = std::move(*server);
        if (log_) clients.server->set_log(log_);
        clients_.push_back(std::move(clients));
    }
}

std::vector<std::string> ControlService::client_sockets() const {
    std::vector<std::string> paths;
    for (const Clients& clients : clients_) paths.push_back(clients.server->path());
    return paths;
}

/// The poll threads still run: they give back what programs had.
void ControlService::close_clients() {
    for (Clients& clients : clients_) clients.server->close_all();
    const auto end = std::chrono::steady_clock::now() + kCloseLimit;
    for (Clients& clients : clients_) {
        while (!clients.server->empty() && std::chrono::steady_clock::now() < end) {
            clients.server->serve(std::chrono::milliseconds(1));
        }
    }
    clients_.clear();
    remove_client_socket_directory(directory_, instance_);
}

void ControlService::detach() {
    close_clients();
    telemetry_.clear();
    table_.reset();
}

void ControlService::serve(Duration timeout) {
    const auto answer = [this](std::string_view line) {
        return table_ ? table_->answer(line) : error_line("the process is starting or ending");
    };
    // Programs wait for their answers: looked for often while there are any.
    const bool has_clients = std::ranges::any_of(
        clients_, [](const Clients& clients) { return clients.server->connections() > 0; });
    const Duration slice = has_clients ? std::min(timeout, kSlice) : timeout;
    for (Duration waited{}; waited < timeout; waited += slice) {
        for (Clients& clients : clients_) clients.server->serve(Duration{});
        socket_->serve(slice, answer);
    }
    for (Clients& clients : clients_) clients.server->serve(Duration{});
}

}  // namespace ethlink::control
