// SPDX-License-Identifier: BSD-3-Clause
// What DPDK's memif driver (22.11) forgets about the sockets its servers listen on.
#pragma once

#include <string>

namespace ethlink::dpdk {

/// One server's use of a memif socket; several servers of different ids may share one.
///
/// The driver frees what it knows about a socket with the last server on it, but neither closes the
/// socket nor takes its handler from EAL: the next client that connects is handled in freed memory,
/// and the name stays taken as long as the process lives.
class MemifListener {
public:
    /// `socket`: its path, or its abstract name.
    explicit MemifListener(std::string socket);

    /// The last use of a socket: closes it. To be called on EAL's interrupt thread, in one go with
    /// the closing of the device.
    ~MemifListener();
    MemifListener(const MemifListener&) = delete;
    MemifListener& operator=(const MemifListener&) = delete;

private:
    std::string socket_;
};

}  // namespace ethlink::dpdk
