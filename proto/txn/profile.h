// SPDX-License-Identifier: BSD-3-Clause
// The limits and timers of the end-to-end layer.
#pragma once

#include <cstdint>

#include "proto/time.h"

namespace ethlink::txn {

/// What a channel is for. Each class has a request and a response VC of its own.
enum class ChannelClass : std::uint8_t { kLoadStore, kRdma, kCount };

/// What a timer meant.
enum class TimeEvent : std::uint8_t {
    kNone,
    kRetried,  // what is unacknowledged goes out again
    kFailed,   // no progress for give_up_after
};

struct TxnProfile {
    std::uint32_t transactions_max =
        1024;  // outstanding per channel; a power of two, at most 32,768
    std::uint32_t response_bytes_max = 64u << 10;  // load data that a target keeps per channel
    std::uint32_t items_max = 512;                 // sent and not acknowledged, per direction
    std::uint32_t frame_bytes_max = 2048;          // without VLAN tag and FCS
    Duration ack_delay = std::chrono::microseconds(20);   // an ACK waits no longer for company
    Duration retry_min = std::chrono::milliseconds(1);    // no progress for so long: send again;
    Duration retry_max = std::chrono::milliseconds(100);  // between these it follows the RTT
    Duration give_up_after = std::chrono::seconds(3);     // no progress: the channel fails
    std::uint8_t path_retries = 2;  // so many retries in a row on one path: try another one
};

/// Data bytes in one part of a message: whole cache lines, for the frame's size.
constexpr std::uint32_t part_bytes(const TxnProfile& profile) {
    constexpr std::uint32_t kAround = 32 + 20 + 8;  // headers and ICRC, item, immediate
    return (profile.frame_bytes_max - kAround) / 64 * 64;
}

}  // namespace ethlink::txn
