// SPDX-License-Identifier: BSD-3-Clause
// A mempool under which AddressSanitizer sees mbufs as it sees heap blocks.
#pragma once

namespace ethlink::dpdk::test {

/// Whether this program is built with AddressSanitizer.
bool has_address_sanitizer();

/// Pools made from now on use it. A buffer that has been given back is poisoned until it is given
/// out again, which happens as late as possible; what is between two buffers is always poisoned.
/// A buffer that is given back twice ends the process, with or without AddressSanitizer.
///
/// Sees only what reaches the pool: make pools with cache_frames = 0.
void use_debug_mempool();

/// Back to what DPDK takes by itself.
void use_default_mempool();

}  // namespace ethlink::dpdk::test
