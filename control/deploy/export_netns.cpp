// SPDX-License-Identifier: BSD-3-Clause
#include <utility>

#include "control/deploy/export.h"
#include "control/deploy/namespaces.h"
#include "control/deploy/quote.h"
#include "control/deploy/wiring.h"

namespace ethlink::control {
namespace {

constexpr const char* kFunctions = R"(
say() { printf '%s\n' "$*" >&2; }

# NODE
namespace() { ip netns add "$prefix$1"; }

# NODE INTERFACE MTU. Without addresses the kernel sends nothing of its own into the fabric.
set_up() {
    [[ ! -e /proc/sys/net/ipv6 ]] || ip -n "$prefix$1" link set dev "$2" addrgenmode none
    ip -n "$prefix$1" link set dev "$2" mtu "$3" up
}

# NODE INTERFACE NODE INTERFACE MTU
cable() {
    ip link add "$2" netns "$prefix$1" type veth peer name "$4" netns "$prefix$3"
    set_up "$1" "$2" "$5"
    set_up "$3" "$4" "$5"
}

# NODE COMMAND...
run() {
    local node=$1
    shift
    RUNTIME_DIRECTORY=$run ip netns exec "$prefix$node" setsid "$ethlink" "$@" \
        </dev/null >>"$run/$node.log" 2>&1 &
}

# NODE. Columns: INSTANCE PID FABRIC NODES LINKS ...
links_are_up() {
    "$ethlink" show instances 2>/dev/null |
        awk -v node="$1" '$1 == node && $5 == "up" { found = 1 } END { exit !found }'
}

# The ids of all processes in the namespaces: nobody else is in them.
processes() {
    local node
    for node in "${nodes[@]}"; do
        [[ ! -e /run/netns/$prefix$node ]] || ip netns pids "$prefix$node"
    done
}

# SIGNAL
signal() {
    local -a ids=()
    mapfile -t ids < <(processes)
    ((${#ids[@]} == 0)) || kill "-$1" "${ids[@]}" 2>/dev/null || true
}

# SECONDS
wait_for_end() {
    local tries
    for ((tries = $1 * 10; tries > 0; tries--)); do
        [[ -n $(processes) ]] || return 0
        sleep 0.1
    done
}

up() {
    local node tries
    for node in "${nodes[@]}"; do
        [[ ! -e /run/netns/$prefix$node ]] || {
            say "$prefix$node is there already; end it first: $0 down"
            exit 3
        }
    done
    mkdir -p -- "$run"
    chmod 700 -- "$run"
    trap 'say "it did not start: everything is ended again"; down' ERR
    make
    for node in "${nodes[@]}"; do
        for ((tries = 300; tries > 0; tries--)); do
            ! links_are_up "$node" || continue 2
            sleep 0.1
        done
        say "the links of $node did not come up; the end of its log:"
        tail -n 8 -- "$run/$node.log" >&2
        false
    done
    trap - ERR
}

down() {
    local node
    trap - ERR
    signal TERM
    wait_for_end 10
    signal KILL
    wait_for_end 5
    for node in "${nodes[@]}"; do
        [[ ! -e /run/netns/$prefix$node ]] || ip netns del "$prefix$node"
        rm -f -- "$run/$node.log"
    done
    rm -rf -- "$run/dpdk"
    [[ ! -d $run ]] || rmdir -- "$run"
}

status() {
    local node
    for node in "${nodes[@]}"; do
        if links_are_up "$node"; then
            printf '%s: links up\n' "$node"
        else
            printf '%s: not up\n' "$node"
        fi
    done
}

case ${1:-} in
    up) up ;;
    down) down ;;
    status) status ;;
    *)
        say "usage: $0 up|down|status"
        exit 2
        ;;
esac
)";

std::string variables(const Fabric& fabric, const ExportOptions& options) {
    std::string text = "set -Eeuo pipefail\n\n";
    if (options.place == FabricPlace::kBeside) {
        text +=
            "here=$(cd -- \"$(dirname -- \"${BASH_SOURCE[0]}\")\" && pwd)\n"
            "fabric=${FABRIC:-$here/" +
            fabric_file_name(fabric) + "}\n";
    } else {
        text += "default=" + shell_word(fabric.file) + "\nfabric=${FABRIC:-$default}\n";
    }
    text += "ethlink=${ETHLINK:-ethlink}\n";
    text += "run=${RUN:-/run/ethlink-" + fabric.name + "}\n";
    text += "prefix='" + namespace_name(fabric.name, "") + "'\n\nnodes=(\n";
    for (const FabricNode& node : fabric.nodes) text += "    " + shell_word(node.name) + "\n";
    return text + ")\n";
}

/// The one function that knows the fabric.
std::string make(const Fabric& fabric, const Wiring& wiring) {
    std::string text = "\nmake() {\n";
    for (const FabricNode& node : fabric.nodes) {
        text += "    namespace " + shell_word(node.name) + "\n";
    }
    for (const VethPair& veth : wiring.veths) {
        text += "    cable " +
                shell_words({fabric.node(veth.a).name, veth.a_interface, fabric.node(veth.b).name,
                             veth.b_interface, std::to_string(veth.mtu)}) +
                "\n";
    }
    for (std::size_t n = 0; n < fabric.nodes.size(); ++n) {
        const FabricNode& node = fabric.nodes[n];
        text += "    run " + shell_word(node.name) + " " + command_word(node.kind) +
                " \"$fabric\" --node " + shell_word(node.name);
        for (const std::string& device : wiring.devices[n]) {
            text += " \\\n        --device " + shell_word(device);
        }
        text += "\n";
    }
    return text + "}\n";
}

}  // namespace

Rendered render_netns(Fabric fabric, const ExportOptions& options) {
    auto wiring = wire_up(fabric, {.medium = Medium::kVeth, .all_links = true, .memif_prefix = {}});
    if (!wiring) return Unexpected<std::vector<ConfigError>>(std::move(wiring.error()));
    const std::string name = fabric.name + "-netns.sh";
    const std::string head = head_comment(
        fabric, "netns",
        {"Fabric " + fabric.name +
             ": a process per node, in network namespaces of its "
             "own, a veth pair per link.",
         "", "  sudo ./" + name + " up        start all of it, wait for its links",
         "  sudo ./" + name + " status    which nodes are up",
         "  sudo ./" + name + " down      end and remove all of it", "",
         "Environment: ETHLINK the program, FABRIC the fabric file, RUN where the logs "
         "are."});
    return std::vector<RenderedFile>{{name,
                                      "#!/usr/bin/env bash\n" + head + variables(fabric, options) +
                                          make(fabric, *wiring) + kFunctions,
                                      true}};
}

}  // namespace ethlink::control
