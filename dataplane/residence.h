// SPDX-License-Identifier: BSD-3-Clause
// How long frames stay in a node: a sample of them is followed from receive to transmit.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/histogram.h"
#include "proto/time.h"

namespace ethlink {

/// The loop reads the clock once a turn, so a frame that comes and goes in one turn would seem to
/// take no time. Its departure therefore counts as the start of the next turn: the residence time
/// is never too short, and at most one turn too long.
class Residence {
public:
    /// A new turn has begun.
    void turn(Time now) {
        now_ = now;
        if (left_count_ > 0) record();
        fresh_ = true;
    }

    /// A frame came in. The first of each turn gets a number, the others 0.
    std::uint8_t entered() {
        if (!fresh_ || free_count_ == 0) [[likely]]
            return 0;
        fresh_ = false;
        const std::uint8_t sample = free_[--free_count_];
        since_[sample] = now_;
        return sample;
    }
    void left(std::uint8_t sample) { left_[left_count_++] = sample; }

    const Histogram& histogram() const { return histogram_; }

private:
    static constexpr std::size_t kSamples = 64;

    void record() {
        for (std::size_t i = 0; i < left_count_; ++i) {
            histogram_.add(static_cast<std::uint64_t>((now_ - since_[left_[i]]).count()));
            free_[free_count_++] = left_[i];
        }
        left_count_ = 0;
    }

    static constexpr std::array<std::uint8_t, kSamples> all_free() {
        std::array<std::uint8_t, kSamples> free{};
        for (std::size_t i = 0; i < kSamples; ++i) free[i] = static_cast<std::uint8_t>(i + 1);
        return free;
    }

    Time now_{};
    bool fresh_ = false;
    std::size_t free_count_ = kSamples;
    std::size_t left_count_ = 0;
    std::array<std::uint8_t, kSamples> free_ = all_free();
    std::array<std::uint8_t, kSamples> left_{};
    std::array<Time, kSamples + 1> since_{};
    Histogram histogram_;
};

}  // namespace ethlink
