// SPDX-License-Identifier: BSD-3-Clause
// From the bytes of a file to a valid fabric: the order in which the parts are read and checked.
#include "control/config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <istream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config_graph.h"
#include "control/config_keys.h"
#include "control/config_options.h"
#include "control/config_profile.h"
#include "control/config_reader.h"
#include "control/topology.h"
#include "control/topology_form.h"
#include "control/yaml_reader.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kPlainPortsMax = 1'024;
constexpr std::size_t kGpusPerPortMax = 1'024;

constexpr Choice<NodeKind> kNodeKinds[] = {
    {"switch", NodeKind::kSwitch},
    {"endpoint", NodeKind::kEndpoint},
};
constexpr Choice<PortKind> kPortKinds[] = {{"plain", PortKind::kPlain}};

Tenant read_tenant(MapReader& map) {
    return {map.number(keys::kTenant, std::uint16_t{0})};
}

/// Keys that only endpoints have.
void refuse_endpoint_keys(const MapReader& map, ConfigLog& log) {
    for (const std::string_view key : {"gpu", "tenant"}) {
        if (!map.has(key)) continue;
        log.error(map.mark(key), map.path(key), "a switch has no such key",
                  "set it on the endpoints, or `kind: endpoint`");
    }
}

void read_node(const std::string& name, const ConfigValue& value, GraphBuilder& graph,
               ConfigLog& log) {
    MapReader map(value, log);
    NodeSpec node;
    node.name = name;
    node.where = {value.mark, value.path};
    map.required("kind", "kind: switch or kind: endpoint");
    node.kind = map.choice("kind", kNodeKinds, NodeKind::kSwitch);
    node.workers = map.number(keys::kNodeWorkers, node.workers);
    const auto gpu = map.number(keys::kGpu);
    if (gpu) node.gpu = GpuId{static_cast<std::uint16_t>(*gpu)};
    node.tenant = read_tenant(map);
    const bool is_switch = map.has("kind") && node.kind == NodeKind::kSwitch;
    if (is_switch) refuse_endpoint_keys(map, log);
    if (node.kind == NodeKind::kEndpoint && !map.has("gpu")) {
        map.required("gpu", "an endpoint's address in the fabric, for example gpu: 0x0200");
    }
    map.finish();
    graph.add_node(node);
}

/// The two ports of `endpoints`, or nothing.
std::optional<std::array<PortName, 2>> read_ends(MapReader& map, ConfigLog& log) {
    const auto value = map.required("endpoints", "endpoints: [\"leaf0:e0\", \"gpu0:e0\"]");
    if (!value) return std::nullopt;
    const std::vector<ConfigValue> items = read_list(*value, kLinksMax, log);
    if (value->node->kind == YamlNode::Kind::kList && items.size() != 2) {
        log.error(value->mark, value->path,
                  "a link has two ends, found " + std::to_string(items.size()),
                  "endpoints: [\"leaf0:e0\", \"gpu0:e0\"]");
    }
    if (items.size() != 2) return std::nullopt;
    const auto a = read_port_name(items[0], log);
    const auto b = read_port_name(items[1], log);
    if (!a || !b) return std::nullopt;
    return std::array<PortName, 2>{*a, *b};
}

/// `devices`: the device behind one or both ends.
std::array<std::string, 2> read_devices(MapReader& map, const std::array<PortName, 2>& ends,
                                        ConfigLog& log) {
    std::array<std::string, 2> devices;
    const auto value = map.value("devices");
    if (!value) return devices;
    MapReader reader(*value, log);
    const std::array<std::string, 2> names = {ends[0].text(), ends[1].text()};
    for (std::size_t end = 0; end < 2; ++end) devices[end] = reader.text(names[end], "");
    reader.finish();
    return devices;
}

void read_link(const ConfigValue& value, const Fabric& fabric, GraphBuilder& graph,
               ConfigLog& log) {
    MapReader map(value, log);
    const auto ends = read_ends(map, log);
    LinkSpec link;
    link.where = {value.mark, value.path};
    link.profile = read_profile_name(map, "profile", fabric.profiles, log);
    if (const auto faults = map.value("faults")) link.faults = read_faults(*faults, log);
    if (ends) link.devices = read_devices(map, *ends, log);
    if (!ends) map.value("devices");  // known, but of no use without the ends
    map.finish();
    if (!ends) return;
    link.ends = *ends;
    graph.add_link(link);
}

