// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/control_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/failure.h"
#include "control/runtime/unix_socket.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kReadBytes = 16u << 10;
constexpr int kBacklog = 16;
constexpr std::size_t kAcceptsPerTurn = 64;
constexpr std::string_view kAdvice = "choose another name with --instance, or end that process";
constexpr auto kNoDescriptorPause = std::chrono::seconds(1);

/// What other processes left that were killed: their sockets, and the folders "<instance>/" of the
/// sockets of their endpoints. With the lock: nobody has bound and does not listen.
void remove_dead_sockets(const std::string& directory) {
    for (const std::string& path : sockets_in(directory)) {
        if (!remove_if_stale(path, SOCK_STREAM, kAdvice)) continue;
        std::error_code ignored;
        std::filesystem::remove_all(std::filesystem::path(path).replace_extension(), ignored);
    }
}

std::optional<uid_t> user_of(const FileDescriptor& socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return std::nullopt;
    }
    return credentials.uid;
}

int milliseconds(Duration duration) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
    return static_cast<int>(std::clamp<decltype(ms)>(ms, 0, 1 << 30));
}

}  // namespace

std::string error_line(std::string_view error) {
    const nlohmann::json line{{"ok", false}, {"error", error}};
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Expected<std::unique_ptr<ControlSocket>, std::string> ControlSocket::open(
    const std::string& directory, const std::string& instance, ControlLimits limits) {
    if (!is_instance_name(instance)) {
        return failure("\"" + instance +
                       "\" cannot be an instance name: use 1 to 32 letters, "
                       "digits, '-', '_' or '.', and no '.' first");
    }
    const auto lock = open_private_directory(directory);
    if (!lock) return failure(lock.error());
    flock(lock->get(), LOCK_EX);  // Until we listen: another one starting must not find us dead.
    const std::string path = socket_path(directory, instance);
    const auto address = unix_address(path);
    if (!address) return failure(path + " is too long for a Unix socket: set XDG_RUNTIME_DIR");
    if (auto removed = remove_if_stale(path, SOCK_STREAM, kAdvice); !removed) {
        return failure(removed.error());
    }
    remove_dead_sockets(directory);
    FileDescriptor listener = new_unix_socket(SOCK_STREAM);
    // Before bind: the file never has another mode.
    if (!listener || fchmod(listener.get(), S_IRUSR | S_IWUSR) != 0 ||
        bind(listener.get(), generic(*address), sizeof *address) != 0 ||
        listen(listener.get(), kBacklog) != 0) {
        return failure("cannot listen at " + path + ": " + std::strerror(errno));
    }
    return std::unique_ptr<ControlSocket>(new ControlSocket(path, std::move(listener), limits));
}

ControlSocket::ControlSocket(std::string path, FileDescriptor listener, ControlLimits limits)
    : path_(std::move(path)), listener_(std::move(listener)), limits_(limits) {
    struct stat status {};
    if (lstat(path_.c_str(), &status) == 0) inode_ = status.st_ino;
}

ControlSocket::~ControlSocket() {
    struct stat status {};
    if (lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) unlink(path_.c_str());
}

void ControlSocket::serve(Duration timeout, const Answer& answer) {
    std::vector<pollfd> polled;
    const bool accepting = Clock::now() >= accept_after_;
    polled.push_back({listener_.get(), static_cast<short>(accepting ? POLLIN : 0), 0});
    for (const auto& connection : connections_) {
        int events = connection->out.empty() ? 0 : POLLOUT;
        if (wants_input(*connection)) events |= POLLIN;
        polled.push_back({connection->socket.get(), static_cast<short>(events), 0});
    }
    if (poll(polled.data(), polled.size(), milliseconds(patience(timeout))) < 0) return;
    const Clock::time_point now = Clock::now();
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        Connection& connection = *connections_[i];
        const int events = polled[i + 1].revents;
        if ((events & POLLOUT) != 0) send_out(connection, now);
        if (wants_input(connection) && events != 0) receive(connection);
        if ((events & (POLLERR | POLLNVAL)) != 0) connection.gone = true;
        answer_lines(connection, answer, now);
    }
    if (polled[0].revents != 0) accept_all(now);
    sweep(now);
}

/// No waiting while a line is ready that the last turn had no time for.
Duration ControlSocket::patience(Duration timeout) const {
    for (const auto& connection : connections_) {
        if (connection->out.empty() && !connection->closing && has_line(*connection)) return {};
    }
    return timeout;
}

