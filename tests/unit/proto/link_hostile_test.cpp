// SPDX-License-Identifier: BSD-3-Clause
// What can a neighbour, a forger or a stale copy do to a link? Nothing but move a counter.
#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/random.h"
#include "tests/sim/lone_link.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using wire::CtlOs;
using wire::CtlOsType;
using Verdict = RxOutcome::Verdict;

constexpr Vc kVc{0}, kOther{1}, kBestEffort{2};

/// A link in the middle of its work: 5 frames of ours unacknowledged (1 .. 5), 4 heard, 2 drained.
struct Busy {
    Busy() : lone(silent_profile(), {.epoch = 7}) {
        lone.come_up();
        for (int i = 0; i < 5; ++i) EXPECT_TRUE(lone.send(kVc));
        for (int i = 0; i < 4; ++i) lone.hear_next(kVc);
        lone.link.on_drained(kVc, Credits{2});
        lone.turn(2us);
        lone.turn(2us);
    }
    /// Does it, and says whether the link is as it was.
    bool is_unmoved_by(const std::function<void()>& attack) {
        const auto before = state_of(lone.link);
        attack();
        return state_of(lone.link) == before;
    }
    LoneLink lone;
};

TEST(LinkHostile, ForgedAck) {
    // K1, L8: everything but what is outstanding, and the last ACK said again.
    Busy busy;
    for (const std::uint32_t seq : {6u, 7u, 100u, 524'288u, 524'295u, 1'048'574u, 1'048'575u}) {
        EXPECT_TRUE(busy.is_unmoved_by([&] {
            busy.lone.hear_sets({{.type = CtlOsType::kAck, .value = seq}});
        })) << seq;
    }
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxAckNackSeqError), 7u);
    EXPECT_TRUE(
        busy.is_unmoved_by([&] { busy.lone.hear_sets({{.type = CtlOsType::kAck, .value = 0}}); }));
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxAckNackSeqError), 7u);
}

TEST(LinkHostile, ForgedNack) {
    Busy busy;
    for (const std::uint32_t seq : {6u, 7u, 100u, 524'288u, 1'048'575u}) {
        EXPECT_TRUE(busy.is_unmoved_by([&] {
            busy.lone.hear_sets({{.type = CtlOsType::kNack, .value = seq}});
        })) << seq;
    }
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxAckNackSeqError), 5u);
    EXPECT_TRUE(busy.lone.turn().empty());

    // A storm of NACKs that are possible: one replay a quarter of the replay timer (K1).
    for (int i = 0; i < 100; ++i) {
        busy.lone.hear_sets({{.type = CtlOsType::kNack, .value = 0}});
        busy.lone.turn(100ns);
    }
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrTxReplay), 1u);
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxNackSuppressed), 99u);
}

TEST(LinkHostile, AckAndNackOfAnotherSession) {
    for (const CtlOsType type : {CtlOsType::kAck, CtlOsType::kNack}) {
        for (const std::uint16_t epoch : std::to_array<std::uint16_t>({0, 6, 8, 39})) {
            Busy busy;
            EXPECT_TRUE(busy.is_unmoved_by(
                [&] { busy.lone.hear_sets({{.type = type, .value = 3}}, epoch); }));
            EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxOtherEpoch), 1u);
        }
    }
}

TEST(LinkHostile, ForgedInit) {
    // K2: a session is taken over by its first frame, never by the INIT alone.
    Busy busy;
    EXPECT_TRUE(busy.is_unmoved_by([&] {
        busy.lone.hear_sets({{.type = CtlOsType::kInit, .value = 3, .arg = 0x0333}});
        busy.lone.hear_sets({{.type = CtlOsType::kInit, .value = 3, .arg = LoneLink::kTheirEpoch}});
        busy.lone.hear_sets({{.type = CtlOsType::kInit, .value = 3, .arg = 0}});
        busy.lone.hear_sets({{.type = CtlOsType::kInit, .value = 3, .arg = 0x20}});
    }));
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxInitCtlOs), 5u);
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrInitInvalid), 2u);
    EXPECT_EQ(busy.lone.hear_next().verdict, Verdict::kDeliver);  // The old session goes on.
}

TEST(LinkHostile, ForgedInitEcho) {
    // K3
    Busy busy;
    EXPECT_TRUE(busy.is_unmoved_by([&] {
        busy.lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 0, .arg = 8}});
        busy.lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 9, .arg = 7}});
        busy.lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = 0, .arg = 7}});
    }));
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrInitEchoMismatch), 2u);
}

