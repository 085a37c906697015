// SPDX-License-Identifier: BSD-3-Clause
// What the environment says of seeds: which ones, and how much of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/sim/sweep.h"

namespace ethlink::sim {

struct SeedRange {
    std::uint64_t first = 1, last = 0;
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
};

/// Under a sanitizer each seed takes many times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// The variable's text; nullptr if it is not set, or empty.
const char* text_of(const char* key);

/// ETHLINK_SEED, ETHLINK_SEEDS, ETHLINK_SECONDS. What cannot be understood ends the program.
SeedRange wanted_seeds(std::uint64_t ordinary);
/// ETHLINK_ONLY and ETHLINK_WORK of one seed; else everything that a seed draws.
Trial wanted_trial();

/// "loss,cut", or "none".
std::string words(FaultSet set);
/// What a shell needs to run this trial of this test again.
std::string command(const Trial& trial, const std::string& test);

}  // namespace ethlink::sim
