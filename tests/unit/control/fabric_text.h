// SPDX-License-Identifier: BSD-3-Clause
// Small fabric files as texts, and loading them in tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "control/config.h"

namespace ethlink::control::test {

/// Two endpoints on one switch; `{}` is where a test adds keys.
inline std::string small_fabric(std::string_view more = "") {
    return std::string(
               "fabric: small\n"
               "nodes:\n"
               "  leaf0: {kind: switch}\n"
               "  gpu0: {kind: endpoint, gpu: 0x0200}\n"
               "  gpu1: {kind: endpoint, gpu: 0x0201}\n"
               "links:\n"
               "  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
               "  - endpoints: [\"leaf0:e1\", \"gpu1:e0\"]\n") +
           std::string(more);
}

/// A compact single rack.
inline std::string rack(int gpus, int tracks, std::string_view more = "") {
    return "fabric: rack\ntopology: {kind: single-rack, gpus: " + std::to_string(gpus) +
           ", tracks: " + std::to_string(tracks) + "}\n" + std::string(more);
}

/// The fabric of a text that must be good.
inline Fabric good(std::string_view text) {
    auto fabric = load_text(text, "test.yaml");
    if (fabric) return *fabric;
    ADD_FAILURE() << control::text(fabric.error()) << "in:\n" << text;
    return {};
}

/// The mistakes of a text that must be refused.
inline std::vector<ConfigError> mistakes(std::string_view text) {
    auto fabric = load_text(text, "test.yaml");
    if (!fabric) return fabric.error();
    ADD_FAILURE() << "accepted:\n" << text;
    return {};
}

}  // namespace ethlink::control::test
