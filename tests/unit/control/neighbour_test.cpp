// SPDX-License-Identifier: BSD-3-Clause
// Who is at the far end: there, silent, deaf, somebody else; and what no hello can do.
#include "control/neighbour.h"

#include <chrono>

#include <gtest/gtest.h>

namespace ethlink::control::test {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1s};
constexpr std::uint64_t kDigest = 0x1122334455667788;
constexpr wire::HelloEnd kSelf{3, 1, 77};
constexpr wire::HelloEnd kPeer{5, 2, 88};
constexpr PortRef kExpected{{5}, {2}};
constexpr Duration kTurn = 20ms;

class NeighbourTest : public ::testing::Test {
protected:
    Neighbour neighbour{{.self = kSelf, .expected = kExpected, .digest = kDigest}, kStart};
    Time now = kStart;
    std::uint32_t sequence = 0;

    wire::Hello hello(bool hears_us = true) {
        return {.digest = kDigest,
                .self = kPeer,
                .heard = hears_us ? kSelf : wire::HelloEnd{},
                .hold_ms = 500,
                .sequence = sequence++};
    }
    /// Time passes in turns; a hello in each fifth of them, as long as `said`.
    void pass(Duration duration, bool said = false, bool hears_us = true) {
        const Time end = now + duration;
        for (int turn = 0; now < end; ++turn) {
            now += kTurn;
            if (said && turn % 5 == 0) {
                EXPECT_TRUE(neighbour.on_hello(hello(hears_us), now));
            }
            neighbour.on_time(now);
        }
    }
};

TEST_F(NeighbourTest, WhoHasNeverSaidHelloIsNotJudged) {
    pass(1min);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUnheard);
    EXPECT_TRUE(neighbour.may_carry());
    EXPECT_FALSE(neighbour.is_understood());
    EXPECT_EQ(neighbour.heard().incarnation, 0u);
}

TEST_F(NeighbourTest, WhoHearsUsIsUp) {
    pass(1s, true);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
    EXPECT_TRUE(neighbour.may_carry());
    EXPECT_TRUE(neighbour.is_understood());
    EXPECT_EQ(neighbour.heard(), kPeer);
    EXPECT_EQ(neighbour.missed(), 0u);
}

TEST_F(NeighbourTest, SilenceOfItsHoldTimeIsSilence) {
    pass(1s, true);
    neighbour.on_hello(hello(), now);
    pass(480ms);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
    pass(20ms);
    EXPECT_EQ(neighbour.state(), NeighbourState::kSilent);
    EXPECT_FALSE(neighbour.may_carry());
    EXPECT_EQ(neighbour.heard().incarnation, 0u) << "so that it learns that we are deaf";
    pass(1s, true);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
}

TEST_F(NeighbourTest, WhoDoesNotHearUsIsOneWay) {
    pass(1s, true);
    pass(200ms, true, false);
    EXPECT_EQ(neighbour.state(), NeighbourState::kOneWay);
    EXPECT_FALSE(neighbour.may_carry());
    EXPECT_TRUE(neighbour.is_understood()) << "what it says of links is true all the same";
}

TEST_F(NeighbourTest, TheFirstHellosCannotHaveHeardOurs) {
    neighbour.on_hello(hello(false), now);
    EXPECT_EQ(neighbour.state(), NeighbourState::kOneWay);
    EXPECT_TRUE(neighbour.may_carry()) << "a link that has just come up must not flap";
    pass(480ms, true, false);
    EXPECT_TRUE(neighbour.may_carry());
    pass(40ms, true, false);
    EXPECT_FALSE(neighbour.may_carry()) << "but he had his time";
    pass(100ms, true);
    EXPECT_TRUE(neighbour.may_carry());
    neighbour.on_hello(hello(false), now);
    EXPECT_FALSE(neighbour.may_carry()) << "this is no greeting any more";
}

TEST_F(NeighbourTest, WhoHearsOurLifeBeforeDoesNotHearUs) {
    wire::Hello late = hello();
    late.heard.incarnation = kSelf.incarnation + 1;
    neighbour.on_hello(late, now);
    EXPECT_EQ(neighbour.state(), NeighbourState::kOneWay);
}

TEST_F(NeighbourTest, AnotherPortAtTheEndIsMiswired) {
    for (const wire::HelloEnd wrong : {wire::HelloEnd{5, 3, 88}, wire::HelloEnd{6, 2, 88}, kSelf}) {
        wire::Hello from = hello();
        from.self = wrong;
        neighbour.on_hello(from, now);
        EXPECT_EQ(neighbour.state(), NeighbourState::kMiswired);
        EXPECT_FALSE(neighbour.may_carry());
        EXPECT_FALSE(neighbour.is_understood());
        EXPECT_EQ(neighbour.last(), wrong);
    }
    neighbour.on_hello(hello(), now);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
}

