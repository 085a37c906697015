// SPDX-License-Identifier: BSD-3-Clause
#include "proto/drop.h"

namespace ethlink {

std::string_view name(Drop reason) {
    switch (reason) {
        case Drop::kRunt: return "runt";
        case Drop::kOversize: return "oversize";
        case Drop::kMultiSegment: return "multi_segment";
        case Drop::kLengthMismatch: return "length_mismatch";
        case Drop::kUnknownEtherType: return "unknown_ethertype";
        case Drop::kReservedNonzero: return "reserved_nonzero";
        case Drop::kBadFcs: return "bad_fcs";
        case Drop::kControlMalformed: return "control_malformed";
        case Drop::kControlBadCrc: return "control_bad_crc";
        case Drop::kControlOnPlainPort: return "control_on_plain_port";
        case Drop::kUnknownVc: return "unknown_vc";
        case Drop::kCreditOverflow: return "credit_overflow";
        case Drop::kPoisoned: return "poisoned";
        case Drop::kTtlExpired: return "ttl_expired";
        case Drop::kSourceGuard: return "source_guard";
        case Drop::kTenantGuard: return "tenant_guard";
        case Drop::kUnknownDestination: return "unknown_destination";
        case Drop::kHairpin: return "hairpin";
        case Drop::kEgressDown: return "egress_down";
        case Drop::kQueueFull: return "queue_full";
        case Drop::kForwardingOff: return "forwarding_off";
        case Drop::kNotForMe: return "not_for_me";
        case Drop::kBadIcrc: return "bad_icrc";
        case Drop::kUnknownOpcode: return "unknown_opcode";
        case Drop::kUnknownVersion: return "unknown_version";
        case Drop::kTxnMalformed: return "txn_malformed";
        case Drop::kTxnUnknownChannel: return "txn_unknown_channel";
        case Drop::kTxnStale: return "txn_stale";
        case Drop::kTxnDuplicate: return "txn_duplicate";
        case Drop::kTxnGap: return "txn_gap";
        case Drop::kTxnNoRoom: return "txn_no_room";
        case Drop::kTxnKeyRate: return "txn_key_rate";
        case Drop::kLinkDiscard: return "link_discard";
        case Drop::kVcStuck: return "vc_stuck";
        case Drop::kTxNoBuffer: return "tx_no_buffer";
        case Drop::kPuntFull: return "punt_full";
        case Drop::kCount: break;
    }
    return "none";
}

}  // namespace ethlink
