// SPDX-License-Identifier: BSD-3-Clause
// All that a wire can do to the first messages of a session, with four-bit numbers: does each
// frame still arrive once and in order (L1), and does it end?
#include <array>
#include <cstdint>
#include <deque>

#include <gtest/gtest.h>

#include "proto/llr_rx.h"
#include "proto/llr_tx.h"

namespace ethlink {
namespace {

using namespace std::chrono_literals;
using Seq = Cyclic<4>;

/// What happens to one message on its way.
enum class Fate : std::uint8_t { kArrives, kLost, kDamaged, kTwice, kCount };

/// The fates of the first messages, as digits of one number; all later ones arrive.
class Fates {
public:
    explicit Fates(std::uint32_t code, int messages) : code_(code), left_(messages) {}
    Fate next() {
        if (left_ == 0) return Fate::kArrives;
        --left_;
        const auto fate = static_cast<Fate>(code_ % kFates);
        code_ /= kFates;
        return fate;
    }
    static constexpr std::uint32_t kFates = static_cast<std::uint32_t>(Fate::kCount);

private:
    std::uint32_t code_;
    int left_;
};

struct Sent {
    Seq seq;
    int content;  // which frame it is: LLR does not see it
    bool damaged;
};

struct Answer {
    LlrAnswer kind;
    Seq seq;
};

/// One sender, one receiver, a wire each way; a step is a microsecond.
class Session {
public:
    Session(std::uint32_t first, std::uint32_t window, int frames, Fates fates)
        : frames_(frames), fates_(fates), tx_(profile_) {
        profile_.max_outstanding_frames = window;
        profile_.max_replay_timer = 8us;
        profile_.max_replay_count = LlrProfile::kReplayForEver;
        profile_.data_age_timeout = 0s;
        tx_.begin_init(Seq(first), 1, now_);
        rx_.start();
        EXPECT_TRUE(rx_.on_init(Seq(first), 1));
        EXPECT_TRUE(tx_.on_init_echo(Seq(first), 1));
    }

    /// Steps until all is delivered and acknowledged; false if it takes too long or L1 breaks.
    bool run() {
        for (int step = 0; step < 2000 && wrong_ == 0; ++step) {
            now_ += 1us;
            transmit();
            receive();
            answer();
            if (delivered_ == frames_ && tx_.outstanding() == 0) return true;
        }
        return false;
    }

private:
    void transmit() {
        if (tx_.on_time(now_, now_) == LlrTxEvent::kFlushed) ++wrong_;
        for (int budget = 2; budget > 0 && tx_.is_replaying(); --budget) {
            const Seq seq = tx_.replay_cursor();
            tx_.on_replayed(now_);
            pass({seq, content_[seq.value()], false}, to_rx_);
        }
        for (int budget = 2; budget > 0 && offered_ < frames_ && tx_.can_send(); --budget) {
            const Seq seq = tx_.on_sent(now_);
            content_[seq.value()] = offered_++;
            pass({seq, content_[seq.value()], false}, to_rx_);
        }
    }
    void pass(Sent frame, std::deque<Sent>& wire) {
        const Fate fate = fates_.next();
        if (fate == Fate::kLost) return;
        frame.damaged = fate == Fate::kDamaged;
        wire.push_back(frame);
        if (fate == Fate::kTwice) wire.push_back(frame);
    }
    void receive() {
        for (; !to_rx_.empty(); to_rx_.pop_front()) {
            const Sent& frame = to_rx_.front();
            const FrameCheck check = frame.damaged ? FrameCheck::kBad : FrameCheck::kGood;
            if (rx_.on_frame(1, frame.seq, check) != LlrRxVerdict::kAccept) continue;
            if (frame.damaged || frame.content != delivered_) ++wrong_;
            ++delivered_;
        }
    }
    void answer() {
        for (; !to_tx_.empty(); to_tx_.pop_front()) {
            const Answer& heard = to_tx_.front();
            const AckResult result = heard.kind == LlrAnswer::kAck ? tx_.on_ack(heard.seq, now_)
                                                                   : tx_.on_nack(heard.seq, now_);
            acknowledged_ += static_cast<int>(result.released);
            if (acknowledged_ > delivered_) ++wrong_;  // Freed before it was delivered.
        }
        const LlrAnswer kind = rx_.next_answer();
        if (kind == LlrAnswer::kNothing) return;
        const Answer said{kind, rx_.answer_seq()};
        const Fate fate = fates_.next();
        if (fate == Fate::kLost || fate == Fate::kDamaged) return;  // Control has a CRC of its own.
        to_tx_.push_back(said);
        if (fate == Fate::kTwice) to_tx_.push_back(said);
    }

    LlrProfile profile_;
    int frames_;
    Fates fates_;
    Time now_{1s};
    BasicLlrTx<Seq> tx_;
    BasicLlrRx<Seq> rx_;
    std::deque<Sent> to_rx_;
    std::deque<Answer> to_tx_;
    std::array<int, 16> content_{};
    int offered_ = 0, delivered_ = 0, acknowledged_ = 0, wrong_ = 0;
};

TEST(LlrExhaustive, EveryFateOfTheFirstSevenMessages) {
    constexpr int kMessages = 7;
    constexpr std::uint32_t kCodes = 1u << (2 * kMessages);  // Fates::kFates to the kMessages.
    static_assert(Fates::kFates == 4);
    for (std::uint32_t code = 0; code < kCodes; ++code) {
        for (const std::uint32_t first : {0u, 7u, 8u, 15u}) {
            ASSERT_TRUE(Session(first, 4, 10, Fates(code, kMessages)).run())
                << "fates " << code << ", first number " << first;
        }
    }
}

TEST(LlrExhaustive, EveryWindowAndStart) {
    // L2, L3: a window up to 7 of 16 numbers; one fate more would not fit into a second.
    constexpr int kMessages = 5;
    for (std::uint32_t code = 0; code < 1u << (2 * kMessages); ++code) {
        for (std::uint32_t first = 0; first < 16; ++first) {
            for (std::uint32_t window = 1; window <= 7; ++window) {
                ASSERT_TRUE(Session(first, window, 12, Fates(code, kMessages)).run())
                    << "fates " << code << ", first number " << first << ", window " << window;
            }
        }
    }
}

}  // namespace
}  // namespace ethlink
