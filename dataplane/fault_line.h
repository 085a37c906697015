// SPDX-License-Identifier: BSD-3-Clause
// One direction of a bad wire: loses, damages, repeats, delays and reorders frames from a seed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/burst.h"
#include "dataplane/fault_options.h"
#include "dataplane/random.h"
#include "proto/counter.h"
#include "proto/frame.h"
#include "proto/time.h"
#include "proto/wire/control_frame.h"
#include "proto/wire/fcs.h"
#include "proto/wire/frame.h"
#include "proto/wire/link_word.h"

namespace ethlink {

enum class FaultStat : std::uint8_t {
    kPassed,      // frames that left the line, copies included
    kLost,        // loss, seq_drop, and damage on a medium that drops damaged frames itself
    kCorrupted,   // bit_error, fcs_bad
    kDuplicated,  // duplicate, seq_dup
    kReordered,
    kPoisoned,
    kAckDropped,
    kNackDropped,
    kCfUpdateDropped,
    kNoBuffer,  // a copy that the pool could not give: not duplicated
    kCount
};
std::string_view name(FaultStat stat);

/// Pure but for the pool: frames and time in, frames out. It owns the frames it delays; their
/// number is bounded by the capacity given at construction.
///
/// `fcs_in_frame`: the frames end with a software FCS, so damage is real and the receiver finds
/// it. Otherwise the medium checks: a damaged frame disappears, as it would in a NIC.
template <FrameHandle F>
class FaultLine {
public:
    using Pool = typename F::Pool;

    FaultLine(Pool& pool, std::size_t frames_max, bool fcs_in_frame, const FaultOptions& options)
        : pool_(&pool),
          fcs_in_frame_(fcs_in_frame),
          line_(std::max<std::size_t>(frames_max, 2 * kBurstSize)),
          random_(options.seed),
          options_(options) {}

    /// New faults from the next frame on. The seed counts only at construction.
    void set(const FaultOptions& options) { options_ = options; }
    const FaultOptions& options() const { return options_; }

    /// Whether one more frame, and its copy, fit.
    bool has_room() const { return count_ + 2 <= line_.size(); }

    /// Only if has_room(). The frame's bytes are nobody else's.
    void push(F&& frame, Time now);

    /// Moves frames that are due into `out`.
    void pop_due(Burst<F>& out, Time now) {
        if (frames_held() > 0) pop_held_and_due(out, now);
    }

    /// When the next frame is due; kNever if there is none.
    Time deadline() const {
        return count_ == 0 && held_.empty() ? kNever : std::min(first_due(), held_due());
    }
    std::size_t frames_held() const { return count_ + held_.size(); }
    const CounterSet<FaultStat>& stats() const { return stats_; }

private:
    struct Waiting {
        F frame;
        Time due{};
        std::uint64_t order = 0;
    };
    struct Held {
        F frame;
        Time due{};
        std::uint64_t order = 0;
        std::uint32_t overtakers = 0;  // so many later frames still go first
    };

    // At the latest then a frame goes that was to be overtaken, when too few others follow.
    static constexpr Duration kHoldMax = std::chrono::microseconds(50);
    static constexpr std::size_t kHeldMax = 64;

    std::size_t fcs_bytes() const { return fcs_in_frame_ ? wire::kFcsSize : 0; }
    bool dies(F& frame);
    std::optional<wire::ControlFrameView> ordered_sets_of(const F& frame) const;
    bool dies_as_control(const F& frame);
    bool dies_without_credits(F& frame);
    void flip_bit(F& frame);
    void poison(F& frame);
    Time next_due(std::uint32_t bytes, Time now);
    void enqueue(F&& frame, Time due, std::uint64_t order);
    Time first_due() const { return count_ == 0 ? kNever : line_[tail_].due; }
    Time held_due() const {
        Time due = kNever;
        for (const Held& held : held_) due = std::min(due, held.due);
        return due;
    }
    static bool is_sequenced(const F& frame) {
        return frame.size() >= wire::kOefhSize &&
               wire::LinkWord::decode(wire::load_link_word(frame.bytes().data())).eligible;
    }
    void pop_held_and_due(Burst<F>& out, Time now);
    void pass(F&& frame, std::uint64_t order, Burst<F>& out);
    void pop_held(Burst<F>& out, Time overdue);
    void add(FaultStat stat) { stats_.add(stat); }

