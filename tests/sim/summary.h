// SPDX-License-Identifier: BSD-3-Clause
// What all seeds of a program did, said when it ends: to people, and as a line of JSON.
#pragma once

#include <string>

#include "tests/sim/oracle.h"
#include "tests/sim/seed_options.h"

namespace ethlink::sim {

/// What one test did.
struct Done {
    std::string test;
    SeedRange seeds;
    std::uint64_t run = 0;
    std::uint64_t failed_seed = 0;  // none
    double seconds = 0;
    Ledger ledger;
};

/// One thread: that of the tests.
void add_to_summary(const Done& done);

}  // namespace ethlink::sim
