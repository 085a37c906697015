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
        const std::uint32_t wanted = account.held.value() + more.value;
        return wanted <= account.reserved || fits_shared(vc, wanted);
    }
    bool fits_reserved(Vc vc, Credits more) const {
        const Account& account = accounts_[vc.value];
        return account.held.value() + more.value <= account.reserved;
    }
    void consume(Vc vc, Credits credits) {
        Account& account = accounts_[vc.value];
        const std::uint32_t before = account.held.value();
        account.held = account.held + credits.value;
        if (before + credits.value > account.reserved) [[unlikely]]
            reshare(account, before);
    }
    void free(Vc vc, Credits credits) {
        Account& account = accounts_[vc.value];
        const std::uint32_t before = account.held.value();
        account.held = account.held - credits.value;
        account.freed = account.freed + credits.value;
        if (before > account.reserved) [[unlikely]]
            reshare(account, before);
    }
    /// Sets both counters of a VC at once, as updates from the neighbour do.
    void assign(Vc vc, CreditCounter consumed, CreditCounter freed);

    CreditCounter consumed(Vc vc) const {
        const Account& account = accounts_[vc.value];
        return account.freed + account.held.value();
    }
    CreditCounter freed(Vc vc) const { return accounts_[vc.value].freed; }
    Credits held(Vc vc) const { return {accounts_[vc.value].held.value()}; }
    /// Reserved credits that are not held: so many fit, whatever the shared ones allow on top.
    Credits reserved_left(Vc vc) const {
        const Account& account = accounts_[vc.value];
        const std::uint32_t held = account.held.value();
        return {held < account.reserved ? account.reserved - held : 0};
    }
    /// The most that a VC can ever hold.
    Credits limit(Vc vc) const { return {accounts_[vc.value].reserved + caps_[vc.value]}; }
    Credits shared_held() const { return {shared_held_}; }

private:
    struct Account {
        // consumed - freed: what every frame asks for. Not beside `freed`: compilers change
        // neighbours with one wide access, which has to wait for the narrow one just before.
        CreditCounter held;
        std::uint32_t reserved = 0;
        CreditCounter freed;
        ThresholdMode mode = ThresholdMode::kNone;
        std::int8_t dynamic = 0;

        std::uint32_t beyond(std::uint32_t credits) const {
            return credits > reserved ? credits - reserved : 0;
        }
    };
    static_assert(sizeof(Account) == 16);  // Four to a cache line, and an index is a shift.

    bool fits_shared(Vc vc, std::uint32_t wanted) const;
    void reshare(const Account& account, std::uint32_t held_before);

    std::array<Account, kMaxVcs> accounts_;
    std::array<std::uint32_t, kMaxVcs> caps_{};  // the most a VC may take from the shared credits
    std::uint32_t shared_size_;
    std::uint32_t shared_held_ = 0;
};

/// How many credits a frame takes: ceil((bytes + PktOvhd) / CreditSize), at least 1 (UEC 5.2.2).
class CreditRule {
public:
    explicit CreditRule(const CbfcProfile& profile);

    Credits credits(std::uint32_t frame_bytes) const {
        if (frame_bytes < kMinFrame) [[unlikely]]
            frame_bytes = kMinFrame;
        return {(frame_bytes + bias_) >> shift_};
    }

private:
    // A medium may pad short frames, so both ends count them as the Ethernet minimum, FCS apart.
    static constexpr std::uint32_t kMinFrame = 60;
    std::uint32_t bias_;  // PktOvhd + CreditSize - 1, never negative for sizes >= 32
    std::uint32_t shift_;
};

}  // namespace ethlink
