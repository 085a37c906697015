// SPDX-License-Identifier: BSD-3-Clause
// The start of a fabric, a process per node, and what is seen of it while it runs.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/deploy/fabric_record.h"
#include "control/deploy/wiring.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::control {

/// Starts the nodes of a record on this machine. The children are ours until we end.
class BringUp {
public:
    /// Both outlive it. `record` gets the processes as they begin.
    BringUp(const FabricDirectory& directory, FabricRecord& record)
        : directory_(directory), record_(record) {}

    /// Namespaces and veths first, then processes. Whatever happens, the record names what there
    /// is; the caller tears down. Errors are sentences, with the last lines of a log where one
    /// tells why.
    [[nodiscard]] Expected<void, std::string> start(const std::string& program,
                                                    const std::vector<VethPair>& veths);

    /// Until every node has all its links up; an error if one ends, time is over, or `stop`.
    [[nodiscard]] Expected<void, std::string> wait_for_links(Duration limit,
                                                             const std::atomic<bool>& stop);

    /// Nodes that have ended since the last call, each as a sentence with the end of its log.
    std::vector<std::string> ended();

private:
    Expected<void, std::string> make_namespaces();
    Expected<void, std::string> start_node(NodeRecord& node, const std::string& program);
    bool has_links_up(const NodeRecord& node) const;
    std::string log_end(const NodeRecord& node) const;

    const FabricDirectory& directory_;
    FabricRecord& record_;
    std::map<pid_t, const NodeRecord*> running_;
};

}  // namespace ethlink::control
