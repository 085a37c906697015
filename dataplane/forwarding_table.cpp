// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/forwarding_table.h"

#include <algorithm>

namespace ethlink {

bool ForwardingTable::set(GpuId dst, std::span<const PortId> ports) {
    if (ports.empty()) {
        entries_[dst.value] = kUnknown;
        return true;
    }
    if (ports.size() > kMaxPaths) return false;
    const auto same = [&](const Set& set) {
        return std::ranges::equal(std::span(members_).subspan(set.first, set.count), ports);
    };
    auto found = std::ranges::find_if(sets_, same);
    if (found == sets_.end()) {
        if (sets_.size() >= kUnknown) return false;
        sets_.push_back({static_cast<std::uint32_t>(members_.size()),
                         static_cast<std::uint32_t>(ports.size())});
        members_.insert(members_.end(), ports.begin(), ports.end());
        found = sets_.end() - 1;
    }
    entries_[dst.value] = static_cast<std::uint16_t>(found - sets_.begin());
    return true;
}

}  // namespace ethlink
