// SPDX-License-Identifier: BSD-3-Clause
// Where an endpoint's cycles go, by stage: measured in one turn of many, so that it costs nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "proto/counter.h"

namespace ethlink {

enum class CycleStage : std::uint8_t {
    kLinkReceive,   // medium, LLR and CBFC, up to the frame
    kReceive,       // ICRC, items, memory, completions
    kRequests,      // from the programs' rings into channels
    kSend,          // items into frames, ICRC
    kLinkTransmit,  // scheduler, LLR and CBFC, medium
    kCount
};

constexpr std::string_view name(CycleStage stage) {
    switch (stage) {
        case CycleStage::kLinkReceive: return "link_receive";
        case CycleStage::kReceive: return "receive";
        case CycleStage::kRequests: return "requests";
        case CycleStage::kSend: return "send";
        case CycleStage::kLinkTransmit: return "link_transmit";
        case CycleStage::kCount: break;
    }
    return {};
}

/// One worker writes, any thread reads the cycles. Without a reader of the clock it never measures.
class CycleMeter {
public:
    using ReadClock = std::uint64_t (*)();
    static constexpr std::uint32_t kSample = 64;  // one turn of so many

    explicit CycleMeter(ReadClock read) : read_(read) {}

    void begin_turn() {
        measuring_ = read_ != nullptr && ++turns_ % kSample == 0;
        if (measuring_) [[unlikely]]
            restart();
    }
    /// All since the last lap was this stage, but for what nested stages took. An idle stage is
    /// not counted: polling for nothing is nobody's cost.
    void lap(CycleStage stage, bool busy) {
        if (!measuring_) [[likely]]
            return;
        const std::uint64_t nested = nested_;
        const std::uint64_t begin = mark_;
        restart();
        if (busy) cycles_.add(stage, mark_ - begin - nested);
    }
    std::uint64_t enter() const { return measuring_ ? read_() : 0; }
    void leave(CycleStage stage, std::uint64_t entered) {
        if (!measuring_) [[likely]]
            return;
        const std::uint64_t took = read_() - entered;
        nested_ += took;
        cycles_.add(stage, took);
    }
    /// Whether a nested stage was measured since the last lap.
    bool had_nested() const { return nested_ > 0; }

    /// An estimate of all turns, from those measured.
    std::uint64_t cycles(CycleStage stage) const { return cycles_.read(stage) * kSample; }

private:
    void restart() {
        mark_ = read_();
        nested_ = 0;
    }

    ReadClock read_;
    std::uint32_t turns_ = 0;
    bool measuring_ = false;
    std::uint64_t mark_ = 0;
    std::uint64_t nested_ = 0;
    CounterSet<CycleStage> cycles_;
};

}  // namespace ethlink
