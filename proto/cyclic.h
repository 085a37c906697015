// SPDX-License-Identifier: BSD-3-Clause
// Numbers on a circle: LLR sequence numbers and CBFC credit counters.
#pragma once

#include <cstdint>

namespace ethlink {

/// A counter modulo 2^Bits. It has distances but no order: a circle has no `less`.
template <int Bits>
class Cyclic {
    static_assert(Bits >= 2 && Bits <= 31);

public:
    static constexpr std::uint32_t kModulus = std::uint32_t{1} << Bits;
    static constexpr std::uint32_t kMask = kModulus - 1;
    static constexpr std::uint32_t kHalf = kModulus / 2;

    constexpr Cyclic() = default;
    explicit constexpr Cyclic(std::uint32_t value) : value_(value & kMask) {}

    constexpr std::uint32_t value() const { return value_; }
    constexpr Cyclic next() const { return Cyclic(value_ + 1); }
    constexpr Cyclic previous() const { return Cyclic(value_ - 1); }
    constexpr Cyclic operator+(std::uint32_t n) const { return Cyclic(value_ + n); }
    constexpr Cyclic operator-(std::uint32_t n) const { return Cyclic(value_ - n); }

    /// Steps forward from `from` to this, 0 .. 2^Bits - 1.
    constexpr std::uint32_t distance_from(Cyclic from) const {
        return (value_ - from.value_) & kMask;
    }

    /// Whether `n` steps forward from `from`, or fewer, lead here.
    constexpr bool is_within(Cyclic from, std::uint32_t n) const {
        return distance_from(from) <= n;
    }

    friend constexpr bool operator==(Cyclic, Cyclic) = default;

private:
    std::uint32_t value_ = 0;
};

}  // namespace ethlink
