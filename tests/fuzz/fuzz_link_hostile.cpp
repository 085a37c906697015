// SPDX-License-Identifier: BSD-3-Clause
// One link whose neighbour is the input: it speaks the protocol well enough to get far, and then
// says what it likes. No number of his may give the link more than it has (K1-K5, K9, L2, L8, C1,
// C6, C7).
#include <deque>

#include "proto/wire/fcs.h"
#include "tests/fuzz/input.h"
#include "tests/sim/lone_link.h"
#include "tests/sim/profiles.h"

namespace ethlink::fuzz {
namespace {

using sim::LoneLink;
using sim::SimFrame;
using wire::CtlOsType;

constexpr std::uint32_t kNumbers = 1u << 20;

class Script {
public:
    Script(Input& input, const LinkProfile& profile) : input_(&input), lone_(profile) {
        if (input.flag()) lone_.come_up();
    }

    void run() {
        for (int i = 0; i < 400 && !input_->empty(); ++i) {
            step();
            check();
        }
        // It still works: time passes, what was delivered drains, and nothing is held for nothing.
        while (!buffer_.empty()) drain();
        for (int i = 0; i < 20; ++i) {
            see(lone_.turn(std::chrono::microseconds(10)));
            check();
        }
    }

private:
    struct Buffered {
        Vc vc;
        Credits credits;
    };

    void step() {
        const auto expected = lone_.link.llr_rx().expected();
        const auto sessions = lone_.link.llr_rx().sessions();
        switch (input_->below(12)) {
            case 0:
            case 1: return see(lone_.turn(Duration(input_->u16() * 4)));
            case 2: return send();
            case 3: return drain();
            case 4:
            case 5: return take(lone_.hear(sets()));
            case 6: return cc_update();
            case 7:
            case 8:
            case 9: {
                const auto word = near_word();
                take(lone_.hear_data(word, 60 + 4u * input_->u8()), word, expected, sessions);
                return;
            }
            case 10: return raw();
            default: return lone_.link.on_pcs_status(input_->flag(), lone_.now);
        }
    }

    /// Mostly what an honest neighbour could say now; else anything.
    std::uint32_t number_near(std::uint32_t at) {
        const std::uint8_t what = input_->u8();
        if (what < 200) return (at + what % 16 + kNumbers - 4) % kNumbers;
        return what < 250 ? (at + input_->u16() + kNumbers - 0x8000) % kNumbers
                          : input_->u32() % kNumbers;
    }
    std::uint16_t epoch_near(std::uint16_t epoch) {
        const std::uint8_t what = input_->u8();
        if (what < 200) return epoch;
        return what < 230 ? static_cast<std::uint16_t>(epoch + what - 215) : input_->u16();
    }
    wire::LinkWord near_word() {
        const std::uint8_t what = input_->u8();
        const auto& rx = lone_.link.llr_rx();
        return {.eligible = (what & 0xC0) != 0,
                .poisoned = (what & 0x38) == 0x08,
                .vc = Vc{static_cast<std::uint8_t>((what & 7) < 6 ? (what & 7) % 3 : what & 31)},
                .session = static_cast<std::uint8_t>(epoch_near(rx.session()) & 31),
                .sequence = number_near(rx.expected().value() + 4) % kNumbers};
    }
    wire::CtlOs one_set() {
        constexpr CtlOsType kTypes[] = {CtlOsType::kAck, CtlOsType::kNack, CtlOsType::kInit,
                                        CtlOsType::kInitEcho, CtlOsType::kCfUpdate};
        const CtlOsType type = input_->pick(kTypes);
        const auto& tx = lone_.link.llr_tx();
        if (type == CtlOsType::kCfUpdate) {
            const std::uint8_t vc = input_->u8() % 4;
            const Vc known{static_cast<std::uint8_t>(vc % 3)};
            return {type, number_near(lone_.link.cbfc_sender().freed(known).value()), vc};
        }
        if (type == CtlOsType::kInit) {
            return {type, number_near(LoneLink::kTheirSeq), epoch_near(LoneLink::kTheirEpoch)};
        }
        if (type == CtlOsType::kInitEcho) {
            return {type, number_near(tx.init_seq().value() + 4) % kNumbers,
                    epoch_near(tx.epoch())};
        }
        return {type, number_near(tx.oldest().value()), 0};
    }
    SimFrame sets() {
        SimFrame frame = lone_.theirs.allocate(wire::kMaxControlFrame);
        wire::ControlFrameWriter writer(frame.bytes());
        writer.begin(epoch_near(LoneLink::kTheirEpoch), epoch_near(lone_.link.llr_tx().epoch()));
        for (std::uint32_t n = 1 + input_->u8() % 5; n > 0; --n) (void)writer.add(one_set());
        frame.trim(static_cast<std::uint32_t>(frame.size() - writer.finish()));
        if (input_->u8() >= 250) wire::store_link_word(frame.bytes().data(), near_word().encode());
        return frame;
    }
    void cc_update() {
        std::array<std::uint32_t, kMaxVcs> consumed{};
        const std::size_t count = 1 + input_->u8() % 5;
        for (std::uint8_t i = 0; i < std::min<std::size_t>(count, 3); ++i) {
            consumed[i] = number_near(lone_.link.cbfc_receiver().consumed(Vc{i}).value() + 4);
        }
        const auto word = near_word();
        lone_.hear_cc(std::span(consumed).first(count), word, epoch_near(LoneLink::kTheirEpoch));
    }
    /// Whatever a damaged or foreign frame may look like.
    void raw() {
        const std::size_t size = input_->u8();
        const Bytes bytes = input_->bytes(size);
        const bool good = input_->flag();
        if (!good) {
            (void)lone_.link.on_unreadable(bytes, FrameCheck::kBad);
            return;
        }
        SimFrame frame = lone_.theirs.allocate(static_cast<std::uint32_t>(bytes.size()));
        std::ranges::copy(bytes, frame.bytes().begin());
        take(lone_.hear(std::move(frame)));
    }

