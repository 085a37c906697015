// SPDX-License-Identifier: BSD-3-Clause
// Link for frames in a row, which frames nearly always come in: what they have in common is looked
// up and counted once. Included by link.h only.
#pragma once

#include <algorithm>
#include <utility>

#include "proto/link.h"

namespace ethlink {

/// The frames of one receive burst. While they come in order, undamaged and within the reserved
/// credits of their VC, accept() takes them in; all others are on_rx()'s. Both together do what
/// on_rx() alone would do, once finish() has been called.
template <FrameHandle F, class Seq>
class BasicLink<F, Seq>::Reception {
public:
    explicit Reception(BasicLink& link) : link_(&link) { expect(); }

    /// The credits that a data frame took, at least 1; they return through on_drained(vc(), ...).
    /// None: nothing has changed; finish(), then on_rx().
    [[gnu::always_inline]] Credits accept(F& frame, const wire::FrameView& view) {
        const std::uint32_t word = view.link_word_raw();
        if (view.is_control()) [[unlikely]]
            return {};
        if (word != expected_ && !follow(word)) [[unlikely]]
            return {};
        const Credits credits = link_->rule_.credits(view.size());
        if (!link_->cbfc_receiver_.fits_reserved(vc_, credits)) [[unlikely]]
            return {};
        link_->cbfc_receiver_.on_frame(vc_, credits);
        wire::store_link_word(frame.bytes().data(), 0);
        expected_ = wire::LinkWord::next(word);
        ++frames_;
        bytes_ += view.size();
        return credits;
    }
    Vc vc() const { return vc_; }

    /// Before anything else looks at the link; accept() takes nothing until expect().
    void finish() {
        expected_ = kNone;
        if (frames_ == 0) return;
        link_->accepted(vc_, std::exchange(frames_, 0), std::exchange(bytes_, 0));
    }
    /// The next frame is probably of the same VC as the last one that was delivered.
    void expect() {
        vc_ = link_->rx_vc_;
        const auto& rx = link_->llr_rx_;
        const bool usual =
            rx.state() == LlrRxState::kSendAcks && rx.epoch() != 0 && is_set(link_->credited_, vc_);
        if (!usual) return;
        const wire::LinkWord word{.eligible = true,
                                  .vc = vc_,
                                  .session = rx.session(),
                                  .sequence = rx.expected().value()};
        expected_ = word.encode();
    }

private:
    /// Whether it is the next frame, only of another VC: from now on that one is expected.
    [[gnu::noinline]] bool follow(std::uint32_t word) {
        const Vc vc = wire::LinkWord::decode(word).vc;
        if (expected_ == kNone || vc.value >= link_->profile_->vc_count) return false;
        finish();
        link_->rx_vc_ = vc;
        expect();
        return word == expected_;
    }

    static constexpr std::uint64_t kNone = UINT64_MAX;  // No link word has 64 bits.

    BasicLink* link_;
    std::uint64_t expected_ = kNone;  // link word of the next frame
    Vc vc_{};
    std::uint32_t frames_ = 0;
    std::uint32_t bytes_ = 0;
};

template <FrameHandle F, class Seq>
void BasicLink<F, Seq>::accepted(Vc vc, std::uint32_t frames, std::uint32_t bytes) {
    llr_rx_.on_frames(frames);
    unanswered_bytes_ += bytes;
    control_urgent_ |= unanswered_bytes_ >= profile_->llr.ctlos_spacing_bytes;
    control_pending_ = true;
    add(LinkStat::kLlrRxExpectedSeqGood, frames);
    stats_.vcs[vc.value].rx_frames.add(frames);
    stats_.vcs[vc.value].rx_bytes.add(bytes);
}

template <FrameHandle F, class Seq>
template <class Queue, class Out>
std::uint32_t BasicLink<F, Seq>::send_run(Queue& queue, Vc vc, std::uint32_t bytes_max, Out& out) {
    const auto frames_max = std::min(
        {static_cast<std::uint32_t>(out.room()), llr_tx_.window_left(), replay_.frames_left()});
    const Credits credits_max = cbfc_sender_.sure_credits(vc);
    bytes_max = std::min(bytes_max, replay_.bytes_left());
    const bool usual = is_set(llr_desired_ & credited_, vc) && !end_.software_fcs;
    const std::uint32_t first_seq = llr_tx_.next().value();
    const wire::LinkWord first{.eligible = true, .vc = vc, .session = session()};
    const std::uint32_t word = first.encode();
    std::uint32_t frames = 0;
    std::uint32_t bytes = 0;
    Credits credits{};
    while (usual && frames < frames_max && !queue.empty()) {
        const std::uint32_t more = queue.front_bytes();
        const Credits price = rule_.credits(more);
        if (bytes + more > bytes_max || credits + price > credits_max) break;
        bytes += more;
        credits += price;
        F frame = queue.pop();
        const Seq seq(first_seq + frames++);
        wire::store_link_word(frame.bytes().data(), word | seq.value());
        F again = hand_out(replay_.push(seq.value(), std::move(frame), more, now_));
        if (!again) [[unlikely]] {
            add(LinkStat::kTxNoBuffer);
            continue;
        }
        out.push(std::move(again));
    }
    if (frames == 0) {  // Something unusual about it: shared credits, LLR not running, ...
        const std::uint32_t alone = queue.front_bytes();
        send(queue.pop(), vc, out);
        return alone;
    }
    const Seq seq = llr_tx_.on_sent(now_, frames);
    if (!rtt_watching_) [[unlikely]]
        watch_round_trip(seq);
    add(LinkStat::kLlrTxOk, frames);
    VcStats& stats = stats_.vcs[vc.value];
    stats.tx_frames.add(frames);
    stats.tx_bytes.add(bytes);
    cbfc_sender_.on_sent(vc, credits);
    stats.sender_credits_used_watermark.raise_to(cbfc_sender_.in_use(vc).value);
    return bytes;
}

}  // namespace ethlink
