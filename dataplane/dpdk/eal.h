// SPDX-License-Identifier: BSD-3-Clause
// DPDK's environment (EAL): started once per process, cleaned up at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proto/expected.h"

namespace ethlink::dpdk {

enum class MemoryMode : std::uint8_t {
    kAuto,       // the first of the following that works here
    kHugepages,  // files on a mounted hugetlbfs, unlinked at once
    kInMemory,   // hugepages without a file system; nothing is left behind, whatever happens
    kNoHuge,     // ordinary pages: any user, any machine, no physical NIC
};

struct EalOptions {
    std::string instance = "main";  // file prefix ethlink-<instance>; one per process on a host
    MemoryMode memory = MemoryMode::kAuto;
    std::uint32_t memory_mb = 256;
    std::vector<unsigned> control_cpus = {};  // main lcore's; empty: those the process may use
    std::vector<unsigned> worker_cpus = {};   // one worker lcore each; a CPU may be repeated
    // False: they run wherever the system lets them. Processes that know nothing of each other and
    // sleep when idle would else all crowd on the first CPU.
    bool pin_workers = true;
    std::vector<std::string> pci_devices = {};  // "0000:03:00.0"; none: --no-pci
    bool telemetry = true;
    std::vector<std::string> extra = {};  // appended as they are
};

/// The calling thread becomes the main lcore (id 0); workers are lcores 1..n in the order of
/// worker_cpus. A process can do this once in its life.
class Eal {
public:
    static Expected<std::unique_ptr<Eal>, std::string> start(const EalOptions& options);

    /// All ports closed, all pools gone, all workers joined.
    ~Eal();
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;

    /// What EAL was really given, for the log.
    const std::string& command_line() const { return command_line_; }

    /// The memory mode that kAuto became.
    MemoryMode memory() const { return memory_; }

    /// Things to tell the user that are no errors: "no hugepages, ...".
    const std::vector<std::string>& notices() const { return notices_; }

    /// Worker lcore ids, in the order of EalOptions::worker_cpus.
    const std::vector<unsigned>& workers() const { return workers_; }

    /// Whether two lcores have to share a CPU: then an idle one should yield or sleep.
    bool shares_cpus() const { return shares_cpus_; }

private:
    Eal() = default;

    std::string command_line_;
    MemoryMode memory_ = MemoryMode::kNoHuge;
    std::vector<std::string> notices_;
    std::vector<unsigned> workers_;
    bool shares_cpus_ = false;
    bool initialised_ = false;
};

/// The CPUs that this process may use (taskset, cgroup), ascending.
std::vector<unsigned> usable_cpus();

/// The arguments that start() would pass, program name first; without starting anything.
Expected<std::vector<std::string>, std::string> eal_arguments(const EalOptions& options,
                                                              MemoryMode memory);

}  // namespace ethlink::dpdk
