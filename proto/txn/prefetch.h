// SPDX-License-Identifier: BSD-3-Clause
// Asks the cache early for the memory behind the next part of a message.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ethlink::txn {

/// What the hardware fetches by itself begins anew with each page, and a part is half a page: by
/// the time it has seen a stream, the part is done. Asked for while the frame before it is made or
/// judged, the bytes are there in time. What is written goes to the first level; what is read is
/// read once, by then, and need not push the link's own state out of it. Never a fault, whatever
/// the address.
template <bool kToWrite>
void prefetch_part(const std::byte* at, std::uint32_t bytes) {
    constexpr std::uint32_t kLine = 64;
    for (std::uint32_t offset = 0; offset < bytes; offset += kLine) {
        __builtin_prefetch(at + offset, kToWrite ? 1 : 0, kToWrite ? 3 : 2);
    }
}

}  // namespace ethlink::txn
