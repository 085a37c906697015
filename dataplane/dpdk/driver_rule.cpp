// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dpdk/driver_rule.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ethlink::dpdk {
namespace {

using enum FrameLimit;

constexpr DriverRule kPhysicalNic{"", kDevice, true, Keep::kShare, false, false, false, 1, 1, 0};

// net_ring hands the very mbuf to its other end (1,024 slots); net_af_xdp keeps its fill, RX and TX
// rings of 2,048 full of them; the others copy.
constexpr std::array kRules{
    DriverRule{"net_memif", kNobody, false, Keep::kShare, true, true, false, 0, 0, 0},
    DriverRule{"net_af_packet", kNetdev, false, Keep::kShare, false, false, true, 0, 0, 0},
    DriverRule{"net_af_xdp", kDevice, false, Keep::kShare, false, false, true, 0, 0, 6144},
    DriverRule{"net_tap", kNobody, false, Keep::kShare, false, false, false, 1, 0, 1},
    DriverRule{"net_pcap", kNobody, false, Keep::kShare, false, false, false, 0, 0, 0},
    DriverRule{"net_null", kNobody, false, Keep::kShare, false, false, false, 0, 0, 0},
    DriverRule{"net_ring", kNobody, false, Keep::kCopy, false, false, false, 0, 0, 1024},
};

}  // namespace

const DriverRule& rule_of(std::string_view driver) {
    const auto at = std::find_if(kRules.begin(), kRules.end(), [driver](const DriverRule& rule) {
        return rule.driver == driver;
    });
    return at == kRules.end() ? kPhysicalNic : *at;
}

}  // namespace ethlink::dpdk
