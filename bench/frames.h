// SPDX-License-Identifier: BSD-3-Clause
// Data frames for benchmarks: legal ones, with payload, of any size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "proto/ids.h"
#include "proto/wire/build.h"
#include "proto/wire/frame.h"
#include "proto/wire/net_header.h"
#include "proto/wire/txn_header.h"

namespace ethlink::bench {

inline constexpr std::uint32_t kFcsBytes = 4;

/// `bytes` without the FCS, at least 60.
inline std::vector<std::byte> make_frame(GpuId src, GpuId dst, std::uint32_t bytes,
                                         std::uint16_t entropy = 0) {
    const std::vector<std::byte> payload(bytes - wire::kMinTotalLength, std::byte{0x5A});
    wire::DataFrame frame;
    frame.dst = dst;
    frame.src = src;
    frame.entropy = entropy;
    frame.net.ttl = 15;
    frame.txn.opcode = wire::Opcode::kTest;
    frame.payload = payload;
    std::vector<std::byte> result(frame.size());
    if (frame.emit(result) != bytes) throw std::runtime_error("a frame of no legal size");
    return result;
}

}  // namespace ethlink::bench