std::vector<GpuId> read_gpus(MapReader& map, ConfigLog& log) {
    std::vector<GpuId> gpus;
    const auto value = map.value("gpu");
    if (!value) return gpus;
    for (const ConfigValue& item : read_one_or_list(*value, kGpusPerPortMax, log)) {
        const auto gpu = read_number(item, keys::kGpu, log);
        if (gpu) gpus.push_back({static_cast<std::uint16_t>(*gpu)});
    }
    return gpus;
}

void read_plain_port(const ConfigValue& value, const Fabric& fabric, GraphBuilder& graph,
                     ConfigLog& log) {
    MapReader map(value, log);
    PlainPortSpec plain;
    plain.where = {value.mark, value.path};
    const auto port = map.required("port", "port: \"leaf0:p0\"");
    const auto name = port ? read_port_name(*port, log) : std::nullopt;
    map.choice("kind", kPortKinds, PortKind::kPlain);
    plain.profile = read_profile_name(map, "profile", fabric.profiles, log);
    plain.gpus = read_gpus(map, log);
    plain.tenant = read_tenant(map);
    map.required("device", "a plain port leads out of the process: device: net_tap0");
    plain.device = map.text("device", "");
    map.finish();
    if (!name) return;
    plain.port = *name;
    graph.add_plain_port(plain);
}

/// `topology`, or `nodes` and `links`.
void read_graph(MapReader& map, const Fabric& fabric, GraphBuilder& graph, ConfigLog& log) {
    const auto topology = map.value("topology");
    const auto nodes = map.value("nodes");
    const auto links = map.value("links");
    if (topology && (nodes || links)) {
        log.error(topology->mark, "topology", "the compact form stands beside `nodes` or `links`",
                  "write either `topology`, or `nodes` and `links`");
        return;
    }
    if (topology) return add_topology(*topology, fabric.profiles, graph, log);
    if (!nodes) {
        log.error({}, "nodes", "this key is missing",
                  "describe the fabric by `topology`, or by `nodes` and `links`");
        return;
    }
    for (const auto& [name, node] : read_named(*nodes, kNodesMax, log)) {
        read_node(name, node, graph, log);
    }
    if (!links) return;
    for (const ConfigValue& link : read_list(*links, kLinksMax, log)) {
        read_link(link, fabric, graph, log);
    }
}

std::string read_name(MapReader& map, ConfigLog& log) {
    const auto value = map.required("fabric", "a name for this fabric: fabric: single-rack");
    if (!value) return {};
    const auto name = read_text(*value, log);
    if (!name) return {};
    if (is_name(*name)) return *name;
    log.error(value->mark, "fabric", "this cannot be a name",
              "letters, digits, `-` and `_`, a letter first, at most 31");
    return {};
}

void read_ports(MapReader& map, const Fabric& fabric, GraphBuilder& graph, ConfigLog& log) {
    const auto ports = map.value("ports");
    if (!ports) return;
    for (const ConfigValue& port : read_list(*ports, kPlainPortsMax, log)) {
        read_plain_port(port, fabric, graph, log);
    }
}

Fabric read_fabric(const YamlDocument& document, const std::string& file, ConfigLog& log) {
    Fabric fabric;
    fabric.file = file;
    MapReader map({document.root().node, "", {}}, log);
    fabric.name = read_name(map, log);
    fabric.profiles = read_profiles(map.value("profiles"), log);
    if (const auto runtime = map.value("runtime")) fabric.runtime = read_runtime(*runtime, log);
    const auto traffic = map.value("traffic");
    fabric.traffic = traffic ? read_traffic(*traffic, fabric.profiles[0], log)
                             : built_in_traffic(fabric.profiles[0]);
    GraphBuilder graph(log);
    read_graph(map, fabric, graph, log);
    read_ports(map, fabric, graph, log);
    map.finish();
    graph.finish(fabric);
    return fabric;
}

