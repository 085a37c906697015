// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/tear_down.h"

#include <algorithm>
#include <chrono>
#include <sys/socket.h>
#include <utility>

#include "control/deploy/namespaces.h"
#include "control/runtime/client_listener.h"
#include "control/runtime/unix_socket.h"

namespace ethlink::control {
namespace {

using Notes = std::vector<std::string>;

void end_all(const FabricRecord& record, Duration limit, Notes& notes) {
    const auto killed = end_processes(record.processes(), limit);
    for (const NodeRecord& node : record.nodes) {
        if (!node.process || std::ranges::find(killed, *node.process) == killed.end()) continue;
        notes.push_back(node.node + " (pid " + std::to_string(node.process->pid) +
                        ") did not end " +
                        (is_alive(*node.process) ? "even when it was killed" : "and was killed"));
    }
}

/// Socket files of a process that could not remove them itself.
void remove_sockets(const std::string& directory, const NodeRecord& node, Notes& notes) {
    constexpr const char* kAdvice = "it was not started by `ethlink up` and goes on";
    const auto remove = [&](const std::string& path, int type) {
        if (const auto done = remove_if_stale(path, type, kAdvice); !done) {
            notes.push_back(done.error());
        }
    };
    remove(socket_path(directory, node.instance), SOCK_STREAM);
    if (node.kind != "endpoint") return;
    remove(directory + "/" + node.instance + "/" + node.node + ".client.sock", SOCK_SEQPACKET);
    remove_client_socket_directory(directory, node.instance);
}

}  // namespace

Expected<Notes, std::string> tear_down(FabricDirectory& directory, Duration limit) {
    const auto record = directory.read();
    if (!record) return Unexpected<std::string>(record.error());
    Notes notes;
    if (*record) {
        end_all(**record, limit, notes);
        const bool same_boot = (*record)->boot_id == boot_id();
        for (const NodeRecord& node : (*record)->nodes) {
            if (same_boot && !node.network_namespace.empty()) {
                const auto removed = remove_namespace(node.network_namespace);
                if (!removed) return Unexpected<std::string>(removed.error());
            }
            remove_sockets(directory.socket_directory(), node, notes);
        }
    }
    if (const auto removed = directory.remove(); !removed) {
        return Unexpected<std::string>(removed.error());
    }
    return notes;
}

}  // namespace ethlink::control
