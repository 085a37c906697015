// SPDX-License-Identifier: BSD-3-Clause
// Which seeds a simulation runs: a few by default, as many as one likes, or the one that failed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace ethlink::sim {

/// Calls run(seed) for seeds 1 .. `ordinary` until one fails. ETHLINK_SEEDS=n: 1 .. n instead;
/// ETHLINK_SEED=n: only n.
template <class Run>
void for_each_seed(std::uint64_t ordinary, Run run) {
    const auto number = [](const char* key, std::uint64_t otherwise) {
        const char* text = std::getenv(key);
        return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
    };
    const std::uint64_t only = number("ETHLINK_SEED", 0);
    const std::uint64_t last = only != 0 ? only : number("ETHLINK_SEEDS", ordinary);
    for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
        SCOPED_TRACE("again with ETHLINK_SEED=" + std::to_string(seed) + " in the environment");
        run(seed);
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace ethlink::sim
