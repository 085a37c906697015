// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/control_socket_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

#include "control/failure.h"

namespace ethlink::control {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::size_t kAnswerMax = 64u << 20;

}  // namespace

Expected<json, std::string> read_answer(std::string_view line) {
    json answer = json::parse(line, nullptr, false);
    const bool whole = answer.is_object() && answer.contains("ok") && answer["ok"].is_boolean();
    if (!whole) return failure("the process answered something that is no answer");
    if (answer["ok"].get<bool>()) return std::move(answer["result"]);
    const auto error = answer.find("error");
    const bool told = error != answer.end() && error->is_string() && *error != "";
    return failure(told ? error->get<std::string>() : "refused without a reason");
}

Expected<ControlClient, std::string> ControlClient::connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return failure(path + " is too long for a socket");
    std::memcpy(address.sun_path, path.data(), path.size());
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    if (!socket || ::connect(socket.get(), generic, sizeof address) != 0) {
        const bool dead = errno == ECONNREFUSED || errno == ENOENT;
        return failure(path + ": " +
                       (dead ? "nothing runs there (any more)" : std::strerror(errno)));
    }
    return ControlClient(std::move(socket));
}

Expected<json, std::string> ControlClient::ask(const json& request, Duration limit) {
    const auto end = Clock::now() + limit;
    // A name from the command line may be no UTF-8.
    const std::string line = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t n = send(socket_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        // A refusal may be waiting to be read although the other end has closed.
        if (n < 0) break;
        sent += static_cast<std::size_t>(n);
    }
    auto text = read_line(end);
    if (!text) return failure(text.error());
    return read_answer(*text);
}

Expected<std::string, std::string> ControlClient::read_line(Clock::time_point limit) {
    std::array<char, 16u << 10> bytes;
    while (true) {
        if (const std::size_t end = in_.find('\n'); end != std::string::npos) {
            std::string line = in_.substr(0, end);
            in_.erase(0, end + 1);
            return line;
        }
        if (in_.size() > kAnswerMax) return failure("the answer has no end");
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - Clock::now());
        pollfd polled{socket_.get(), POLLIN, 0};
        if (left.count() <= 0 || poll(&polled, 1, static_cast<int>(left.count())) <= 0) {
            return failure("the process does not answer: is it stopped?");
        }
        const ssize_t n = recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (n <= 0) return failure("the process has closed the connection");
        in_.append(bytes.data(), static_cast<std::size_t>(n));
    }
}

std::vector<Instance> find_instances() {
    std::vector<Instance> instances;
    for (const std::string& path : find_sockets()) {
        auto client = ControlClient::connect(path);
        if (!client) continue;
        auto about = client->ask({{"command", "instance"}}, std::chrono::seconds(2));
        if (about) instances.push_back({path, std::move(*about)});
    }
    return instances;
}

}  // namespace ethlink::control
