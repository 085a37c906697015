// SPDX-License-Identifier: BSD-3-Clause
// The sending half of credit-based flow control: may this frame go, given the neighbour's buffer?
#pragma once

#include <cstdint>

#include "proto/credit_pool.h"

namespace ethlink {

/// What a CF_Update meant.
enum class CfVerdict : std::uint8_t {
    kAccepted,
    kRefused,  // would make S_CU negative or larger than the limit (C6): stale or absurd
};

/// S_CC, S_CF and the limits per VC (UEC 5.2.2 rules 3 and 5).
///
/// After reset() a VC is taken to be full until the neighbour's first CF_Update: what an earlier
/// session left in its buffer must not be forgotten. CF_Updates are absolute, so a lost,
/// repeated or late one never changes the final state (C4).
class CbfcSender {
public:
    explicit CbfcSender(const LinkProfile& profile) : pool_(profile), profile_(&profile) {
        reset();
    }

    /// A new session: S_CC = 0, and nothing is known of the neighbour's buffer.
    void reset();

    bool can_send(Vc vc, Credits credits) const {
        return pool_.fits(vc, credits) && (heard_ >> vc.value & 1u) != 0;
    }
    /// So many credits can go without a look at the shared ones; can_send() may allow more.
    Credits sure_credits(Vc vc) const { return heard(vc) ? pool_.reserved_left(vc) : Credits{0}; }
    void on_sent(Vc vc, Credits credits) { pool_.consume(vc, credits); }
    /// `freed` is the receiver's R_CF. vc < vc_count.
    CfVerdict on_cf_update(Vc vc, CreditCounter freed);

    CreditCounter consumed(Vc vc) const { return pool_.consumed(vc); }
    CreditCounter freed(Vc vc) const { return pool_.freed(vc); }
    /// S_CU. Meaningless before heard(vc).
    Credits in_use(Vc vc) const { return pool_.held(vc); }
    Credits limit(Vc vc) const { return pool_.limit(vc); }
    bool heard(Vc vc) const { return (heard_ >> vc.value & 1u) != 0; }

private:
    CreditPool pool_;
    const LinkProfile* profile_;
    std::uint32_t heard_ = 0;  // bit per VC: a CF_Update of this session has come
};

}  // namespace ethlink
