// SPDX-License-Identifier: BSD-3-Clause
// Which frame sizes the packet generator sends, and in which order. All sizes include the FCS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/expected.h"

namespace ethlink::control {

inline constexpr std::uint32_t kMinFrameSize = 64;

/// Preamble, start delimiter and inter-packet gap: what a frame costs on the wire besides itself.
inline constexpr std::uint32_t kWireOverheadBytes = 8 + 12;

/// A sequence of frame sizes that repeats for ever.
class FrameSizes {
public:
    /// Reads a size, a list or a mix; `max` is the greatest size that the fabric carries.
    ///   "64"                     one size
    ///   "64,512,1518"            in turn, equally often
    ///   "64:7,570:4,1518:1"      so many of each in a round, spread evenly
    ///   "imix"                   the simple IMIX, 64:7,570:4,1518:1
    ///   "imix:aaaaaaaddddg"      an IMIX Genome (RFC 6985): a letter per frame, in that order
    /// Or one sentence on what is wrong.
    [[nodiscard]] static Expected<FrameSizes, std::string> parse(std::string_view text,
                                                                 std::uint32_t max);

    /// One round, in order: 1 to kRoundMax sizes.
    const std::vector<std::uint32_t>& round() const { return round_; }
    std::uint32_t largest() const;
    double mean() const;

    /// Bits that one frame takes on the medium on average: frames/s times this is the line rate.
    double mean_wire_bits() const { return 8 * (mean() + kWireOverheadBytes); }

    static constexpr std::size_t kRoundMax = 1024;

private:
    explicit FrameSizes(std::vector<std::uint32_t> round) : round_(std::move(round)) {}

    std::vector<std::uint32_t> round_;
};

/// RFC 2544 section 9.1, up to `max`: each is a run of its own. `max` itself ends the list.
std::vector<std::uint32_t> rfc2544_sizes(std::uint32_t max);

}  // namespace ethlink::control
