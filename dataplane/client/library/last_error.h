// SPDX-License-Identifier: BSD-3-Clause
// The sentence behind a status, one per thread.
#pragma once

#include <string_view>

namespace ethlink::client {

/// Keeps the sentence for last_error() and returns the status, to be returned.
int fail(int status, std::string_view why);
/// The same with the status's own words.
int fail(int status);

const char* last_error();

}  // namespace ethlink::client
