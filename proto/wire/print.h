// SPDX-License-Identifier: BSD-3-Clause
// A frame as one line of text, for any bytes: says what is wrong with nonsense and shows the rest.
#pragma once

#include <cstddef>
#include <span>

namespace ethlink::wire {

/// A line of this size is never cut: 40 ordered sets need the most.
inline constexpr std::size_t kPrintMax = 2048;

/// Writes the line without a newline and gives its length, less than out.size(); a zero follows it.
/// What does not fit is cut off. Neither allocates nor fails; an empty `out` gets nothing.
std::size_t print(std::span<const std::byte> frame, std::span<char> out);

}  // namespace ethlink::wire
