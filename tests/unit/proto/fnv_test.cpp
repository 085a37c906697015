// SPDX-License-Identifier: BSD-3-Clause
// Is it FNV-1a? Hosts with other compilers, and whoever reads our hellos, must get the same.
#include "proto/fnv.h"

#include <gtest/gtest.h>

namespace ethlink {
namespace {

TEST(Fnv1a, HasTheValuesOfRfc9923) {
    EXPECT_EQ(Fnv1a<std::uint32_t>().value(), 0x811C'9DC5u);
    EXPECT_EQ(Fnv1a<std::uint32_t>().add("a").value(), 0xE40C'292Cu);
    EXPECT_EQ(Fnv1a<std::uint32_t>().add("foo").add("bar").value(), 0xBF9C'F968u);
    EXPECT_EQ(Fnv1a<std::uint64_t>().value(), 0xCBF2'9CE4'8422'2325u);
    EXPECT_EQ(Fnv1a<std::uint64_t>().add("a").value(), 0xAF63'DC4C'8601'EC8Cu);
    EXPECT_EQ(Fnv1a<std::uint64_t>().add("foo").add("bar").value(), 0x8594'4171'F739'67E8u);
}

}  // namespace
}  // namespace ethlink
