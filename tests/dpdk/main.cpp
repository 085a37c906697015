// SPDX-License-Identifier: BSD-3-Clause
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sched.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/dpdk/debug_mempool.h"
#include "tests/dpdk/environment.h"

namespace ethlink::dpdk::test {
namespace {

bool own_network = false;

/// EAL's files go here, this process's and those of the servers that are killed.
class RuntimeDirectory {
public:
    RuntimeDirectory()
        : path_(std::filesystem::temp_directory_path() /
                ("ethlink-test-" + std::to_string(getpid()))) {
        std::filesystem::create_directory(path_);
        setenv("RUNTIME_DIRECTORY", path_.c_str(), 1);
    }
    ~RuntimeDirectory() { std::filesystem::remove_all(path_); }
    RuntimeDirectory(const RuntimeDirectory&) = delete;
    RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;

private:
    std::filesystem::path path_;
};

}  // namespace

bool has_own_network() {
    return own_network;
}

int run(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (argc == 3 && std::string_view(argv[1]) == kMemifServerFlag) {
        return run_memif_server(argv[2]);
    }
    const RuntimeDirectory directory;
    own_network = unshare(CLONE_NEWNET) == 0;  // Before EAL's threads: they are to follow.
    auto started = Eal::start({.instance = "test-" + std::to_string(getpid()),
                               .memory = MemoryMode::kNoHuge,
                               .memory_mb = 256,
                               .control_cpus = {},
                               .worker_cpus = {first_cpu(), first_cpu()},
                               .pci_devices = {},
                               .telemetry = true,
                               .extra = {}});
    if (!started) {
        std::cerr << started.error() << '\n';
        return 1;
    }
    set_eal(**started);
    if (has_address_sanitizer()) use_debug_mempool();
    return RUN_ALL_TESTS();
}

}  // namespace ethlink::dpdk::test

int main(int argc, char** argv) {
    return ethlink::dpdk::test::run(argc, argv);
}
