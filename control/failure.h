// SPDX-License-Identifier: BSD-3-Clause
// Why something could not be done: a sentence for people.
#pragma once

#include <string>
#include <utility>

#include "proto/expected.h"

namespace ethlink::control {

inline Unexpected<std::string> failure(std::string why) {
    return Unexpected<std::string>(std::move(why));
}

}  // namespace ethlink::control