TEST(LinkHostile, ForgedCfUpdate) {
    // K4, C6: 5 credits are in use, so R_CF may be 0 .. 5.
    Busy busy;
    for (const std::uint32_t value : {6u, 100u, 524'288u, 1'048'575u}) {
        EXPECT_TRUE(busy.is_unmoved_by([&] {
            busy.lone.hear_sets({{.type = CtlOsType::kCfUpdate, .value = value, .arg = 0}});
        }));
    }
    EXPECT_EQ(busy.lone.count(LinkStat::kCbfcCfUpdateRefused), 4u);
    // Of VCs without credits, and of none that we have.
    for (const std::uint16_t vc : std::to_array<std::uint16_t>({2, 3, 31})) {
        EXPECT_TRUE(busy.is_unmoved_by(
            [&] { busy.lone.hear_sets({{.type = CtlOsType::kCfUpdate, .value = 0, .arg = vc}}); }));
    }
    EXPECT_EQ(busy.lone.count(LinkStat::kCbfcCfUpdateRefused), 7u);
}

TEST(LinkHostile, CcUpdateOutsideTheSequence) {
    // C5: it could overtake frames that wait for their replay.
    Busy busy;
    const std::array<std::uint32_t, 3> consumed{50, 50, 50};
    EXPECT_TRUE(busy.is_unmoved_by([&] { busy.lone.hear_cc(consumed, {}); }));
    EXPECT_EQ(busy.lone.count(LinkStat::kCbfcCcUpdateRefused), 1u);
    // A copy of one inside it is a duplicate.
    EXPECT_TRUE(busy.is_unmoved_by([&] {
        busy.lone.hear_cc(consumed, {.eligible = true,
                                     .session = LoneLink::kTheirSession,
                                     .sequence = LoneLink::kTheirSeq});
    }));
    EXPECT_EQ(busy.lone.count(LinkStat::kLlrRxDuplicateSeq), 1u);
}

TEST(LinkHostile, AnAbsurdCcUpdateInTheSequenceMakesNoRoom) {
    Busy busy;
    const Credits held = busy.lone.link.cbfc_receiver().held(kVc);
    EXPECT_EQ(held, Credits{2});
    for (const std::uint32_t s_cc : {0u, 77u, 524'288u, 1'048'575u}) {
        busy.lone.hear_cc(std::array{s_cc, s_cc, s_cc}, busy.lone.next_word());
        EXPECT_EQ(busy.lone.link.cbfc_receiver().held(kVc), held);
        EXPECT_EQ(busy.lone.link.cbfc_receiver().consumed(kVc), CreditCounter(s_cc));
    }
    EXPECT_GT(busy.lone.count(LinkStat::kCbfcCreditsReconciled), 0u);
}

TEST(LinkHostile, ACcUpdateMayNameTooFewOrTooManyVcs) {
    Busy busy;
    const auto held = busy.lone.link.cbfc_receiver().held(kVc);
    std::array<std::uint32_t, kMaxVcs> many{};
    many.fill(9);
    busy.lone.hear_cc(many, busy.lone.next_word());
    busy.lone.hear_cc(std::span(many).first(1), busy.lone.next_word());
    EXPECT_EQ(busy.lone.link.cbfc_receiver().held(kVc), held);
    EXPECT_EQ(busy.lone.link.cbfc_receiver().consumed(kOther), CreditCounter(9));
}

TEST(LinkHostile, DamagedOrMalformedControl) {
    Busy busy;
    SimFrame bad_crc =
        busy.lone.make_sets({{.type = CtlOsType::kAck, .value = 3}}, LoneLink::kTheirEpoch, 7);
    bad_crc.bytes()[24] ^= std::byte{1};
    SimFrame no_version =
        busy.lone.make_sets({{.type = CtlOsType::kAck, .value = 3}}, LoneLink::kTheirEpoch, 7);
    no_version.bytes()[14] = std::byte{0xF1};
    EXPECT_TRUE(busy.is_unmoved_by([&] {
        const RxOutcome first = busy.lone.hear(std::move(bad_crc));
        EXPECT_EQ(first.verdict, Verdict::kDrop);
        EXPECT_EQ(first.drop, Drop::kControlBadCrc);
        const RxOutcome second = busy.lone.hear(std::move(no_version));
        EXPECT_EQ(second.verdict, Verdict::kDrop);
        EXPECT_EQ(second.drop, Drop::kControlMalformed);
    }));
}

TEST(LinkHostile, EveryPrefixAndFlippedBitOfAControlFrame) {
    Busy busy;
    const SimFrame model = busy.lone.make_sets(
        {{.type = CtlOsType::kAck, .value = 5}, {.type = CtlOsType::kCfUpdate, .value = 5}},
        LoneLink::kTheirEpoch, 7);
    const auto attack = [&](SimFrame frame) {
        return busy.is_unmoved_by([&] { (void)busy.lone.hear(std::move(frame)); });
    };
    for (std::uint32_t n = 0; n + 20 < model.size(); ++n) {
        SimFrame frame = busy.lone.pool.copy(model);
        frame.trim(frame.size() - n);
        EXPECT_TRUE(attack(std::move(frame))) << n;
    }
    // The CRC ends at 40; it leaves out the link word (8 .. 11), and behind it comes the pad.
    for (std::uint32_t bit = 12 * 8; bit < 40 * 8; ++bit) {
        SimFrame frame = busy.lone.pool.copy(model);
        frame.bytes()[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
        EXPECT_TRUE(attack(std::move(frame))) << "bit " << bit;
    }
}

TEST(LinkHostile, UnknownVc) {
    LoneLink lone(silent_profile());
    lone.come_up();
    for (const std::uint8_t vc : std::to_array<std::uint8_t>({3, 31})) {
        const RxOutcome outcome = lone.hear_next(Vc{vc});
        EXPECT_EQ(outcome.verdict, Verdict::kDrop);
        EXPECT_EQ(outcome.drop, Drop::kUnknownVc);
    }
    EXPECT_EQ(lone.hear_next().verdict, Verdict::kDeliver);  // Their numbers were taken.
}

TEST(LinkHostile, MoreThanItsCredits) {
    // C1: the frame dies, no room is made, nobody else suffers.
    LoneLink lone(silent_profile());
    lone.come_up();
    for (int i = 0; i < 64; ++i) ASSERT_EQ(lone.hear_next(kVc).verdict, Verdict::kDeliver);
    for (int i = 0; i < 10; ++i) {
        const RxOutcome outcome = lone.hear_next(kVc);
        EXPECT_EQ(outcome.verdict, Verdict::kDrop);
        EXPECT_EQ(outcome.drop, Drop::kCreditOverflow);
        EXPECT_EQ(outcome.credits, Credits{0});
        EXPECT_EQ(lone.link.cbfc_receiver().held(kVc), Credits{64});
    }
    EXPECT_EQ(lone.hear_next(kOther).verdict, Verdict::kDeliver);
    EXPECT_EQ(lone.hear_next(kBestEffort).verdict, Verdict::kDeliver);
    // The refused ones count as freed: after the drain both ends agree.
    lone.link.on_drained(kVc, Credits{64});
    EXPECT_EQ(lone.link.cbfc_receiver().freed(kVc), CreditCounter(74));
    EXPECT_EQ(lone.link.cbfc_receiver().consumed(kVc), CreditCounter(74));
}

TEST(LinkHostile, Poisoned) {
    // L10: it takes its number and its credits, and ends here.
    LoneLink lone(silent_profile());
    lone.come_up();
    wire::LinkWord word = lone.next_word(kVc);
    word.poisoned = true;
    const RxOutcome outcome = lone.hear_data(word);
    EXPECT_EQ(outcome.verdict, Verdict::kDrop);
    EXPECT_EQ(outcome.drop, Drop::kPoisoned);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxExpectedSeqPoisoned), 1u);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxPoisoned), 1u);
    EXPECT_EQ(lone.link.cbfc_receiver().freed(kVc), CreditCounter(1));
    EXPECT_EQ(lone.hear_next().verdict, Verdict::kDeliver);
    EXPECT_FALSE(lone.turn_sets(2us).find(CtlOsType::kNack));
}

