// SPDX-License-Identifier: BSD-3-Clause
// The options that say what is sent, for `lab` and `pktgen`; the file gives what is left out.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/capacity.h"
#include "control/config.h"
#include "control/runtime/traffic.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::cli {

class TrafficArguments {
public:
    void add_to(CLI::App& command);

    /// The options over what the file says. Errors are sentences.
    Expected<control::Workload, std::string> resolve(const control::Fabric& fabric) const;
    Duration duration(const control::Fabric& fabric) const;
    /// "all-to-all, 256 bytes, vc rdma-request, as fast as credits allow".
    std::string text(const control::Fabric& fabric) const;

private:
    std::string pattern_;
    std::string sizes_;
    std::vector<std::string> vcs_;
    double rate_pps_ = -1;
    double duration_s_ = -1;
    std::uint64_t count_ = 0;
    std::optional<std::uint64_t> seed_;
    std::uint32_t target_ = 0;
};

}  // namespace ethlink::cli
