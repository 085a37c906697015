// SPDX-License-Identifier: BSD-3-Clause
// What `switch`, `pktgen` and `lab` share: the log, devices by command line, a served process.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "control/config.h"
#include "control/runtime/control_socket_service.h"
#include "control/runtime/process.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::cli {

/// spdlog to stderr, DPDK's messages included. `quiet`: warnings and errors only.
void log_to_stderr(bool quiet);

/// Each "leaf0:e0=net_memif0,..." replaces the device of that port. Errors are sentences.
[[nodiscard]] Expected<void, std::string> override_devices(
    control::Fabric& fabric, const std::vector<std::string>& overrides);

/// Tells which links have come up or gone down since it was last asked.
class LinkWatch {
public:
    std::vector<std::string> changes(const control::Process& process);

private:
    std::map<std::string, bool> up_;
};

struct DaemonOptions {
    std::string node;      // empty: the whole fabric in this process
    std::string instance;  // empty: the node's name, or the fabric's and the process id
    std::vector<std::string> devices;
    std::uint32_t threads = 0;
    bool poll = false;
    bool impairable = false;

    void add_to(CLI::App& command);
};

/// A running process with its control socket; logs what happens to ports and links.
class Daemon {
public:
    /// The fabric outlives it.
    static Expected<std::unique_ptr<Daemon>, std::string> start(const control::Fabric& fabric,
                                                                control::ProcessOptions options);
    ~Daemon() { stop(); }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    control::Process& process() { return *process_; }
    std::vector<std::string> client_sockets() const {
        return service_ ? service_->client_sockets() : std::vector<std::string>();
    }

    /// Supervises and answers, and comes back after about `timeout`.
    void turn(Duration timeout);

    /// Orderly: no requests any more, threads joined, devices closed. The number of leaked mbufs.
    std::uint64_t stop();

private:
    Daemon() = default;
    void log_start() const;

    std::unique_ptr<control::ControlService> service_;
    std::unique_ptr<control::Process> process_;
    LinkWatch links_;
};

/// What start() needs, from options and fabric; `node` is checked.
[[nodiscard]] Expected<control::ProcessOptions, std::string> process_options(
    const DaemonOptions& options, const control::Fabric& fabric,
    const std::vector<std::string>& eal_extra);

/// Whether the file is right for this process and the machine has the memory for it; if not, says
/// on stderr what is wrong: kUsage.
bool is_ready_or_complain(const control::Fabric& fabric, std::optional<control::NodeId> node,
                          bool impairable);

}  // namespace ethlink::cli
