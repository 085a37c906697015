// SPDX-License-Identifier: BSD-3-Clause
// What a link counts, under SAI's names (SAI_PORT_STAT_ dropped), and what else an operator asks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/counter.h"
#include "proto/ids.h"

namespace ethlink {

enum class LinkStat : std::uint8_t {
    // SAI, UEC Table 5-13.
    kLlrTxInitCtlOs,
    kLlrTxInitEchoCtlOs,
    kLlrTxAckCtlOs,
    kLlrTxNackCtlOs,
    kLlrTxDiscard,   // dropped by init_action or flush_action
    kLlrTxOk,        // eligible frames sent, replays included
    kLlrTxPoisoned,  // the same, poisoned
    kLlrTxReplay,    // replays completed
    kLlrRxInitCtlOs,
    kLlrRxInitEchoCtlOs,
    kLlrRxAckCtlOs,
    kLlrRxNackCtlOs,
    kLlrRxAckNackSeqError,
    kLlrRxOk,  // eligible frames received good, duplicates included
    kLlrRxPoisoned,
    kLlrRxBad,
    kLlrRxExpectedSeqGood,
    kLlrRxExpectedSeqPoisoned,
    kLlrRxExpectedSeqBad,
    kLlrRxMissingSeq,  // frames whose number revealed a gap
    kLlrRxDuplicateSeq,
    kLlrRxReplay,  // replays seen to begin
    kCbfcNumCcUpdateMessagesTx,
    kCbfcNumCfUpdateMessagesTx,
    kCbfcNumCcUpdateMessagesRx,
    kCbfcNumCfUpdateMessagesRx,
    // Testers' names (Xena) and ours.
    kLlrTxFlush,          // entries into FLUSH: SAI_PORT_ERROR_STATUS_LLR_TX_FLUSH
    kLlrTxFlushedFrames,  // frames given up by them
    kLlrTxReplayed,       // frames sent again
    kLlrTxIneligible,     // frames sent without a number
    kLlrRxIneligible,     // good frames received without a number
    kLlrInitEchoMismatch,
    kLlrInitInvalid,         // LLR_INIT refused: LLR off here, or no epoch
    kLlrRxNoSession,         // frames of a session that is not ours
    kLlrRxNackSuppressed,    // NACKs for a gap whose replay had just begun
    kLlrRxOtherEpoch,        // ACK, NACK or CF_Update of another session
    kLlrNeighbourLost,       // sessions ended because the neighbour no longer knew them
    kCbfcCfUpdateRefused,    // stale or absurd (C6)
    kCbfcCcUpdateRefused,    // outside the LLR sequence although LLR runs
    kCbfcCreditsReconciled,  // credits that CC_Updates gave back
    kTxNoBuffer,             // the pool had no buffer for a control frame or a copy: sent later
    kCount
};

std::string_view name(LinkStat stat);

/// One VC of one link, by frames and bytes (FCS and preamble not counted; replays not counted).
struct VcStats {
    Counter tx_frames, tx_bytes, rx_frames, rx_bytes;
    Gauge sender_credits_used_watermark;  // SAI_VIRTUAL_CHANNEL_STAT_SENDER_CREDITS_USED_WATERMARK
};

/// The state of a link as other threads may read it; refreshed by Link::publish().
struct LinkStatus {
    Gauge llr_tx_state, llr_rx_state;  // LlrTxState, LlrRxState
    Gauge outstanding_frames, outstanding_bytes, replay_count;
    Gauge tx_epoch, rx_epoch;
    Gauge rtt_ns;  // from sending a frame to its ACK, one frame at a time, smoothed by 1/8
    struct PerVc {
        Gauge sender_credits_used, sender_credits_consumed, sender_credits_freed;
        Gauge receiver_credits_consumed, receiver_credits_freed;
    };
    std::array<PerVc, kMaxVcs> vcs;
    std::array<Counter, 5> ns_in_tx_state;  // by LlrTxState
};

struct LinkStats {
    /// LLR_RX_OK and LLR_RX_POISONED include the expected frames, which are not counted twice.
    std::uint64_t read(LinkStat stat) const {
        const std::uint64_t n = counters.read(stat);
        if (stat == LinkStat::kLlrRxOk) return n + counters.read(LinkStat::kLlrRxExpectedSeqGood);
        if (stat != LinkStat::kLlrRxPoisoned) return n;
        return n + counters.read(LinkStat::kLlrRxExpectedSeqPoisoned);
    }

    CounterSet<LinkStat> counters;
    std::array<VcStats, kMaxVcs> vcs;
    LinkStatus status;
};

}  // namespace ethlink
