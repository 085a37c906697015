// SPDX-License-Identifier: BSD-3-Clause
#include "control/fabric_digest.h"

#include <string_view>

#include "proto/fnv.h"

namespace ethlink::control {
namespace {

class Digest {
public:
    void add(std::uint64_t number) {
        for (int i = 0; i < 8; ++i, number >>= 8) hash_.add(static_cast<std::uint8_t>(number));
    }
    void add(std::string_view text) {
        add(text.size());  // "ab", "c" is not "a", "bc"
        hash_.add(text);
    }
    void add(PortRef ref) {
        add(ref.node.value);
        add(ref.port.value);
    }
    std::uint64_t value() const { return hash_.value(); }

private:
    Fnv1a<std::uint64_t> hash_;
};

}  // namespace

std::uint64_t digest_of(const Fabric& fabric) {
    constexpr std::uint64_t kNoGpu = 1u << 16;
    Digest digest;
    digest.add(fabric.name);
    digest.add(fabric.nodes.size());
    for (const FabricNode& node : fabric.nodes) {
        digest.add(node.name);
        digest.add(static_cast<std::uint64_t>(node.kind));
        digest.add(node.gpu ? node.gpu->value : kNoGpu);
        digest.add(node.tenant.value);
        digest.add(node.ports.size());
        for (const FabricPort& port : node.ports) {
            digest.add(port.name);
            digest.add(static_cast<std::uint64_t>(port.kind));
        }
    }
    for (const FabricLink& link : fabric.links) {
        digest.add(link.a);
        digest.add(link.b);
    }
    return digest.value();
}

}  // namespace ethlink::control
