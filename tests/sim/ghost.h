// SPDX-License-Identifier: BSD-3-Clause
// Test frames that carry their own number, so that whoever receives them can say what is missing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/byte_order.h"
#include "proto/ids.h"
#include "proto/wire/build.h"
#include "proto/wire/frame.h"
#include "proto/wire/icrc.h"
#include "tests/sim/frame.h"

namespace ethlink::sim {

/// The number of a frame within its stream, and what the stream is.
struct Ghost {
    GpuId src{}, dst{};
    Vc vc{};
    std::uint64_t number = 0;
};

inline constexpr std::uint32_t kGhostMin = 60;  // bytes, without FCS

/// What a ghost looks like on its way, beyond who sends it to whom.
struct GhostLook {
    std::uint16_t entropy = 0;
    bool ar = false;
    std::uint8_t ttl = 4;
    std::uint8_t dscp = 0;
    std::optional<wire::VlanTag> vlan = {};
};

/// A frame of `bytes` bytes (at least kGhostMin, and a tag more with one) that carries `ghost`.
inline SimFrame make_ghost(FramePool& pool, const Ghost& ghost, std::uint32_t bytes,
                           const GhostLook& look = {}) {
    const std::size_t tag = look.vlan ? wire::VlanTag::kSize : 0;
    std::vector<std::byte> payload(bytes - tag - wire::kMinTotalLength, std::byte{0x5A});
    store_be64(payload.data(), ghost.number);
    payload[8] = static_cast<std::byte>(ghost.vc.value);
    const wire::DataFrame repr{.dst = ghost.dst,
                               .src = ghost.src,
                               .entropy = look.entropy,
                               .vlan = look.vlan,
                               .net = {.ar = look.ar, .ttl = look.ttl, .dscp = look.dscp},
                               .txn = {.opcode = wire::Opcode::kTest},
                               .payload = payload};
    SimFrame frame = pool.allocate(bytes);
    if (frame && repr.emit(frame.bytes()) != bytes) frame = SimFrame();
    return frame;
}

/// What the frame carries, or nothing if its bytes are not as they were made.
inline std::optional<Ghost> read_ghost(const SimFrame& frame) {
    const auto view = wire::parse(frame.bytes());
    if (!view || view->is_control() || !wire::check_icrc(*view)) return {};
    const auto payload = view->txn_bytes().subspan(wire::TxnHeader::kSize);
    return Ghost{view->src(), view->dst(), Vc{std::to_integer<std::uint8_t>(payload[8])},
                 load_be64(payload.data())};
}

}  // namespace ethlink::sim
