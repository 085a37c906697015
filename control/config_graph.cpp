// SPDX-License-Identifier: BSD-3-Clause
// Names become indices here; nothing behind this file looks anything up by name.
#include "control/config_graph.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ethlink::control {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes the digits off the front of a text, leading zeros dropped.
std::string_view take_number(std::string_view& text) {
    const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
    std::string_view number = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(number.size());
    while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
    return number;
}

FcsMode resolve_fcs(const Profile& profile, bool has_faults) {
    if (profile.fcs != FcsMode::kAuto) return profile.fcs;
    // The medium vouches for its frames; only faults of our own go unseen without an FCS.
    return has_faults ? FcsMode::kSoftware : FcsMode::kHardware;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
    const std::string_view whole_a = a;
    const std::string_view whole_b = b;
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            const std::string_view number_a = take_number(a);
            const std::string_view number_b = take_number(b);
            if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
            if (number_a != number_b) return number_a < number_b;
            continue;
        }
        if (a.front() != b.front()) return a.front() < b.front();
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    if (a.empty() != b.empty()) return a.empty();
    return whole_a < whole_b;
}

std::optional<PortName> read_port_name(const ConfigValue& value, ConfigLog& log) {
    const auto text = read_text(value, log);
    if (!text) return std::nullopt;
    const std::size_t colon = text->find(':');
    const std::string node = text->substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : text->substr(colon + 1);
    if (!is_name(node) || !is_name(port)) {
        log.error(value.mark, value.path, "expected a port, written \"node:port\"",
                  "for example \"leaf0:e0\"");
        return std::nullopt;
    }
    return PortName{node, port, {value.mark, value.path}};
}

void GraphBuilder::add_node(const NodeSpec& spec) {
    FabricNode node;
    node.name = spec.name;
    node.kind = spec.kind;
    node.workers = spec.workers;
    node.gpu = spec.gpu;
    node.tenant = spec.tenant;
    node_index_.emplace(spec.name, static_cast<std::uint32_t>(nodes_.size()));
    nodes_.push_back(std::move(node));
}

std::optional<GraphBuilder::Place> GraphBuilder::add_port(const PortName& name) {
    const auto found = node_index_.find(name.node);
    if (found == node_index_.end()) {
        if (log_.is_full()) return std::nullopt;  // comparing names takes time
        std::vector<std::string_view> names;
        for (const FabricNode& node : nodes_) names.push_back(node.name);
        const std::string near(nearest(name.node, names));
        log_.error(name.where.mark, name.where.path, "there is no node `" + name.node + "`",
                   near.empty() ? "describe it under `nodes`" : "did you mean `" + near + "`?");
        return std::nullopt;
    }
    FabricNode& node = nodes_[found->second];
    if (node.ports.size() >= kPortsMax) {
        log_.error(name.where.mark, name.where.path,
                   "`" + name.node + "` has more than " + std::to_string(kPortsMax) + " ports",
                   "spread them over several nodes");
        return std::nullopt;
    }
    const auto [used, is_new] = port_marks_.emplace(name.text(), name.where.mark);
    if (!is_new) {
        log_.error(name.where.mark, name.where.path,
                   "port `" + name.text() + "` is already used in line " +
                       std::to_string(used->second.line),
                   "one port takes one cable: use another port name");
        return std::nullopt;
    }
    FabricPort port;
    port.name = name.port;
    node.ports.push_back(std::move(port));
    return Place{found->second, static_cast<std::uint32_t>(node.ports.size() - 1)};
}

