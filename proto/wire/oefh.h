// SPDX-License-Identifier: BSD-3-Clause
// The OEFH, 14 bytes in the place of an Ethernet header: who, whom, how long, which path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/expected.h"
#include "proto/ids.h"

namespace ethlink::wire {

// IEEE 802 local experimental EtherTypes: EthLink's own is not public (docs/protocol.md).
inline constexpr std::uint16_t kEtherTypeData = 0x88B5;
inline constexpr std::uint16_t kEtherTypeControl = 0x88B6;

/// The shortest Ethernet frame without its FCS; what is shorter is padded with zeros.
inline constexpr std::size_t kEthernetMin = 60;

/// Offsets in the frame. The order of the fields is ours (docs/protocol.md).
inline constexpr std::size_t kDstOffset = 0;
inline constexpr std::size_t kTotalLengthOffset = kDstOffset + 2;
inline constexpr std::size_t kEntropyOffset = kTotalLengthOffset + 2;
inline constexpr std::size_t kSrcOffset = kEntropyOffset + 2;
inline constexpr std::size_t kLinkWordOffset = kSrcOffset + 2;
inline constexpr std::size_t kEtherTypeOffset = kLinkWordOffset + 4;
inline constexpr std::size_t kOefhSize = kEtherTypeOffset + 2;

/// The legal values of an OEFH. Its two reserved words are zero (but see link_word.h).
struct Oefh {
    static constexpr std::size_t kSize = kOefhSize;

    GpuId dst{};
    GpuId src{};
    std::uint16_t total_length{};  // bytes from Dst to the end of the ICRC, without the VLAN tag
    std::uint16_t entropy{};       // what equal paths are told apart by

    void emit(std::span<std::byte, kSize> out) const {
        store_be16(&out[kDstOffset], dst.value);
        store_be16(&out[kTotalLengthOffset], total_length);
        store_be16(&out[kEntropyOffset], entropy);
        store_be16(&out[kSrcOffset], src.value);
        store_be32(&out[kLinkWordOffset], 0);
        store_be16(&out[kEtherTypeOffset], kEtherTypeData);
    }

    friend bool operator==(const Oefh&, const Oefh&) = default;
};

/// An OEFH in somebody else's bytes. Only parse() can fail; it passes no judgement on the values.
class OefhView {
public:
    static Expected<OefhView, Drop> parse(std::span<const std::byte> bytes) {
        if (bytes.size() < kOefhSize) return Unexpected<Drop>(Drop::kRunt);
        return OefhView(bytes.data());
    }

    GpuId dst() const { return {load_be16(bytes_ + kDstOffset)}; }
    GpuId src() const { return {load_be16(bytes_ + kSrcOffset)}; }
    std::uint16_t total_length() const { return load_be16(bytes_ + kTotalLengthOffset); }
    std::uint16_t entropy() const { return load_be16(bytes_ + kEntropyOffset); }
    std::uint32_t link_word_raw() const { return load_be32(bytes_ + kLinkWordOffset); }
    /// The first type: 0x8100 if a VLAN tag stands in front of the EtherType.
    std::uint16_t ether_type() const { return load_be16(bytes_ + kEtherTypeOffset); }

    Oefh repr() const { return {dst(), src(), total_length(), entropy()}; }

private:
    explicit OefhView(const std::byte* bytes) : bytes_(bytes) {}

    const std::byte* bytes_;
};

}  // namespace ethlink::wire
