// SPDX-License-Identifier: BSD-3-Clause
// Unix sockets by path: addresses, and files that dead processes left.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/runtime/control_socket_path.h"
#include "proto/expected.h"

namespace ethlink::control {

/// Nothing if the path is too long for a socket.
std::optional<sockaddr_un> unix_address(const std::string& path);

/// The sockets API takes every kind of address by one pointer type.
inline const sockaddr* generic(const sockaddr_un& address) {
    return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

/// SOCK_STREAM or SOCK_SEQPACKET; does not block, ends with exec().
FileDescriptor new_unix_socket(int type);

/// Removes a socket file without a listener: what a killed process left. An error if somebody
/// listens (`advice` says what to do then), or if the file is no socket.
[[nodiscard]] Expected<void, std::string> remove_if_stale(const std::string& path, int type,
                                                          std::string_view advice);

}  // namespace ethlink::control
