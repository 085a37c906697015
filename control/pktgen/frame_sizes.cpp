// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/frame_sizes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <numeric>
#include <optional>
#include <system_error>

namespace ethlink::control {
namespace {

constexpr std::string_view kSimpleImix = "64:7,570:4,1518:1";
constexpr std::string_view kGenomePrefix = "imix:";

// RFC 2544 section 9.1; RFC 6985 section 4 gives the same sizes the letters a to g.
constexpr std::array<std::uint32_t, 7> kEthernetSizes{64, 128, 256, 512, 1024, 1280, 1518};

using Round = Expected<std::vector<std::uint32_t>, std::string>;

Unexpected<std::string> wrong(std::string_view text, const std::string& why) {
    return Unexpected<std::string>("frame size '" + std::string(text) + "': " + why);
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Share {
    std::uint32_t size = 0;
    std::uint32_t weight = 1;
};

Expected<Share, std::string> parse_share(std::string_view text) {
    const std::size_t colon = text.find(':');
    const auto size = number(text.substr(0, colon));
    const auto weight = colon == text.npos ? 1 : number(text.substr(colon + 1));
    if (size && weight && *weight > 0 && *weight <= FrameSizes::kRoundMax) {
        return Share{*size, *weight};
    }
    return wrong(text,
                 "write a size (64), a size and its share (64:7), 'imix', or "
                 "'imix:' and letters a to g and z; the share is 1 to " +
                     std::to_string(FrameSizes::kRoundMax));
}

/// Each size as often as its weight, as evenly spread as can be (smooth weighted round robin).
std::vector<std::uint32_t> interleave(const std::vector<Share>& shares) {
    const auto total =
        std::accumulate(shares.begin(), shares.end(), std::int64_t{0},
                        [](std::int64_t sum, const Share& share) { return sum + share.weight; });
    std::vector<std::int64_t> due(shares.size(), 0);
    std::vector<std::uint32_t> round;
    for (std::int64_t turn = 0; turn < total; ++turn) {
        for (std::size_t i = 0; i < shares.size(); ++i) due[i] += shares[i].weight;
        const auto most = std::max_element(due.begin(), due.end());
        *most -= total;
        round.push_back(shares[static_cast<std::size_t>(most - due.begin())].size);
    }
    return round;
}

Round parse_list(std::string_view text) {
    std::vector<Share> shares;
    std::uint32_t total = 0;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        const auto share = parse_share(text.substr(begin, comma - begin));
        if (!share) return Unexpected<std::string>(share.error());
        total += share->weight;
        if (total > FrameSizes::kRoundMax) {
            return wrong(text, "the shares add up to more than " +
                                   std::to_string(FrameSizes::kRoundMax) + "; divide them");
        }
        shares.push_back(*share);
        begin = comma + 1;
    }
    return interleave(shares);
}

Round parse_genome(std::string_view letters, std::uint32_t max) {
    std::vector<std::uint32_t> round;
    for (const char letter : letters) {
        const auto index = static_cast<std::size_t>(letter - 'a');
        if (letter == 'z') {
            round.push_back(max);
        } else if (letter >= 'a' && index < kEthernetSizes.size()) {
            round.push_back(kEthernetSizes[index]);
        } else {
            return wrong(letters,
                         "a genome has the letters a (64), b (128), c (256), d (512), "
                         "e (1024), f (1280), g (1518) and z (the maximum)");
        }
    }
    if (round.empty() || round.size() > FrameSizes::kRoundMax) {
        return wrong(letters,
                     "a genome has 1 to " + std::to_string(FrameSizes::kRoundMax) + " letters");
    }
    return round;
}

Round parse_round(std::string_view text, std::uint32_t max) {
    if (text == "imix") return parse_list(kSimpleImix);
    if (text.starts_with(kGenomePrefix)) {
        return parse_genome(text.substr(kGenomePrefix.size()), max);
    }
    return parse_list(text);
}

}  // namespace

Expected<FrameSizes, std::string> FrameSizes::parse(std::string_view text, std::uint32_t max) {
    auto round = parse_round(text, max);
    if (!round) return Unexpected<std::string>(round.error());
    for (const std::uint32_t size : *round) {
        if (size >= kMinFrameSize && size <= max) continue;
        return wrong(text, std::to_string(size) + " is outside " + std::to_string(kMinFrameSize) +
                               " to " + std::to_string(max) +
                               " (sizes include the FCS; the maximum is the fabric's)");
    }
    return FrameSizes(std::move(*round));
}

std::uint32_t FrameSizes::largest() const {
    return *std::max_element(round_.begin(), round_.end());
}

double FrameSizes::mean() const {
    const auto sum = std::accumulate(round_.begin(), round_.end(), std::uint64_t{0});
    return static_cast<double>(sum) / static_cast<double>(round_.size());
}

std::vector<std::uint32_t> rfc2544_sizes(std::uint32_t max) {
    std::vector<std::uint32_t> sizes;
    for (const std::uint32_t size : kEthernetSizes) {
        if (size < max) sizes.push_back(size);
    }
    if (max >= kMinFrameSize) sizes.push_back(max);
    return sizes;
}

}  // namespace ethlink::control
