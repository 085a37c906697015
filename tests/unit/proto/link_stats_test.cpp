// SPDX-License-Identifier: BSD-3-Clause
// Is there for every counter of a link something that moves it, and is it the right one?
#include "proto/link_stats.h"

#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/lone_link.h"
#include "tests/sim/profiles.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;
using wire::CtlOsType;

constexpr Vc kVc{0}, kBestEffort{2};

/// What happens to a link that is up, and by how much it moves one counter.
struct Case {
    LinkStat stat;
    std::uint64_t by;
    std::function<void(LoneLink&)> happens;
    std::function<void(LinkProfile&)> with = [](LinkProfile&) {};
};

void hear(LoneLink& lone, CtlOsType type, std::uint32_t value, std::uint16_t arg = 0) {
    lone.hear_sets({{.type = type, .value = value, .arg = arg}});
}
void hear_bad(LoneLink& lone, const wire::LinkWord& word) {
    SimFrame frame = make_ghost(lone.pool, {}, 60);
    wire::store_link_word(frame.bytes().data(), word.encode());
    lone.link.on_unreadable(frame.bytes(), FrameCheck::kBad);
}
void give_up(LoneLink& lone) {
    while (lone.link.is_up()) lone.turn(1us);
}
wire::LinkWord poisoned(wire::LinkWord word) {
    word.poisoned = true;
    return word;
}

/// The link's own numbers: 0 is its CC_Update, so its first frame has number 1.
const std::vector<Case>& cases() {
    using S = LinkStat;
    static const std::vector<Case> all{
        {S::kLlrTxInitCtlOs, 1,
         [](LoneLink& l) {
             (void)l.send(kVc);
             give_up(l);
             l.turn();
         },
         [](LinkProfile& p) { p.llr.re_init_on_flush = true; }},
        {S::kLlrTxInitEchoCtlOs, 1,
         [](LoneLink& l) {
             hear(l, CtlOsType::kInit, 5, 0x333);
             l.turn();
         }},
        {S::kLlrTxAckCtlOs, 1,
         [](LoneLink& l) {
             l.hear_next();
             l.turn();
             l.turn(2us);
         }},
        {S::kLlrTxNackCtlOs, 1,
         [](LoneLink& l) {
             (void)l.next_word();
             l.hear_next();
             l.turn();
         }},
        {S::kLlrTxDiscard, 1,
         [](LoneLink& l) {
             (void)l.send(kVc);
             give_up(l);
             (void)l.send(kVc);
         },
         [](LinkProfile& p) { p.llr.flush_action = FrameAction::kDiscard; }},
        {S::kLlrTxOk, 2,
         [](LoneLink& l) {
             (void)l.send(kVc);
             hear(l, CtlOsType::kNack, 0);
             l.turn();
         }},
        {S::kLlrTxPoisoned, 1, [](LoneLink& l) { (void)l.send(kVc, 60, true); }},
        {S::kLlrTxReplay, 1,
         [](LoneLink& l) {
             (void)l.send(kVc);
             hear(l, CtlOsType::kNack, 0);
             l.turn();
         }},
        {S::kLlrRxInitCtlOs, 1, [](LoneLink& l) { hear(l, CtlOsType::kInit, 5, 0x333); }},
        {S::kLlrRxInitEchoCtlOs, 1, [](LoneLink& l) { hear(l, CtlOsType::kInitEcho, 0, 1); }},
        {S::kLlrRxAckCtlOs, 1, [](LoneLink& l) { hear(l, CtlOsType::kAck, 0); }},
        {S::kLlrRxNackCtlOs, 1, [](LoneLink& l) { hear(l, CtlOsType::kNack, 0); }},
        {S::kLlrRxAckNackSeqError, 1, [](LoneLink& l) { hear(l, CtlOsType::kAck, 5); }},
        {S::kLlrRxOk, 2,
         [](LoneLink& l) {
             const wire::LinkWord word = l.next_word();
             l.hear_data(word);
             l.hear_data(word);
         }},
        {S::kLlrRxPoisoned, 2,
         [](LoneLink& l) {
             const wire::LinkWord word = poisoned(l.next_word());
             l.hear_data(word);
             l.hear_data(word);
         }},
        {S::kLlrRxBad, 1, [](LoneLink& l) { hear_bad(l, l.next_word()); }},
        {S::kLlrRxExpectedSeqGood, 1, [](LoneLink& l) { l.hear_next(); }},
        {S::kLlrRxExpectedSeqPoisoned, 1,
         [](LoneLink& l) { l.hear_data(poisoned(l.next_word())); }},
        {S::kLlrRxExpectedSeqBad, 1, [](LoneLink& l) { hear_bad(l, l.next_word()); }},
        {S::kLlrRxMissingSeq, 2,
         [](LoneLink& l) {
             (void)l.next_word();
             l.hear_next();
             l.hear_next();
         }},
        {S::kLlrRxDuplicateSeq, 2,
         [](LoneLink& l) {
             const wire::LinkWord word = l.next_word();
             l.hear_data(word);
             l.hear_data(word);
             hear_bad(l, word);
         }},
        {S::kLlrRxReplay, 1,
         [](LoneLink& l) {
             const wire::LinkWord lost = l.next_word();
             l.hear_next();
             l.turn();
             l.hear_data(lost);
         }},
        {S::kCbfcNumCcUpdateMessagesTx, 1, [](LoneLink& l) { l.turn(50us); },
         [](LinkProfile& p) { p.cbfc_profile.cc_message_timer = 50us; }},
        {S::kCbfcNumCfUpdateMessagesTx, 1,
         [](LoneLink& l) {
             l.hear_next();
             l.link.on_drained(kVc, Credits{1});
             l.turn();
             l.turn(2us);
         }},
        {S::kCbfcNumCcUpdateMessagesRx, 1,
         [](LoneLink& l) {
             l.hear_cc(std::array{0u, 0u, 0u}, l.next_word());
         }},
        {S::kCbfcNumCfUpdateMessagesRx, 1, [](LoneLink& l) { hear(l, CtlOsType::kCfUpdate, 0); }},
        {S::kLlrTxFlush, 1,
         [](LoneLink& l) {
             (void)l.send(kVc);
             give_up(l);
         }},
        {S::kLlrTxFlushedFrames, 2,
         [](LoneLink& l) {
             (void)l.send(kVc);
             (void)l.send(kVc);
             give_up(l);
         }},
        {S::kLlrTxReplayed, 3,
         [](LoneLink& l) {
             for (int i = 0; i < 4; ++i) (void)l.send(kVc);
             hear(l, CtlOsType::kNack, 1);
             l.turn();
         }},
        {S::kLlrTxIneligible, 1, [](LoneLink& l) { (void)l.send(kBestEffort); }},
        {S::kLlrRxIneligible, 1, [](LoneLink& l) { l.hear_data({.vc = kBestEffort}); }},
        {S::kLlrInitEchoMismatch, 1, [](LoneLink& l) { hear(l, CtlOsType::kInitEcho, 0, 2); }},
        {S::kLlrInitInvalid, 1, [](LoneLink& l) { hear(l, CtlOsType::kInit, 5, 0); }},
        {S::kLlrRxNoSession, 1,
         [](LoneLink& l) { l.hear_data({.eligible = true, .session = 30, .sequence = 101}); }},
        {S::kLlrRxNackSuppressed, 1,
         [](LoneLink& l) {
             (void)l.send(kVc);
             hear(l, CtlOsType::kNack, 0);
             hear(l, CtlOsType::kNack, 0);
         }},
        {S::kLlrRxOtherEpoch, 1,
         [](LoneLink& l) { l.hear_sets({{.type = CtlOsType::kAck, .value = 0}}, 55); }},
        {S::kLlrNeighbourLost, 1,
         [](LoneLink& l) {
             for (int i = 0; i < 3; ++i) l.hear_sets({{.type = CtlOsType::kAck, .value = 0}}, 55);
         }},
        {S::kCbfcCfUpdateRefused, 1, [](LoneLink& l) { hear(l, CtlOsType::kCfUpdate, 1); }},
        {S::kCbfcCcUpdateRefused, 1, [](LoneLink& l) { l.hear_cc(std::array{0u}, {}); }},
        {S::kCbfcCreditsReconciled, 9,
         [](LoneLink& l) {
             l.hear_cc(std::array{4u, 5u}, l.next_word());
         }},
        {S::kTxNoBuffer, 1,
         [](LoneLink& l) {
             std::vector<SimFrame> hoard;
             while (SimFrame frame = l.pool.allocate(60)) hoard.push_back(std::move(frame));
             hoard.pop_back();
             (void)l.send(kVc);
         }},
    };
    return all;
}

