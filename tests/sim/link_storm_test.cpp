// SPDX-License-Identifier: BSD-3-Clause
// Can a bad wire bring two links to lose, double or reorder a frame, or to leak a credit?
#include "tests/sim/link_storm.h"

#include <gtest/gtest.h>

namespace ethlink::sim {
namespace {

TEST(LinkStorm, TwentyBitNumbers) {
    sweep(15'000, [](const Trial& trial, Oracle& oracle) {
        LinkStorm<Cyclic<20>>(trial, oracle, {.window_max = 64, .stale_copies = true}).run();
    });
}

TEST(LinkStorm, FourBitNumbersMeetEveryWrap) {
    // L4: window up to 7 of 16 numbers.
    sweep(15'000, [](const Trial& trial, Oracle& oracle) {
        LinkStorm<Cyclic<4>>(trial, oracle, {.window_max = 7, .stale_copies = false}).run();
    });
}

}  // namespace
}  // namespace ethlink::sim
