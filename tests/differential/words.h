// SPDX-License-Identifier: BSD-3-Clause
// Words of the text that proto/ has no name() for in these letters.
#pragma once

#include <array>
#include <string_view>

#include "proto/wire/ctl_os.h"

namespace ethlink::differential {

/// In the order of their numbers.
inline constexpr std::array<std::string_view, 6> kAtomics = {
    "fetch_add", "swap", "compare_swap", "fetch_and", "fetch_or", "fetch_xor"};

struct SetWord {
    std::string_view word;
    wire::CtlOsType type;
};
inline constexpr std::array<SetWord, 5> kSets = {{{"llr_ack", wire::CtlOsType::kAck},
                                                  {"llr_nack", wire::CtlOsType::kNack},
                                                  {"llr_init", wire::CtlOsType::kInit},
                                                  {"llr_init_echo", wire::CtlOsType::kInitEcho},
                                                  {"cf_update", wire::CtlOsType::kCfUpdate}}};

}  // namespace ethlink::differential
