// SPDX-License-Identifier: BSD-3-Clause
// A whole data frame as values: what generators and tests write, and tests read back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proto/drop.h"
#include "proto/expected.h"
#include "proto/ids.h"
#include "proto/wire/net_header.h"
#include "proto/wire/txn_header.h"
#include "proto/wire/vlan.h"

namespace ethlink::wire {

/// Everything of a data frame that is not derived: lengths, ICRC and pad are.
struct DataFrame {
    GpuId dst{};
    GpuId src{};
    std::uint16_t entropy{};
    std::optional<VlanTag> vlan;
    NetHeader net;
    TxnHeader txn;
    std::span<const std::byte> payload;  // behind the base header; somebody else's bytes

    std::size_t total_length() const;
    /// What emit() needs and writes: with the tag, and the pad up to 60 bytes.
    std::size_t size() const;

    /// Writes the frame, ICRC and pad included, the link word zero, and gives its size. 0, and
    /// nothing written, if `out` is shorter than size() or Total Length does not fit its 16 bits.
    [[nodiscard]] std::size_t emit(std::span<std::byte> out) const;
};

/// The values of a frame that passes parse() and TxnView::parse(); kUnknownEtherType for link
/// control. The ICRC is not looked at. `payload` points into `bytes`.
[[nodiscard]] Expected<DataFrame, Drop> read_data_frame(std::span<const std::byte> bytes);

}  // namespace ethlink::wire
