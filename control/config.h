// SPDX-License-Identifier: BSD-3-Clause
// The fabric: what one YAML file says of nodes, ports, links and profiles, checked and complete.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_error.h"
#include "control/pktgen/traffic_matrix.h"
#include "dataplane/fault_options.h"
#include "dataplane/vc_watchdog.h"
#include "proto/expected.h"
#include "proto/ids.h"
#include "proto/profile.h"
#include "proto/time.h"
#include "proto/txn/profile.h"
#include "proto/vc_map.h"

namespace ethlink::control {

/// An index into Fabric::nodes.
using NodeId = Id<struct NodeIdTag, std::uint32_t>;

/// An index into Fabric::profiles.
using ProfileId = Id<struct ProfileIdTag, std::uint32_t>;

/// One port of one node.
struct PortRef {
    NodeId node;
    PortId port;
    friend auto operator<=>(const PortRef&, const PortRef&) = default;
};

enum class NodeKind : std::uint8_t { kSwitch, kEndpoint };

enum class PortKind : std::uint8_t {
    kLink,   // LLR and CBFC with the neighbour
    kPlain,  // best effort, no EthLink neighbour: packet generators, ordinary hosts. Of an
             // endpoint: whom it cannot reach by a link it looks for there.
};

/// Who checks a frame's FCS (key `fcs`).
enum class FcsMode : std::uint8_t {
    kAuto,      // software on a link with faults, else hardware
    kHardware,  // the medium: a NIC, or memory that cannot damage a frame
    kSoftware,  // we do: 4 bytes more per frame
};

/// How the memory of the buffers is taken (EAL).
enum class MemoryMode : std::uint8_t { kAuto, kHugepages, kInMemory, kNoHuge };

/// What a worker does in a turn without a frame.
enum class IdleMode : std::uint8_t { kPoll, kSleep };

/// What a profile says of a VC beyond what the link must know.
struct VcNames {
    std::string name;                   // "ls-request"
    std::vector<std::uint8_t> dscp;     // classified into this VC; endpoints write the first one
    std::vector<std::uint8_t> pcp_dei;  // tagged frames: PCP * 2 + DEI; where any VC lists some
};

/// A named set of link parameters. All profiles of a fabric agree on VCs and max_frame_bytes,
/// because a switch moves a frame from link to link without changing either.
struct Profile {
    std::string name;
    std::uint32_t max_frame_bytes = 2048;  // headers included; without the 802.1Q tag and the FCS
    std::uint32_t best_effort_queue_frames = 256;  // per port and VC without credits
    FcsMode fcs = FcsMode::kAuto;
    LinkProfile link;
    WatchdogProfile watchdog;   // of what switches send by such a link
    txn::TxnProfile transport;  // of all endpoints: only that of `default` says anything
    std::array<VcNames, kMaxVcs> vc_names;  // link.vc_count of them are in use
    // Of frames that come in by a plain port. What no VC lists: the best-effort VC, else VC 0.
    VcMap vc_map{VcMap::ByDscp{}};

    std::optional<Vc> find_vc(std::string_view vc_name) const;
    std::optional<Vc> best_effort_vc() const;  // the first VC without credits
    std::uint8_t dscp_of(Vc vc) const;         // what endpoints write: its first one, or 0
};

struct FabricPort {
    std::string name;  // "e0"; FabricNode::ports is sorted by name, numbers counting as numbers
    PortKind kind = PortKind::kLink;
    ProfileId profile;
    std::optional<PortRef> peer;      // link ports
    std::optional<std::size_t> link;  // link ports: the index into Fabric::links
    // GPU-IDs at the far end: only these may be the source of a frame that arrives here, and frames
    // for them leave here. Empty: any source (a link between switches, an unbound plain port).
    std::vector<GpuId> gpus;
    Tenant tenant;                 // the tag that frames of this port must carry; 0 = untagged
    std::string device;            // DPDK device or vdev string; empty: the in-process wire
    bool software_fcs = false;     // FcsMode resolved; the same at both ends
    FaultOptions transmit_faults;  // on frames that leave here, with a seed of its own
};

struct FabricNode {
    std::string name;  // "leaf0"
    NodeKind kind = NodeKind::kSwitch;
    std::uint32_t workers = 1;  // poll loops; port i belongs to worker i % workers
    std::optional<GpuId> gpu;   // endpoints
    Tenant tenant;              // endpoints; 0 = untagged
    std::vector<FabricPort> ports;

