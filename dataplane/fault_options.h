// SPDX-License-Identifier: BSD-3-Clause
// The faults that one direction of a wire suffers: plain numbers, drawn per frame from a seed.
#pragma once

#include <cstdint>

#include "proto/time.h"

namespace ethlink {

/// Probabilities are per frame, 0 .. 1. The last seven aim at one kind of frame each, as link
/// testers do.
struct FaultOptions {
    double loss = 0;       // the frame vanishes
    double bit_error = 0;  // one bit of the frame flips
    double duplicate = 0;  // the frame arrives twice
    double reorder = 0;    // the frame is overtaken by up to reorder_distance later ones
    std::uint32_t reorder_distance = 3;  // frames, 1 .. 64
    Duration delay{0};                   // every frame is late by this, 0 .. 1 s
    Duration jitter{0};                  // and by up to this more, at random, 0 .. 1 s
    double rate_mbps = 0;                // serialisation rate, 10^6 bit/s; 0 = unlimited
    double seq_drop = 0;                 // LLR: a frame with a sequence number vanishes
    double seq_dup = 0;                  // LLR: a frame with a sequence number arrives twice
    double fcs_bad = 0;                  // the frame arrives with a wrong FCS
    double fcs_poisoned = 0;             // the frame arrives marked as poisoned
    double llr_ack_drop = 0;             // a link control frame that carries an ACK vanishes
    double llr_nack_drop = 0;            // a link control frame that carries a NACK vanishes
    double cf_update_drop = 0;           // CBFC: a control frame loses its CF_Updates: no credits
    std::uint64_t seed = 1;              // the same seed and frames give the same faults

    /// Whether there is anything to do; without it a port needs no fault layer.
    bool any() const {
        return loss > 0 || bit_error > 0 || duplicate > 0 || reorder > 0 ||
               delay > Duration::zero() || jitter > Duration::zero() || rate_mbps > 0 ||
               seq_drop > 0 || seq_dup > 0 || fcs_bad > 0 || fcs_poisoned > 0 || llr_ack_drop > 0 ||
               llr_nack_drop > 0 || cf_update_drop > 0;
    }
};

}  // namespace ethlink
