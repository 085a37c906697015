// SPDX-License-Identifier: BSD-3-Clause
// Where control sockets are: a directory that nobody else can write, one file per running process.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/expected.h"

namespace ethlink::control {

/// A file descriptor, closed with its owner.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor();

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Where sockets of this user may be, best first: $XDG_RUNTIME_DIR/ethlink, /run/ethlink (root),
/// /tmp/ethlink-UID.
std::vector<std::string> socket_directories();

/// Creates the directory (mode 0700) if it is not there, and opens it. Refuses a symbolic link, a
/// directory of another user, and one that others may enter.
[[nodiscard]] Expected<FileDescriptor, std::string> open_private_directory(const std::string& path);

/// The first of socket_directories() that can be used.
[[nodiscard]] Expected<std::string, std::string> choose_socket_directory();

/// 1 to 32 letters, digits, '-', '_' or '.', not beginning with '.': nothing that leads elsewhere.
bool is_instance_name(std::string_view name);

/// "<directory>/<instance>.sock".
std::string socket_path(const std::string& directory, std::string_view instance);

/// All sockets in one directory, living or not.
std::vector<std::string> sockets_in(const std::string& directory);

/// All sockets in socket_directories(), living or not.
std::vector<std::string> find_sockets();

}  // namespace ethlink::control
