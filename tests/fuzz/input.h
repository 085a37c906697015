// SPDX-License-Identifier: BSD-3-Clause
// The bytes of one fuzzer input, taken apart into numbers, choices and runs of bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

#include "proto/byte_order.h"

namespace ethlink::fuzz {

using Bytes = std::vector<std::byte>;

/// The oracle: ends the process with the sentence, in every build. A fuzzer keeps the input.
inline void must(bool good, const char* sentence) {
    if (good) return;
    std::fprintf(stderr, "violated: %s\n", sentence);
    std::abort();
}

/// Reads from the front. Behind the end everything is zero, so any input is a whole script, and one
/// that is cut short is still the same up to there.
class Input {
public:
    explicit Input(std::span<const std::byte> bytes) : rest_(bytes) {}

    bool empty() const { return rest_.empty(); }
    std::size_t size() const { return rest_.size(); }

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    /// 0 .. bound - 1 from one byte, or from four where a byte is too small; bound > 0.
    std::uint32_t below(std::size_t bound) {
        return (bound <= 256 ? std::uint32_t{u8()} : u32()) % static_cast<std::uint32_t>(bound);
    }
    bool flag() { return (u8() & 1) != 0; }
    template <class T, std::size_t N>
    T pick(const T (&values)[N]) {
        return values[below(N)];
    }
    /// Near 0, near a power of two, near the greatest, or anything: where sums overflow.
    std::uint64_t edge() {
        const std::uint8_t what = u8();
        const std::uint64_t off = std::uint64_t{u8()} - 128;
        if (what < 64) return (std::uint64_t{1} << what) + off;
        return what < 192 ? std::uint64_t{what} - 64 : u64();
    }

    /// As many of the next `n` bytes as there are.
    std::span<const std::byte> take(std::size_t n) {
        const auto taken = rest_.first(std::min(n, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    /// Exactly `n` bytes in a heap block of their own, so that ASan sees one byte too many.
    Bytes bytes(std::size_t n) {
        Bytes copy(n);
        std::ranges::copy(take(n), copy.begin());
        return copy;
    }
    Bytes rest() { return bytes(rest_.size()); }

private:
    std::uint64_t number(std::size_t n) {
        std::uint64_t value = 0;
        const auto taken = take(n);
        for (std::size_t i = 0; i < taken.size(); ++i) {
            value |= std::to_integer<std::uint64_t>(taken[i]) << 8 * i;
        }
        return value;
    }

    std::span<const std::byte> rest_;
};

/// As text.
inline std::string_view as_text(std::span<const std::byte> bytes) {
    const void* at = bytes.data();
    return {static_cast<const char*>(at), bytes.size()};
}

/// The target, one in each program: entry.cpp calls it for libFuzzer, replay.cpp with each file.
void run(Input& input);

}  // namespace ethlink::fuzz
