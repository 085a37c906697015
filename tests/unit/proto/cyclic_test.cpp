// SPDX-License-Identifier: BSD-3-Clause
// Does a circle of numbers wrap where it should, and nowhere else?
#include "proto/cyclic.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

TEST(Cyclic, WrapsAtItsModulusForEachPairOfFourBits) {
    for (std::uint32_t a = 0; a < 16; ++a) {
        for (std::uint32_t n = 0; n < 16; ++n) {
            const Cyclic<4> from(a);
            const Cyclic<4> to = from + n;
            EXPECT_EQ(to.value(), (a + n) % 16);
            EXPECT_EQ(to.distance_from(from), n);
            EXPECT_EQ(to - n, from);
            EXPECT_TRUE(to.is_within(from, n));
            EXPECT_EQ(to.is_within(from, 7), n <= 7);
        }
        EXPECT_EQ(Cyclic<4>(a).next().previous(), Cyclic<4>(a));
    }
}

TEST(Cyclic, TwentyBitsAsUecCountsThem) {
    using Seq = Cyclic<20>;
    EXPECT_EQ(Seq::kModulus, 1'048'576u);
    EXPECT_EQ(Seq::kHalf, 524'288u);
    EXPECT_EQ(Seq(1'048'575).next(), Seq(0));
    EXPECT_EQ(Seq(0).previous(), Seq(1'048'575));
    // A value beyond the circle is cut, not refused: bits from outside cannot leave it.
    EXPECT_EQ(Seq(0xFFFF'FFFF).value(), 0xF'FFFFu);
    EXPECT_EQ(Seq(3).distance_from(Seq(1'048'570)), 9u);
    EXPECT_EQ(Seq(1'048'570).distance_from(Seq(3)), 1'048'567u);
}

}  // namespace
}  // namespace ethlink
