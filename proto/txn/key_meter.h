// SPDX-License-Identifier: BSD-3-Clause
// Slows down who guesses keys: a bucket of errors that refills with time (T1).
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/time.h"

namespace ethlink::txn {

/// Refused accesses of one channel. While the bucket is empty the channel takes no requests: their
/// sender must try again later, and at one error a millisecond a key of 64 bits is not found. One
/// frame may hold more guesses than the bucket: it owes them.
class KeyMeter {
public:
    static constexpr std::uint32_t kBurst = 64;
    static constexpr Duration kRefill = std::chrono::milliseconds(1);

    void on_error(Time now) {
        refill(now);
        ++errors_;
        --left_;
    }
    bool is_empty(Time now) {
        refill(now);
        return left_ <= 0;
    }
    std::uint64_t errors() const { return errors_; }

private:
    void refill(Time now) {
        const std::int64_t gained = (now - refilled_) / kRefill;
        if (gained == 0) return;
        left_ = std::min<std::int64_t>(kBurst, left_ + gained);
        refilled_ = now;
    }

    std::uint64_t errors_ = 0;
    std::int64_t left_ = kBurst;  // below 0: owed
    Time refilled_{};
};

}  // namespace ethlink::txn
