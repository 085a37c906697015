// SPDX-License-Identifier: BSD-3-Clause
// The words of the file's enumerations.
#include "control/report_words.h"

#include <string_view>

namespace ethlink::control {

std::string_view word(NodeKind kind) {
    switch (kind) {
        case NodeKind::kSwitch: return "switch";
        case NodeKind::kEndpoint: return "endpoint";
    }
    return "";
}

std::string_view word(PortKind kind) {
    switch (kind) {
        case PortKind::kLink: return "link";
        case PortKind::kPlain: return "plain";
    }
    return "";
}

std::string_view word(FcsMode mode) {
    switch (mode) {
        case FcsMode::kAuto: return "auto";
        case FcsMode::kHardware: return "hardware";
        case FcsMode::kSoftware: return "software";
    }
    return "";
}

std::string_view word(FrameAction action) {
    switch (action) {
        case FrameAction::kDiscard: return "discard";
        case FrameAction::kBlock: return "block";
        case FrameAction::kBestEffort: return "best_effort";
    }
    return "";
}

std::string_view word(ThresholdMode mode) {
    switch (mode) {
        case ThresholdMode::kNone: return "none";
        case ThresholdMode::kStatic: return "static";
        case ThresholdMode::kDynamic: return "dynamic";
    }
    return "";
}

std::string_view word(WatchdogAction action) {
    switch (action) {
        case WatchdogAction::kDisable: return "disable";
        case WatchdogAction::kAlert: return "alert";
        case WatchdogAction::kDrop: return "drop";
    }
    return "";
}

std::string_view word(MemoryMode mode) {
    switch (mode) {
        case MemoryMode::kAuto: return "auto";
        case MemoryMode::kHugepages: return "hugepages";
        case MemoryMode::kInMemory: return "in-memory";
        case MemoryMode::kNoHuge: return "no-huge";
    }
    return "";
}

std::string_view word(IdleMode mode) {
    switch (mode) {
        case IdleMode::kPoll: return "poll";
        case IdleMode::kSleep: return "sleep";
    }
    return "";
}

std::string_view word(TrafficPattern pattern) {
    switch (pattern) {
        case TrafficPattern::kPairs: return "pairs";
        case TrafficPattern::kAllToAll: return "all-to-all";
        case TrafficPattern::kPermutation: return "permutation";
        case TrafficPattern::kIncast: return "incast";
    }
    return "";
}

std::string_view word(Keep keep) {
    switch (keep) {
        case Keep::kShare: return "share";
        case Keep::kCopy: return "copy";
        case Keep::kLend: return "lend";
    }
    return "";
}

}  // namespace ethlink::control
