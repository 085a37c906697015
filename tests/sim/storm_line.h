// SPDX-License-Identifier: BSD-3-Clause
// A FaultLine with what only a simulation does to a wire: bursts, damage where it hurts, copies
// that come again when nobody expects them, cuts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/fault_line.h"
#include "dataplane/random.h"
#include "tests/sim/frame.h"
#include "tests/sim/oracle.h"

namespace ethlink::sim {

/// Probabilities are per frame, 0 .. 1.
struct StormOptions {
    double burst = 0;                 // from here on frames vanish
    std::uint32_t burst_frames = 16;  // at most so many
    double header_error = 0;          // a bit of link word or EtherType flips
    double resize = 0;                // bytes are missing at the end, or there are more
    double stale = 0;                 // a copy arrives again
    Duration stale_by{0};             // up to so much later
};

/// Frames and time in, frames out, like the FaultLine that it wraps. Damage is done to frames that
/// end with a software FCS; without one the medium would have dropped them: so they are lost.
class StormLine {
public:
    StormLine(FramePool& pool, std::size_t frames_max, bool fcs_in_frame,
              const FaultOptions& options)
        : pool_(&pool),
          frames_max_(frames_max),
          fcs_in_frame_(fcs_in_frame),
          line_(pool, frames_max, fcs_in_frame, options),
          random_(options.seed + 1) {}

    /// New faults from the next frame on.
    void set(const FaultOptions& options) { line_.set(options); }
    void set_storm(const StormOptions& options) { storm_ = options; }
    void cut(bool on) { cut_ = on; }
    /// No more faults, and nothing of old ones that is still to come.
    void calm() {
        set(FaultOptions{});
        set_storm(StormOptions{});
        cut_ = false;
        burst_left_ = 0;
        stale_.clear();
    }
    /// What is on its way never arrives.
    void clear() {
        count_line();
        const FaultOptions options = line_.options();
        std::destroy_at(&line_);
        std::construct_at(&line_, *pool_, frames_max_, fcs_in_frame_, options);
        stale_.clear();
    }

    bool has_room() const { return line_.has_room(); }
    void push(SimFrame&& frame, Time now) {
        if (vanishes()) {
            frame = SimFrame();
            return;
        }
        if (storm_.stale > 0 && random_.chance(storm_.stale)) {
            const auto later = static_cast<std::uint64_t>(storm_.stale_by.count());
            stale_.push_back({pool_->copy(frame), now + Duration(random_.below(later + 1))});
            faults_.add(Fault::kStale);
        }
        line_.push(std::move(frame), now);
    }
    void pop_due(Burst<SimFrame>& out, Time now) {
        const std::size_t before = out.size();
        line_.pop_due(out, now);
        if (storm_.header_error > 0 || storm_.resize > 0) {
            for (std::size_t i = before; i < out.size(); ++i) damage(out[i]);
        }
        for (std::size_t i = 0; i < stale_.size() && out.room() > 0;) {
            if (stale_[i].due > now) {
                ++i;
                continue;
            }
            if (stale_[i].frame) out.push(std::move(stale_[i].frame));
            stale_.erase(stale_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    std::size_t frames_held() const { return line_.frames_held() + stale_.size(); }
    Time deadline() const { return line_.deadline(); }
    const CounterSet<FaultStat>& stats() const { return line_.stats(); }

    /// What it has done so far, by kind.
    Counts<Fault> faults() {
        Counts<Fault> all = faults_;
        all.add(line_faults());
        return all;
    }

private:
    struct Stale {
        SimFrame frame;
        Time due;
    };

    bool vanishes() {
        if (cut_) return true;
        if (burst_left_ == 0 && storm_.burst > 0 && random_.chance(storm_.burst)) {
            burst_left_ = 1 + static_cast<std::uint32_t>(random_.below(storm_.burst_frames));
        }
        if (burst_left_ == 0) return false;
        --burst_left_;
        faults_.add(Fault::kBurst);
        return true;
    }
    void damage(SimFrame& frame) {
        if (!fcs_in_frame_) return;
        if (frame.size() >= 14 && random_.chance(storm_.header_error)) {
            const std::uint64_t bit = 64 + random_.below(48);  // Link word, EtherType.
            frame.bytes()[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
            faults_.add(Fault::kHeaderError);
        }
        if (frame.size() >= 2 && random_.chance(storm_.resize)) {
            const auto by = 1 + static_cast<std::uint32_t>(random_.below(frame.size() - 1));
            if (random_.chance(0.5)) {
                frame.trim(by);
            } else if (frame.append(by) == nullptr) {
                return;
            }
            faults_.add(Fault::kResize);
        }
    }
    Counts<Fault> line_faults() const {
        Counts<Fault> counts;
        const auto& stats = line_.stats();
        counts.add(Fault::kLoss, stats.read(FaultStat::kLost));
        counts.add(Fault::kBitError, stats.read(FaultStat::kCorrupted));
        counts.add(Fault::kDuplicate, stats.read(FaultStat::kDuplicated));
        counts.add(Fault::kReorder, stats.read(FaultStat::kReordered));
        counts.add(Fault::kPoison, stats.read(FaultStat::kPoisoned));
        counts.add(Fault::kAckLoss, stats.read(FaultStat::kAckDropped));
        counts.add(Fault::kNackLoss, stats.read(FaultStat::kNackDropped));
        return counts;
    }
    void count_line() { faults_.add(line_faults()); }

    FramePool* pool_;
    std::size_t frames_max_;
    bool fcs_in_frame_;
    FaultLine<SimFrame> line_;
    StormOptions storm_;
    Random random_;
    bool cut_ = false;
    std::uint32_t burst_left_ = 0;
    std::vector<Stale> stale_;
    Counts<Fault> faults_;
};

}  // namespace ethlink::sim
