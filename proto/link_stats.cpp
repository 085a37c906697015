// SPDX-License-Identifier: BSD-3-Clause
#include "proto/link_stats.h"

namespace ethlink {

std::string_view name(LinkStat stat) {
    switch (stat) {
        case LinkStat::kLlrTxInitCtlOs: return "llr_tx_init_ctl_os";
        case LinkStat::kLlrTxInitEchoCtlOs: return "llr_tx_init_echo_ctl_os";
        case LinkStat::kLlrTxAckCtlOs: return "llr_tx_ack_ctl_os";
        case LinkStat::kLlrTxNackCtlOs: return "llr_tx_nack_ctl_os";
        case LinkStat::kLlrTxDiscard: return "llr_tx_discard";
        case LinkStat::kLlrTxOk: return "llr_tx_ok";
        case LinkStat::kLlrTxPoisoned: return "llr_tx_poisoned";
        case LinkStat::kLlrTxReplay: return "llr_tx_replay";
        case LinkStat::kLlrRxInitCtlOs: return "llr_rx_init_ctl_os";
        case LinkStat::kLlrRxInitEchoCtlOs: return "llr_rx_init_echo_ctl_os";
        case LinkStat::kLlrRxAckCtlOs: return "llr_rx_ack_ctl_os";
        case LinkStat::kLlrRxNackCtlOs: return "llr_rx_nack_ctl_os";
        case LinkStat::kLlrRxAckNackSeqError: return "llr_rx_ack_nack_seq_error";
        case LinkStat::kLlrRxOk: return "llr_rx_ok";
        case LinkStat::kLlrRxPoisoned: return "llr_rx_poisoned";
        case LinkStat::kLlrRxBad: return "llr_rx_bad";
        case LinkStat::kLlrRxExpectedSeqGood: return "llr_rx_expected_seq_good";
        case LinkStat::kLlrRxExpectedSeqPoisoned: return "llr_rx_expected_seq_poisoned";
        case LinkStat::kLlrRxExpectedSeqBad: return "llr_rx_expected_seq_bad";
        case LinkStat::kLlrRxMissingSeq: return "llr_rx_missing_seq";
        case LinkStat::kLlrRxDuplicateSeq: return "llr_rx_duplicate_seq";
        case LinkStat::kLlrRxReplay: return "llr_rx_replay";
        case LinkStat::kCbfcNumCcUpdateMessagesTx: return "cbfc_num_cc_update_messages_tx";
        case LinkStat::kCbfcNumCfUpdateMessagesTx: return "cbfc_num_cf_update_messages_tx";
        case LinkStat::kCbfcNumCcUpdateMessagesRx: return "cbfc_num_cc_update_messages_rx";
        case LinkStat::kCbfcNumCfUpdateMessagesRx: return "cbfc_num_cf_update_messages_rx";
        case LinkStat::kLlrTxFlush: return "llr_tx_flush";
        case LinkStat::kLlrTxFlushedFrames: return "llr_tx_flushed_frames";
        case LinkStat::kLlrTxReplayed: return "llr_tx_replayed";
        case LinkStat::kLlrTxIneligible: return "llr_tx_ineligible";
        case LinkStat::kLlrRxIneligible: return "llr_rx_ineligible";
        case LinkStat::kLlrInitEchoMismatch: return "llr_init_echo_mismatch";
        case LinkStat::kLlrInitInvalid: return "llr_init_invalid";
        case LinkStat::kLlrRxNoSession: return "llr_rx_no_session";
        case LinkStat::kLlrRxNackSuppressed: return "llr_rx_nack_suppressed";
        case LinkStat::kLlrRxOtherEpoch: return "llr_rx_other_epoch";
        case LinkStat::kLlrNeighbourLost: return "llr_neighbour_lost";
        case LinkStat::kCbfcCfUpdateRefused: return "cbfc_cf_update_refused";
        case LinkStat::kCbfcCcUpdateRefused: return "cbfc_cc_update_refused";
        case LinkStat::kCbfcCreditsReconciled: return "cbfc_credits_reconciled";
        case LinkStat::kTxNoBuffer: return "tx_no_buffer";
        case LinkStat::kCount: break;
    }
    return "none";
}

}  // namespace ethlink
