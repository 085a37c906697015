// SPDX-License-Identifier: BSD-3-Clause
// Memory that is shared with a program: a memfd whose size nobody can change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "control/runtime/control_socket_path.h"
#include "proto/expected.h"

namespace ethlink::control {

/// Sealed against shrinking, so that an access of ours can never fail with SIGBUS, and against
/// growing. The pages are there from the start: the poll thread takes no faults for them.
class ClientMemory {
public:
    /// Zeroed. `name` is for /proc/PID/maps.
    static Expected<ClientMemory, std::string> create(const std::string& name, std::uint64_t bytes);

    ClientMemory() = default;
    ClientMemory(ClientMemory&& other) noexcept
        : bytes_(std::exchange(other.bytes_, {})), descriptor_(std::move(other.descriptor_)) {}
    ClientMemory& operator=(ClientMemory&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ClientMemory(const ClientMemory&) = delete;
    ClientMemory& operator=(const ClientMemory&) = delete;
    ~ClientMemory();

    std::span<std::byte> bytes() const { return bytes_; }
    /// To be passed on; -1 after close_descriptor().
    int descriptor() const { return descriptor_.get(); }
    /// The mapping stays.
    void close_descriptor() { descriptor_ = FileDescriptor(); }

private:
    std::span<std::byte> bytes_;
    FileDescriptor descriptor_;
};

}  // namespace ethlink::control
