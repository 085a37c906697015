// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/client/library/control_channel.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/client/include/ethlink/ethlink.h"
#include "dataplane/client/library/clock.h"
#include "dataplane/client/library/last_error.h"

namespace ethlink::client {
namespace {

constexpr int kStatusLast = ETHLINK_CLOSED;  // a goodbye beyond it is a refusal

/// The sockets API takes every kind of address by one pointer type.
const sockaddr* generic(const sockaddr_un& address) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

int told_by_errno(const std::string& path) {
    const std::string why = path + ": " + std::strerror(errno);
    if (errno == ENOENT || errno == ECONNREFUSED) return fail(ETHLINK_NO_DAEMON, why);
    if (errno == EACCES || errno == EPERM) return fail(ETHLINK_PERMISSION, why);
    if (errno == EAGAIN) return fail(ETHLINK_QUOTA, why);
    return fail(ETHLINK_SYSTEM, why);
}

/// A socket that was found by a name must be served by root or by this user.
bool is_trusted(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == 0 || peer.uid == geteuid();
}

int milliseconds_until(std::int64_t deadline) {
    const std::int64_t left = deadline - monotonic_ns();
    return static_cast<int>(std::clamp<std::int64_t>((left + 999'999) / 1'000'000, 0, INT_MAX));
}

}  // namespace

ControlChannel::~ControlChannel() {
    if (socket_ >= 0) close(socket_);
}

int ControlChannel::open(const FoundSocket& found) {
    if (found.path.empty()) return fail(ETHLINK_NO_DAEMON, found.why);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (found.path.size() >= sizeof address.sun_path) {
        return fail(ETHLINK_INVALID, found.path + " is too long for a Unix socket");
    }
    std::memcpy(address.sun_path, found.path.data(), found.path.size());
    socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0 || connect(socket_, generic(address), sizeof address) != 0) {
        return told_by_errno(found.path);
    }
    if (!found.given && !is_trusted(socket_)) {
        return fail(ETHLINK_PERMISSION, found.path +
                                            " is served by another user: name the path "
                                            "if you trust it");
    }
    return ETHLINK_OK;
}

int ControlChannel::ask(Request request, std::int64_t deadline, Reply& reply) {
    int passed = -1;
    const int status = ask(request, deadline, reply, passed);
    if (passed >= 0) close(passed);
    return status;
}

int ControlChannel::ask(Request request, std::int64_t deadline, Reply& reply, int& passed) {
    passed = -1;
    if (dead_) return fail(ETHLINK_CLOSED, reason_);
    request.id = next_id_++;
    // One question at a time always fits into the socket; what fails here is told by receive().
    (void)!send(socket_, &request, sizeof request, MSG_NOSIGNAL);
    while (true) {
        pollfd polled{socket_, POLLIN, 0};
        const int ready = poll(&polled, 1, milliseconds_until(deadline));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            die("the daemon did not answer in time");
            return fail(ETHLINK_TIMEOUT, reason_);
        }
        if (!receive(reply, passed)) {
            if (passed >= 0) close(passed);
            passed = -1;
            return fail(goodbye_ > kStatusLast ? goodbye_ : ETHLINK_CLOSED, reason_);
        }
        if (reply.id == request.id && reply.type == request.type) break;
        if (passed >= 0) close(passed);
        passed = -1;
    }
    if (reply.status == 0) return ETHLINK_OK;
    if (passed >= 0) close(passed);
    passed = -1;
    return reply.text[0] == 0 ? fail(reply.status) : fail(reply.status, reply.text.data());
}

/// False: the daemon is gone, or has said goodbye.
bool ControlChannel::receive(Reply& reply, int& passed) {
    iovec data{&reply, sizeof reply};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = recvmsg(socket_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && errno == ECONNRESET) {
        // It closed without reading our question; its last words come after this error.
        message.msg_controllen = control.size();
        n = recvmsg(socket_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    }
    const cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int))) {
        std::memcpy(&passed, CMSG_DATA(header), sizeof passed);
    }
    if (n <= 0) {
        die("the daemon has ended");
        return false;
    }
    if (static_cast<std::size_t>(n) != sizeof reply || reply.magic != kMessageMagic) {
        die("the daemon speaks another language");
        return false;
    }
    reply.text.back() = 0;
    if (reply.type == static_cast<std::uint16_t>(MessageType::kGoodbye)) {
        goodbye_ = reply.status;
        die(reply.text.data());
        return false;
    }
    return true;
}

bool ControlChannel::alive() {
    if (dead_) return false;
    pollfd polled{socket_, POLLIN | POLLRDHUP, 0};
    if (poll(&polled, 1, 0) <= 0) return true;
    // Nothing was asked, so this is a goodbye or the end.
    Reply reply;
    int passed = -1;
    if (receive(reply, passed)) die("the daemon spoke without being asked");
    if (passed >= 0) close(passed);
    return false;
}

void ControlChannel::die(const char* why) {
    dead_ = true;
    reason_ = why;
}

}  // namespace ethlink::client
