// SPDX-License-Identifier: BSD-3-Clause
// One real link whose neighbour is the test itself: each frame is written and read by hand.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/burst.h"
#include "proto/link.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/ctl_os.h"
#include "proto/wire/frame.h"
#include "tests/sim/frame.h"
#include "tests/sim/ghost.h"

namespace ethlink::sim {

/// An ordered-set frame as values.
struct Said {
    std::uint16_t tx_epoch = 0, rx_epoch = 0;
    std::vector<wire::CtlOs> sets;

    std::optional<wire::CtlOs> find(wire::CtlOsType type) const {
        for (const wire::CtlOs& set : sets) {
            if (set.type == type) return set;
        }
        return {};
    }
    std::size_t count(wire::CtlOsType type) const {
        std::size_t n = 0;
        for (const wire::CtlOs& set : sets) n += set.type == type ? 1 : 0;
        return n;
    }
};

/// The ordered sets of a frame without FCS, or nothing if it is no such frame.
inline std::optional<Said> read_sets(std::span<const std::byte> bytes) {
    const auto view = wire::parse(bytes);
    if (!view || !view->is_control()) return {};
    const auto control = wire::parse_control(bytes);
    if (!control || control->kind() != wire::ControlKind::kOrderedSets) return {};
    Said said{control->tx_epoch(), control->rx_epoch(), {}};
    for (std::size_t i = 0; i < control->count(); ++i) said.sets.push_back(control->ctl_os(i));
    return said;
}

inline bool is_cc_update(std::span<const std::byte> bytes) {
    const auto view = wire::parse(bytes);
    if (!view || !view->is_control()) return false;
    const auto control = wire::parse_control(bytes);
    return control && control->kind() == wire::ControlKind::kCcUpdate;
}

/// The link word that a frame carries on the wire.
inline wire::LinkWord word_of(const SimFrame& frame) {
    return wire::LinkWord::decode(wire::load_link_word(frame.bytes().data()));
}

/// All that decides what a link will do next, as numbers.
inline std::vector<std::uint64_t> state_of(const Link<SimFrame>& link) {
    const auto& tx = link.llr_tx();
    const auto& rx = link.llr_rx();
    std::vector<std::uint64_t> state{static_cast<std::uint64_t>(tx.state()),
                                     tx.epoch(),
                                     tx.next().value(),
                                     tx.oldest().value(),
                                     tx.replay_cursor().value(),
                                     tx.replay_count(),
                                     static_cast<std::uint64_t>(rx.state()),
                                     rx.epoch(),
                                     rx.expected().value(),
                                     rx.sessions(),
                                     link.frames_held()};
    for (std::uint8_t i = 0; i < link.profile().vc_count; ++i) {
        const auto& sender = link.cbfc_sender();
        const auto& receiver = link.cbfc_receiver();
        for (const CreditCounter counter : {sender.consumed(Vc{i}), sender.freed(Vc{i}),
                                            receiver.consumed(Vc{i}), receiver.freed(Vc{i})}) {
            state.push_back(counter.value());
        }
        state.push_back(sender.heard(Vc{i}) ? 1 : 0);
    }
    return state;
}

/// All that it has counted.
inline std::vector<std::uint64_t> counters_of(const Link<SimFrame>& link) {
    std::vector<std::uint64_t> counters;
    for (std::size_t i = 0; i < static_cast<std::size_t>(LinkStat::kCount); ++i) {
        counters.push_back(link.stats().read(static_cast<LinkStat>(i)));
    }
    for (const VcStats& vc : link.stats().vcs) {
        counters.insert(counters.end(),
                        {vc.tx_frames.read(), vc.tx_bytes.read(), vc.rx_frames.read(),
                         vc.rx_bytes.read(), vc.sender_credits_used_watermark.read()});
    }
    return counters;
}

/// The neighbour sends in epoch kTheirEpoch from number kTheirSeq on, the link from end.init_seq.
class LoneLink {
public:
    static constexpr std::uint16_t kTheirEpoch = 0x0129;  // session bits 9
    static constexpr std::uint8_t kTheirSession = 9;
    static constexpr std::uint32_t kTheirSeq = 100;

    explicit LoneLink(const LinkProfile& wanted, const LinkEnd& end = {}, std::size_t frames = 5000)
        : profile(wanted),
          pool(frames),
          slots_(std::bit_ceil(std::size_t{profile.llr.max_outstanding_frames} + 1)),
          link(profile, end, slots_, pool) {
        link.start(now);
    }

    // What the link says.

