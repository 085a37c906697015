// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/namespaces.h"

#include <map>
#include <unistd.h>

#include "control/deploy/spawn.h"

namespace ethlink::control {
namespace {

using Done = Expected<void, std::string>;

/// The kernel then sends nothing of its own into the fabric.
const char* no_addresses() {
    return access("/proc/sys/net/ipv6", F_OK) == 0 ? " addrgenmode none" : "";
}

}  // namespace

std::string namespace_name(const std::string& fabric, const std::string& node) {
    return "ethlink-" + fabric + "-" + node;
}

std::string namespace_path(const std::string& name) {
    return "/run/netns/" + name;
}

bool namespace_exists(const std::string& name) {
    return access(namespace_path(name).c_str(), F_OK) == 0;
}

Done add_namespace(const std::string& name) {
    return run_tool({"ip", "netns", "add", name});
}

Done add_veths(const std::vector<VethPair>& veths, const std::vector<std::string>& namespaces) {
    std::string pairs;
    std::map<std::string, std::string> ups;  // by namespace: each is entered once
    for (const VethPair& veth : veths) {
        const std::string &a = namespaces[veth.a.value], &b = namespaces[veth.b.value];
        pairs += "link add " + veth.a_interface + " netns " + a + " type veth peer name " +
                 veth.b_interface + " netns " + b + "\n";
        const std::string how =
            " mtu " + std::to_string(veth.mtu) + std::string(no_addresses()) + " up\n";
        ups[a] += "link set dev " + veth.a_interface + how;
        ups[b] += "link set dev " + veth.b_interface + how;
    }
    Done done = run_tool({"ip", "-batch", "-"}, pairs);
    for (const auto& [name, commands] : ups) {
        if (done) done = run_tool({"ip", "-n", name, "-batch", "-"}, commands);
    }
    return done;
}

Done remove_namespace(const std::string& name) {
    if (!namespace_exists(name)) return {};
    return run_tool({"ip", "netns", "del", name});
}

}  // namespace ethlink::control
