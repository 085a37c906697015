// SPDX-License-Identifier: BSD-3-Clause
// Sockets for fuzz targets: a directory for the life of the process, and who connects there.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/runtime/control_socket_path.h"
#include "tests/fuzz/input.h"
#include "tests/unit/runtime/temporary_directory.h"

namespace ethlink::fuzz {

inline const std::string& socket_place() {
    static const control::test::TemporaryDirectory directory;
    return directory.path();
}

inline control::FileDescriptor connect_to(const std::string& path, int type) {
    control::FileDescriptor socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    must(path.size() < sizeof address.sun_path, "a short path");
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    must(::connect(socket.get(), generic, sizeof address) == 0, "somebody listens");
    return socket;
}

}  // namespace ethlink::fuzz