void ControlSocket::accept_all(Clock::time_point now) {
    for (std::size_t n = 0; n < kAcceptsPerTurn; ++n) {
        FileDescriptor socket(
            accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket) {
            admit(std::move(socket), now);
            continue;
        }
        const bool exhausted =
            errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted) accept_after_ = now + kNoDescriptorPause;
        return;
    }
}

void ControlSocket::admit(FileDescriptor socket, Clock::time_point now) {
    const auto user = user_of(socket);
    if (!user || !may_control(*user, geteuid())) {
        refuse(
            socket,
            "user " + (user ? std::to_string(*user) : "unknown") + " may not control this process",
            now);
        return;
    }
    if (connections_.size() >= limits_.connections) {
        refuse(socket,
               std::to_string(limits_.connections) +
                   " control connections are open already: try again later",
               now);
        return;
    }
    connections_.push_back(std::make_unique<Connection>());
    connections_.back()->socket = std::move(socket);
    connections_.back()->active = now;
}

void ControlSocket::refuse(const FileDescriptor& socket, const std::string& why,
                           Clock::time_point now) {
    ++refused_;
    const std::string line = error_line(why) + "\n";
    // A new connection's buffer is empty: it takes the line whole, or nobody reads it.
    (void)!send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (!log_ || now < log_after_) return;
    log_after_ = now + kLogEvery;
    const std::uint64_t untold = refused_ - refused_told_;
    refused_told_ = refused_;
    log_("control socket: refused: " + why +
         (untold > 1 ? " (" + std::to_string(untold) + " since the last such line)" : ""));
}

bool ControlSocket::wants_input(const Connection& connection) const {
    return connection.out.empty() && !connection.ended && !connection.closing &&
           connection.in.size() <= limits_.line_bytes;
}

bool ControlSocket::has_line(const Connection& connection) const {
    return connection.in.find('\n', connection.searched) != std::string::npos;
}

void ControlSocket::receive(Connection& connection) {
    std::array<char, kReadBytes> bytes;
    const ssize_t n = recv(connection.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n > 0) {
        connection.in.append(bytes.data(), static_cast<std::size_t>(n));
    } else if (n == 0) {
        connection.ended = true;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        connection.gone = true;
    }
}

void ControlSocket::answer_lines(Connection& connection, const Answer& answer,
                                 Clock::time_point now) {
    std::size_t begin = 0;
    std::string& in = connection.in;
    for (std::size_t n = 0; n < limits_.requests_per_turn; ++n) {
        if (connection.gone || connection.closing || !connection.out.empty()) break;
        const std::size_t end = in.find('\n', std::max(begin, connection.searched));
        const std::size_t length = (end == std::string::npos ? in.size() : end) - begin;
        if (length > limits_.line_bytes) {
            connection.out = error_line("the line is longer than " +
                                        std::to_string(limits_.line_bytes) + " bytes") +
                             "\n";
            connection.closing = true;
        } else if (end == std::string::npos) {
            connection.searched = in.size();
            break;
        } else {
            connection.out = answer(std::string_view(in).substr(begin, length)) + "\n";
            begin = end + 1;
            connection.active = now;
        }
        send_out(connection, now);
    }
    in.erase(0, begin);
    connection.searched -= std::min(connection.searched, begin);
}

void ControlSocket::send_out(Connection& connection, Clock::time_point now) {
    std::string& out = connection.out;
    const ssize_t n =
        send(connection.socket.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        out.erase(0, static_cast<std::size_t>(n));
        connection.active = now;
    } else if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        connection.gone = true;
    }
}

/// Closes who has gone, who has got his last answer, and who is silent.
void ControlSocket::sweep(Clock::time_point now) {
    for (const auto& connection : connections_) {
        const bool done = (connection->closing || connection->ended) && connection->out.empty() &&
                          (connection->closing || !has_line(*connection));
        const bool silent = now - connection->active > limits_.idle;
        if (silent && connection->out.empty() && !done) {
            connection->out = error_line("no request for too long: connect again") + "\n";
            send_out(*connection, now);
        }
        connection->gone |= done || silent;
    }
    std::erase_if(connections_, [](const auto& connection) { return connection->gone; });
}

}  // namespace ethlink::control
