// SPDX-License-Identifier: BSD-3-Clause
// Which VC of a port sends next: strict priority between levels, deficit round robin within one.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "proto/ids.h"
#include "proto/profile.h"

namespace ethlink {

/// Deficit round robin (Shreedhar, Varghese 1996) over VCs of equal priority. A VC that may not
/// send (no credits) is passed over and keeps its deficit: it blocks nobody (C7).
class Scheduler {
public:
    static constexpr Vc kNothing{0xFF};

    /// Whose turn it is, and how many bytes it may send before the others are asked again.
    struct Grant {
        static constexpr std::uint32_t kUnlimited = 0xFFFF'FFFF;
        Vc vc = kNothing;
        std::uint32_t bytes = 0;
    };

    explicit Scheduler(std::span<const VcProfile> vcs);

    /// The VC to take one frame from, or kNothing. `ready`: bit per VC that has a frame;
    /// `bytes(vc)`: of its first frame; `may_send(vc, bytes)`: credits and window.
    template <class Bytes, class MaySend>
    Vc next(std::uint32_t ready, Bytes bytes, MaySend may_send) {
        const Grant grant = next_run(ready, bytes, may_send);
        if (grant.vc != kNothing) spent(grant, bytes(grant.vc));
        return grant.vc;
    }

    /// The same for a run of frames; tell spent() what it took. Nothing may become ready or
    /// sendable in between, or it could have gone first.
    template <class Bytes, class MaySend>
    Grant next_run(std::uint32_t ready, Bytes bytes, MaySend may_send) {
        for (std::size_t i = 0; i < level_count_; ++i) {
            const std::uint32_t candidates = ready & levels_[i].members;
            if (candidates == 0) continue;
            const Grant grant = pick(levels_[i], candidates, bytes, may_send);
            if (grant.vc != kNothing) return grant;
        }
        return {};
    }
    /// `bytes` <= grant.bytes went out.
    void spent(Grant grant, std::uint32_t bytes) {
        if (grant.bytes != Grant::kUnlimited) deficit_[grant.vc.value] -= bytes;
    }

private:
    struct Level {
        std::uint32_t members = 0;
        std::uint8_t current = 0;  // the VC whose turn it is
    };

    template <class Bytes, class MaySend>
    Grant pick(Level& level, std::uint32_t candidates, Bytes bytes, MaySend may_send) {
        if (std::has_single_bit(candidates)) [[likely]] {
            const Vc vc{static_cast<std::uint8_t>(std::countr_zero(candidates))};
            return {may_send(vc, bytes(vc)) ? vc : kNothing, Grant::kUnlimited};
        }
        // A quantum is at least one frame, so each VC is visited twice at most.
        const int visits = 2 * std::popcount(candidates) + 1;
        for (int i = 0; i < visits; ++i) {
            const Vc vc{level.current};
            if ((candidates >> vc.value & 1u) != 0) {
                const std::uint32_t size = bytes(vc);
                if (may_send(vc, size)) {
                    if (deficit_[vc.value] >= size) return {vc, deficit_[vc.value]};
                    deficit_[vc.value] += quantum_[vc.value];
                }
            }
            level.current = after(candidates, level.current);
        }
        return {};
    }

    /// The next set bit behind `bit`, round the circle.
    static std::uint8_t after(std::uint32_t mask, std::uint8_t bit) {
        const std::uint32_t above = bit >= 31 ? 0 : mask & ~((2u << bit) - 1);
        return static_cast<std::uint8_t>(std::countr_zero(above != 0 ? above : mask));
    }

    std::array<Level, kMaxVcs> levels_{};
    std::size_t level_count_ = 0;
    std::array<std::uint32_t, kMaxVcs> deficit_{};
    std::array<std::uint32_t, kMaxVcs> quantum_{};
};

}  // namespace ethlink
