// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/forwarding_table.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ethlink {
namespace {

constexpr PortId kNobody{0xFFFF};  // more than a node can have

/// A port and how many buckets it is still to get.
struct Quota {
    PortId port;
    std::size_t left;
};

/// By port: in proportion to how often each stands in the list, to within one.
std::vector<Quota> quotas_of(std::span<const PortId> ports, std::size_t buckets) {
    std::vector<PortId> sorted(ports.begin(), ports.end());
    std::ranges::sort(sorted);
    std::vector<Quota> quotas;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const std::size_t share = buckets * (i + 1) / sorted.size() - buckets * i / sorted.size();
        if (quotas.empty() || quotas.back().port != sorted[i]) quotas.push_back({sorted[i], 0});
        quotas.back().left += share;
    }
    return quotas;
}

/// Whose each bucket was before, as finely as it is to be now.
std::vector<PortId> buckets_before(const ForwardingTable::Paths& before, std::size_t buckets) {
    if (before.empty()) return std::vector<PortId>(buckets, kNobody);
    if (before.ports.size() == 1) return std::vector<PortId>(buckets, before.ports[0]);
    const std::size_t had = std::size_t{1} << (16 - before.shift);
    std::vector<PortId> owners;
    for (std::size_t i = 0; i < buckets; ++i) owners.push_back(before.buckets[i * had / buckets]);
    return owners;
}

/// Buckets keep their owner as long as it may have them; the rest goes to who has too few.
std::vector<PortId> share_out(std::vector<PortId> owners, std::vector<Quota> quotas) {
    for (PortId& owner : owners) {
        const auto quota = std::ranges::lower_bound(quotas, owner, {}, &Quota::port);
        const bool keeps = quota != quotas.end() && quota->port == owner && quota->left > 0;
        if (keeps) --quota->left;
        if (!keeps) owner = kNobody;
    }
    auto next = quotas.begin();
    for (PortId& owner : owners) {
        if (owner != kNobody) continue;
        while (next->left == 0) ++next;
        owner = next->port;
        --next->left;
    }
    return owners;
}

}  // namespace

bool ForwardingTable::is_set(std::size_t index, std::span<const PortId> ports,
                             std::uint16_t like) const {
    const Set& set = sets_[index];
    if (set.count != ports.size() || likes_[index] != like) return false;
    return std::ranges::equal(std::span(members_).subspan(set.first, set.count), ports);
}

void ForwardingTable::append(std::span<const PortId> ports, std::uint16_t like,
                             const Paths& before) {
    Set set{static_cast<std::uint32_t>(members_.size()), static_cast<std::uint16_t>(ports.size()),
            16};
    members_.insert(members_.end(), ports.begin(), ports.end());
    if (ports.size() > 1) {
        // Never coarser than before: a bucket that is halved stays whole.
        const std::size_t had = before.ports.size() > 1 ? std::size_t{1} << (16 - before.shift) : 1;
        const std::size_t buckets = std::max(had, std::bit_ceil(ports.size() * kBucketsPerPath));
        set.shift = static_cast<std::uint16_t>(16 - std::countr_zero(buckets));
        const std::vector<PortId> owners =
            share_out(buckets_before(before, buckets), quotas_of(ports, buckets));
        members_.insert(members_.end(), owners.begin(), owners.end());
    }
    sets_.push_back(set);
    likes_.push_back(like);
}

bool ForwardingTable::set(GpuId dst, std::span<const PortId> ports, const ForwardingTable* before) {
    if (ports.empty()) {
        entries_[dst.value] = kUnknown;
        return true;
    }
    if (ports.size() > kMaxPaths) return false;
    const std::uint16_t like =
        before == nullptr || ports.size() == 1 ? kUnknown : before->entries_[dst.value];
    std::size_t index = sets_.empty() ? 0 : sets_.size() - 1;
    // Destinations next to each other are often alike.
    if (sets_.empty() || !is_set(index, ports, like)) {
        for (index = 0; index < sets_.size() && !is_set(index, ports, like);) ++index;
    }
    if (index == sets_.size()) {
        if (sets_.size() >= kUnknown) return false;
        append(ports, like, like == kUnknown ? Paths{} : before->paths(dst));
    }
    entries_[dst.value] = static_cast<std::uint16_t>(index);
    return true;
}

}  // namespace ethlink
