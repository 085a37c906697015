// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/unix_socket.h"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace ethlink::control {

std::optional<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

FileDescriptor new_unix_socket(int type) {
    return FileDescriptor(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

Expected<void, std::string> remove_if_stale(const std::string& path, int type,
                                            std::string_view advice) {
    const auto failure = [&](const std::string& why) {
        return Unexpected<std::string>(path + why);
    };
    const auto address = unix_address(path);
    if (!address) return failure(" is too long for a Unix socket");
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) return failure(" is in the way and no socket: remove it");
    const FileDescriptor probe = new_unix_socket(type);
    const bool dead =
        connect(probe.get(), generic(*address), sizeof *address) != 0 && errno == ECONNREFUSED;
    if (!dead) return failure(" is served by another process: " + std::string(advice));
    if (unlink(path.c_str()) != 0) {
        return failure(" cannot be removed: " + std::string(std::strerror(errno)));
    }
    return {};
}

}  // namespace ethlink::control
