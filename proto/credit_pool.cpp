// SPDX-License-Identifier: BSD-3-Clause
#include "proto/credit_pool.h"

#include <algorithm>
#include <bit>

namespace ethlink {

CreditPool::CreditPool(const LinkProfile& profile)
    : shared_size_(profile.cbfc_profile.shared_size.value) {
    for (std::size_t i = 0; i < profile.vc_count; ++i) {
        const VcProfile& vc = profile.vcs[i];
        Account& account = accounts_[i];
        account.reserved = vc.reserved.value;
        account.mode = vc.threshold_mode;
        account.dynamic = vc.shared_dynamic;
        if (vc.threshold_mode == ThresholdMode::kNone) continue;
        const bool capped =
            vc.threshold_mode == ThresholdMode::kStatic && vc.shared_static.value > 0;
        caps_[i] = capped ? std::min(vc.shared_static.value, shared_size_) : shared_size_;
    }
}

bool CreditPool::fits_shared(Vc vc, std::uint32_t wanted) const {
    const Account& account = accounts_[vc.value];
    const std::uint32_t beyond = account.beyond(wanted);
    const std::uint32_t others = shared_held_ - account.beyond(account.held.value());
    if (beyond > caps_[vc.value] || others + beyond > shared_size_) return false;
    if (account.mode != ThresholdMode::kDynamic) return true;
    // SAI: the threshold is 2^n of the credits that are free in the pool.
    const std::uint64_t available = shared_size_ - shared_held_;
    const std::uint64_t threshold =
        account.dynamic >= 0 ? available << account.dynamic : available >> -account.dynamic;
    return beyond <= threshold;
}

void CreditPool::reshare(const Account& account, std::uint32_t held_before) {
    const std::uint32_t after = account.beyond(account.held.value());
    shared_held_ = shared_held_ - account.beyond(held_before) + after;
}

void CreditPool::assign(Vc vc, CreditCounter consumed, CreditCounter freed) {
    Account& account = accounts_[vc.value];
    const std::uint32_t before = account.held.value();
    account.held = CreditCounter(consumed.distance_from(freed));
    account.freed = freed;
    reshare(account, before);
}

CreditRule::CreditRule(const CbfcProfile& profile)
    : bias_(profile.credit_size - 1 + static_cast<std::uint32_t>(profile.packet_overhead)),
      shift_(static_cast<std::uint32_t>(std::countr_zero(profile.credit_size))) {}

}  // namespace ethlink
