// SPDX-License-Identifier: BSD-3-Clause
// The link's state machines, told steps as text and asked what they did (machines.py).
#include <memory>
#include <type_traits>

#include "proto/cbfc_receiver.h"
#include "proto/cbfc_sender.h"
#include "proto/llr_rx.h"
#include "tests/differential/codec.h"

namespace ethlink::differential {

namespace {

std::string_view name(LlrRxState state) {
    switch (state) {
        case LlrRxState::kOff: return "off";
        case LlrRxState::kSendAcks: return "send_acks";
        case LlrRxState::kSendNack: return "send_nack";
        case LlrRxState::kNackSent: return "nack_sent";
    }
    return {};
}

std::string_view name(LlrRxVerdict verdict) {
    switch (verdict) {
        case LlrRxVerdict::kAccept: return "accept";
        case LlrRxVerdict::kDuplicate: return "duplicate";
        case LlrRxVerdict::kMissing: return "missing";
        case LlrRxVerdict::kExpectedBad: return "expected_bad";
        case LlrRxVerdict::kNoSession: return "no_session";
    }
    return {};
}

class LlrReceiver {
public:
    std::string step(const Group& step) {
        const std::string said = say(step);
        return Group(said)
            .add("state", name(rx_.state()))
            .add("expected", rx_.expected().value())
            .add("epoch", rx_.epoch())
            .add("urgent", std::uint64_t{rx_.is_urgent()})
            .line();
    }

private:
    using Seq = Cyclic<20>;

    std::string say(const Group& step) {
        if (step.word() == "start") {
            rx_.start();
            return "started";
        }
        if (step.word() == "end") {
            rx_.end_session();
            return "ended";
        }
        if (step.word() == "answer") return answer();
        const Seq seq(step.get<std::uint32_t>("seq"));
        if (step.word() == "init") {
            return rx_.on_init(seq, step.get<std::uint16_t>("epoch")) ? "echo" : "silent";
        }
        return std::string(name(rx_.on_frame(step.get<std::uint8_t>("session"), seq, check(step))));
    }

    std::string answer() {
        const std::string seq = std::to_string(rx_.answer_seq().value());
        switch (rx_.next_answer()) {
            case LlrAnswer::kNothing: return "nothing";
            case LlrAnswer::kAck: return "ack=" + seq;
            case LlrAnswer::kNack: return "nack=" + seq;
        }
        return {};
    }

    static FrameCheck check(const Group& step) {
        const std::string& text = step.text("check");
        if (text == "good") return FrameCheck::kGood;
        return text == "poisoned" ? FrameCheck::kPoisoned : FrameCheck::kBad;
    }

    LlrRx rx_;
};

std::string yes_or_no(bool yes) {
    return yes ? "yes" : "no";
}

// What sender and receiver of credits have in common; `Half` is the shipped one. It is made when
// the first step comes that needs it: the profile is complete then.
template <class Half>
class CreditsHalf {
public:
    std::string step(const Group& step) {
        if (step.word() == "profile") return take_profile(step);
        if (step.word() == "vc") return take_vc(step);
        if (!half_) half_ = std::make_unique<Half>(profile_);
        if (step.word() == "cost") {
            const CreditRule rule(profile_.cbfc_profile);
            return "credits=" +
                   std::to_string(rule.credits(step.get<std::uint32_t>("frame")).value);
        }
        if (step.word() == "reset") return reset();
        const Vc vc{step.get<std::uint8_t>("vc")};
        const std::string said = say(*half_, step, vc);
        return Group(said)
            .add("consumed", half_->consumed(vc).value())
            .add("freed", half_->freed(vc).value())
            .add("held", std::uint64_t{half_->consumed(vc).distance_from(half_->freed(vc))})
            .line();
    }

private:
    std::string take_profile(const Group& step) {
        profile_.vc_count = 0;
        profile_.cbfc_profile.credit_size = step.get<std::uint32_t>("credit_size");
        profile_.cbfc_profile.packet_overhead = step.get<std::int32_t>("overhead");
        profile_.cbfc_profile.shared_size = {step.get<std::uint32_t>("shared")};
        return "ok";
    }

    std::string take_vc(const Group& step) {
        VcProfile& vc = profile_.vcs[profile_.vc_count];
        vc.reserved = {step.get<std::uint32_t>("reserved")};
        const std::string& mode = step.text("mode");
        if (mode == "static") {
            vc.threshold_mode = ThresholdMode::kStatic;
            vc.shared_static = {step.get<std::uint32_t>("threshold")};
        } else if (mode == "dynamic") {
            vc.threshold_mode = ThresholdMode::kDynamic;
            vc.shared_dynamic = step.get<std::int8_t>("threshold");
        }
        const Vc added{profile_.vc_count++};
        return "limit=" + std::to_string(Half(profile_).limit(added).value);
    }

    std::string reset() {
        if constexpr (std::is_same_v<Half, CbfcSender>) half_->reset();
        return "reset";
    }

    static Credits credits(const Group& step) { return {step.get<std::uint32_t>("credits")}; }

    static std::string say(CbfcSender& sender, const Group& step, Vc vc) {
        if (step.word() == "may_send") return yes_or_no(sender.can_send(vc, credits(step)));
        if (step.word() == "sent") {
            sender.on_sent(vc, credits(step));
            return "sent";
        }
        const CreditCounter value(step.get<std::uint32_t>("value"));
        return sender.on_cf_update(vc, value) == CfVerdict::kAccepted ? "accepted" : "refused";
    }

    static std::string say(CbfcReceiver& receiver, const Group& step, Vc vc) {
        if (step.word() == "fits") return yes_or_no(receiver.fits(vc, credits(step)));
        if (step.word() == "arrived") {
            receiver.on_frame(vc, credits(step));
            return "arrived";
        }
        if (step.word() == "drained") {
            receiver.on_drained(vc, credits(step));
            return "drained";
        }
        const CreditCounter value(step.get<std::uint32_t>("value"));
        return "lost=" + std::to_string(receiver.on_cc_update(vc, value));
    }

    LinkProfile profile_;
    std::unique_ptr<Half> half_;
};

template <class Machine>
std::vector<std::string> run(Machine&& machine, const Groups& steps) {
    std::vector<std::string> said;
    for (const Group& step : steps) said.push_back(machine.step(step));
    return said;
}

}  // namespace

std::vector<std::string> run_machine(const std::string& machine, const Groups& steps) {
    if (machine == "llr_receiver") return run(LlrReceiver(), steps);
    if (machine == "cbfc_sender") return run(CreditsHalf<CbfcSender>(), steps);
    return run(CreditsHalf<CbfcReceiver>(), steps);
}

}  // namespace ethlink::differential
