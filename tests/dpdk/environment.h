// SPDX-License-Identifier: BSD-3-Clause
// What all DPDK tests share: one EAL per process, small pools, patience.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <thread>

#include "dataplane/burst.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/eth_port.h"
#include "dataplane/dpdk/mbuf.h"
#include "proto/time.h"

namespace ethlink::dpdk::test {

/// The EAL that main() started: two workers, telemetry on.
Eal& eal();
void set_eal(Eal& started);

/// The CPU that the workers of a test share.
inline unsigned first_cpu() {
    return usable_cpus().front();
}

/// A new pool under a name of its own; the test ends if there is no memory.
std::unique_ptr<MbufPool> make_pool(std::uint32_t frames = 1023, std::uint32_t data_room = 2048);

/// Opens a port; the test ends with the reason if that fails.
std::unique_ptr<EthPort> open_port(const std::string& device, MbufPool& pool,
                                   std::uint32_t max_frame_bytes = 1518);

/// Frame number i of a test: 60 bytes or more, all equal to i.
Mbuf numbered_frame(MbufPool& pool, std::uint8_t i, std::uint32_t bytes = 60);

/// True as soon as the condition holds; false after 20 s without it.
bool eventually(const std::function<bool()>& condition);

/// Whether this process is alone in a network namespace of its own and may change it.
bool has_own_network();

/// Runs a command line, quietly; true if it succeeds.
bool shell(const std::string& command);

/// Keeps EAL's interrupt thread from everything else while it lives.
class BusyInterruptThread {
public:
    BusyInterruptThread();
    ~BusyInterruptThread();
    BusyInterruptThread(const BusyInterruptThread&) = delete;
    BusyInterruptThread& operator=(const BusyInterruptThread&) = delete;

private:
    std::atomic<bool> free_{false};
    std::thread thread_;
};

/// A name for a memif socket that nobody else has.
std::string new_socket();

/// This program in another process, kept alive as a memif server that echoes frames.
class MemifServer {
public:
    explicit MemifServer(const std::string& socket);
    ~MemifServer() { kill_hard(); }
    MemifServer(const MemifServer&) = delete;
    MemifServer& operator=(const MemifServer&) = delete;

    /// kill -9, and waits for the end.
    void kill_hard();

private:
    pid_t pid_;
};

/// The other process's main().
int run_memif_server(const std::string& socket);

inline constexpr char kMemifServerFlag[] = "--memif-server";

}  // namespace ethlink::dpdk::test