    /// One turn: timers, then all that it wants to send by itself.
    std::vector<SimFrame> turn(Duration later = Duration(0)) {
        now += later;
        link.on_time(now);
        Burst<SimFrame> burst;
        link.poll_control(burst);
        link.poll_replay(burst);
        std::vector<SimFrame> frames;
        for (SimFrame& frame : burst) frames.push_back(std::move(frame));
        return frames;
    }
    /// The ordered sets of one turn, all frames together.
    Said turn_sets(Duration later = Duration(0)) {
        Said all;
        for (const SimFrame& frame : turn(later)) {
            const auto said = read_sets(std::as_const(frame).bytes());
            if (!said) continue;
            all.tx_epoch = said->tx_epoch;
            all.rx_epoch = said->rx_epoch;
            all.sets.insert(all.sets.end(), said->sets.begin(), said->sets.end());
        }
        return all;
    }
    /// Sends a new frame; empty if the link may not.
    SimFrame send(Vc vc, std::uint32_t bytes = 60, bool poisoned = false) {
        if (!link.can_send(vc, bytes)) return {};
        Burst<SimFrame> burst;
        link.send(make_ghost(pool, {.vc = vc, .number = sent_++}, bytes), vc, burst, poisoned);
        return burst.empty() ? SimFrame() : std::move(burst[0]);
    }

    // What the neighbour says.

    RxOutcome hear(SimFrame frame) {
        const auto view = wire::parse(frame.bytes());
        if (!view) {
            link.on_unreadable(frame.bytes(), FrameCheck::kGood);
            return {RxOutcome::Verdict::kDrop, view.error(), Vc{}, {}};
        }
        return link.on_rx(frame, *view);
    }
    SimFrame make_sets(std::initializer_list<wire::CtlOs> sets, std::uint16_t tx_epoch,
                       std::uint16_t rx_epoch) {
        SimFrame frame = theirs.allocate(wire::kMaxControlFrame);
        wire::ControlFrameWriter writer(frame.bytes());
        writer.begin(tx_epoch, rx_epoch);
        for (const wire::CtlOs& set : sets) EXPECT_TRUE(writer.add(set));
        const std::size_t size = writer.finish();
        frame.trim(static_cast<std::uint32_t>(frame.size() - size));
        return frame;
    }
    /// Of the session that runs, unless an epoch is given.
    RxOutcome hear_sets(std::initializer_list<wire::CtlOs> sets,
                        std::optional<std::uint16_t> rx_epoch = {}) {
        return hear(make_sets(sets, kTheirEpoch, rx_epoch.value_or(link.llr_tx().epoch())));
    }
    RxOutcome hear_cc(std::span<const std::uint32_t> consumed, const wire::LinkWord& word,
                      std::uint16_t tx_epoch = kTheirEpoch) {
        SimFrame frame = theirs.allocate(wire::kMaxControlFrame);
        const std::size_t size =
            wire::emit_cc_update(frame.bytes(), tx_epoch, link.llr_tx().epoch(), consumed);
        frame.trim(static_cast<std::uint32_t>(frame.size() - size));
        wire::store_link_word(frame.bytes().data(), word.encode());
        return hear(std::move(frame));
    }
    RxOutcome hear_data(const wire::LinkWord& word, std::uint32_t bytes = 60) {
        SimFrame frame = make_ghost(theirs, {.vc = word.vc, .number = heard_++}, bytes);
        wire::store_link_word(frame.bytes().data(), word.encode());
        return hear(std::move(frame));
    }
    /// The next frame in sequence.
    RxOutcome hear_next(Vc vc = Vc{0}, std::uint32_t bytes = 60) {
        return hear_data(next_word(vc), bytes);
    }
    wire::LinkWord next_word(Vc vc = Vc{0}) {
        return {.eligible = true, .vc = vc, .session = kTheirSession, .sequence = their_next_++};
    }

    /// INIT, ECHO, the CC_Updates and the first credits, both ways.
    void come_up() {
        turn();
        hear_sets({{.type = wire::CtlOsType::kInit, .value = kTheirSeq, .arg = kTheirEpoch},
                   {.type = wire::CtlOsType::kInitEcho,
                    .value = link.llr_tx().init_seq().value(),
                    .arg = link.llr_tx().epoch()}});
        turn();
        hear_cc(std::array<std::uint32_t, kMaxVcs>{}, next_word());
        turn();
        for (std::uint8_t i = 0; i < profile.vc_count; ++i) {
            if (!link.is_lossless(Vc{i})) continue;
            hear_sets({{.type = wire::CtlOsType::kCfUpdate, .value = 0, .arg = i}});
        }
        hear_sets(
            {{.type = wire::CtlOsType::kAck, .value = link.llr_tx().next().previous().value()}});
    }

    std::uint64_t count(LinkStat stat) {
        link.publish();
        return link.stats().read(stat);
    }

    LinkProfile profile;
    FramePool pool;
    FramePool theirs{100};  // what the neighbour sends is no business of our pool
    Time now{std::chrono::seconds(1)};

private:
    std::vector<typename Link<SimFrame>::Slot> slots_;
    std::uint64_t sent_ = 0, heard_ = 0;
    std::uint32_t their_next_ = kTheirSeq;

public:
    Link<SimFrame> link;
};

}  // namespace ethlink::sim
