// SPDX-License-Identifier: BSD-3-Clause
// The sending half of link-level retry: decides what may be sent, sent again, and given up.
#pragma once

#include <cstdint>

#include "proto/cyclic.h"
#include "proto/profile.h"
#include "proto/time.h"

namespace ethlink {

/// SAI_PORT_LLR_TX_STATUS_* (UEC 5.1.5).
///
///          start            matching INIT_ECHO
///   kOff --------> kInit ----------------------> kAdvance <--------+
///                    ^                            |   |            | replay done
///                    |              NACK or timer |   |            |
///                    | begin_init                 v   |            |
///                    |                           kReplay ----------+
///                    |                            |   |
///                  kFlush <-----------------------+---+
///                     count exhausted, data too old, link lost
enum class LlrTxState : std::uint8_t { kOff, kInit, kAdvance, kReplay, kFlush };

/// What an ACK or NACK meant.
enum class AckVerdict : std::uint8_t {
    kAccepted,
    kSeqError,    // outside [last acknowledged, last sent]: changes nothing (L8)
    kSuppressed,  // a NACK for a gap whose replay has only just begun
    kIgnored,     // LLR is not running
};

struct AckResult {
    AckVerdict verdict;
    std::uint32_t released;  // so many of the oldest frames are delivered: free them
};

enum class LlrTxEvent : std::uint8_t { kNone, kReplayStarted, kFlushed };

/// Go-Back-N sender over sequence numbers `Seq`; it holds no frames and knows no clock.
///
/// Spurious calls are harmless. After kFlushed the caller drops its replay buffer and, if the
/// profile wants it, calls begin_init() with a new epoch.
template <class Seq>
class BasicLlrTx {
public:
    explicit BasicLlrTx(const LlrProfile& profile) : profile_(&profile) {}

    // Inputs.

    /// Begins a session: LLR_INIT{init_seq, epoch} until the neighbour echoes it. epoch != 0.
    void begin_init(Seq init_seq, std::uint16_t epoch, Time now);
    void stop();
    /// True if the echo matches the INIT that is being sent: LLR now runs.
    bool on_init_echo(Seq init_seq, std::uint16_t epoch);
    AckResult on_ack(Seq seq, Time now) { return acknowledge(seq, now); }
    AckResult on_nack(Seq seq, Time now);
    /// `oldest_sent_at`: when the oldest unacknowledged frame was first sent; ignored if none is.
    LlrTxEvent on_time(Time now, Time oldest_sent_at);
    /// Gives up: the link is lost.
    void flush();

    /// A frame goes out for the first time: its number. Only after can_send().
    Seq on_sent(Time now) { return on_sent(now, 1); }
    /// The same for `n` of them, 1 .. window_left(): the number of the first.
    Seq on_sent(Time now, std::uint32_t n) {
        if (next_ == oldest_) replay_deadline_ = now + profile_->max_replay_timer;
        const Seq seq = next_;
        next_ = next_ + n;
        return seq;
    }

    /// The frame at replay_cursor() went out again.
    void on_replayed(Time now) {
        cursor_ = cursor_.next();
        finish_replay_if_done(now);
    }

    // Permission.

    /// Whether a new frame may be numbered: running, no replay, room in the window.
    bool can_send() const {
        return state_ == LlrTxState::kAdvance && outstanding() < profile_->max_outstanding_frames;
    }
    /// How many new frames may be numbered now.
    std::uint32_t window_left() const {
        return can_send() ? profile_->max_outstanding_frames - outstanding() : 0;
    }
    bool is_running() const {
        return state_ == LlrTxState::kAdvance || state_ == LlrTxState::kReplay;
    }
    bool is_replaying() const { return state_ == LlrTxState::kReplay; }

    // Outputs.

    Seq replay_cursor() const { return cursor_; }
    /// True once every init_interval while in kInit: send LLR_INIT now.
    bool next_init(Time now);
    /// When on_time() or next_init() next has something to do, but for the age of the data.
    Time deadline() const;

    // Queries.

    LlrTxState state() const { return state_; }
    std::uint16_t epoch() const { return epoch_; }
    Seq init_seq() const { return init_seq_; }
    Seq next() const { return next_; }
    Seq oldest() const { return oldest_; }
    std::uint32_t outstanding() const { return next_.distance_from(oldest_); }
    std::uint8_t replay_count() const { return replay_count_; }

private:
    AckResult acknowledge(Seq seq, Time now);
    void begin_replay(Time now);
    void finish_replay_if_done(Time now) {
        if (cursor_ != next_) return;
        state_ = LlrTxState::kAdvance;
        restart_timer(now);
    }
    void restart_timer(Time now) {
        replay_deadline_ = next_ == oldest_ ? kNever : now + profile_->max_replay_timer;
    }

    const LlrProfile* profile_;
    Time replay_deadline_ = kNever;
    Seq next_;    // of the next new frame
    Seq oldest_;  // first unacknowledged; == next_ if none
    Seq cursor_;  // next to replay
    Seq init_seq_;
    Time nack_guard_until_{};  // no second replay for the same gap before (K1)
    Time init_due_{};
    std::uint16_t epoch_ = 0;
    std::uint8_t replay_count_ = 0;  // replays since the last progress
    LlrTxState state_ = LlrTxState::kOff;
};

using LlrTx = BasicLlrTx<Cyclic<20>>;

// One cache line: a port's hot state must not be spread.
static_assert(sizeof(LlrTx) <= 64);

extern template class BasicLlrTx<Cyclic<20>>;
extern template class BasicLlrTx<Cyclic<4>>;

}  // namespace ethlink
