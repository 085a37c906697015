// SPDX-License-Identifier: BSD-3-Clause
// Which virtual channel a frame belongs to that comes from somebody who knows no VCs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "proto/ids.h"
#include "proto/wire/frame.h"

namespace ethlink {

/// The first step of UEC 5.2's classification: {PCP,DEI} of the 802.1Q tag, or DSCP, to VC (SAI
/// QOS_DOT1P_DEI_TO_TC and QOS_TC_TO_VC in one). Between two links the VC stands in the link word
/// and nobody classifies again.
class VcMap {
public:
    using ByDscp = std::array<Vc, 64>;    // index: DSCP
    using ByPcpDei = std::array<Vc, 16>;  // index: PCP 3 | DEI 1, as in the tag

    /// Every frame into one VC.
    static constexpr VcMap all(Vc vc) {
        ByDscp by_dscp{};
        by_dscp.fill(vc);
        return VcMap(by_dscp);
    }

    /// Tagged or not, the DSCP decides.
    explicit constexpr VcMap(const ByDscp& by_dscp) : by_dscp_(by_dscp) {}

    /// The tag decides where there is one, the DSCP elsewhere.
    constexpr VcMap(const ByDscp& by_dscp, const ByPcpDei& by_pcp_dei)
        : by_dscp_(by_dscp), by_pcp_dei_(by_pcp_dei) {}

    Vc classify(const wire::FrameView& view) const {
        if (by_pcp_dei_ && view.is_tagged()) return (*by_pcp_dei_)[view.pcp_dei()];
        return by_dscp_[view.dscp()];
    }

    /// Of an untagged frame.
    Vc of_dscp(std::uint8_t dscp) const { return by_dscp_[dscp & 63]; }

private:
    ByDscp by_dscp_;
    std::optional<ByPcpDei> by_pcp_dei_;
};

}  // namespace ethlink