std::vector<std::uint64_t> read_all(LoneLink& lone) {
    std::vector<std::uint64_t> values;
    for (std::size_t i = 0; i < static_cast<std::size_t>(LinkStat::kCount); ++i) {
        values.push_back(lone.count(static_cast<LinkStat>(i)));
    }
    return values;
}

TEST(LinkStats, EveryCounterIsMovedByItsCase) {
    std::set<LinkStat> moved;
    for (const Case& c : cases()) {
        SCOPED_TRACE(std::string(name(c.stat)));
        LinkProfile profile = quick_profile();
        profile.cbfc_profile.cc_message_timer = 0s;
        profile.cbfc_profile.cf_update_interval = 1s;
        profile.llr.re_init_on_flush = false;
        c.with(profile);
        LoneLink lone(profile, {}, 16);
        lone.come_up();
        const std::uint64_t before = lone.count(c.stat);
        c.happens(lone);
        EXPECT_EQ(lone.count(c.stat) - before, c.by);
        if (lone.count(c.stat) > before) moved.insert(c.stat);
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(LinkStat::kCount); ++i) {
        const auto stat = static_cast<LinkStat>(i);
        EXPECT_TRUE(moved.contains(stat)) << name(stat) << " is moved by nothing here";
    }
}

TEST(LinkStats, AnIdleLinkCountsNothing) {
    LinkProfile profile = quick_profile();
    profile.cbfc_profile.cc_message_timer = 0s;
    profile.cbfc_profile.cf_update_interval = 0s;
    LoneLink lone(profile);
    lone.come_up();
    lone.turn(2us);
    const auto before = read_all(lone);
    for (int i = 0; i < 10; ++i) lone.link.on_time(lone.now += 1us);
    EXPECT_EQ(read_all(lone), before);
}

TEST(LinkStats, StatesAreTimed) {
    LoneLink lone(quick_profile());
    lone.turn(7us);
    lone.come_up();
    lone.turn(20us);
    lone.link.on_pcs_status(false, lone.now);
    lone.turn(100us);
    const auto& spent = lone.link.stats().status.ns_in_tx_state;
    EXPECT_EQ(spent[static_cast<std::size_t>(LlrTxState::kInit)].read(), 7000u);
    EXPECT_GT(spent[static_cast<std::size_t>(LlrTxState::kAdvance)].read(), 0u);
}

}  // namespace
}  // namespace ethlink::sim
