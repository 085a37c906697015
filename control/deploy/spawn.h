// SPDX-License-Identifier: BSD-3-Clause
// Starting programs without a shell: short tools, and daemons that outlive us.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "proto/expected.h"

namespace ethlink::control {

/// Runs a program of PATH to its end, `input` on its stdin. The error is what it said on stderr.
[[nodiscard]] Expected<void, std::string> run_tool(const std::vector<std::string>& argv,
                                                   std::string_view input = {});

struct DaemonStart {
    std::string program;                             // a path
    std::vector<std::string> argv;                   // with the program's name in front
    std::map<std::string, std::string> environment;  // in addition to ours
    std::string log;                                 // takes stdout and stderr, at its end
    std::string network_namespace;                   // a path; empty: ours
};

/// A child in a session of its own, without our descriptors. It waits until `record` has returned
/// true for its id, and ends if it returns false or we die before: no daemon runs that is not
/// recorded.
[[nodiscard]] Expected<pid_t, std::string> start_daemon(const DaemonStart& start,
                                                        const std::function<bool(pid_t)>& record);

}  // namespace ethlink::control
