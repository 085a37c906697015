// SPDX-License-Identifier: BSD-3-Clause
// What an operator says of a link: LLR and CBFC parameters under SONiC's and SAI's names.
#pragma once

#include <array>
#include <cstdint>

#include "proto/ids.h"
#include "proto/time.h"

namespace ethlink {

/// What happens to LLR-desired frames while LLR is not running (SAI_LLR_FRAME_ACTION_*).
enum class FrameAction : std::uint8_t {
    kDiscard,     // dropped, counted as llr_tx_discard
    kBlock,       // not taken from the queue
    kBestEffort,  // sent without a sequence number
};

/// SAI_OBJECT_TYPE_PORT_LLR_PROFILE; keys as in SONiC's LLR_PROFILE (UEC Table 5-9).
struct LlrProfile {
    static constexpr std::uint32_t kOutstandingFramesCap = 524'288;  // Half of the 20-bit circle.
    static constexpr std::uint8_t kReplayForEver = 255;

    std::uint32_t max_outstanding_frames = 1024;     // 1 .. 524,288
    std::uint32_t max_outstanding_bytes = 2u << 20;  // at least one maximum frame
    Duration max_replay_timer = std::chrono::milliseconds(1);
    std::uint8_t max_replay_count = 200;                         // 1 .. 255; 255 = no limit
    Duration pcs_lost_timeout = std::chrono::milliseconds(100);  // 0 = at once
    Duration data_age_timeout = std::chrono::seconds(1);         // 0 = no limit
    FrameAction init_action = FrameAction::kBlock;
    FrameAction flush_action = FrameAction::kBlock;
    bool re_init_on_flush = true;
    std::uint32_t ctlos_spacing_bytes = 16'384;  // received bytes after which an ACK is due
    Duration init_interval = std::chrono::microseconds(100);  // LLR_INIT is repeated so often
    Duration ack_delay = std::chrono::microseconds(20);       // an ACK or CF_Update waits no longer
};

/// SAI_CBFC_CREDIT_PROFILE_ATTR_THRESHOLD_MODE.
enum class ThresholdMode : std::uint8_t {
    kNone,     // the reserved credits only
    kStatic,   // plus shared credits up to shared_static (0 = no limit)
    kDynamic,  // plus shared credits up to 2^shared_dynamic of those free in the pool
};

/// One virtual channel, as both ends of a link must agree on it.
struct VcProfile {
    bool lossless = true;     // credits (CBFC) are counted; a best-effort VC has none
    bool llr_desired = true;  // frames are LLR-eligible while LLR runs
    Credits reserved{512};    // the VC's own credits, 1 .. 2^19 - 1
    ThresholdMode threshold_mode = ThresholdMode::kNone;
    Credits shared_static{0};
    std::int8_t shared_dynamic = 0;  // -7 .. 7
    std::uint8_t priority = 0;  // strict: a higher number goes first; equal numbers share by DRR
    std::uint32_t quantum_bytes = 4096;  // DRR: bytes a turn, at least one maximum frame
    friend bool operator==(const VcProfile&, const VcProfile&) = default;
};

/// SAI_PORT_ATTR_CBFC_*: credit flow control of one port.
struct CbfcProfile {
    std::uint32_t credit_size = 64;    // bytes: 32, 64, 128, 256, 512, 1024 or 2048
    std::int32_t packet_overhead = 0;  // bytes, -16 .. 127
    Credits shared_size{0};            // SAI_CBFC_CREDIT_POOL_ATTR_SHARED_SIZE
    Duration cc_message_timer =
        std::chrono::milliseconds(1);  // CC_MESSAGE_TIMER; 0 = CC_Update off
    Duration cf_update_interval = std::chrono::microseconds(250);  // all CF_Updates are repeated
    friend bool operator==(const CbfcProfile&, const CbfcProfile&) = default;
};

/// Everything that the two ends of one link do the same way.
struct LinkProfile {
    bool llr_local = true;   // SAI_PORT_ATTR_LLR_MODE_LOCAL: accept LLR_INIT
    bool llr_remote = true;  // SAI_PORT_ATTR_LLR_MODE_REMOTE: send LLR_INIT
    bool cbfc = true;        // credits on lossless VCs
    LlrProfile llr;
    CbfcProfile cbfc_profile;
    std::uint8_t vc_count = 5;  // 1 .. 32
    std::array<VcProfile, kMaxVcs> vcs{};
};

}  // namespace ethlink
