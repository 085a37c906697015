// SPDX-License-Identifier: BSD-3-Clause
// The options that say what is sent, for `lab` and `pktgen`; the file gives what is left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "control/capacity.h"
#include "control/config.h"
#include "control/runtime/traffic.h"
#include "proto/expected.h"
#include "proto/time.h"

namespace ethlink::cli {

/// One run of the generator, and what to call it: "512", "imix".
struct NamedWorkload {
    std::string name;
    control::Workload workload;
};

class TrafficArguments {
public:
    void add_to(CLI::App& command);

    /// The options over what the file says. Errors are sentences.
    Expected<control::Workload, std::string> resolve(const control::Fabric& fabric) const;
    /// The same, one for each size if `each`, or if the sizes are `rfc2544`.
    Expected<std::vector<NamedWorkload>, std::string> resolve_each(const control::Fabric& fabric,
                                                                   bool each) const;
    Duration duration(const control::Fabric& fabric) const;
    bool has_duration() const { return duration_s_ >= 0; }
    bool has_rate() const { return rate_pps_ >= 0; }
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
    bool adaptive_ = false;
    bool across_tenants_ = false;
};

}  // namespace ethlink::cli
