// SPDX-License-Identifier: BSD-3-Clause
// So many of something, for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ethlink::control {

/// "1 link", "2 links"; counted(n, "switch", "switches").
inline std::string counted(std::uint64_t n, std::string_view one, std::string_view many = {}) {
    std::string text = std::to_string(n) + " ";
    if (n == 1) return text.append(one);
    return many.empty() ? text.append(one) + "s" : text.append(many);
}

}  // namespace ethlink::control
