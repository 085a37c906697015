// SPDX-License-Identifier: BSD-3-Clause
// Which kind of memory EAL can have on this machine, found out before it starts.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/dpdk/eal.h"

namespace ethlink::dpdk {

struct MemoryChoice {
    MemoryMode mode;
    std::string notice;  // why not better; empty if there is nothing to say
};

/// Turns kAuto into the best mode that has room for memory_mb; leaves the others alone.
MemoryChoice choose_memory(MemoryMode wanted, std::uint32_t memory_mb);

/// Free hugepages of all sizes.
std::uint64_t free_hugepage_mb();

}  // namespace ethlink::dpdk
