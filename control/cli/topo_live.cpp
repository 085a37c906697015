// SPDX-License-Identifier: BSD-3-Clause
#include "control/cli/topo_live.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/cli/common.h"
#include "control/runtime/control_socket_client.h"

namespace ethlink::cli {
namespace {

using control::ControlClient;
using control::Fabric;
using control::LiveLink;
using control::PortRef;
using nlohmann::json;

constexpr auto kInterval = std::chrono::milliseconds(500);

/// What one end says.
struct LivePort {
    bool is_up = false;
    std::uint64_t bytes = 0;  // sent so far
    std::uint64_t replays = 0;
};
using LivePorts = std::map<std::string, LivePort>;  // by "leaf0:e0"

std::vector<ControlClient> connect_all(const Fabric& fabric) {
    std::vector<ControlClient> clients;
    for (const control::Instance& instance : control::find_instances()) {
        if (instance.about.value("fabric", "") != fabric.name) continue;
        auto client = ControlClient::connect(instance.path);
        if (client) clients.push_back(std::move(*client));
    }
    return clients;
}

/// Calls `visit(port, entry)` for each port that one answers about.
template <class Visit>
void for_each_port(ControlClient& client, const char* command, Visit visit) {
    const auto answer = client.ask({{"command", command}});
    if (!answer || !answer->is_array()) return;
    for (const json& entry : *answer) visit(entry.value("port", ""), entry);
}

LivePorts ask(std::vector<ControlClient>& clients) {
    LivePorts ports;
    for (ControlClient& client : clients) {
        for_each_port(client, "links", [&](const std::string& port, const json& entry) {
            ports[port].is_up = entry.value("up", false);
        });
        for_each_port(client, "ports", [&](const std::string& port, const json& entry) {
            ports[port].bytes = entry.value("tx_bytes", std::uint64_t{0});
        });
        for_each_port(client, "llr counters", [&](const std::string& port, const json& entry) {
            const json counters = entry.value("counters", json::object());
            ports[port].replays = counters.value("llr_tx_replay", std::uint64_t{0});
        });
    }
    return ports;
}

/// Adds what the port at one end of the link says.
void add_end(std::optional<LiveLink>& link, const std::string& port, const LivePorts& earlier,
             const LivePorts& later, double seconds) {
    const auto before = earlier.find(port);
    const auto now = later.find(port);
    if (before == earlier.end() || now == later.end()) return;
    if (!link) link = LiveLink{true, 0, 0};
    link->is_up = link->is_up && now->second.is_up;
    link->replays += now->second.replays;
    const std::uint64_t bytes = now->second.bytes - before->second.bytes;
    link->bits_per_second += static_cast<double>(bytes) * 8 / seconds;
}

}  // namespace

std::optional<std::vector<std::optional<LiveLink>>> ask_links(const Fabric& fabric) {
    std::vector<ControlClient> clients = connect_all(fabric);
    if (clients.empty()) {
        complain("no process of fabric " + fabric.name +
                 " runs here (`ethlink show instances` lists those that run)");
        return std::nullopt;
    }
    const auto begin = std::chrono::steady_clock::now();
    const LivePorts earlier = ask(clients);
    std::this_thread::sleep_for(kInterval);
    const LivePorts later = ask(clients);
    const std::chrono::duration<double> interval = std::chrono::steady_clock::now() - begin;
    std::vector<std::optional<LiveLink>> links(fabric.links.size());
    for (std::size_t i = 0; i < links.size(); ++i) {
        for (const PortRef end : {fabric.links[i].a, fabric.links[i].b}) {
            add_end(links[i], fabric.port_name(end), earlier, later, interval.count());
        }
    }
    return links;
}

}  // namespace ethlink::cli
