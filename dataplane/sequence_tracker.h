// SPDX-License-Identifier: BSD-3-Clause
// What a receiver can say of one stream of numbered frames: in order, late, twice, missing.
#pragma once

#include <array>
#include <cstdint>

namespace ethlink {

/// Numbers count from 0. Exact as long as no frame is late by kWindow or more.
class SequenceTracker {
public:
    static constexpr std::uint64_t kWindow = 4096;

    enum class Verdict : std::uint8_t {
        kInOrder,    // the next one, or one behind a gap
        kReordered,  // late, and not seen before
        kDuplicate,
    };

    Verdict on(std::uint64_t number) {
        if (number == next_) [[likely]] {
            mark(number);
            ++next_;
            return Verdict::kInOrder;
        }
        return number > next_ ? skip_to(number) : late(number);
    }

    /// One more than the highest number seen.
    std::uint64_t next() const { return next_; }
    /// Numbers below next() that have not come.
    std::uint64_t missing() const { return missing_; }

private:
    Verdict skip_to(std::uint64_t number) {
        missing_ += number - next_;
        const std::uint64_t first = number - next_ > kWindow ? number - kWindow : next_;
        for (std::uint64_t n = first; n < number; ++n) clear(n);
        mark(number);
        next_ = number + 1;
        return Verdict::kInOrder;
    }
    Verdict late(std::uint64_t number) {
        if (next_ - number > kWindow || seen(number)) return Verdict::kDuplicate;
        mark(number);
        --missing_;
        return Verdict::kReordered;
    }

    static constexpr std::uint64_t bit(std::uint64_t n) { return std::uint64_t{1} << n % 64; }
    std::uint64_t& word(std::uint64_t n) { return seen_[n / 64 % seen_.size()]; }
    void mark(std::uint64_t n) { word(n) |= bit(n); }
    void clear(std::uint64_t n) { word(n) &= ~bit(n); }
    bool seen(std::uint64_t n) { return (word(n) & bit(n)) != 0; }

    std::uint64_t next_ = 0;
    std::uint64_t missing_ = 0;
    std::array<std::uint64_t, kWindow / 64> seen_{};
};

}  // namespace ethlink
