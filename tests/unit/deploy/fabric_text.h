// SPDX-License-Identifier: BSD-3-Clause
// Small fabrics for the tests of control/deploy.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "control/config.h"

namespace ethlink::control::test {

/// A switch and two endpoints; `first` and `second` are more keys of the two links.
inline std::string rack_text(std::string_view first = "", std::string_view second = "") {
    return "fabric: my-rack\n"
           "nodes:\n"
           "  leaf0: {kind: switch}\n"
           "  gpu0: {kind: endpoint, gpu: 0x0200}\n"
           "  gpu1: {kind: endpoint, gpu: 0x0201}\n"
           "links:\n"
           "  - {endpoints: [\"leaf0:e0\", \"gpu0:e0\"]" +
           std::string(first) +
           "}\n"
           "  - {endpoints: [\"leaf0:e1\", \"gpu1:e0\"]" +
           std::string(second) + "}\n";
}

inline constexpr std::string_view kNics =
    R"(, devices: {"leaf0:e0": "0000:03:00.0", "gpu0:e0": "0000:41:00.0"})";

/// The fabric of a text that must be good.
inline Fabric good(const std::string& text) {
    auto fabric = load_text(text, "somewhere/my-rack.yaml");
    if (fabric) return *fabric;
    ADD_FAILURE() << control::text(fabric.error()) << "in:\n" << text;
    return {};
}

}  // namespace ethlink::control::test
