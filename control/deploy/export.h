// SPDX-License-Identifier: BSD-3-Clause
// What makes other engines start a fabric, as files: a pure function of the fabric. We render; we
// do not schedule.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/config_error.h"
#include "proto/expected.h"

namespace ethlink::control {

struct RenderedFile {
    std::string name;  // without a directory
    std::string text;
    bool executable = false;
};

enum class FabricPlace : std::uint8_t {
    kBeside,   // "<fabric>.yaml" in the directory of the rendered files
    kAsGiven,  // where the fabric was loaded from, as the user wrote it
};

struct ExportOptions {
    std::string program = "/usr/bin/ethlink";  // on the hosts that run it
    std::string image = "ethlink:latest";      // containerlab
    FabricPlace place = FabricPlace::kBeside;
};

using Rendered = Expected<std::vector<RenderedFile>, std::vector<ConfigError>>;

/// A shell script that starts and ends it: a network namespace per node, a veth pair per link.
[[nodiscard]] Rendered render_netns(Fabric fabric, const ExportOptions& options);

/// A unit per node and a target for all of them. Links without devices run on memif, so the two
/// ends of such a link are on one host.
[[nodiscard]] Rendered render_systemd(Fabric fabric, const ExportOptions& options);

/// A topology file: a container per node, a veth pair per link.
[[nodiscard]] Rendered render_containerlab(Fabric fabric, const ExportOptions& options);

/// An inventory, a playbook and the systemd units: a host per node. Every port needs a device.
[[nodiscard]] Rendered render_ansible(Fabric fabric, const ExportOptions& options);

/// "<fabric>.yaml": what the rendered files call the fabric file beside them.
std::string fabric_file_name(const Fabric& fabric);

/// The comment that says where a rendered file comes from; `lines` follow, each after `mark`.
std::string head_comment(const Fabric& fabric, const std::string& engine,
                         const std::vector<std::string>& lines);

}  // namespace ethlink::control
