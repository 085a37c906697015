// SPDX-License-Identifier: BSD-3-Clause
// The control socket: one line in, one line back, over a Unix socket that only its user may open.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "control/runtime/control_socket_path.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// Nothing that comes in by the socket costs more than this.
struct ControlLimits {
    std::size_t line_bytes = 64u << 10;
    std::size_t connections = 16;
    Duration idle = std::chrono::seconds(10);  // since the last whole request, or answer taken
    std::size_t requests_per_turn = 32;        // of one connection: the others wait no longer
};

/// Has no thread: the control thread turns it with serve(). Poll cores never notice.
///
/// Whoever connects must be the same user or root. A connection that sends a line too long, is
/// silent, or one too many, gets a last line that says so. While an answer has not been taken,
/// nothing more is read from that connection.
class ControlSocket {
public:
    /// Gets a line without its end, gives one line without its end.
    using Answer = std::function<std::string(std::string_view line)>;
    using Log = std::function<void(const std::string&)>;

    /// Listens at socket_path(directory, instance). The file that a dead process left is replaced;
    /// with a living one it is an error.
    static Expected<std::unique_ptr<ControlSocket>, std::string> open(const std::string& directory,
                                                                      const std::string& instance,
                                                                      ControlLimits limits = {});
    /// Removes the file.
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    /// Waits until there is something to do, at most `timeout`; does it, and returns.
    void serve(Duration timeout, const Answer& answer);

    /// Refused connections are told here, one every kLogEvery at most: a storm of them must not
    /// become a storm of lines.
    void set_log(Log log) { log_ = std::move(log); }

    static constexpr Duration kLogEvery = std::chrono::seconds(10);

    const std::string& path() const { return path_; }
    std::size_t connections() const { return connections_.size(); }
    std::uint64_t refused() const { return refused_; }

private:
    using Clock = std::chrono::steady_clock;
    struct Connection {
        FileDescriptor socket;
        Clock::time_point active;  // when it last made progress
        std::string in;            // not yet a whole line, or not yet answered
        std::size_t searched = 0;  // so many bytes of `in` have no end of line
        std::string out;           // answers not yet taken
        bool ended = false;        // the peer sends no more
        bool closing = false;      // nothing more is read or answered
        bool gone = false;
    };

    ControlSocket(std::string path, FileDescriptor listener, ControlLimits limits);

    Duration patience(Duration timeout) const;
    void accept_all(Clock::time_point now);
    void admit(FileDescriptor socket, Clock::time_point now);
    void refuse(const FileDescriptor& socket, const std::string& why, Clock::time_point now);
    bool wants_input(const Connection& connection) const;
    bool has_line(const Connection& connection) const;
    void receive(Connection& connection);
    void answer_lines(Connection& connection, const Answer& answer, Clock::time_point now);
    static void send_out(Connection& connection, Clock::time_point now);
    void sweep(Clock::time_point now);

    std::string path_;
    FileDescriptor listener_;
    ControlLimits limits_;
    ino_t inode_ = 0;
    std::vector<std::unique_ptr<Connection>> connections_;
    Clock::time_point accept_after_{};  // no descriptors left: try again then
    std::uint64_t refused_ = 0;
    std::uint64_t refused_told_ = 0;  // so many of them stand in the log
    Clock::time_point log_after_{};
    Log log_;
};

/// Whether a process of user `peer` may speak to one of user `own`.
constexpr bool may_control(uid_t peer, uid_t own) {
    return peer == own || peer == 0;
}

/// {"ok":false,"error":...} as one line, for what is wrong with the line itself.
std::string error_line(std::string_view error);

}  // namespace ethlink::control