TEST_F(NeighbourTest, AnotherFileIsNotUnderstoodButCarries) {
    wire::Hello other = hello();
    other.digest ^= 1;
    other.self = {1000, 1000, 88};
    neighbour.on_hello(other, now);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp) << "he hears us, whatever he calls himself";
    EXPECT_TRUE(neighbour.runs_other_file());
    EXPECT_FALSE(neighbour.is_understood());
}

TEST_F(NeighbourTest, LateAndSecondCopiesChangeNothing) {
    const wire::Hello deaf = hello(false);
    const wire::Hello hears = hello(true);
    EXPECT_TRUE(neighbour.on_hello(deaf, now));
    EXPECT_TRUE(neighbour.on_hello(hears, now));
    EXPECT_FALSE(neighbour.on_hello(deaf, now));
    EXPECT_FALSE(neighbour.on_hello(hears, now));
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
    // No copies keep the dead alive.
    for (Time end = now + 500ms; now < end; now += kTurn) {
        neighbour.on_hello(hears, now);
        neighbour.on_time(now + kTurn);
    }
    EXPECT_EQ(neighbour.state(), NeighbourState::kSilent);
}

TEST_F(NeighbourTest, ARestartedNeighbourCountsFromAnyNumber) {
    pass(1s, true);
    wire::Hello anew = hello(false);
    anew.self.incarnation = 89;
    anew.sequence = 0;
    EXPECT_TRUE(neighbour.on_hello(anew, now));
    EXPECT_EQ(neighbour.state(), NeighbourState::kOneWay);
}

TEST_F(NeighbourTest, AForgedNumberLastsNoLongerThanTheHoldTime) {
    pass(1s, true);
    wire::Hello forged = hello();
    forged.sequence = sequence + 0x7000'0000;
    EXPECT_TRUE(neighbour.on_hello(forged, now));
    const auto say = [&] {
        now += kTurn;
        const bool taken = neighbour.on_hello(hello(), now);
        neighbour.on_time(now);
        return taken;
    };
    const Time begin = now;
    while (!say()) ASSERT_LT(now, begin + 600ms);
    EXPECT_GE(now, begin + 500ms);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
}

TEST_F(NeighbourTest, OurOwnPauseIsNobodysSilence) {
    pass(1s, true);
    now += 10s;  // We were stopped; what came meanwhile was lost with a full ring.
    neighbour.on_time(now);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
    pass(500ms);
    EXPECT_EQ(neighbour.state(), NeighbourState::kSilent);
}

TEST_F(NeighbourTest, ALinkThatCameUpAnewMayHaveANeighbourWithoutHellos) {
    pass(1s, true);
    pass(1s);
    EXPECT_EQ(neighbour.state(), NeighbourState::kSilent);
    neighbour.on_link(true, now);
    EXPECT_EQ(neighbour.state(), NeighbourState::kSilent) << "LLR alone proves nothing here";
    neighbour.on_link(false, now);
    neighbour.on_link(true, now);
    pass(10s);
    EXPECT_TRUE(neighbour.may_carry());
    // The same if the link is up again before the silence was noticed.
    pass(1s, true);
    neighbour.on_link(false, now);
    neighbour.on_link(true, now);
    pass(10s);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUnheard);
}

TEST_F(NeighbourTest, AbsurdHoldTimesAreNotBelieved) {
    wire::Hello never = hello();
    never.hold_ms = 0;
    neighbour.on_hello(never, now);
    neighbour.on_time(now + 20ms);
    EXPECT_EQ(neighbour.state(), NeighbourState::kUp);
    never.hold_ms = 0xFFFF;
    never.sequence = sequence++;
    neighbour.on_hello(never, now);
    EXPECT_EQ(neighbour.hold(), Neighbour::kHoldMax);
    wire::Hello nobody = hello();
    nobody.self.incarnation = 0;
    EXPECT_FALSE(neighbour.on_hello(nobody, now));
}

TEST_F(NeighbourTest, MissedHellosAreCounted) {
    neighbour.on_hello(hello(), now);
    sequence += 3;
    neighbour.on_hello(hello(), now);
    EXPECT_EQ(neighbour.missed(), 3u);
    EXPECT_EQ(neighbour.hellos(), 2u);
}

}  // namespace
}  // namespace ethlink::control::test
