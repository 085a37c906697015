// SPDX-License-Identifier: BSD-3-Clause
// All that a simulation may do to what it tests, by name: what a seed switches on or off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ethlink::sim {

/// Names as in ETHLINK_ONLY and in the summary: name(Fault).
enum class Fault : std::uint8_t {
    // Of a wire. Counted by frame.
    kLoss,
    kBurst,        // several frames in a row vanish
    kBitError,     // one bit anywhere
    kHeaderError,  // one bit of the link word, or next to it
    kResize,       // cut short, or bytes too many
    kDuplicate,
    kReorder,
    kStale,  // a copy comes again much later
    kAckLoss,
    kNackLoss,
    kPoison,  // marked as damaged further back
    // Of a wire. Counted once a seed.
    kDelay,
    kJitter,
    kNarrow,  // a wire slower than its ends
    // What happens to it. Counted each time.
    kCut,       // a cable passes nothing for a while
    kLinkDown,  // and its ends are told so
    kRestart,   // a process loses its memory
    kFreeze,    // a process stands still for a while
    kDeadPort,  // a path is gone from the beginning
    kNewTable,  // tables are published while frames flow
    // How it is built. Counted once a seed.
    kTinyWindow,
    kTinyCredits,
    kSharedCredits,
    kSlowReceiver,
    kSlowSender,
    kManyWorkers,
    kCount
};

constexpr std::string_view name(Fault fault) {
    switch (fault) {
        case Fault::kLoss: return "loss";
        case Fault::kBurst: return "burst";
        case Fault::kBitError: return "bit_error";
        case Fault::kHeaderError: return "header_error";
        case Fault::kResize: return "resize";
        case Fault::kDuplicate: return "duplicate";
        case Fault::kReorder: return "reorder";
        case Fault::kStale: return "stale";
        case Fault::kAckLoss: return "ack_loss";
        case Fault::kNackLoss: return "nack_loss";
        case Fault::kPoison: return "poison";
        case Fault::kDelay: return "delay";
        case Fault::kJitter: return "jitter";
        case Fault::kNarrow: return "narrow";
        case Fault::kCut: return "cut";
        case Fault::kLinkDown: return "link_down";
        case Fault::kRestart: return "restart";
        case Fault::kFreeze: return "freeze";
        case Fault::kDeadPort: return "dead_port";
        case Fault::kNewTable: return "new_table";
        case Fault::kTinyWindow: return "tiny_window";
        case Fault::kTinyCredits: return "tiny_credits";
        case Fault::kSharedCredits: return "shared_credits";
        case Fault::kSlowReceiver: return "slow_receiver";
        case Fault::kSlowSender: return "slow_sender";
        case Fault::kManyWorkers: return "many_workers";
        case Fault::kCount: break;
    }
    return "none";
}

class FaultSet {
public:
    constexpr FaultSet() = default;
    static constexpr FaultSet all() {
        return FaultSet((1u << static_cast<std::uint32_t>(Fault::kCount)) - 1);
    }
    constexpr bool has(Fault fault) const { return (bits_ & bit(fault)) != 0; }
    constexpr void add(Fault fault) { bits_ |= bit(fault); }
    constexpr void remove(Fault fault) { bits_ &= ~bit(fault); }
    friend constexpr bool operator==(FaultSet, FaultSet) = default;

private:
    explicit constexpr FaultSet(std::uint32_t bits) : bits_(bits) {}
    static constexpr std::uint32_t bit(Fault fault) {
        return 1u << static_cast<std::uint32_t>(fault);
    }
    static_assert(static_cast<std::size_t>(Fault::kCount) < 32);

    std::uint32_t bits_ = 0;
};

}  // namespace ethlink::sim
