// SPDX-License-Identifier: BSD-3-Clause
// The other end of a control socket: asks a running process, one request at a time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/runtime/control_socket_path.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// One line that a process answered, whoever wrote it: the `result` in it, or a sentence.
[[nodiscard]] Expected<nlohmann::json, std::string> read_answer(std::string_view line);

class ControlClient {
public:
    /// Errors are sentences.
    static Expected<ControlClient, std::string> connect(const std::string& path);

    /// The `result` of the answer, or the `error` in it.
    [[nodiscard]] Expected<nlohmann::json, std::string> ask(
        const nlohmann::json& request, Duration limit = std::chrono::seconds(5));

private:
    explicit ControlClient(FileDescriptor socket) : socket_(std::move(socket)) {}
    Expected<std::string, std::string> read_line(std::chrono::steady_clock::time_point limit);

    FileDescriptor socket_;
    std::string in_;  // bytes behind the last line
};

/// A process that answers.
struct Instance {
    std::string path;
    nlohmann::json about;  // what its command `instance` says
};

/// All living processes of this user.
std::vector<Instance> find_instances();

}  // namespace ethlink::control