TEST(LinkHostile, IneligibleFramesAreBesideTheSequence) {
    // L12
    LoneLink lone(silent_profile());
    lone.come_up();
    const auto expected = lone.link.llr_rx().expected();
    const RxOutcome outcome = lone.hear_data({.vc = kBestEffort, .session = 9, .sequence = 7});
    EXPECT_EQ(outcome.verdict, Verdict::kDeliver);
    EXPECT_EQ(outcome.credits, Credits{0});
    EXPECT_EQ(lone.link.llr_rx().expected(), expected);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxIneligible), 1u);
    EXPECT_FALSE(lone.link.llr_rx().has_answer());
}

TEST(LinkHostile, AMalformedFrameWithAGoodFcsTakesItsNumber) {
    // LLR lies below the content: otherwise the same bytes would be replayed for ever.
    LoneLink lone(silent_profile());
    lone.come_up();
    SimFrame frame = make_ghost(lone.pool, {}, 100);
    wire::store_link_word(frame.bytes().data(), lone.next_word().encode());
    frame.bytes()[2] ^= std::byte{1};  // Total Length
    const RxOutcome outcome = lone.hear(std::move(frame));
    EXPECT_EQ(outcome.drop, Drop::kLengthMismatch);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxExpectedSeqGood), 2u);  // The CC_Update and this one.
    EXPECT_EQ(lone.hear_next().verdict, Verdict::kDeliver);

    // The same with a wrong FCS takes none, and is NACKed.
    SimFrame bad = make_ghost(lone.pool, {}, 100);
    wire::store_link_word(bad.bytes().data(), lone.next_word().encode());
    EXPECT_TRUE(lone.link.on_unreadable(bad.bytes(), FrameCheck::kBad));
    EXPECT_EQ(lone.count(LinkStat::kLlrRxExpectedSeqBad), 1u);
    EXPECT_EQ(lone.count(LinkStat::kLlrRxBad), 1u);
    EXPECT_TRUE(lone.turn_sets().find(CtlOsType::kNack));
}

