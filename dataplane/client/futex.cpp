// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/client/futex.h"

#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ethlink::client {

void futex_wait(SharedWord& word, std::uint32_t expected, std::chrono::nanoseconds limit) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    timespec time{};
    time.tv_sec = seconds.count();
    time.tv_nsec = (limit - seconds).count();
    syscall(SYS_futex, &word, FUTEX_WAIT, expected, &time, nullptr, 0);
}

void futex_wake(SharedWord& word) {
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace ethlink::client
