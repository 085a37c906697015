// SPDX-License-Identifier: BSD-3-Clause
// A control ordered set: one message of a link's retry or credit machine, 8 bytes.
//
// Departs from UEC 1.0 section 5: there an ordered set is a PCS code block between frames; ours are
// collected in a link control frame (control_frame.h), and a CF_Update carries all 20 bits of a
// counter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/byte_order.h"
#include "proto/drop.h"
#include "proto/expected.h"
#include "proto/ids.h"

namespace ethlink::wire {

enum class CtlOsType : std::uint8_t {
    kAck = 0x01,       // value = sequence number; arg = 0
    kNack = 0x02,      // value = sequence number; arg = 0
    kInit = 0x03,      // value = init_seq; arg = init_data = the sender's new epoch
    kInitEcho = 0x04,  // value and arg of the LLR_INIT that it answers
    kCfUpdate = 0x10,  // value = R_CF, credits freed so far; arg = VC
};

/// The name in text output, or an empty one for a byte that is no type.
constexpr std::string_view name(CtlOsType type) {
    switch (type) {
        case CtlOsType::kAck: return "LLR_ACK";
        case CtlOsType::kNack: return "LLR_NACK";
        case CtlOsType::kInit: return "LLR_INIT";
        case CtlOsType::kInitEcho: return "LLR_INIT_ECHO";
        case CtlOsType::kCfUpdate: return "CF_Update";
    }
    return {};
}

/// 0x5C | type | value[19:12] | value[11:4] | value[3:0], 0x6 | arg[15:8] | arg[7:0] | 0x00
struct CtlOs {
    static constexpr std::size_t kSize = 8;
    static constexpr std::uint8_t kFirstByte = 0x5C;
    static constexpr std::uint8_t kOrderedSetNibble = 0x6;
    static constexpr std::uint32_t kValueMask = 0xF'FFFF;

    CtlOsType type{};
    std::uint32_t value{};  // 0..2^20 - 1
    std::uint16_t arg{};

    /// Of a CF_Update. 0..31 in every set that came through parse().
    constexpr Vc vc() const { return Vc{static_cast<std::uint8_t>(arg)}; }

    /// Bits of the value beyond its field are cut off.
    void emit(std::span<std::byte, kSize> out) const {
        out[0] = std::byte{kFirstByte};
        out[1] = static_cast<std::byte>(type);
        out[2] = static_cast<std::byte>((value >> 12) & 0xFF);
        out[3] = static_cast<std::byte>((value >> 4) & 0xFF);
        out[4] = static_cast<std::byte>(((value & 0xF) << 4) | kOrderedSetNibble);
        store_be16(&out[5], arg);
        out[7] = std::byte{0};
    }

    /// The fields, whatever the framing says. For sets that parse() has seen, and for printing.
    static CtlOs decode(std::span<const std::byte, kSize> bytes) {
        return {.type = static_cast<CtlOsType>(bytes[1]),
                .value = (load_be32(&bytes[1]) >> 4) & kValueMask,
                .arg = load_be16(&bytes[5])};
    }

    /// kControlMalformed unless framing and type are right and a CF_Update's VC exists.
    static Expected<CtlOs, Drop> parse(std::span<const std::byte, kSize> bytes) {
        const CtlOs set = decode(bytes);
        const bool framed = bytes[0] == std::byte{kFirstByte} &&
                            (bytes[4] & std::byte{0x0F}) == std::byte{kOrderedSetNibble} &&
                            bytes[7] == std::byte{0};
        if (!framed || name(set.type).empty()) return Unexpected<Drop>(Drop::kControlMalformed);
        if (set.type == CtlOsType::kCfUpdate && set.arg >= kMaxVcs) {
            return Unexpected<Drop>(Drop::kControlMalformed);
        }
        return set;
    }

    friend constexpr bool operator==(const CtlOs&, const CtlOs&) = default;
};

}  // namespace ethlink::wire
