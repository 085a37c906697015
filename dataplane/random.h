// SPDX-License-Identifier: BSD-3-Clause
// A small seeded generator of random numbers, the same on every machine.
#pragma once

#include <cstdint>

namespace ethlink {

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, no bad seeds. For faults and traffic,
/// never for keys.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9E37'79B9'7F4A'7C15);
        z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
        z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
        return z ^ (z >> 31);
    }

    /// 0 .. bound - 1; bound > 0. The bias is below 2^-32 for bounds of 32 bits.
    std::uint64_t below(std::uint64_t bound) {
        return bound >> 32 ? next() % bound : (next() >> 32) * bound >> 32;
    }

    /// True with the given probability, 0 .. 1.
    bool chance(double probability) {
        return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
    }

private:
    std::uint64_t state_;
};

}  // namespace ethlink
