// SPDX-License-Identifier: BSD-3-Clause
// The state machines of a link, per frame: LLR and CBFC, both halves, together and alone.
#include <cstddef>
#include <cstdint>

#include <benchmark/benchmark.h>

#include "bench/micro.h"
#include "proto/cbfc_receiver.h"
#include "proto/cbfc_sender.h"
#include "proto/llr_rx.h"
#include "proto/llr_tx.h"
#include "proto/profile.h"

namespace ethlink::bench {
namespace {

constexpr std::size_t kFrames = 256;   // of a batch
constexpr std::size_t kAckEvery = 32;  // frames: ACK and CF_Update
constexpr std::uint16_t kEpoch = 33;
constexpr Vc kVc{2};
constexpr Credits kPrice{1};

struct Machines {
    Machines() : llr_tx(profile.llr), sender(profile), receiver(profile) {
        llr_rx.start();
        llr_tx.begin_init(Cyclic<20>(0), kEpoch, now);
        llr_rx.on_init(Cyclic<20>(0), kEpoch);
        llr_tx.on_init_echo(Cyclic<20>(0), kEpoch);
        sender.on_cf_update(kVc, CreditCounter(0));
    }

    LinkProfile profile;
    Time now{std::chrono::seconds(1)};
    LlrTx llr_tx;
    LlrRx llr_rx;
    CbfcSender sender;
    CbfcReceiver receiver;
};

void together(benchmark::State& state) {
    Machines m;
    measure(state, kFrames, [&] {
        for (std::size_t i = 0; i < kFrames; ++i) {
            if (!m.llr_tx.can_send() || !m.sender.can_send(kVc, kPrice)) {
                return state.SkipWithError("may not send");
            }
            m.sender.on_sent(kVc, kPrice);
            const auto seq = m.llr_tx.on_sent(m.now);
            benchmark::ClobberMemory();  // The frame goes out and comes in: nothing is remembered.
            const auto verdict =
                m.llr_rx.on_frame(kEpoch & LlrRx::kSessionMask, seq, FrameCheck::kGood);
            if (verdict != LlrRxVerdict::kAccept || !m.receiver.fits(kVc, kPrice)) {
                return state.SkipWithError("not accepted");
            }
            m.receiver.on_frame(kVc, kPrice);
            m.receiver.on_drained(kVc, kPrice);
            if (i % kAckEvery != kAckEvery - 1) continue;
            m.llr_rx.next_answer();
            m.llr_tx.on_ack(m.llr_rx.answer_seq(), m.now);
            m.sender.on_cf_update(kVc, m.receiver.freed(kVc));
        }
    });
}

void llr_tx(benchmark::State& state) {
    Machines m;
    measure(state, kFrames, [&] {
        for (std::size_t i = 0; i < kFrames; ++i) {
            if (!m.llr_tx.can_send()) return state.SkipWithError("may not send");
            const auto seq = m.llr_tx.on_sent(m.now);
            benchmark::ClobberMemory();
            if (i % kAckEvery == kAckEvery - 1) m.llr_tx.on_ack(seq, m.now);
        }
    });
}

void llr_rx(benchmark::State& state) {
    Machines m;
    Cyclic<20> seq;
    measure(state, kFrames, [&] {
        for (std::size_t i = 0; i < kFrames; ++i) {
            benchmark::DoNotOptimize(
                m.llr_rx.on_frame(kEpoch & LlrRx::kSessionMask, seq, FrameCheck::kGood));
            benchmark::ClobberMemory();
            seq = seq.next();
            if (i % kAckEvery == kAckEvery - 1) benchmark::DoNotOptimize(m.llr_rx.next_answer());
        }
    });
}

void cbfc_sender(benchmark::State& state) {
    Machines m;
    measure(state, kFrames, [&] {
        for (std::size_t i = 0; i < kFrames; ++i) {
            if (!m.sender.can_send(kVc, kPrice)) return state.SkipWithError("may not send");
            m.sender.on_sent(kVc, kPrice);
            benchmark::ClobberMemory();
            if (i % kAckEvery == kAckEvery - 1) m.sender.on_cf_update(kVc, m.sender.consumed(kVc));
        }
    });
}

void cbfc_receiver(benchmark::State& state) {
    Machines m;
    measure(state, kFrames, [&] {
        for (std::size_t i = 0; i < kFrames; ++i) {
            if (!m.receiver.fits(kVc, kPrice)) return state.SkipWithError("does not fit");
            m.receiver.on_frame(kVc, kPrice);
            benchmark::ClobberMemory();
            m.receiver.on_drained(kVc, kPrice);
        }
    });
}

BENCHMARK(together);
BENCHMARK(llr_tx);
BENCHMARK(llr_rx);
BENCHMARK(cbfc_sender);
BENCHMARK(cbfc_receiver);

}  // namespace
}  // namespace ethlink::bench

BENCHMARK_MAIN();
