// SPDX-License-Identifier: BSD-3-Clause
// What carries a fabric's links when each node is a process: the devices that the file does not
// name, and the command line of each node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config.h"
#include "control/config_error.h"
#include "proto/expected.h"

namespace ethlink::control {

enum class Medium : std::uint8_t {
    kMemif,  // shared memory between two processes, met by a socket; needs no rights
    kVeth,   // a veth pair, an end in the network namespace of each node
};

/// "memif", "veth".
const char* word(Medium medium);

/// A pair of kernel interfaces, an end per node.
struct VethPair {
    NodeId a;
    std::string a_interface;
    NodeId b;
    std::string b_interface;
    std::uint32_t mtu = 0;  // bytes behind the 14 of an Ethernet header
};

struct WiringOptions {
    Medium medium = Medium::kMemif;
    bool all_links = false;    // also those whose devices the file names
    std::string memif_prefix;  // of the sockets' paths: "/run/ethlink/rack-"
};

struct Wiring {
    std::vector<std::vector<std::string>> devices;  // by node, as --device wants them
    std::vector<VethPair> veths;
};

/// The name of a port's kernel interface in its node's namespace: the port's own, unless that is
/// too long for the kernel or taken; then "p" and the port's index.
std::string interface_name(const FabricNode& node, PortId port);

/// Gives link ports without a device one, in `fabric` and in the answer. Plain ports keep theirs.
/// Refuses a link of which only one end has a device.
[[nodiscard]] Expected<Wiring, std::vector<ConfigError>> wire_up(Fabric& fabric,
                                                                 const WiringOptions& options);

/// "switch" or "endpoint", as the command is called.
const char* command_word(NodeKind kind);

/// What stands behind the program's name: "switch", FILE, "--node", NODE, "--device", ...
/// `instance`: left out if it is the node's name, which it is by default.
std::vector<std::string> node_command(const FabricNode& node, const std::string& file,
                                      const std::string& instance,
                                      const std::vector<std::string>& devices);

}  // namespace ethlink::control