std::vector<ConfigError> in_file_order(std::vector<ConfigError> errors) {
    std::stable_sort(errors.begin(), errors.end(), [](const ConfigError& a, const ConfigError& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    return errors;
}

Expected<Fabric, std::vector<ConfigError>> load_document(const YamlDocument& document,
                                                         const std::string& name) {
    using Failure = Unexpected<std::vector<ConfigError>>;
    ConfigLog log(name);
    Fabric fabric = read_fabric(document, name, log);
    if (log.has_errors()) return Failure(in_file_order(log.take_errors()));
    fabric.warnings = log.take_warnings();
    fabric.marks = log.take_marks();
    std::vector<ConfigError> errors = check_topology(fabric);
    if (!errors.empty()) return Failure(in_file_order(std::move(errors)));
    std::vector<ConfigError> warnings = topology_warnings(fabric);
    std::move(warnings.begin(), warnings.end(), std::back_inserter(fabric.warnings));
    return fabric;
}

Unexpected<std::vector<ConfigError>> failure(const std::string& file, std::string why,
                                             std::string hint) {
    return Unexpected<std::vector<ConfigError>>(
        std::vector{ConfigError{file, 1, 1, "", std::move(why), std::move(hint)}});
}

/// `errno` says why.
Unexpected<std::vector<ConfigError>> unreadable(const std::string& file) {
    const std::string reason = errno == 0 ? "is it a file?" : std::strerror(errno);
    return failure(file, "cannot be read: " + reason, "check the path and its permissions");
}

}  // namespace

std::string hex(GpuId gpu) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "0x";
    for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[(gpu.value >> shift) & 0xF];
    return text;
}

std::optional<Vc> Profile::find_vc(std::string_view vc_name) const {
    for (std::uint8_t i = 0; i < link.vc_count; ++i) {
        if (vc_names[i].name == vc_name) return Vc{i};
    }
    return std::nullopt;
}

std::optional<Vc> Profile::best_effort_vc() const {
    for (std::uint8_t i = 0; i < link.vc_count; ++i) {
        if (!link.vcs[i].lossless) return Vc{i};
    }
    return std::nullopt;
}

std::uint8_t Profile::dscp_of(Vc vc) const {
    const std::vector<std::uint8_t>& dscp = vc_names[vc.value].dscp;
    return dscp.empty() ? std::uint8_t{0} : dscp.front();
}

std::optional<PortId> FabricNode::find_port(std::string_view port_name) const {
    for (std::size_t i = 0; i < ports.size(); ++i) {
        if (ports[i].name == port_name) return PortId{static_cast<std::uint16_t>(i)};
    }
    return std::nullopt;
}

std::optional<NodeId> Fabric::find_node(std::string_view node_name) const {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i].name == node_name) return NodeId{static_cast<std::uint32_t>(i)};
    }
    return std::nullopt;
}

std::string Fabric::port_name(PortRef ref) const {
    return node(ref.node).name + ":" + port(ref).name;
}

ConfigError Fabric::error(std::string path, std::string why, std::string hint) const {
    std::string_view place = path;
    auto found = marks.find(place);
    while (found == marks.end() && !place.empty()) {
        const std::size_t cut = place.find_last_of(".[");
        place = cut == std::string_view::npos ? std::string_view() : place.substr(0, cut);
        found = marks.find(place);
    }
    const Mark mark = found == marks.end() ? Mark{} : found->second;
    return {file, mark.line, mark.column, std::move(path), std::move(why), std::move(hint)};
}

Expected<Fabric, std::vector<ConfigError>> load_text(std::string_view text,
                                                     const std::string& name) {
    try {
        const auto document = parse_yaml(text, name);
        if (!document) return Unexpected<std::vector<ConfigError>>(std::vector{document.error()});
        return load_document(*document, name);
    } catch (const std::exception& e) {
        return failure(name, std::string("cannot be read: ") + e.what(), "");
    }
}

Expected<Fabric, std::vector<ConfigError>> load(const std::string& path) {
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream.is_open()) return unreadable(path);
    return load(stream, path);
}

Expected<Fabric, std::vector<ConfigError>> load(std::istream& stream, const std::string& name) {
    // One byte beyond the limit is enough to be refused; an endless file must not be read to its
    // end.
    std::string text(kYamlBytesMax + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad()) return unreadable(name);
    text.resize(static_cast<std::size_t>(stream.gcount()));
    return load_text(text, name);
}

}  // namespace ethlink::control
