// SPDX-License-Identifier: BSD-3-Clause
// What DPDK 22.11's drivers do not say of themselves, in one table.
#pragma once

#include <cstdint>
#include <string_view>

#include "proto/frame.h"

namespace ethlink::dpdk {

/// Who is told the longest frame.
enum class FrameLimit : std::uint8_t {
    kDevice,  // the ethdev's MTU
    kNobody,  // frames of any length pass, although some drivers claim 1518 and refuse an MTU
    kNetdev,  // the kernel interface's MTU; the ethdev's stays as it is
};

struct DriverRule {
    std::string_view driver;
    FrameLimit limit;
    bool checks_fcs;  // damaged frames never reach us, and each frame sent gets an FCS
    Keep keep;
    bool restart_heals;                 // stop + start brings a dead connection back
    bool changed_by_interrupts;         // UnmapGuard, run_on_interrupt_thread()
    bool link_of_netdev;                // the driver's link is always up: ask the kernel
    std::uint32_t held_rx_descriptors;  // frames held per RX descriptor: 0 or 1
    std::uint32_t held_tx_descriptors;  // the same for TX
    std::uint32_t held_else;            // frames held besides
};

/// The driver's own line, or that of a physical NIC.
const DriverRule& rule_of(std::string_view driver);

}  // namespace ethlink::dpdk
