// SPDX-License-Identifier: BSD-3-Clause
// Checks that need the whole fabric.
#include "control/topology.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/topology_reach.h"

namespace ethlink::control {
namespace {

constexpr std::size_t kReportedMax = 20;  // as many as a reader looks at

std::string node_path(const FabricNode& node) {
    return "nodes." + node.name;
}

std::string link_path(std::size_t link) {
    return "links[" + std::to_string(link) + "]";
}

/// A GPU-ID and who has it.
struct Holder {
    std::string name;
    std::string path;
    bool may_be_bound = false;  // an endpoint with a plain port: it stands behind that of a switch
};

class Checker {
public:
    explicit Checker(const Fabric& fabric) : fabric_(fabric) {}

    std::vector<ConfigError> run() {
        check_nodes();
        check_gpu_ids();
        check_profiles();
        check_devices();
        if (errors_.empty()) check_reachable();
        return std::move(errors_);
    }

private:
    bool is_full() const { return errors_.size() >= kReportedMax; }

    void report(std::string path, std::string why, std::string hint) {
        if (is_full()) return;
        errors_.push_back(fabric_.error(std::move(path), std::move(why), std::move(hint)));
    }

    void check_nodes() {
        if (fabric_.nodes.empty()) {
            report("nodes", "the fabric has no node", "describe at least two endpoints");
        }
        for (const FabricNode& node : fabric_.nodes) {
            if (!node.ports.empty()) continue;
            const bool endpoint = node.kind == NodeKind::kEndpoint;
            report(node_path(node),
                   endpoint ? "this endpoint has no link" : "this switch has no port",
                   "add a link under `links`, or remove the node");
        }
    }

    void check_gpu_ids() {
        std::map<GpuId, Holder> holders;
        const auto claim = [&](GpuId gpu, const Holder& holder) {
            const auto [found, is_new] = holders.emplace(gpu, holder);
            if (is_new) return;
            if (found->second.may_be_bound) {  // Once.
                found->second = holder;
                return;
            }
            if (is_full()) return;  // looking for a free one takes time
            report(holder.path, hex(gpu) + " is already the GPU-ID of `" + found->second.name + "`",
                   "every GPU-ID of a fabric is unique; free is " + hex(free_gpu_id()));
        };
        for (const FabricNode& node : fabric_.nodes) {
            if (node.gpu) claim(*node.gpu, {node.name, node_path(node) + ".gpu"});
        }
        for (const FabricNode& node : fabric_.nodes) {
            const bool plain = std::ranges::any_of(
                node.ports, [](const FabricPort& port) { return port.kind == PortKind::kPlain; });
            if (node.gpu && plain) holders[*node.gpu].may_be_bound = true;
        }
        for (const FabricNode& node : fabric_.nodes) {
            for (const FabricPort& port : node.ports) {
                if (port.kind != PortKind::kPlain) continue;
                const std::string name = node.name + ":" + port.name;
                for (const GpuId gpu : port.gpus) claim(gpu, {name, plain_path(name) + ".gpu"});
            }
        }
    }

    GpuId free_gpu_id() const {
        std::set<GpuId> taken;
        for (const FabricNode& node : fabric_.nodes) {
            if (node.gpu) taken.insert(*node.gpu);
            for (const FabricPort& port : node.ports) {
                taken.insert(port.gpus.begin(), port.gpus.end());
            }
        }
        std::uint32_t i = 0;
        while (taken.contains(generated_gpu_id(i))) ++i;
        return generated_gpu_id(i);
    }

    /// The path of a plain port in the file: ports are found there by name, not by number.
    std::string plain_path(const std::string& name) const {
        const auto found = fabric_.plain_port_paths.find(name);
        return found == fabric_.plain_port_paths.end() ? "ports" : found->second;
    }

    std::vector<ProfileId> profiles_in_use() const {
        std::set<ProfileId> used;
        for (const FabricNode& node : fabric_.nodes) {
            for (const FabricPort& port : node.ports) used.insert(port.profile);
        }
        return {used.begin(), used.end()};
    }

    /// A frame that changes links keeps its VC and its length: all links must agree on both.
    void check_profiles() {
        const std::vector<ProfileId> used = profiles_in_use();
        for (std::size_t i = 1; i < used.size(); ++i) {
            compare(fabric_.profile(used[0]), fabric_.profile(used[i]));
        }
    }

    void compare(const Profile& first, const Profile& second) {
        const std::string path = "profiles." + second.name;
        if (first.max_frame_bytes != second.max_frame_bytes) {
            report(path + ".max_frame_bytes",
                   std::to_string(second.max_frame_bytes) + " here, but " +
                       std::to_string(first.max_frame_bytes) + " in profile `" + first.name +
                       "`: a frame that changes links must fit both",
                   "give all profiles the same max_frame_bytes");
        }
        if (first.link.vc_count != second.link.vc_count) {
            report(path + ".vcs",
                   std::to_string(second.link.vc_count) + " VCs here, but " +
                       std::to_string(first.link.vc_count) + " in profile `" + first.name +
                       "`: a frame keeps its VC when it changes links",
                   "list the same VCs in the same order in all profiles");
            return;
        }
        for (std::size_t vc = 0; vc < first.link.vc_count; ++vc) compare_vc(first, second, vc);
    }