    std::optional<PortId> find_port(std::string_view port_name) const;
};

struct FabricLink {
    PortRef a;
    PortRef b;
    ProfileId profile;
    FaultOptions a_to_b;
    FaultOptions b_to_a;
};

struct Runtime {
    std::uint32_t workers =
        0;  // poll threads of the process; 0 = auto: one per CPU, as far as useful
    IdleMode idle = IdleMode::kSleep;
    Duration idle_sleep = std::chrono::microseconds(50);
    Duration idle_sleep_max = std::chrono::microseconds(500);
    // Of hellos to each neighbour, who is taken for dead after ten without one; 0 = none.
    Duration hello_interval = std::chrono::milliseconds(100);
    MemoryMode memory = MemoryMode::kAuto;
    std::uint32_t memory_mb = 0;      // refuse a plan that needs more; 0 = no limit
    std::uint32_t wire_frames = 512;  // in-process wire: frames per direction, power of two
    // Frames an endpoint has ready, per port and VC: two bursts. More would leave the cache
    // meanwhile.
    std::uint32_t endpoint_queue_frames = 64;
    std::uint32_t rx_descriptors = 1024;    // devices: power of two
    std::uint32_t tx_descriptors = 1024;    // devices: power of two
    std::uint32_t pool_cache_frames = 256;  // mempool cache of one thread
};

/// What `ethlink lab` sends when told nothing else.
struct Traffic {
    TrafficPattern pattern = TrafficPattern::kAllToAll;
    std::string frame_size = "256";  // with FCS: bytes, a list, a mix, imix (FrameSizes::parse)
    Duration duration = std::chrono::seconds(3);
    std::uint64_t seed = 1;
    std::uint64_t rate_pps = 0;  // per endpoint; 0 = as fast as the credits allow
    Vc vc{2};                    // key `vc`, a name; rdma-request by default
};

/// A whole fabric. Plain data, valid once load() has returned it.
struct Fabric {
    std::string name;
    std::string file;               // as given to load()
    std::vector<Profile> profiles;  // the first one is `default`
    std::vector<FabricNode> nodes;
    std::vector<FabricLink> links;
    Runtime runtime;
    Traffic traffic;
    std::vector<ConfigError> warnings;
    std::map<std::string, Mark, std::less<>> marks;       // path of a key -> where it stands
    std::map<std::string, std::string> plain_port_paths;  // "leaf0:p0" -> "ports[0]"

    std::optional<NodeId> find_node(std::string_view node_name) const;
    const FabricNode& node(NodeId id) const { return nodes[id.value]; }
    const FabricPort& port(PortRef ref) const {
        return nodes[ref.node.value].ports[ref.port.value];
    }
    const Profile& profile(ProfileId id) const { return profiles[id.value]; }
    std::string port_name(PortRef ref) const;  // "leaf0:e0"

    /// A mistake at `path`; if that key is not written in the file, at the nearest one above it.
    ConfigError error(std::string path, std::string why, std::string hint = {}) const;
};

/// "0x0200", as GPU-IDs are shown everywhere.
std::string hex(GpuId gpu);

/// Reads and checks a file. All mistakes that can be told apart are reported, in file order.
[[nodiscard]] Expected<Fabric, std::vector<ConfigError>> load(const std::string& path);

/// The same for what a stream still holds; `name` stands for the file in messages.
[[nodiscard]] Expected<Fabric, std::vector<ConfigError>> load(std::istream& stream,
                                                              const std::string& name);

/// The same for a text in memory; `name` stands for the file in messages.
[[nodiscard]] Expected<Fabric, std::vector<ConfigError>> load_text(std::string_view text,
                                                                   const std::string& name);

}  // namespace ethlink::control
