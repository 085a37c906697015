// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <utility>

#include "control/deploy/export.h"
#include "control/deploy/quote.h"
#include "control/deploy/wiring.h"

namespace ethlink::control {
namespace {

/// The engine plugs interfaces into containers that run already. No `$`: it would replace it.
std::string wait_and_run(const Fabric& fabric, std::size_t n, const Wiring& wiring) {
    const FabricNode& node = fabric.nodes[n];
    std::string waits;
    for (std::uint16_t i = 0; i < node.ports.size(); ++i) {
        if (!node.ports[i].link) continue;
        waits += (waits.empty() ? "until [ -e /sys/class/net/" : " && [ -e /sys/class/net/") +
                 interface_name(node, PortId{i}) + " ]";
    }
    if (!waits.empty()) waits += "; do sleep 0.1; done; ";
    const std::string file = "/etc/ethlink/" + fabric_file_name(fabric);
    return waits + "exec ethlink " +
           shell_words(node_command(node, file, node.name, wiring.devices[n]));
}

}  // namespace

Rendered render_containerlab(Fabric fabric, const ExportOptions& options) {
    auto wiring = wire_up(fabric, {.medium = Medium::kVeth, .all_links = true, .memif_prefix = {}});
    if (!wiring) return Unexpected<std::vector<ConfigError>>(std::move(wiring.error()));
    const std::string name = fabric.name + ".clab.yml";
    std::string text = head_comment(
        fabric, "containerlab",
        {"Fabric " + fabric.name + ": a container per node, a veth pair per link.", "",
         "  containerlab deploy --topo " + name,
         "  docker logs clab-" + fabric.name + "-" + fabric.nodes.front().name,
         "  containerlab destroy --topo " + name, "",
         "The image must have `ethlink` in its PATH, and /bin/sh; hugepages are not needed.",
         fabric_file_name(fabric) + " is beside this file."});
    const std::string file = fabric_file_name(fabric);
    text += "\nname: " + yaml_string(fabric.name) +
            "\n\ntopology:\n  defaults:\n    kind: linux\n" +
            "    image: " + yaml_string(options.image) + "\n    binds:\n      - " +
            yaml_string(file + ":/etc/ethlink/" + file + ":ro") + "\n\n  nodes:\n";
    for (std::size_t n = 0; n < fabric.nodes.size(); ++n) {
        const std::string command = "sh -c " + shell_word(wait_and_run(fabric, n, *wiring));
        text += "    " + yaml_string(fabric.nodes[n].name) +
                ":\n      cmd: " + yaml_string(command) + "\n";
    }
    text += "\n  links:\n";
    for (const VethPair& veth : wiring->veths) {
        text += "    - endpoints: [" +
                yaml_string(fabric.node(veth.a).name + ":" + veth.a_interface) + ", " +
                yaml_string(fabric.node(veth.b).name + ":" + veth.b_interface) +
                "]\n      mtu: " + std::to_string(std::max(veth.mtu, 1500u)) + "\n";
    }
    return std::vector<RenderedFile>{{name, text}};
}

}  // namespace ethlink::control
