// SPDX-License-Identifier: BSD-3-Clause
// Random numbers of the operating system: what nobody else may know starts here.
#pragma once

#include <cstdint>

#include "dataplane/secret_random.h"

namespace ethlink::control {

/// All 64 bits from the system: nothing that was seen tells of the next one (T1, E7). Never 0,
/// which is no key.
std::uint64_t draw_key();

/// A generator whose key nobody has seen.
SecretRandom draw_secret_random();

}  // namespace ethlink::control
