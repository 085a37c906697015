// SPDX-License-Identifier: BSD-3-Clause
// Who has just been handed frames within this thread, and is polled next (decision 0029).
#pragma once

#include <array>
#include <cstddef>

#include "dataplane/pollable.h"

namespace ethlink {

/// A few pollables of one thread, each at most once, in the order in which frames were handed to
/// them. Who finds no room waits for his place in the round, as without all this.
class FollowUps {
public:
    static constexpr std::size_t kMax = 8;

    void add(Pollable& receiver) {
        for (std::size_t i = first_; i < end_; ++i) {
            if (list_[i] == &receiver) return;
        }
        if (end_ < kMax) list_[end_++] = &receiver;
    }
    /// Null: nobody. After kMax takes since clear() there is nobody any more, so it ends.
    Pollable* take() { return first_ < end_ ? list_[first_++] : nullptr; }
    void clear() { first_ = end_ = 0; }

private:
    std::array<Pollable*, kMax> list_{};
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

}  // namespace ethlink
