// SPDX-License-Identifier: BSD-3-Clause
// Enumerators as the fabric file spells them, durations as its keys count them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "control/config.h"
#include "proto/frame.h"
#include "proto/profile.h"
#include "proto/time.h"

namespace ethlink::control {

std::string_view word(NodeKind kind);
std::string_view word(PortKind kind);
std::string_view word(FcsMode value);
std::string_view word(FrameAction value);
std::string_view word(ThresholdMode value);
std::string_view word(WatchdogAction value);
std::string_view word(MemoryMode value);
std::string_view word(IdleMode value);
std::string_view word(TrafficPattern value);
std::string_view word(Keep value);

inline std::int64_t to_ns(Duration duration) {
    return duration.count();
}
inline std::int64_t to_us(Duration duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}
inline std::int64_t to_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace ethlink::control
