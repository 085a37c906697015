// SPDX-License-Identifier: BSD-3-Clause
// Puts nodes, links and plain ports together into a fabric, whichever form of the file they came
// from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config.h"
#include "control/config_options.h"
#include "control/config_reader.h"

namespace ethlink::control {

inline constexpr std::size_t kNodesMax = 32'768;   // 16,384 GPUs and the switches between them
inline constexpr std::size_t kLinksMax = 262'144;  // of these on eight tracks, as many to spines
inline constexpr std::size_t kPortsMax = 4'096;    // of one node; a PortId counts them

/// Where something is described, for messages.
struct Where {
    Mark mark;
    std::string path;
};

/// "leaf0:e0", split.
struct PortName {
    std::string node;
    std::string port;
    Where where;
    std::string text() const { return node + ":" + port; }
};

struct NodeSpec {
    std::string name;
    NodeKind kind = NodeKind::kSwitch;
    std::uint32_t workers = 1;
    std::optional<GpuId> gpu;
    Tenant tenant;
    Where where;
};

struct LinkSpec {
    std::array<PortName, 2> ends;
    std::array<std::string, 2> devices;
    ProfileId profile;
    LinkFaults faults;
    Where where;
};

struct PlainPortSpec {
    PortName port;
    ProfileId profile;
    std::vector<GpuId> gpus;
    Tenant tenant;
    std::string device;
    Where where;
};

/// Collects the parts in any order of ports; finish() numbers the ports of each node by name.
/// Every part that contradicts an earlier one is reported and left out.
class GraphBuilder {
public:
    explicit GraphBuilder(ConfigLog& log) : log_(log) {}

    void add_node(const NodeSpec& spec);
    void add_link(const LinkSpec& spec);
    void add_plain_port(const PlainPortSpec& spec);

    /// Moves nodes, ports and links into the fabric, whose profiles are already there.
    void finish(Fabric& fabric);

private:
    /// A port before the ports are numbered: an index into FabricNode::ports as they came.
    struct Place {
        std::uint32_t node = 0;
        std::uint32_t port = 0;
    };

    std::optional<Place> add_port(const PortName& name);
    FabricPort& port(Place place) { return nodes_[place.node].ports[place.port]; }
    FabricNode& node(Place place) { return nodes_[place.node]; }
    void bind_end(Place near, Place far, const LinkSpec& spec, std::size_t end);
    void number_ports();

    ConfigLog& log_;
    std::vector<FabricNode> nodes_;
    std::vector<FabricLink> links_;
    std::vector<std::array<Place, 2>> link_ends_;  // as links_
    std::map<std::string, std::uint32_t, std::less<>> node_index_;
    std::map<std::string, Mark, std::less<>> port_marks_;  // "leaf0:e0" -> where it was first used
    std::map<std::string, std::string> plain_paths_;       // "leaf0:p0" -> "ports[0]"
};

/// Splits "leaf0:e0"; reports and returns nothing if it is something else.
std::optional<PortName> read_port_name(const ConfigValue& value, ConfigLog& log);

/// Less in the order of people: "e9" before "e10".
bool natural_less(std::string_view a, std::string_view b);

}  // namespace ethlink::control
