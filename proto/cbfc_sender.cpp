// SPDX-License-Identifier: BSD-3-Clause
#include "proto/cbfc_sender.h"

namespace ethlink {

void CbfcSender::reset() {
    heard_ = 0;
    for (std::uint8_t i = 0; i < profile_->vc_count; ++i) {
        pool_.assign(Vc{i}, CreditCounter(0), CreditCounter(0));
    }
}

CfVerdict CbfcSender::on_cf_update(Vc vc, CreditCounter freed) {
    const CreditCounter consumed = pool_.consumed(vc);
    // Once heard, R_CF only moves forward, and never past what was sent.
    const std::uint32_t most = heard(vc) ? pool_.held(vc).value : pool_.limit(vc).value;
    if (consumed.distance_from(freed) > most) return CfVerdict::kRefused;
    pool_.assign(vc, consumed, freed);
    heard_ |= 1u << vc.value;
    return CfVerdict::kAccepted;
}

}  // namespace ethlink
