// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime/txn_host.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ethlink::control {
namespace {

// Headers and ICRC, a store of the longest line, and room for what is to come.
constexpr std::uint32_t kFrameBytesMin = 320;

constexpr std::array<std::string_view, 4> kVcNames = {"ls-request", "ls-response", "rdma-request",
                                                      "rdma-response"};

/// The VCs for transactions, in the order of kVcNames: those of these names, or else the first four
/// lossless ones.
std::vector<Vc> find_vcs(const Profile& profile) {
    std::vector<Vc> named, lossless;
    for (const std::string_view name : kVcNames) {
        if (const auto vc = profile.find_vc(name)) named.push_back(*vc);
    }
    for (std::uint8_t i = 0; i < profile.link.vc_count; ++i) {
        if (profile.link.vcs[i].lossless) lossless.push_back(Vc{i});
    }
    return named.size() == kVcNames.size() ? named : lossless;
}

}  // namespace

std::optional<std::string> why_no_remote_memory(const Fabric& fabric) {
    const Profile& profile = fabric.profiles.front();
    if (const std::size_t n = find_vcs(profile).size(); n < kVcNames.size()) {
        return "it needs four lossless VCs (requests and responses of Load/Store and of RDMA), and "
               "profile `" +
               profile.name + "` has " + std::to_string(n);
    }
    if (profile.max_frame_bytes < kFrameBytesMin) {
        return "a frame must hold a line of 256 bytes: max_frame_bytes of at least " +
               std::to_string(kFrameBytesMin);
    }
    return std::nullopt;
}

namespace {

TxnIdentity make_identity(const Fabric& fabric, const FabricNode& node) {
    const Profile& profile = fabric.profiles.front();
    const std::vector<Vc> vcs = find_vcs(profile);
    TxnIdentity identity;
    identity.self = *node.gpu;
    identity.tenant = node.tenant;
    identity.ports = static_cast<std::uint16_t>(std::min<std::size_t>(node.ports.size(), 32));
    for (std::size_t i = 0; i < identity.classes.size() && i * 2 + 1 < vcs.size(); ++i) {
        const Vc request = vcs[i * 2], response = vcs[i * 2 + 1];
        identity.classes[i] = {request, response, profile.dscp_of(request),
                               profile.dscp_of(response)};
    }
    return identity;
}

}  // namespace

std::unique_ptr<TxnHost> make_txn_host(const Fabric& fabric, NodeId node, SecretRandom random,
                                       CycleMeter::ReadClock read_clock) {
    TxnIdentity identity = make_identity(fabric, fabric.node(node));
    identity.epoch = random.next();
    txn::TxnProfile profile = fabric.profiles.front().transport;
    profile.frame_bytes_max = std::max(fabric.profiles.front().max_frame_bytes, kFrameBytesMin);
    TxnLimits limits;
    if (why_no_remote_memory(fabric)) limits.initiators = limits.targets = 0;
    return std::make_unique<TxnHost>(identity, profile, limits, random, read_clock);
}

}  // namespace ethlink::control
