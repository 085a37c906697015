// SPDX-License-Identifier: BSD-3-Clause
// A process that is known by its id and the moment it began, so that another one that has got the
// same id since is never taken for it.
#pragma once

#include <cstdint>
#include <optional>
#include <sys/types.h>
#include <vector>

#include "proto/time.h"

namespace ethlink::control {

struct RecordedProcess {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;  // since boot, /proc/PID/stat
    friend bool operator==(const RecordedProcess&, const RecordedProcess&) = default;
};

/// The process that has this id now; nothing if there is none.
std::optional<RecordedProcess> record_process(pid_t pid);

/// Whether any of it still runs. One that has ended and that nobody has waited for does not.
bool is_alive(const RecordedProcess& process);

/// Sends a signal to this one and to no successor of its id. False if it has ended.
bool send_signal(const RecordedProcess& process, int signal);

/// SIGTERM to all, and SIGKILL to those that are there after `limit`, which are returned.
std::vector<RecordedProcess> end_processes(const std::vector<RecordedProcess>& processes,
                                           Duration limit);

}  // namespace ethlink::control
