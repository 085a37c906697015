// SPDX-License-Identifier: BSD-3-Clause
// What `ethlink up` has started: written before it is done, so that `ethlink down` finds all of it
// even if `up` was killed half way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/deploy/recorded_process.h"
#include "control/runtime/control_socket_path.h"
#include "proto/expected.h"

namespace ethlink::control {

struct NodeRecord {
    std::string node;
    std::string kind;               // "switch", "endpoint"
    std::string instance;           // for `ethlink show --instance`
    std::vector<std::string> argv;  // what runs, the program first
    std::string network_namespace;  // as `ip netns` calls it; empty: none
    std::optional<RecordedProcess> process;
};

struct FabricRecord {
    std::string name;
    std::string file;  // absolute
    std::string medium;
    std::string boot_id;  // process ids and namespaces of an earlier boot mean nothing
    std::vector<NodeRecord> nodes;

    /// Those that were started since this machine has booted.
    std::vector<RecordedProcess> processes() const;
    bool any_alive() const;
};

/// Of the running kernel.
std::string boot_id();

/// The private directory of one fabric, "<socket directory>/fabrics/<name>", locked by its owner:
/// record, logs, memif sockets and DPDK's files.
class FabricDirectory {
public:
    static std::string path_of(const std::string& socket_directory, const std::string& name);

    /// Makes it, if `create`; nothing if it is not there. An error, too, if another process is
    /// starting or ending this very fabric.
    static Expected<std::optional<FabricDirectory>, std::string> claim(
        const std::string& socket_directory, const std::string& name, bool create);

    const std::string& path() const { return path_; }
    const std::string& socket_directory() const { return socket_directory_; }
    std::string log_of(const std::string& node) const { return path_ + "/" + node + ".log"; }

    /// Nothing if there is none: `up` ended before it had done anything.
    Expected<std::optional<FabricRecord>, std::string> read() const;
    [[nodiscard]] Expected<void, std::string> write(const FabricRecord& record) const;

    /// With all that is in it.
    [[nodiscard]] Expected<void, std::string> remove();

    /// Others may come in: what is to be done is done.
    void unlock() { lock_ = FileDescriptor(); }

private:
    FabricDirectory(std::string socket_directory, std::string path, FileDescriptor lock)
        : socket_directory_(std::move(socket_directory)),
          path_(std::move(path)),
          lock_(std::move(lock)) {}

    std::string socket_directory_;
    std::string path_;
    FileDescriptor lock_;
};

/// A fabric that is up, or of which something is left.
struct KnownFabric {
    std::string socket_directory;
    std::string name;
    std::string file;  // absolute; empty if the record does not say
};

/// Of this user.
std::vector<KnownFabric> find_fabrics();

}  // namespace ethlink::control
