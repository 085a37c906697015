// SPDX-License-Identifier: BSD-3-Clause
#include "control/deploy/wiring.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "control/capacity.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kInterfaceNameMax = 15;  // IFNAMSIZ without the final zero
constexpr std::uint32_t kEthernetHeader = 14;

bool may_be_interface(std::string_view name) {
    // What every namespace has, what container engines put there, what sysctl calls all of them.
    constexpr std::array<std::string_view, 4> kTaken{"lo", "eth0", "all", "default"};
    return name.size() <= kInterfaceNameMax && std::ranges::find(kTaken, name) == kTaken.end();
}

/// "net_memif0": the first one of this driver that no port of the node has.
std::string free_device(const FabricNode& node, const std::string& driver) {
    for (std::size_t i = 0;; ++i) {
        const std::string name = driver + std::to_string(i);
        const bool taken = std::ranges::any_of(node.ports, [&](const FabricPort& port) {
            return port.device == name || port.device.starts_with(name + ",");
        });
        if (!taken) return name;
    }
}

/// Writes devices into a fabric, link by link.
class Wirer {
public:
    Wirer(Fabric& fabric, const WiringOptions& options) : fabric_(fabric), options_(options) {
        wiring_.devices.resize(fabric.nodes.size());
    }

    Expected<Wiring, std::vector<ConfigError>> run() {
        if (options_.all_links) forget_devices();
        std::vector<ConfigError> errors;
        for (std::size_t i = 0; i < fabric_.links.size(); ++i) {
            const bool a = !port(fabric_.links[i].a).device.empty();
            const bool b = !port(fabric_.links[i].b).device.empty();
            if (a != b) errors.push_back(half_named(i, a));
            if (!a && !b) give_devices(i);
        }
        if (!errors.empty()) return Unexpected<std::vector<ConfigError>>(std::move(errors));
        return std::move(wiring_);
    }

private:
    FabricPort& port(PortRef ref) { return fabric_.nodes[ref.node.value].ports[ref.port.value]; }

    void forget_devices() {
        for (const FabricLink& link : fabric_.links) {
            port(link.a).device.clear();
            port(link.b).device.clear();
        }
    }

    ConfigError half_named(std::size_t index, bool a_is_named) const {
        const FabricLink& link = fabric_.links[index];
        const std::string named = fabric_.port_name(a_is_named ? link.a : link.b);
        const std::string other = fabric_.port_name(a_is_named ? link.b : link.a);
        return fabric_.error(
            "links[" + std::to_string(index) + "].devices",
            "`" + named + "` has a device and `" + other + "` at its other end none",
            "name both or neither; `ethlink up --medium memif` needs none");
    }

    void give_devices(std::size_t index) {
        const FabricLink& link = fabric_.links[index];
        switch (options_.medium) {
            case Medium::kMemif: {
                const std::string socket =
                    ",id=0,socket-abstract=no,socket=" + options_.memif_prefix +
                    std::to_string(index) + ".memif";
                give(link.a, "net_memif", ",role=server" + socket);
                give(link.b, "net_memif", ",role=client" + socket);
                break;
            }
            case Medium::kVeth: {
                const std::string a = interface_name(fabric_.node(link.a.node), link.a.port);
                const std::string b = interface_name(fabric_.node(link.b.node), link.b.port);
                give(link.a, "net_af_packet", ",iface=" + a);
                give(link.b, "net_af_packet", ",iface=" + b);
                const std::uint32_t frame =
                    longest_frame(fabric_.profile(link.profile)) + kFcsBytes;
                wiring_.veths.push_back({link.a.node, a, link.b.node, b, frame - kEthernetHeader});
                break;
            }
        }
    }

    void give(PortRef ref, const std::string& driver, const std::string& arguments) {
        const std::string device = free_device(fabric_.node(ref.node), driver) + arguments;
        port(ref).device = device;
        wiring_.devices[ref.node.value].push_back(fabric_.port_name(ref) + "=" + device);
    }

    Fabric& fabric_;
    const WiringOptions& options_;
    Wiring wiring_;
};

}  // namespace

const char* word(Medium medium) {
    switch (medium) {
        case Medium::kMemif: return "memif";
        case Medium::kVeth: return "veth";
    }
    return "?";
}

std::string interface_name(const FabricNode& node, PortId port) {
    const bool names_fit = std::ranges::all_of(
        node.ports, [](const FabricPort& each) { return may_be_interface(each.name); });
    return names_fit ? node.ports[port.value].name : "p" + std::to_string(port.value);
}

Expected<Wiring, std::vector<ConfigError>> wire_up(Fabric& fabric, const WiringOptions& options) {
    return Wirer(fabric, options).run();
}

const char* command_word(NodeKind kind) {
    switch (kind) {
        case NodeKind::kSwitch: return "switch";
        case NodeKind::kEndpoint: return "endpoint";
    }
    return "?";
}

std::vector<std::string> node_command(const FabricNode& node, const std::string& file,
                                      const std::string& instance,
                                      const std::vector<std::string>& devices) {
    std::vector<std::string> words{command_word(node.kind), file, "--node", node.name};
    if (instance != node.name) words.insert(words.end(), {"--instance", instance});
    for (const std::string& device : devices) words.insert(words.end(), {"--device", device});
    return words;
}

}  // namespace ethlink::control
