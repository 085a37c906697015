// SPDX-License-Identifier: BSD-3-Clause
// The few things we ask of a kernel network interface behind a port.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "proto/expected.h"

namespace ethlink::dpdk {

/// An interface of this process's network namespace, by name.
class Netdev {
public:
    explicit Netdev(std::string name) : name_(std::move(name)) {}

    /// Up, and with a carrier. False for an interface that has gone.
    bool is_running() const;

    /// Makes the MTU at least this; never lowers it.
    Expected<void, std::string> raise_mtu(std::uint32_t mtu) const;

    const std::string& name() const { return name_; }

private:
    std::string name_;
};

/// Removes the socket file of a process that died: a listener cannot bind to the name as long as
/// it is there. A socket that somebody listens on stays.
void remove_stale_socket(const std::string& path);

}  // namespace ethlink::dpdk
