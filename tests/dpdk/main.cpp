// SPDX-License-Identifier: BSD-3-Clause
#include <sched.h>
#include <unistd.h>

#include <iostream>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/dpdk/environment.h"

namespace ethlink::dpdk::test {
namespace {

bool own_network = false;

}  // namespace

bool has_own_network() { return own_network; }

int run(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (argc == 3 && std::string_view(argv[1]) == kMemifServerFlag) {
        return run_memif_server(argv[2]);
    }
    own_network = unshare(CLONE_NEWNET) == 0;  // Before EAL's threads: they are to follow.
    auto started = Eal::start({.instance = "test-" + std::to_string(getpid()),
                               .memory = MemoryMode::kNoHuge,
                               .memory_mb = 256,
                               .control_cpus = {},
                               .worker_cpus = {0, 0},
                               .pci_devices = {},
                               .telemetry = true,
                               .extra = {}});
    if (!started) {
        std::cerr << started.error() << '\n';
        return 1;
    }
    set_eal(**started);
    return RUN_ALL_TESTS();
}

}  // namespace ethlink::dpdk::test

int main(int argc, char** argv) { return ethlink::dpdk::test::run(argc, argv); }
