// SPDX-License-Identifier: BSD-3-Clause
// What a test frame carries behind the transaction header: which frame of which run it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proto/byte_order.h"

namespace ethlink {

/// number 8 | time of making 8 (ns) | run 4 | kind 1 | stream 3: 24 bytes, network byte order.
struct TestPayload {
    enum class Kind : std::uint8_t {
        kData = 0,
        kProbe = 1,   // "are you there?"
        kAnswer = 2,  // "I am": run and stream are those of the probe
    };
    static constexpr std::size_t kSize = 24;
    static constexpr std::uint32_t kStreamMax = (1u << 24) - 1;

    std::uint64_t number = 0;   // within the stream, from 0
    std::uint64_t made_at = 0;  // ns of the maker's clock
    std::uint32_t run = 0;      // the maker's process: see make_run()
    Kind kind = Kind::kData;
    std::uint32_t stream = 0;  // the maker's index

    /// `out` holds at least kSize bytes.
    void emit(std::span<std::byte> out) const {
        store_be64(&out[0], number);
        store_be64(&out[8], made_at);
        store_be32(&out[16], run);
        store_be32(&out[20],
                   std::uint32_t{static_cast<std::uint8_t>(kind)} << 24 | (stream & kStreamMax));
    }

    /// Nothing if `bytes` are too few or of no known kind.
    static std::optional<TestPayload> parse(std::span<const std::byte> bytes) {
        if (bytes.size() < kSize) return std::nullopt;
        const std::uint32_t word = load_be32(&bytes[20]);
        if (word >> 24 > static_cast<std::uint8_t>(Kind::kAnswer)) return std::nullopt;
        return TestPayload{.number = load_be64(&bytes[0]),
                           .made_at = load_be64(&bytes[8]),
                           .run = load_be32(&bytes[16]),
                           .kind = static_cast<Kind>(word >> 24),
                           .stream = word & kStreamMax};
    }

    friend bool operator==(const TestPayload&, const TestPayload&) = default;
};

/// A run is a process of a host: the upper half tells whose clock its times are of, the lower half
/// is drawn at its start.
constexpr std::uint32_t make_run(std::uint16_t host, std::uint16_t drawn) {
    return std::uint32_t{host} << 16 | drawn;
}
constexpr bool same_host(std::uint32_t run, std::uint32_t other) {
    return run >> 16 == other >> 16;
}

}  // namespace ethlink
