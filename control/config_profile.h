// SPDX-License-Identifier: BSD-3-Clause
// Reads the `profiles` of a fabric file: LLR, CBFC and VCs of links.
#pragma once

#include <optional>
#include <vector>

#include "control/config.h"
#include "control/config_reader.h"

namespace ethlink::control {

/// The profile `default` as it is without a word in the file: five VCs, four of them lossless,
/// because a request and its response on one VC deadlock even a single switch.
Profile built_in_profile();

/// `default` first. A profile says only in what it differs from `default`.
std::vector<Profile> read_profiles(const std::optional<ConfigValue>& value, ConfigLog& log);

/// The profile of a link, port or topology: its key `profile`, or `default`.
ProfileId read_profile_name(MapReader& map, std::string_view key,
                            const std::vector<Profile>& profiles, ConfigLog& log);

}  // namespace ethlink::control