    void send() {
        const std::uint8_t what = input_->u8();
        const Vc vc{static_cast<std::uint8_t>(what % 3)};
        const std::uint32_t bytes = 60 + 4u * what;
        const bool lossless = lone_.link.is_lossless(vc);
        const auto& sender = lone_.link.cbfc_sender();
        const std::uint32_t before = lossless ? sender.in_use(vc).value : 0;
        if (!lone_.link.can_send(vc, bytes)) return;
        const SimFrame frame = lone_.send(vc, bytes, (what & 0xC0) == 0xC0);
        if (lossless && frame) {
            must(sender.in_use(vc).value == before + lone_.link.credits(bytes).value,
                 "C2: a frame costs what it says");
        }
    }
    void drain() {
        if (buffer_.empty()) return;
        lone_.link.on_drained(buffer_.front().vc, buffer_.front().credits);
        buffer_.pop_front();
    }

    void take(const RxOutcome& outcome) {
        must(outcome.verdict != RxOutcome::Verdict::kDrop || outcome.drop < Drop::kCount,
             "a drop has its reason");
        if (outcome.verdict != RxOutcome::Verdict::kDeliver) return;
        must(outcome.vc.value < lone_.profile.vc_count, "a VC that exists");
        buffer_.push_back({outcome.vc, outcome.credits});
    }
    void take(const RxOutcome& outcome, const wire::LinkWord& word, Cyclic<20> expected,
              std::uint32_t sessions) {
        take(outcome);
        const auto& rx = lone_.link.llr_rx();
        if (!word.eligible || sessions != rx.sessions()) return;
        const bool moved = rx.expected() != expected;
        must(!moved || (word.sequence == expected.value() && rx.expected() == expected.next()),
             "L1, L6: only the expected frame moves the sequence, and by one");
        must(moved || outcome.verdict != RxOutcome::Verdict::kDeliver,
             "L1: what does not move the sequence is not delivered");
    }

    /// What the link says by itself is always well-formed.
    void see(const std::vector<SimFrame>& frames) {
        for (const SimFrame& frame : frames) {
            const auto view = wire::parse(frame.bytes());
            must(view.has_value(), "the link sends frames that pass the door");
            if (!view->is_control()) continue;
            const auto control = wire::parse_control(frame.bytes());
            must(control.has_value(), "the link sends control frames that pass theirs");
        }
    }

    void check() {
        const auto& link = lone_.link;
        must(link.frames_held() <= lone_.profile.llr.max_outstanding_frames, "L2: frames");
        must(link.frames_held() == link.llr_tx().outstanding(), "L13");
        must(lone_.pool.in_use() == link.frames_held(), "R1: no frame is lost or doubled");
        for (std::uint8_t i = 0; i < lone_.profile.vc_count; ++i) {
            if (!link.is_lossless(Vc{i})) continue;
            const Credits limit = lone_.profile.vcs[i].reserved;
            Credits held{};
            for (const Buffered& frame : buffer_) {
                if (frame.vc == Vc{i}) held += frame.credits;
            }
            must(link.cbfc_receiver().held(Vc{i}) <= limit, "C1");
            must(link.cbfc_receiver().held(Vc{i}) == held,
                 "C2: what is held is what was delivered");
            must(link.cbfc_sender().in_use(Vc{i}) <= limit, "C6: no more in use than there are");
        }
    }

    Input* input_;
    LoneLink lone_;
    std::deque<Buffered> buffer_;
};

}  // namespace

void run(Input& input) {
    LinkProfile profile = sim::quick_profile();
    profile.llr.max_outstanding_frames = 1 + input.below(64);
    if (input.flag()) profile.llr.re_init_on_flush = !profile.llr.re_init_on_flush;
    constexpr FrameAction kActions[] = {FrameAction::kDiscard, FrameAction::kBlock,
                                        FrameAction::kBestEffort};
    profile.llr.init_action = input.pick(kActions);
    profile.llr.flush_action = input.pick(kActions);
    Script(input, profile).run();
}

}  // namespace ethlink::fuzz
