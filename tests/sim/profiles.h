// SPDX-License-Identifier: BSD-3-Clause
// Profiles of links and transactions for virtual time: everything happens within microseconds.
#pragma once

#include "proto/profile.h"
#include "proto/time.h"
#include "proto/txn/profile.h"

namespace ethlink::sim {

/// VC 0 and 1 have credits and LLR, VC 2 is best effort.
inline LinkProfile quick_profile() {
    using namespace std::chrono_literals;
    LinkProfile profile;
    profile.vc_count = 3;
    profile.vcs[0].reserved = profile.vcs[1].reserved = Credits{64};
    profile.vcs[2].lossless = false;
    profile.vcs[2].llr_desired = false;
    profile.llr.max_outstanding_frames = 64;
    profile.llr.max_outstanding_bytes = 1 << 16;
    profile.llr.max_replay_timer = 40us;
    profile.llr.max_replay_count = 3;
    profile.llr.pcs_lost_timeout = 100us;
    profile.llr.data_age_timeout = 10ms;
    profile.llr.init_interval = 10us;
    profile.llr.ack_delay = 2us;
    profile.llr.ctlos_spacing_bytes = 2000;
    profile.cbfc_profile.cf_update_interval = 30us;
    profile.cbfc_profile.cc_message_timer = 50us;
    return profile;
}

/// The same, with nothing by timer but what a test is about.
inline LinkProfile silent_profile() {
    LinkProfile profile = quick_profile();
    profile.cbfc_profile.cc_message_timer = std::chrono::seconds(0);
    profile.cbfc_profile.cf_update_interval = std::chrono::seconds(1);
    return profile;
}

/// Small rings and frames: their ends are met often.
inline txn::TxnProfile quick_txn_profile(Duration give_up_after) {
    txn::TxnProfile profile;
    profile.transactions_max = 16;
    profile.response_bytes_max = 2048;
    profile.items_max = 32;
    profile.frame_bytes_max = 512;
    profile.give_up_after = give_up_after;
    return profile;
}

}  // namespace ethlink::sim
