// SPDX-License-Identifier: BSD-3-Clause
// Somebody at the daemon's socket who sends what he likes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/runtime/control_socket_path.h"
#include "dataplane/client/control_messages.h"

namespace ethlink::client::test {

class RawPeer {
public:
    explicit RawPeer(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
        connected_ = ::connect(socket_.get(), generic, sizeof address) == 0;
    }

    bool connected() const { return connected_; }
    bool send(const void* bytes, std::size_t length) {
        return ::send(socket_.get(), bytes, length, MSG_NOSIGNAL) == static_cast<ssize_t>(length);
    }
    bool send(const Request& request) { return send(&request, sizeof request); }
    /// A descriptor along with it, which nobody asked for.
    bool send(const Request& request, int descriptor) {
        Request record = request;
        iovec data{&record, sizeof record};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
        return sendmsg(socket_.get(), &message, MSG_NOSIGNAL) == sizeof record;
    }
    void end_sending() { shutdown(socket_.get(), SHUT_WR); }

    /// Waits up to five seconds; nothing if the daemon has closed. Descriptors are kept.
    std::optional<Reply> receive() {
        Reply reply;
        iovec data{&reply, sizeof reply};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
        for (int attempt = 0; attempt < 2; ++attempt) {
            pollfd polled{socket_.get(), POLLIN, 0};
            if (poll(&polled, 1, 5000) <= 0) return std::nullopt;
            msghdr message{};
            message.msg_iov = &data;
            message.msg_iovlen = 1;
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            // The first try may only tell that the daemon did not read everything.
            const ssize_t n = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
            if (n != sizeof reply) continue;
            if (const cmsghdr* header = CMSG_FIRSTHDR(&message)) {
                int descriptor = -1;
                std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
                passed_ = control::FileDescriptor(descriptor);
            }
            return reply;
        }
        return std::nullopt;
    }
    std::optional<Reply> ask(const Request& request) {
        send(request);
        return receive();
    }
    std::optional<Reply> hello(std::uint32_t version = kAbiVersion) {
        Request request;
        request.type = static_cast<std::uint16_t>(MessageType::kHello);
        request.number = version;
        return ask(request);
    }
    /// Whether the daemon has closed the connection, and what it had sent before has been read.
    bool closed() {
        while (receive()) {
        }
        char byte = 0;
        return recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 0;
    }
    const control::FileDescriptor& passed() const { return passed_; }

private:
    control::FileDescriptor socket_;
    control::FileDescriptor passed_;
    bool connected_ = false;
};

}  // namespace ethlink::client::test
