// SPDX-License-Identifier: BSD-3-Clause
// DPDK's folder for the files of one process, and what killed processes have left beside it.
#pragma once

#include <string>

namespace ethlink::dpdk {

/// EAL keeps its files in /var/run/dpdk when root runs it, even where that cannot be written
/// (read-only containers): then it is told another place. Before EAL starts.
void choose_runtime_directory();

/// Whether the path of DPDK's telemetry socket is short enough for a socket, in a process whose
/// files have this prefix. After choose_runtime_directory(). EAL would not start otherwise.
bool telemetry_socket_fits(const std::string& file_prefix);

/// Marks the folder as that of a living process, by a lock that no other process can hold and that
/// ends with this one, however it ends. Removes the folders "ethlink-*" beside it that were marked
/// so and whose process is gone. A process claims one folder in its life.
void claim_runtime_directory(const std::string& path);

/// At an orderly end: takes the mark away, and the folder if nothing else is left in it.
void leave_runtime_directory(const std::string& path);

}  // namespace ethlink::dpdk
