// SPDX-License-Identifier: BSD-3-Clause
// Who guesses keys is slowed down, who errs now and then is not.
#include "proto/txn/key_meter.h"

#include <gtest/gtest.h>

namespace ethlink::txn {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1s};

TEST(KeyMeter, ABurstOfErrorsEmptiesIt) {
    KeyMeter meter;
    for (std::uint32_t i = 0; i < KeyMeter::kBurst; ++i) {
        EXPECT_FALSE(meter.is_empty(kStart)) << "T1: after " << i;
        meter.on_error(kStart);
    }
    EXPECT_TRUE(meter.is_empty(kStart)) << "T1";
    EXPECT_EQ(meter.errors(), KeyMeter::kBurst);
}

TEST(KeyMeter, OneErrorAMillisecondIsForgiven) {
    KeyMeter meter;
    for (int i = 0; i < 10'000; ++i) {
        const Time now = kStart + i * KeyMeter::kRefill;
        ASSERT_FALSE(meter.is_empty(now));
        meter.on_error(now);
    }
}

TEST(KeyMeter, ItRefillsToTheBurstAndNoFurther) {
    KeyMeter meter;
    for (std::uint32_t i = 0; i < KeyMeter::kBurst; ++i) meter.on_error(kStart);
    EXPECT_TRUE(meter.is_empty(kStart + KeyMeter::kRefill - 1ns));
    EXPECT_FALSE(meter.is_empty(kStart + KeyMeter::kRefill));
    const Time later = kStart + 1h;
    for (std::uint32_t i = 0; i < KeyMeter::kBurst; ++i) {
        ASSERT_FALSE(meter.is_empty(later)) << "T1: full again";
        meter.on_error(later);
    }
    EXPECT_TRUE(meter.is_empty(later)) << "T1: an hour of quiet buys one burst";
}

// A frame holds some 100 loads, and the meter is asked once a frame.
TEST(KeyMeter, ErrorsBeyondEmptyArePaidForToo) {
    KeyMeter meter;
    Time now = kStart;
    for (int frames = 0; frames < 20; ++frames) {
        for (int i = 0; i < 100; ++i) meter.on_error(now);
        while (meter.is_empty(now)) now += KeyMeter::kRefill;
    }
    const auto most = (now - kStart) / KeyMeter::kRefill + KeyMeter::kBurst;
    EXPECT_LE(meter.errors(), static_cast<std::uint64_t>(most)) << "T1: one a millisecond";
}

}  // namespace
}  // namespace ethlink::txn