    Pool* pool_;
    bool fcs_in_frame_;
    std::vector<Waiting> line_;  // a ring, due times ascending
    std::size_t tail_ = 0;
    std::size_t count_ = 0;
    std::vector<Held> held_;
    std::uint64_t next_order_ = 0;  // frames count in the order in which they were sent
    Time last_due_{};
    Time wire_free_at_{};  // when the last frame has been serialised
    Random random_;
    FaultOptions options_;
    CounterSet<FaultStat> stats_;
};

template <FrameHandle F>
void FaultLine<F>::push(F&& frame, Time now) {
    if (dies(frame)) {
        frame = F();
        return;
    }
    const Time due = next_due(frame.size(), now);
    const std::uint64_t order = next_order_++;
    const bool twice =
        random_.chance(options_.duplicate) ||
        (options_.seq_dup > 0 && is_sequenced(frame) && random_.chance(options_.seq_dup));
    F copy = twice ? pool_->copy(frame) : F();
    if (twice) add(copy ? FaultStat::kDuplicated : FaultStat::kNoBuffer);
    if (held_.size() < kHeldMax && random_.chance(options_.reorder)) {
        add(FaultStat::kReordered);
        const std::uint32_t distance = std::max(options_.reorder_distance, 1u);
        held_.push_back({std::move(frame), due + kHoldMax, order,
                         1 + static_cast<std::uint32_t>(random_.below(distance))});
    } else {
        enqueue(std::move(frame), due, order);
    }
    if (copy) enqueue(std::move(copy), due, order);
}

template <FrameHandle F>
bool FaultLine<F>::dies(F& frame) {
    if (random_.chance(options_.loss) ||
        (options_.seq_drop > 0 && is_sequenced(frame) && random_.chance(options_.seq_drop))) {
        add(FaultStat::kLost);
        return true;
    }
    if ((options_.llr_ack_drop > 0 || options_.llr_nack_drop > 0) && dies_as_control(frame))
        return true;
    if (options_.cf_update_drop > 0 && dies_without_credits(frame)) return true;
    if (random_.chance(options_.fcs_poisoned)) poison(frame);
    if (!random_.chance(options_.bit_error) && !random_.chance(options_.fcs_bad)) return false;
    add(FaultStat::kCorrupted);
    if (!fcs_in_frame_) {
        add(FaultStat::kLost);
        return true;
    }
    flip_bit(frame);
    return false;
}

/// Nothing if it is any other frame.
template <FrameHandle F>
std::optional<wire::ControlFrameView> FaultLine<F>::ordered_sets_of(const F& frame) const {
    if (frame.size() < fcs_bytes()) return {};
    const auto bytes = frame.bytes().first(frame.size() - fcs_bytes());
    const auto view = wire::parse(bytes);
    if (!view || !view->is_control()) return {};
    const auto control = wire::parse_control(bytes);
    if (!control || control->kind() != wire::ControlKind::kOrderedSets) return {};
    return *control;
}

template <FrameHandle F>
bool FaultLine<F>::dies_as_control(const F& frame) {
    const auto control = ordered_sets_of(frame);
    if (!control) return false;
    for (std::size_t i = 0; i < control->count(); ++i) {
        const wire::CtlOsType type = control->ctl_os(i).type;
        if (type == wire::CtlOsType::kAck && random_.chance(options_.llr_ack_drop)) {
            add(FaultStat::kAckDropped);
            return true;
        }
        if (type == wire::CtlOsType::kNack && random_.chance(options_.llr_nack_drop)) {
            add(FaultStat::kNackDropped);
            return true;
        }
    }
    return false;
}

/// What is left of the frame says everything but CF_Updates; true if that is nothing.
template <FrameHandle F>
bool FaultLine<F>::dies_without_credits(F& frame) {
    const auto control = ordered_sets_of(frame);
    if (!control) return false;
    std::array<std::byte, wire::kMaxControlFrame> rest;
    wire::ControlFrameWriter writer(rest);
    writer.begin(control->tx_epoch(), control->rx_epoch());
    for (std::size_t i = 0; i < control->count(); ++i) {
        const wire::CtlOs set = control->ctl_os(i);
        if (set.type != wire::CtlOsType::kCfUpdate && !writer.add(set)) return false;
    }
    if (writer.count() == control->count() || !random_.chance(options_.cf_update_drop)) {
        return false;
    }
    add(FaultStat::kCfUpdateDropped);
    const std::size_t size = writer.finish();
    if (size == 0) return true;
    frame.trim(frame.size() - static_cast<std::uint32_t>(size + fcs_bytes()));
    std::copy_n(rest.begin(), size, frame.bytes().begin());
    if (fcs_in_frame_) wire::write_fcs(frame.bytes());
    return false;
}

template <FrameHandle F>
void FaultLine<F>::flip_bit(F& frame) {
    const std::uint64_t bit = random_.below(std::uint64_t{frame.size()} * 8);
    frame.bytes()[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
}

template <FrameHandle F>
void FaultLine<F>::poison(F& frame) {
    if (!is_sequenced(frame)) return;
    add(FaultStat::kPoisoned);
    const auto bytes = frame.bytes();
    wire::LinkWord word = wire::LinkWord::decode(wire::load_link_word(bytes.data()));
    word.poisoned = true;
    wire::store_link_word(bytes.data(), word.encode());
    if (fcs_in_frame_) wire::write_fcs(bytes);
}

template <FrameHandle F>
Time FaultLine<F>::next_due(std::uint32_t bytes, Time now) {
    Time due = now;
    if (options_.rate_mbps > 0) {
        // Preamble, gap and FCS take their time on the wire as well.
        const double bits = 8.0 * (bytes + (fcs_in_frame_ ? 20 : 24));
        wire_free_at_ = std::max(wire_free_at_, now) +
                        Duration(static_cast<std::int64_t>(bits * 1000.0 / options_.rate_mbps));
        due = wire_free_at_;
    }
    due += options_.delay;
    if (options_.jitter > Duration::zero()) {
        due += Duration(random_.below(static_cast<std::uint64_t>(options_.jitter.count()) + 1));
    }
    // A wire is first in, first out; overtaking is a fault of its own.
    return last_due_ = std::max(last_due_, due);
}

template <FrameHandle F>
void FaultLine<F>::enqueue(F&& frame, Time due, std::uint64_t order) {
    line_[(tail_ + count_++) % line_.size()] = {std::move(frame), due, order};
}

template <FrameHandle F>
void FaultLine<F>::pop_held_and_due(Burst<F>& out, Time now) {
    pop_held(out, Time::min());
    while (count_ > 0 && line_[tail_].due <= now && out.room() > 0) {
        Waiting& first = line_[tail_];
        tail_ = (tail_ + 1) % line_.size();
        --count_;
        pass(std::move(first.frame), first.order, out);
        pop_held(out, Time::min());
    }
    // Last, so that what waits too long for overtakers does not overtake those before it.
    pop_held(out, now);
}

template <FrameHandle F>
void FaultLine<F>::pass(F&& frame, std::uint64_t order, Burst<F>& out) {
    out.push(std::move(frame));
    add(FaultStat::kPassed);
    for (Held& held : held_) held.overtakers -= held.overtakers > 0 && held.order < order ? 1 : 0;
}

/// Frames that have been overtaken often enough, or whose time to wait for that is over.
template <FrameHandle F>
void FaultLine<F>::pop_held(Burst<F>& out, Time overdue) {
    for (std::size_t i = 0; i < held_.size() && out.room() > 0;) {
        if (held_[i].overtakers > 0 && held_[i].due > overdue) {
            ++i;
            continue;
        }
        Held held = std::move(held_[i]);
        held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
        pass(std::move(held.frame), held.order, out);
        i = 0;  // It has overtaken others, which may be next.
    }
}

}  // namespace ethlink
