// SPDX-License-Identifier: BSD-3-Clause
#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <signal.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn.h>

#include "tests/dpdk/environment.h"

namespace ethlink::dpdk::test {

MemifServer::MemifServer(const std::string& socket) : pid_(-1) {
    std::string program = "/proc/self/exe";
    std::string flag = kMemifServerFlag;
    std::string argument = socket;
    char* argv[] = {program.data(), flag.data(), argument.data(), nullptr};
    if (posix_spawn(&pid_, program.c_str(), nullptr, nullptr, argv, environ) != 0) std::abort();
}

void MemifServer::kill_hard() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

int run_memif_server(const std::string& socket) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto started = Eal::start({.instance = "test-" + std::to_string(getpid()),
                               .memory = MemoryMode::kNoHuge,
                               .memory_mb = 64,
                               .control_cpus = {},
                               .worker_cpus = {},
                               .pci_devices = {},
                               .telemetry = false,
                               .extra = {}});
    if (!started) {
        std::cerr << started.error() << '\n';
        return 1;
    }
    const auto pool = make_pool();
    const auto port = open_port("net_memif0,role=server,socket=" + socket, *pool);
    Burst<Mbuf> burst;
    for (;;) {
        if (!port->refresh_link_status()) burst.clear();
        port->rx_burst(burst, Time{});
        port->tx_burst(burst, Time{});
    }
}

}  // namespace ethlink::dpdk::test
