// SPDX-License-Identifier: BSD-3-Clause
// The program's end of the Unix socket: asks the daemon, and notices its death.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/client/control_messages.h"
#include "dataplane/client/library/find_socket.h"

namespace ethlink::client {

/// One question at a time. After a failure of the socket, or an answer that did not come, it is
/// dead and stays so.
class ControlChannel {
public:
    ControlChannel() = default;
    ControlChannel(const ControlChannel&) = delete;
    ControlChannel& operator=(const ControlChannel&) = delete;
    ~ControlChannel();

    /// An ethlink_status, told with fail().
    int open(const FoundSocket& found);

    /// Sends and waits, at most until `deadline` of monotonic_ns(). 0, then the reply has status 0,
    /// and `passed` the descriptor that came with it, or -1; else an ethlink_status, told.
    int ask(Request request, std::int64_t deadline, Reply& reply, int& passed);
    int ask(Request request, std::int64_t deadline, Reply& reply);

    /// Looks, without waiting, whether the daemon is still there. A system call.
    bool alive();
    bool dead() const { return dead_; }
    /// Why, if the daemon has said so.
    const std::string& reason() const { return reason_; }

private:
    bool receive(Reply& reply, int& passed);
    void die(const char* why);

    int socket_ = -1;
    std::uint32_t next_id_ = 1;
    bool dead_ = false;
    int goodbye_ = 0;  // status of the daemon's last words
    std::string reason_;
};

}  // namespace ethlink::client
