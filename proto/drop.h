// SPDX-License-Identifier: BSD-3-Clause
// Every reason why a frame can be refused: each has a name, each name a counter, each counter a
// test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ethlink {

enum class Drop : std::uint8_t {
    // At the door: the bytes are no frame of ours.
    kRunt,              // shorter than its own headers
    kOversize,          // longer than the port's maximum
    kMultiSegment,      // scattered over several buffers
    kLengthMismatch,    // Total Length contradicts the bytes that arrived
    kUnknownEtherType,  // neither EthLink nor link control
    kReservedNonzero,   // reserved OEFH bits set where no link word can be (plain port)
    kBadFcs,            // software FCS wrong (not LLR-eligible, or on a plain port)
    // Link control.
    kControlMalformed,    // version, kind, count or length
    kControlBadCrc,       // its own CRC
    kControlOnPlainPort,  // link control where there is no link
    kUnknownVc,           // VC beyond those configured
    kCreditOverflow,      // the neighbour sent more than its credits
    kPoisoned,            // marked as damaged upstream
    // In the switch.
    kTtlExpired,
    kSourceGuard,  // Src GPU-ID is not the one bound to this port
    kTenantGuard,  // the tag is not the one bound to this port, or to that of the destination
    kUnknownDestination,  // no route
    kHairpin,             // would leave by the port it came from
    kEgressDown,          // every port towards the destination is down
    kQueueFull,           // best effort only; a lossless queue cannot fill
    kForwardingOff,       // no table published yet
    // At the endpoint.
    kNotForMe,
    kBadIcrc,
    kUnknownOpcode,
    kUnknownVersion,
    kTxnMalformed,       // items that are none, or that answer nothing that was asked
    kTxnUnknownChannel,  // of no channel that is open here; answered with a RESET
    kTxnStale,           // numbers far from the channel's present (T4, T5)
    kTxnDuplicate,       // taken before: acknowledged again, and that is all
    kTxnGap,             // something in front of it was lost: the peer will send both again
    kTxnNoRoom,          // more than the channel's limits, or no receive buffer: sent again later
    kTxnKeyRate,         // too many wrong keys on this channel: it is slowed down (T1)
    // Administrative.
    kLinkDiscard,  // init_action or flush_action says discard
    kVcStuck,      // the watchdog discards what an endpoint takes no more of
    kTxNoBuffer,   // the pool had no buffer for a best-effort copy
    kPuntFull,     // a hello that the control thread has no room for
    kCount
};

inline constexpr std::size_t kDropCount = static_cast<std::size_t>(Drop::kCount);

/// The counter's name: lower case, stable, as scripts see it.
std::string_view name(Drop reason);

}  // namespace ethlink
