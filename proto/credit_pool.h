// SPDX-License-Identifier: BSD-3-Clause
// Cyclic credit counters per VC with reserved and shared limits: what both ends of CBFC keep.
#pragma once

#include <array>
#include <cstdint>

#include "proto/cyclic.h"
#include "proto/ids.h"
#include "proto/profile.h"

namespace ethlink {

/// CBFC counts modulo 2^20 (UEC 5.2.1).
using CreditCounter = Cyclic<20>;

/// Credits consumed and freed per VC of one port and direction (UEC 5.2.1, SAI CREDIT_POOL).
///
/// A VC may always hold its reserved credits; what it holds beyond them comes out of the port's
/// shared credits, within the VC's threshold. Held = consumed - freed, modulo 2^20.
class CreditPool {
public:
    explicit CreditPool(const LinkProfile& profile);

    /// Whether the VC may hold `more` credits.
    bool fits(Vc vc, Credits more) const {
        const Account& account = accounts_[vc.value];
        const std::uint32_t wanted = account.held() + more.value;
        return wanted <= account.reserved || fits_shared(account, wanted);
    }
    void consume(Vc vc, Credits credits) {
        Account& account = accounts_[vc.value];
        const std::uint32_t before = account.held();
        account.consumed = account.consumed + credits.value;
        if (before + credits.value > account.reserved) [[unlikely]] reshare(account, before);
    }
    void free(Vc vc, Credits credits) {
        Account& account = accounts_[vc.value];
        const std::uint32_t before = account.held();
        account.freed = account.freed + credits.value;
        if (before > account.reserved) [[unlikely]] reshare(account, before);
    }
    /// Sets both counters of a VC at once, as updates from the neighbour do.
    void assign(Vc vc, CreditCounter consumed, CreditCounter freed);

    CreditCounter consumed(Vc vc) const { return accounts_[vc.value].consumed; }
    CreditCounter freed(Vc vc) const { return accounts_[vc.value].freed; }
    Credits held(Vc vc) const { return {accounts_[vc.value].held()}; }
    /// The most that a VC can ever hold.
    Credits limit(Vc vc) const { return {accounts_[vc.value].reserved + accounts_[vc.value].cap}; }
    Credits shared_held() const { return {shared_held_}; }

private:
    struct Account {
        CreditCounter consumed;
        CreditCounter freed;
        std::uint32_t reserved = 0;
        std::uint32_t cap = 0;  // the most it may take from the shared credits
        ThresholdMode mode = ThresholdMode::kNone;
        std::int8_t dynamic = 0;

        std::uint32_t held() const { return consumed.distance_from(freed); }
        std::uint32_t beyond(std::uint32_t credits) const {
            return credits > reserved ? credits - reserved : 0;
        }
    };

    bool fits_shared(const Account& account, std::uint32_t wanted) const;
    void reshare(const Account& account, std::uint32_t held_before);

    std::array<Account, kMaxVcs> accounts_;
    std::uint32_t shared_size_;
    std::uint32_t shared_held_ = 0;
};

/// How many credits a frame takes: ceil((bytes + PktOvhd) / CreditSize), at least 1 (UEC 5.2.2).
class CreditRule {
public:
    explicit CreditRule(const CbfcProfile& profile);

    Credits credits(std::uint32_t frame_bytes) const {
        const std::uint32_t padded = frame_bytes < kMinFrame ? kMinFrame : frame_bytes;
        return {(padded + bias_) >> shift_};
    }

private:
    // A medium may pad short frames, so both ends count them as the Ethernet minimum, FCS apart.
    static constexpr std::uint32_t kMinFrame = 60;
    std::uint32_t bias_;  // PktOvhd + CreditSize - 1, never negative for sizes >= 32
    std::uint32_t shift_;
};

}  // namespace ethlink
