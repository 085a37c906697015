// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/control_socket_service.h"

#include <utility>

#include "control/runtime/commands.h"
#include "control/runtime/telemetry.h"

namespace ethlink::control {

Expected<std::unique_ptr<ControlService>, std::string> ControlService::open(
    const std::string& instance, Log log) {
    const auto directory = choose_socket_directory();
    if (!directory) return Unexpected<std::string>(directory.error());
    auto socket = ControlSocket::open(*directory, instance);
    if (!socket) return Unexpected<std::string>(socket.error());
    if (log) (*socket)->set_log(log);
    return std::unique_ptr<ControlService>(
        new ControlService(std::move(*socket), instance, std::move(log)));
}

ControlService::ControlService(std::unique_ptr<ControlSocket> socket, std::string instance, Log log)
    : socket_(std::move(socket)), instance_(std::move(instance)), log_(std::move(log)) {}

void ControlService::attach(Process& process) {
    table_ = std::make_unique<CommandTable>();
    add_commands(*table_, process, instance_);
    std::vector<std::string> notices;
    telemetry_ = serve_telemetry(process, notices);
    for (const std::string& notice : notices) {
        if (log_) log_(notice);
    }
}

void ControlService::detach() {
    telemetry_.clear();
    table_.reset();
}

void ControlService::serve(Duration timeout) {
    socket_->serve(timeout, [this](std::string_view line) {
        return table_ ? table_->answer(line) : error_line("the process is starting or ending");
    });
}

}  // namespace ethlink::control
