// SPDX-License-Identifier: BSD-3-Clause
// The link word: what one end of a link says to the other about the frame that carries it.
//
// Departs from UEC 1.0 section 5.1: there the LLR sequence number travels in the preamble, which no
// driver lets us touch. We put it where the OEFH has two reserved words, for one hop: the sending
// link writes it, the receiving link clears it, so it is zero wherever an ICRC is computed.
// Nothing outside this file knows the layout.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/byte_order.h"
#include "proto/ids.h"
#include "proto/wire/oefh.h"

namespace ethlink::wire {

/// eligible 1 | poisoned 1 | VC 5 | session 5 | sequence 20, most significant bit first.
struct LinkWord {
    static constexpr std::uint32_t kEligibleBit = std::uint32_t{1} << 31;
    static constexpr std::uint32_t kPoisonedBit = std::uint32_t{1} << 30;
    static constexpr int kVcShift = 25;
    static constexpr std::uint32_t kVcMask = 0x1F;
    static constexpr int kSessionShift = 20;
    static constexpr std::uint32_t kSessionMask = 0x1F;
    static constexpr std::uint32_t kSequenceMask = 0xF'FFFF;

    bool eligible{};           // part of the LLR sequence: session and sequence mean something
    bool poisoned{};           // damaged upstream: takes its place in the sequence, then dies
    Vc vc{};                   // 0..31; said on the wire so that both ends account the same one
    std::uint8_t session{};    // 0..31: the low bits of the sender's LLR epoch
    std::uint32_t sequence{};  // 0..2^20 - 1

    static constexpr LinkWord decode(std::uint32_t raw) {
        return {.eligible = (raw & kEligibleBit) != 0,
                .poisoned = (raw & kPoisonedBit) != 0,
                .vc = Vc{static_cast<std::uint8_t>((raw >> kVcShift) & kVcMask)},
                .session = static_cast<std::uint8_t>((raw >> kSessionShift) & kSessionMask),
                .sequence = raw & kSequenceMask};
    }

    /// Bits of a value beyond its field are cut off.
    constexpr std::uint32_t encode() const {
        return (eligible ? kEligibleBit : 0) | (poisoned ? kPoisonedBit : 0) |
               ((vc.value & kVcMask) << kVcShift) | ((session & kSessionMask) << kSessionShift) |
               (sequence & kSequenceMask);
    }

    /// The same word with the next sequence number.
    static constexpr std::uint32_t next(std::uint32_t raw) {
        return (raw & ~kSequenceMask) | ((raw + 1) & kSequenceMask);
    }

    friend constexpr bool operator==(const LinkWord&, const LinkWord&) = default;
};

/// `frame` points to offset 0 of a frame that has an OEFH, or of a link control frame.
inline std::uint32_t load_link_word(const std::byte* frame) {
    return load_be32(frame + kLinkWordOffset);
}
inline void store_link_word(std::byte* frame, std::uint32_t raw) {
    store_be32(frame + kLinkWordOffset, raw);
}

}  // namespace ethlink::wire