    void compare_vc(const Profile& first, const Profile& second, std::size_t vc) {
        const bool same = first.vc_names[vc].name == second.vc_names[vc].name &&
                          first.link.vcs[vc].lossless == second.link.vcs[vc].lossless;
        if (same) return;
        const auto words = [vc](const Profile& profile) {
            return "`" + profile.vc_names[vc].name + "`" +
                   (profile.link.vcs[vc].lossless ? " (lossless)" : " (best effort)");
        };
        report("profiles." + second.name + ".vcs[" + std::to_string(vc) + "]",
               "VC " + std::to_string(vc) + " is " + words(second) + " here, but " + words(first) +
                   " in profile `" + first.name + "`",
               "list the same VCs in the same order in all profiles");
    }

    /// Two ports of a node on one device: copied and not changed.
    void check_devices() {
        for (const FabricNode& node : fabric_.nodes) {
            std::map<std::string, std::string> users;
            for (const FabricPort& port : node.ports) {
                if (port.device.empty()) continue;
                const std::string name = node.name + ":" + port.name;
                const std::string device = port.device.substr(0, port.device.find(','));
                const auto [found, is_new] = users.emplace(device, name);
                if (is_new) continue;
                const std::string path = port.link ? link_path(*port.link) + ".devices." + name
                                                   : plain_path(name) + ".device";
                report(path, "`" + device + "` is already the device of `" + found->second + "`",
                       "give every port a device of its own");
            }
        }
    }

    void check_reachable() {
        const Reach reach(fabric_);
        if (reach.is_whole()) return;
        for (std::size_t from = 0; from < fabric_.nodes.size(); ++from) {
            const FabricNode& source = fabric_.nodes[from];
            if (source.kind != NodeKind::kEndpoint) continue;
            for (std::size_t to = 0; to < fabric_.nodes.size() && !is_full(); ++to) {
                const FabricNode& target = fabric_.nodes[to];
                if (!target.gpu || from == to || reach.reaches(from, to)) continue;
                report(node_path(target),
                       "`" + target.name + "` cannot be reached from `" + source.name + "`",
                       "join them through switches; endpoints do not forward");
            }
        }
    }

    const Fabric& fabric_;
    std::vector<ConfigError> errors_;
};

void warn_of_gpu(const Fabric& fabric, GpuId gpu, const std::string& path,
                 std::vector<ConfigError>& warnings) {
    if (looks_like_unicast(gpu) || warnings.size() >= kReportedMax) return;
    warnings.push_back(fabric.error(
        path, "bits 9:8 of GPU-ID " + hex(gpu) + " are not `10`",
        "ordinary NICs may take its frames for multicast or foreign; use 0x0200 to 0x02ff, ..."));
}

bool is_used(const Fabric& fabric, ProfileId profile) {
    for (const FabricNode& node : fabric.nodes) {
        for (const FabricPort& port : node.ports) {
            if (port.profile == profile) return true;
        }
    }
    return false;
}

}  // namespace

GpuId generated_gpu_id(std::uint32_t i) {
    return {static_cast<std::uint16_t>(0x0200u | (i & 0xFFu) | ((i >> 8) << 10))};
}

bool looks_like_unicast(GpuId gpu) {
    return (gpu.value & 0x0300) == 0x0200;
}

std::vector<ConfigError> check_topology(const Fabric& fabric) {
    return Checker(fabric).run();
}

std::vector<ConfigError> topology_warnings(const Fabric& fabric) {
    std::vector<ConfigError> warnings;
    for (const FabricNode& node : fabric.nodes) {
        if (node.gpu) warn_of_gpu(fabric, *node.gpu, node_path(node) + ".gpu", warnings);
        if (node.workers > node.ports.size()) {
            warnings.push_back(
                fabric.error(node_path(node) + ".workers", "more poll loops than ports",
                             "set workers to at most " + std::to_string(node.ports.size())));
        }
        for (const FabricPort& port : node.ports) {
            const auto path = fabric.plain_port_paths.find(node.name + ":" + port.name);
            if (path == fabric.plain_port_paths.end()) continue;
            for (const GpuId gpu : port.gpus) {
                warn_of_gpu(fabric, gpu, path->second + ".gpu", warnings);
            }
        }
    }
    for (std::uint32_t i = 1; i < fabric.profiles.size(); ++i) {
        if (is_used(fabric, {i})) continue;
        warnings.push_back(fabric.error("profiles." + fabric.profiles[i].name,
                                        "no link or port uses this profile",
                                        "name it by `profile:` at a link, or remove it"));
    }
    return warnings;
}

std::vector<ConfigError> check_runs_alone(const Fabric& fabric, NodeId id) {
    std::vector<ConfigError> errors;
    const FabricNode& node = fabric.node(id);
    for (const FabricPort& port : node.ports) {
        if (!port.device.empty() || errors.size() >= kReportedMax) continue;
        const std::string name = node.name + ":" + port.name;
        const std::string path = port.link ? link_path(*port.link) + ".devices" : "ports";
        errors.push_back(fabric.error(
            path, "port `" + name + "` has no device, but `" + node.name + "` is to run alone",
            "add devices: {\"" + name + "\": \"0000:03:00.0\"} or a vdev such as net_memif0"));
    }
    return errors;
}

}  // namespace ethlink::control
