// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/memif_listener.h"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <rte_interrupts.h>

namespace ethlink::dpdk {
namespace {

struct Uses {
    std::mutex mutex;
    std::map<std::string, unsigned> of;
};

/// Never destroyed: the interrupt thread outlives main().
Uses& uses() {
    static Uses* instance = new Uses;
    return *instance;
}

/// True for a listening socket of this name and for the connections that were accepted from it.
bool is_bound_to(int fd, std::string_view name) {
    sockaddr_un address{};
    socklen_t bytes = sizeof address;
    auto* generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    if (getsockname(fd, generic, &bytes) != 0 || address.sun_family != AF_UNIX) return false;
    const std::size_t length = bytes - offsetof(sockaddr_un, sun_path);
    if (bytes > sizeof address || length < 2) return false;  // No name.
    const std::string_view path(address.sun_path, length);
    if (path.front() == '\0') return path.substr(1) == name;
    return path.substr(0, path.find('\0')) == name;
}

/// Closes the sockets, and puts something in their place that never has an event: EAL goes on
/// watching these numbers, and panics if there is nothing behind them.
void silence(std::string_view name) {
    const int idle = eventfd(0, EFD_CLOEXEC);
    if (idle < 0) return;
    std::error_code error;
    for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
         at.increment(error)) {
        const std::string number = at->path().filename();
        int fd = -1;
        std::from_chars(number.data(), number.data() + number.size(), fd);
        if (fd >= 0 && is_bound_to(fd, name)) dup3(idle, fd, O_CLOEXEC);
    }
    close(idle);
}

}  // namespace

MemifListener::MemifListener(std::string socket) : socket_(std::move(socket)) {
    const std::lock_guard lock(uses().mutex);
    ++uses().of[socket_];
}

MemifListener::~MemifListener() {
    const std::lock_guard lock(uses().mutex);
    const auto at = uses().of.find(socket_);
    if (--at->second > 0) return;
    uses().of.erase(at);
    silence(socket_);
}

}  // namespace ethlink::dpdk

/// Takes the place of the C library's in the whole program, drivers included. A client that hangs
/// up before the memif driver has greeted it makes the greeting fail; the driver then closes the
/// connection and leaves it with EAL, which panics. Told that all went well, it learns from the
/// next read that nobody is there, and cleans up in the right way.
extern "C" [[gnu::visibility("default")]] ssize_t sendmsg(int fd, const msghdr* message,
                                                          int flags) {
    if (rte_thread_is_intr() == 0) return syscall(SYS_sendmsg, fd, message, flags);
    const ssize_t sent = syscall(SYS_sendmsg, fd, message, flags | MSG_NOSIGNAL);
    if (sent >= 0 || (errno != EPIPE && errno != ECONNRESET)) return sent;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < message->msg_iovlen; ++i) bytes += message->msg_iov[i].iov_len;
    return static_cast<ssize_t>(bytes);
}
