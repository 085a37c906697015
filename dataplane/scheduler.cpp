// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/scheduler.h"

namespace ethlink {

Scheduler::Scheduler(std::span<const VcProfile> vcs) {
    for (int priority = 255; priority >= 0; --priority) {
        Level level;
        for (std::size_t i = 0; i < vcs.size(); ++i) {
            if (vcs[i].priority == priority) level.members |= 1u << i;
        }
        if (level.members == 0) continue;
        level.current = static_cast<std::uint8_t>(std::countr_zero(level.members));
        levels_[level_count_++] = level;
    }
    for (std::size_t i = 0; i < vcs.size(); ++i) quantum_[i] = vcs[i].quantum_bytes;
}

}  // namespace ethlink
