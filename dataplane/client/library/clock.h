// SPDX-License-Identifier: BSD-3-Clause
// The library's clock: for its timeouts only.
#pragma once

#include <cstdint>
#include <ctime>

namespace ethlink::client {

/// Nanoseconds since an arbitrary start, without a system call.
inline std::int64_t monotonic_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

}  // namespace ethlink::client