TEST(LinkHostile, UnreadableBytesThatAreNoneOfOurs) {
    Busy busy;
    EXPECT_TRUE(busy.is_unmoved_by([&] {
        for (std::size_t n = 0; n < 14; ++n) {
            const std::vector<std::byte> runt(n, std::byte{0xFF});
            EXPECT_FALSE(busy.lone.link.on_unreadable(runt, FrameCheck::kGood));
        }
        const std::vector<std::byte> ones(64,
                                          std::byte{0xFF});  // Eligible, but no EtherType of ours.
        EXPECT_FALSE(busy.lone.link.on_unreadable(ones, FrameCheck::kBad));
        const std::vector<std::byte> zeros(64);
        EXPECT_FALSE(busy.lone.link.on_unreadable(zeros, FrameCheck::kBad));
    }));
}

TEST(LinkHostile, ReservedSessionBitsOpenNothing) {
    // Eligible frames of "session 0", before any INIT and while a session runs.
    LoneLink fresh(silent_profile());
    EXPECT_EQ(fresh.hear_data({.eligible = true, .vc = kVc}).verdict, Verdict::kConsumed);
    EXPECT_EQ(fresh.count(LinkStat::kLlrRxNoSession), 1u);
    Busy busy;
    EXPECT_TRUE(busy.is_unmoved_by([&] {
        for (std::uint32_t seq = 100; seq < 110; ++seq) {
            busy.lone.hear_data({.eligible = true, .vc = kVc, .sequence = seq});
        }
    }));
}

TEST(LinkHostile, TenThousandRandomMessages) {
    // Whatever is said with a good CRC: the window, the limits and the buffers hold.
    Random random(1);
    for (int round = 0; round < 20; ++round) {
        LinkProfile profile = silent_profile();
        profile.llr.max_replay_count = LlrProfile::kReplayForEver;
        LoneLink lone(profile, {.epoch = 7});
        lone.come_up();
        for (int i = 0; i < 500; ++i) {
            const auto value =
                static_cast<std::uint32_t>(random.chance(0.5) ? random.below(200) : random.next());
            const auto arg = static_cast<std::uint16_t>(random.below(40));
            switch (random.below(8)) {
                case 0: lone.hear_sets({{.type = CtlOsType::kAck, .value = value}}); break;
                case 1: lone.hear_sets({{.type = CtlOsType::kNack, .value = value}}); break;
                case 2:
                    lone.hear_sets({{.type = CtlOsType::kInit, .value = value, .arg = arg}});
                    break;
                case 3:
                    lone.hear_sets({{.type = CtlOsType::kInitEcho, .value = value, .arg = arg}});
                    break;
                case 4:
                    lone.hear_sets({{.type = CtlOsType::kCfUpdate,
                                     .value = value,
                                     .arg = static_cast<std::uint16_t>(arg % kMaxVcs)}});
                    break;
                case 5:
                    lone.hear_data(
                        wire::LinkWord::decode(static_cast<std::uint32_t>(random.next())));
                    break;
                case 6:
                    lone.hear_cc(std::array{value, value},
                                 wire::LinkWord::decode(static_cast<std::uint32_t>(random.next())),
                                 arg);
                    break;
                case 7: lone.hear_next(Vc{static_cast<std::uint8_t>(arg % 3)}); break;
            }
            (void)lone.send(Vc{static_cast<std::uint8_t>(random.below(3))});
            lone.turn(Duration(random.below(5000)));
            ASSERT_LE(lone.link.frames_held(), profile.llr.max_outstanding_frames);
            ASSERT_EQ(lone.link.frames_held(), lone.link.llr_tx().outstanding());
            for (std::uint8_t vc = 0; vc < 2; ++vc) {
                ASSERT_LE(lone.link.cbfc_sender().in_use(Vc{vc}), Credits{64});
                ASSERT_LE(lone.link.cbfc_receiver().held(Vc{vc}), Credits{64});
            }
        }
    }
}

}  // namespace
}  // namespace ethlink::sim
