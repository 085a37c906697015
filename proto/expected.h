// SPDX-License-Identifier: BSD-3-Clause
// A value or the reason why there is none; one line to change when std::expected is everywhere.
#pragma once

#include <tl/expected.hpp>

namespace ethlink {

template <class T, class E>
using Expected = tl::expected<T, E>;

template <class E>
using Unexpected = tl::unexpected<E>;

}  // namespace ethlink
