// SPDX-License-Identifier: BSD-3-Clause
#include <utility>

#include "control/deploy/export.h"
#include "control/deploy/quote.h"
#include "control/deploy/wiring.h"

namespace ethlink::control {
namespace {

constexpr const char* kService = R"(
Restart=on-failure
RestartSec=1
TimeoutStopSec=20

# Control sockets, memif sockets and DPDK's own files; units of this machine share it.
RuntimeDirectory=ethlink
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
UMask=0077

# What DPDK needs: locked memory, raw sockets, interfaces. The device nodes of VFIO, /dev/hugepages
# and /dev/net/tun stay open to it, so no PrivateDevices=; drivers write below /sys, so no
# ProtectKernelTunables=. Without an IOMMU it asks for physical addresses: add CAP_SYS_ADMIN then.
LimitMEMLOCK=infinity
CapabilityBoundingSet=CAP_IPC_LOCK CAP_NET_ADMIN CAP_NET_RAW
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_PACKET AF_INET AF_INET6 AF_XDP

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
)";

std::string unit_name(const Fabric& fabric) {
    return "ethlink-" + fabric.name;
}

std::vector<std::string> how_to_run(const Fabric& fabric) {
    const std::string unit = unit_name(fabric);
    return {
        "  install -D -m 644 " + fabric_file_name(fabric) + " /etc/ethlink/" +
            fabric_file_name(fabric),
        "  install -m 644 " + unit + "*.service " + unit + ".target /etc/systemd/system/",
        "  systemctl daemon-reload",
        "  systemctl enable --now " + unit + ".target    # all nodes on this host, or one of them:",
        "  systemctl enable --now " + unit + "-" + fabric.nodes.front().name + ".service"};
}

std::string unit_of(const Fabric& fabric, const FabricNode& node,
                    const std::vector<std::string>& devices, const ExportOptions& options) {
    std::string text = head_comment(fabric, "systemd", how_to_run(fabric));
    text += std::string("\n[Unit]\nDescription=EthLink ") + command_word(node.kind) + " " +
            node.name + " of fabric " + fabric.name + "\n";
    // A node that was killed comes back, however often.
    text += "After=network.target\nPartOf=" + unit_name(fabric) +
            ".target\nStartLimitIntervalSec=0\n\n[Service]\nType=exec\nExecStart=" +
            systemd_word(options.program);
    const auto words =
        node_command(node, "/etc/ethlink/" + fabric_file_name(fabric), node.name, devices);
    for (const std::string& each : words) {
        text += (each.starts_with("--") ? " \\\n    " : " ") + systemd_word(each);
    }
    text += kService;
    return text + "\n[Install]\nWantedBy=multi-user.target\n";
}

std::string target_of(const Fabric& fabric) {
    std::string text = head_comment(fabric, "systemd", how_to_run(fabric));
    text += "\n[Unit]\nDescription=EthLink fabric " + fabric.name + ", all its nodes\n";
    for (const FabricNode& node : fabric.nodes) {
        text += "Wants=" + unit_name(fabric) + "-" + node.name + ".service\n";
    }
    return text + "\n[Install]\nWantedBy=multi-user.target\n";
}

}  // namespace

Rendered render_systemd(Fabric fabric, const ExportOptions& options) {
    auto wiring = wire_up(fabric, {.medium = Medium::kMemif,
                                   .all_links = false,
                                   .memif_prefix = "/run/ethlink/" + fabric.name + "-"});
    if (!wiring) return Unexpected<std::vector<ConfigError>>(std::move(wiring.error()));
    std::vector<RenderedFile> files;
    for (std::size_t n = 0; n < fabric.nodes.size(); ++n) {
        const FabricNode& node = fabric.nodes[n];
        files.push_back({unit_name(fabric) + "-" + node.name + ".service",
                         unit_of(fabric, node, wiring->devices[n], options)});
    }
    files.push_back({unit_name(fabric) + ".target", target_of(fabric)});
    return files;
}

}  // namespace ethlink::control
