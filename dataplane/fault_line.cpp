// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/fault_line.h"

namespace ethlink {

std::string_view name(FaultStat stat) {
    switch (stat) {
        case FaultStat::kPassed: return "passed";
        case FaultStat::kLost: return "lost";
        case FaultStat::kCorrupted: return "corrupted";
        case FaultStat::kDuplicated: return "duplicated";
        case FaultStat::kReordered: return "reordered";
        case FaultStat::kPoisoned: return "poisoned";
        case FaultStat::kAckDropped: return "ack_dropped";
        case FaultStat::kNackDropped: return "nack_dropped";
        case FaultStat::kCfUpdateDropped: return "cf_update_dropped";
        case FaultStat::kNoBuffer: return "no_buffer";
        case FaultStat::kCount: break;
    }
    return "none";
}

}  // namespace ethlink