void GraphBuilder::add_link(const LinkSpec& spec) {
    if (spec.ends[0].node == spec.ends[1].node) {
        log_.error(spec.ends[1].where.mark, spec.ends[1].where.path,
                   "this link joins `" + spec.ends[0].node + "` to itself",
                   "name a port of another node");
        return;
    }
    const auto a = add_port(spec.ends[0]);
    const auto b = add_port(spec.ends[1]);
    if (!a || !b) return;
    bind_end(*a, *b, spec, 0);
    bind_end(*b, *a, spec, 1);
    const std::size_t link = links_.size();
    port(*a).link = port(*b).link = link;
    links_.push_back({{}, {}, spec.profile, spec.faults.a_to_b, spec.faults.b_to_a});
    links_.back().a_to_b.seed = direction_seed(spec.faults.a_to_b.seed, link, 0);
    links_.back().b_to_a.seed = direction_seed(spec.faults.b_to_a.seed, link, 1);
    port(*a).transmit_faults = links_.back().a_to_b;
    port(*b).transmit_faults = links_.back().b_to_a;
    link_ends_.push_back({*a, *b});
}

void GraphBuilder::bind_end(Place near, Place far, const LinkSpec& spec, std::size_t end) {
    FabricPort& near_port = port(near);
    near_port.kind = PortKind::kLink;
    near_port.profile = spec.profile;
    near_port.device = spec.devices[end];
    const FabricNode& neighbour = node(far);
    near_port.tenant = neighbour.kind == NodeKind::kEndpoint ? neighbour.tenant : Tenant{};
    const bool hosts_gpu = neighbour.kind == NodeKind::kEndpoint && neighbour.gpu;
    if (hosts_gpu) near_port.gpus = {*neighbour.gpu};
}

void GraphBuilder::add_plain_port(const PlainPortSpec& spec) {
    const auto place = add_port(spec.port);
    if (!place) return;
    const FabricNode& owner = node(*place);
    const bool endpoint = owner.kind == NodeKind::kEndpoint;
    if (endpoint && (!spec.gpus.empty() || spec.tenant.value != 0)) {
        log_.error(spec.where.mark, spec.where.path,
                   "`" + spec.port.node + "` is an endpoint: its plain port leads to everybody, " +
                       "and its tenant stands at the node",
                   "leave `gpu` and `tenant` out here");
        return;
    }
    FabricPort& plain = port(*place);
    plain.kind = PortKind::kPlain;
    plain.profile = spec.profile;
    plain.gpus = spec.gpus;
    plain.tenant = endpoint ? owner.tenant : spec.tenant;
    plain.device = spec.device;
    plain_paths_.emplace(spec.port.text(), spec.where.path);
}

void GraphBuilder::number_ports() {
    std::vector<std::vector<std::uint16_t>> new_index(nodes_.size());
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
        std::vector<FabricPort>& ports = nodes_[n].ports;
        std::vector<std::uint32_t> order(ports.size());
        std::iota(order.begin(), order.end(), 0u);
        std::sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
            return natural_less(ports[x].name, ports[y].name);
        });
        std::vector<FabricPort> sorted;
        new_index[n].resize(ports.size());
        for (const std::uint32_t old : order) {
            new_index[n][old] = static_cast<std::uint16_t>(sorted.size());
            sorted.push_back(std::move(ports[old]));
        }
        ports = std::move(sorted);
    }
    for (std::size_t i = 0; i < links_.size(); ++i) {
        const auto ref = [&](Place place) {
            return PortRef{{place.node}, {new_index[place.node][place.port]}};
        };
        links_[i].a = ref(link_ends_[i][0]);
        links_[i].b = ref(link_ends_[i][1]);
    }
}

void GraphBuilder::finish(Fabric& fabric) {
    number_ports();
    for (const FabricLink& link : links_) {
        nodes_[link.a.node.value].ports[link.a.port.value].peer = link.b;
        nodes_[link.b.node.value].ports[link.b.port.value].peer = link.a;
    }
    for (FabricNode& node : nodes_) {
        for (FabricPort& port : node.ports) {
            const bool has_faults =
                port.link && (links_[*port.link].a_to_b.any() || links_[*port.link].b_to_a.any());
            port.software_fcs =
                resolve_fcs(fabric.profile(port.profile), has_faults) == FcsMode::kSoftware;
        }
    }
    fabric.nodes = std::move(nodes_);
    fabric.links = std::move(links_);
    fabric.plain_port_paths = std::move(plain_paths_);
}

}  // namespace ethlink::control
