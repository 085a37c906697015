// SPDX-License-Identifier: BSD-3-Clause
#include "control/pktgen/frame_sizes.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace ethlink::control {
namespace {

constexpr std::uint32_t kMax = 2048;
using Sizes = std::vector<std::uint32_t>;

Sizes round_of(std::string_view text) {
    const auto sizes = FrameSizes::parse(text, kMax);
    EXPECT_TRUE(sizes.has_value()) << (sizes ? "" : sizes.error());
    return sizes ? sizes->round() : Sizes{};
}

TEST(FrameSizes, OneSize) {
    EXPECT_EQ(round_of("64"), Sizes{64});
}

TEST(FrameSizes, AListTakesTurns) {
    EXPECT_EQ(round_of("64,512,2048"), (Sizes{64, 512, 2048}));
}

TEST(FrameSizes, SimpleImixIsSevenFourOne) {
    const auto round = round_of("imix");
    EXPECT_EQ(round.size(), 12u);
    EXPECT_EQ(std::count(round.begin(), round.end(), 64u), 7);
    EXPECT_EQ(std::count(round.begin(), round.end(), 570u), 4);
    EXPECT_EQ(std::count(round.begin(), round.end(), 1518u), 1);
}

TEST(FrameSizes, AMixIsSpreadEvenly) {
    EXPECT_EQ(round_of("64:3,1518:1"), (Sizes{64, 64, 1518, 64}));
}

TEST(FrameSizes, GenomeKeepsItsOrder) {
    EXPECT_EQ(round_of("imix:aabgz"), (Sizes{64, 64, 128, 1518, 2048}));
}

TEST(FrameSizes, MeanAndWireBits) {
    const auto imix = FrameSizes::parse("imix", kMax);
    ASSERT_TRUE(imix);
    EXPECT_DOUBLE_EQ(imix->mean(), (7 * 64 + 4 * 570 + 1518) / 12.0);
    EXPECT_EQ(imix->largest(), 1518u);
    const auto small = FrameSizes::parse("64", kMax);
    ASSERT_TRUE(small);
    EXPECT_DOUBLE_EQ(small->mean_wire_bits(), 672);  // 10 Gbit/s are 14.88 million of them.
}

TEST(FrameSizes, RefusesNonsenseWithTheReason) {
    for (const std::string_view text :
         {"", "abc", "64,", ",64", "64:", ":7", "64:0", "64:2000", "-64", "64 ", "99999999999",
          "64:1000,128:1000", "63", "2049", "0", "imix:", "imix:aXb", "imix:h", "IMIX"}) {
        const auto sizes = FrameSizes::parse(text, kMax);
        ASSERT_FALSE(sizes.has_value()) << text;
        EXPECT_TRUE(sizes.error().starts_with("frame size '")) << sizes.error();
    }
    EXPECT_EQ(FrameSizes::parse("9000", kMax).error(),
              "frame size '9000': 9000 is outside 64 to 2048 "
              "(sizes include the FCS; the maximum is the fabric's)");
}

TEST(FrameSizes, Rfc2544ListEndsWithTheMaximum) {
    EXPECT_EQ(rfc2544_sizes(2048), (Sizes{64, 128, 256, 512, 1024, 1280, 1518, 2048}));
    EXPECT_EQ(rfc2544_sizes(1518), (Sizes{64, 128, 256, 512, 1024, 1280, 1518}));
    EXPECT_EQ(rfc2544_sizes(100), (Sizes{64, 100}));
    EXPECT_EQ(rfc2544_sizes(10), Sizes{});
}

}  // namespace
}  // namespace ethlink::control
