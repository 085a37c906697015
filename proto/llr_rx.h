// SPDX-License-Identifier: BSD-3-Clause
// The receiving half of link-level retry: accepts frames in order and decides what to answer.
#pragma once

#include <cstdint>

#include "proto/cyclic.h"

namespace ethlink {

/// SAI_PORT_LLR_RX_STATUS_* (UEC 5.1.6).
///
///             start              gap, or expected frame bad
///   kOff ------------> kSendAcks ---------------------------> kSendNack
///                          ^                                      | NACK goes out
///                          | expected frame good, or              v
///                          +----- a good duplicate (*) ------ kNackSent
///
/// (*) Departs from UEC 5.1.6, which stays silent until the expected frame arrives: when the
/// frame that was NACKed is a damaged copy of one already delivered, that frame never comes.
/// A good duplicate proves that a replay has begun, so the silence may end.
enum class LlrRxState : std::uint8_t { kOff, kSendAcks, kSendNack, kNackSent };

/// What the frame check sequence said.
enum class FrameCheck : std::uint8_t {
    kGood,
    kPoisoned,  // damaged upstream and marked: takes its number, is never NACKed
    kBad,       // damaged on this link: its number is a hint, never trusted for acceptance
};

enum class LlrRxVerdict : std::uint8_t {
    kAccept,       // the expected frame: hand it up
    kDuplicate,    // seen before
    kMissing,      // a frame before it is missing
    kExpectedBad,  // the expected frame, damaged
    kNoSession,    // of a session that is not ours (or LLR is off)
};

enum class LlrAnswer : std::uint8_t { kNothing, kAck, kNack };

/// Go-Back-N receiver over sequence numbers `Seq`.
///
/// A session is named by the sender's 16-bit epoch (INIT's init_data). Its low five bits travel
/// in every frame ("session", never 0), so frames of an older session are recognised. An INIT
/// that arrives while a session runs only proposes a new one; the first frame that carries the
/// new session's bits makes it so. A stale copy of an old INIT therefore changes nothing.
template <class Seq>
class BasicLlrRx {
public:
    static constexpr std::uint16_t kSessionMask = 0x1F;

    // Inputs.

    void start() { state_ = LlrRxState::kSendAcks; }
    void stop();
    /// The sender's LLR has stopped: no session until its next INIT.
    void end_session() {
        epoch_ = proposed_epoch_ = 0;
        state_ = LlrRxState::kSendAcks;
        ack_wanted_ = duplicate_seen_ = false;  // What was owed belonged to the session.
    }
    /// True if the INIT deserves an INIT_ECHO with the same values.
    bool on_init(Seq init_seq, std::uint16_t epoch);

    LlrRxVerdict on_frame(std::uint8_t session, Seq seq, FrameCheck check) {
        const bool ours = session == (epoch_ & kSessionMask) && session != 0;
        if (!ours && !adopt(session, check)) [[unlikely]]
            return LlrRxVerdict::kNoSession;
        if (seq == expected_ && check != FrameCheck::kBad) [[likely]] {
            expected_ = expected_.next();
            ack_wanted_ = true;
            if (state_ != LlrRxState::kSendAcks) end_gap();
            return LlrRxVerdict::kAccept;
        }
        return refuse(seq, check);
    }
    /// `n` good frames in a row from expected() on, of this session. Only in kSendAcks.
    void on_frames(std::uint32_t n) {
        expected_ = expected_ + n;
        ack_wanted_ = true;
    }

    // Outputs.

    /// Whether an answer is waiting that must not be delayed.
    bool is_urgent() const { return state_ == LlrRxState::kSendNack || duplicate_seen_; }
    bool has_answer() const { return state_ == LlrRxState::kSendNack || ack_wanted_; }
    /// The answer to send now, about answer_seq(); calling it means that it is sent.
    LlrAnswer next_answer();
    /// The last good in-order frame.
    Seq answer_seq() const { return expected_.previous(); }

    // Queries.

    LlrRxState state() const { return state_; }
    std::uint16_t epoch() const { return epoch_; }
    std::uint8_t session() const { return static_cast<std::uint8_t>(epoch_ & kSessionMask); }
    Seq expected() const { return expected_; }
    /// How often a replay was seen to begin (SAI LLR_RX_REPLAY), modulo 2^32.
    std::uint32_t replays_seen() const { return replays_seen_; }
    /// How often a new session was taken over, modulo 2^32.
    std::uint32_t sessions() const { return sessions_; }

private:
    bool adopt(std::uint8_t session, FrameCheck check);
    void begin_session(Seq init_seq, std::uint16_t epoch);
    void end_gap();
    LlrRxVerdict refuse(Seq seq, FrameCheck check);

    Seq expected_;
    std::uint16_t epoch_ = 0;  // 0 = no session
    LlrRxState state_ = LlrRxState::kOff;
    bool ack_wanted_ = false;
    bool duplicate_seen_ = false;
    std::uint16_t proposed_epoch_ = 0;  // 0 = none
    Seq proposed_seq_;
    std::uint32_t replays_seen_ = 0;
    std::uint32_t sessions_ = 0;
};

using LlrRx = BasicLlrRx<Cyclic<20>>;

extern template class BasicLlrRx<Cyclic<20>>;
extern template class BasicLlrRx<Cyclic<4>>;

}  // namespace ethlink
