// SPDX-License-Identifier: BSD-3-Clause
// The receiving half of credit-based flow control: what has arrived, what has left the buffer.
#pragma once

#include <cstdint>

#include "proto/credit_pool.h"

namespace ethlink {

/// R_CC and R_CF per VC (UEC 5.2.2 rules 4 to 6).
///
/// R_CC counts a frame when LLR accepts it in order, so a replay is counted once; R_CC - R_CF is
/// what the buffer really holds. A CC_Update shifts both by what was lost on the wire.
class CbfcReceiver {
public:
    explicit CbfcReceiver(const LinkProfile& profile) : pool_(profile) {}

    /// Whether the buffer has the room that the sender must have been promised.
    bool fits(Vc vc, Credits credits) const { return pool_.fits(vc, credits); }
    /// The same without a look at the shared credits: fits() may allow more.
    bool fits_reserved(Vc vc, Credits credits) const { return pool_.fits_reserved(vc, credits); }
    void on_frame(Vc vc, Credits credits) { pool_.consume(vc, credits); }
    void on_drained(Vc vc, Credits credits) { pool_.free(vc, credits); }
    /// The sender's S_CC, in order with its frames. Returns the credits this gave back (modulo
    /// 2^20), 0 in the ordinary case.
    std::uint32_t on_cc_update(Vc vc, CreditCounter consumed) {
        const std::uint32_t shift = consumed.distance_from(pool_.consumed(vc));
        if (shift != 0) pool_.assign(vc, consumed, pool_.freed(vc) + shift);
        return shift;
    }

    CreditCounter consumed(Vc vc) const { return pool_.consumed(vc); }
    CreditCounter freed(Vc vc) const { return pool_.freed(vc); }
    /// Credits of frames that are in the buffer now.
    Credits held(Vc vc) const { return pool_.held(vc); }
    Credits limit(Vc vc) const { return pool_.limit(vc); }

private:
    CreditPool pool_;
};

}  // namespace ethlink
