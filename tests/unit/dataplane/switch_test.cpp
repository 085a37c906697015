// SPDX-License-Identifier: BSD-3-Clause
// Does the switch forward what it should, unchanged, and refuse the rest by name?
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/switch_stage.h"
#include "proto/wire/icrc.h"
#include "tests/sim/lone_link.h"
#include "tests/sim/profiles.h"
#include "tests/sim/switch_rig.h"

namespace ethlink::sim {
namespace {

using namespace std::chrono_literals;

constexpr Vc kVc{0};

RigOptions plain_ports(std::size_t n) {
    RigOptions options;
    options.profile = quick_profile();
    options.ports = std::vector<RigPort>(n, RigPort{.plain = true});
    return options;
}

std::vector<std::byte> bytes_of(const SimFrame& frame) {
    return {frame.bytes().begin(), frame.bytes().end()};
}

SimFrame ghost_to(SwitchRig& rig, std::size_t dst, const GhostLook& look = {},
                  std::uint32_t bytes = 100, std::size_t src = 0) {
    return make_ghost(rig.pool, {.src = SwitchRig::gpu(src), .dst = SwitchRig::gpu(dst)}, bytes,
                      look);
}

TEST(Switch, APlainFramePassesByteForByteButForItsTtl) {
    // S12
    SwitchRig rig(plain_ports(2));
    rig.publish_star();
    for (std::uint32_t bytes = 64; bytes <= 1518; bytes += 41) {
        for (const auto& vlan :
             {std::optional<wire::VlanTag>(), {wire::VlanTag{.pcp = 5, .vid = 9}}}) {
            const GhostLook look{.entropy = 0xBEEF, .ttl = 9, .dscp = 0x2A, .vlan = vlan};
            SimFrame frame = ghost_to(rig, 1, look, bytes);
            auto expected = bytes_of(frame);
            expected[vlan ? 18 : 14] = static_cast<std::byte>(0x08);  // TTL 9 -> 8.
            rig.inject(0, std::move(frame));
            rig.step();
            const auto out = rig.taken(1);
            ASSERT_EQ(out.size(), 1u) << bytes;
            EXPECT_EQ(bytes_of(out[0]), expected);
            EXPECT_TRUE(wire::check_icrc(*wire::parse(out[0].bytes())));
        }
    }
    rig.expect_conservation();
}

TEST(Switch, ReservedBitsOfTheNetworkHeaderPassAsTheyAre) {
    SwitchRig rig(plain_ports(2));
    rig.publish_star();
    SimFrame frame = ghost_to(rig, 1);
    frame.bytes()[14] |= std::byte{0x70};
    frame.bytes()[15] |= std::byte{0x03};
    auto expected = bytes_of(frame);
    expected[14] = static_cast<std::byte>(std::to_integer<int>(expected[14]) - 1);
    rig.inject(0, std::move(frame));
    rig.step();
    const auto out = rig.taken(1);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(bytes_of(out[0]), expected);
}

TEST(Switch, WithASoftwareFcsToo) {
    RigOptions options = plain_ports(2);
    for (RigPort& port : options.ports) port.software_fcs = true;
    SwitchRig rig(options);
    rig.publish_star();
    SimFrame frame = ghost_to(rig, 1);
    frame.append(wire::kFcsSize);
    wire::write_fcs(frame.bytes());
    rig.inject(0, std::move(frame));
    rig.step();
    auto out = rig.taken(1);
    ASSERT_EQ(out.size(), 1u);
    ASSERT_TRUE(wire::fcs_good(out[0].bytes()));
    out[0].trim(wire::kFcsSize);
    EXPECT_TRUE(read_ghost(out[0]));
}

TEST(Switch, ALinkFrameArrivesAsItWasSentButForItsTtl) {
    RigOptions options = plain_ports(2);
    options.ports = {{}, {}};
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.offer(0, 1, kVc, 200, {.entropy = 7, .ttl = 3, .dscp = 11});
    auto expected = bytes_of(rig.script(0).to_send[0].front());
    expected[14] = std::byte{0x02};
    ASSERT_TRUE(rig.run_until([&] { return !rig.script(1).received.empty(); }, 100us));
    EXPECT_EQ(bytes_of(rig.script(1).received[0]), expected);
}

TEST(Switch, ALoopEnds) {
    // S7: whatever comes out goes in again on the other side.
    SwitchRig rig(plain_ports(2));
    rig.publish_star();
    rig.inject(0, ghost_to(rig, 1, {.ttl = 15}));
    int transmissions = 0;
    for (int i = 0; i < 100; ++i) {
        rig.step();
        for (SimFrame& frame : rig.taken(1)) {
            ++transmissions;
            rig.inject(0, std::move(frame));
        }
    }
    EXPECT_EQ(transmissions, 15);
    EXPECT_EQ(rig.drops(0, Drop::kTtlExpired), 1u);
    EXPECT_EQ(rig.pool.in_use(), 0u);
}

TEST(Switch, NothingPassesBeforeATableIsPublished) {
    SwitchRig rig(plain_ports(2));
    rig.inject(0, ghost_to(rig, 1));
    rig.step();
    EXPECT_EQ(rig.drops(0, Drop::kForwardingOff), 1u);
    rig.publish_star();
    rig.inject(0, ghost_to(rig, 1));
    rig.step();
    EXPECT_EQ(rig.taken(1).size(), 1u);
}

TEST(Switch, SourceGuard) {
    // S8, D5
    RigOptions options = plain_ports(2);
    options.ports[0].guard_source = true;
    options.ports[0].gpus = {SwitchRig::gpu(0), SwitchRig::gpu(3)};
    SwitchRig rig(options);
    rig.publish_star();
    for (const std::size_t src : {0u, 1u, 3u, 7u}) rig.inject(0, ghost_to(rig, 1, {}, 100, src));
    rig.inject(1, ghost_to(rig, 0, {}, 100, 5));  // Nobody guards this one.
    rig.step();
    EXPECT_EQ(rig.taken(1).size(), 2u);
    EXPECT_EQ(rig.taken(0).size(), 1u);
    EXPECT_EQ(rig.drops(0, Drop::kSourceGuard), 2u);
}

TEST(Switch, TenantGuard) {
    // D11: ports 0 and 1 belong to tenant 42, 2 and 3 to nobody, on one worker and across several.
    for (const std::size_t workers : {1u, 3u}) {
        RigOptions options = plain_ports(4);
        options.workers = workers;
        for (RigPort& port : options.ports) port.guard_tenant = true;
        options.ports[0].tenant = options.ports[1].tenant = Tenant{42};
        SwitchRig rig(options);
        rig.publish_star();
        const GhostLook ours{.vlan = wire::VlanTag{.pcp = 3, .vid = 42}};
        const GhostLook priority{.vlan = wire::VlanTag{.pcp = 7, .vid = 0}};
        // Among themselves.
        rig.inject(0, ghost_to(rig, 1, ours));
        rig.inject(2, ghost_to(rig, 3, priority));
        rig.inject(2, ghost_to(rig, 3));
        // In by a tag that is not the port's.
        rig.inject(0, ghost_to(rig, 1, {.vlan = wire::VlanTag{.vid = 43}}));
        rig.inject(0, ghost_to(rig, 3));
        rig.inject(2, ghost_to(rig, 1, ours));
        // Out to somebody else, by one's own tag.
        rig.inject(1, ghost_to(rig, 2, ours));
        rig.inject(1, ghost_to(rig, 3, ours));
        rig.inject(3, ghost_to(rig, 0));
        for (int i = 0; i < 3; ++i) rig.step();
        const std::array<std::size_t, 4> taken{0, 1, 0, 2}, dropped{2, 2, 1, 1};
        for (std::size_t i = 0; i < 4; ++i) {
            EXPECT_EQ(rig.taken(i).size(), taken[i]) << i;
            EXPECT_EQ(rig.drops(i, Drop::kTenantGuard), dropped[i]) << i;
        }
        EXPECT_EQ(rig.admitted(), 0u);
        rig.expect_conservation();
    }
}

/// Ports 1 and 2 both lead to GPU 9.
void publish_two_paths(SwitchRig& rig) {
    auto table = std::make_unique<ForwardingTable>();
    const std::array<PortId, 2> both{PortId{1}, PortId{2}};
    EXPECT_TRUE(table->set(SwitchRig::gpu(9), both));
    rig.tables.publish(std::move(table));
}

TEST(Switch, WithoutArAFlowKeepsItsPath) {
    SwitchRig rig(plain_ports(3));
    publish_two_paths(rig);
    std::set<std::size_t> used;
    for (std::uint16_t entropy = 0; entropy < 16; ++entropy) {
        for (int i = 0; i < 10; ++i) rig.inject(0, ghost_to(rig, 9, {.entropy = entropy}));
        rig.step();
        const std::size_t one = rig.taken(1).size(), two = rig.taken(2).size();
        EXPECT_TRUE((one == 10 && two == 0) || (one == 0 && two == 10)) << entropy;
        used.insert(one > 0 ? 1 : 2);
    }
    EXPECT_EQ(used.size(), 2u);
}

TEST(Switch, WithArAFrameTakesTheLeastLoadedPath) {
    for (const std::size_t workers : {1u, 3u}) {
        RigOptions options = plain_ports(3);
        options.workers = workers;
        options.best_effort_max = 200;
        SwitchRig rig(options);
        publish_two_paths(rig);
        // Port 1 is cut off: its queue grows until port 2 is the better one, for good.
        rig.wire(1).set_up(false);
        for (int i = 0; i < 20; ++i) {
            for (int k = 0; k < 10; ++k) rig.inject(0, ghost_to(rig, 9, {.ar = true}));
            rig.step();
            rig.step();
        }
        EXPECT_GE(rig.taken(2).size(), 130u) << workers << " workers";
        EXPECT_EQ(rig.drops(Drop::kQueueFull), 0u);
        rig.expect_conservation();
    }
}

/// Each reason, and what makes a switch give it: as many times as `inject` says.
struct Refusal {
    Drop reason;
    std::uint64_t times;
    std::function<void(SwitchRig&)> inject;
    std::function<void(RigOptions&)> with = [](RigOptions&) {};
};

void on_links(RigOptions& options) {
    options.ports = {{}, {}};
}
void with_fcs(RigOptions& options) {
    for (RigPort& port : options.ports) port.software_fcs = true;
}
/// The next frame that the switch's link at port 0 expects from its neighbour.
SimFrame in_sequence(SwitchRig& rig, SimFrame frame, Vc vc = kVc, bool poisoned = false) {
    const auto& rx = rig.port(0).link->llr_rx();
    const wire::LinkWord word{.eligible = true,
                              .poisoned = poisoned,
                              .vc = vc,
                              .session = static_cast<std::uint8_t>(rx.epoch() & 31),
                              .sequence = rx.expected().value()};
    wire::store_link_word(frame.bytes().data(), word.encode());
    return frame;
}
SimFrame control_frame(SwitchRig& rig) {
    LoneLink lone(quick_profile());
    const SimFrame model = lone.make_sets({{.type = wire::CtlOsType::kAck}}, 1, 1);
    return rig.pool.copy(model);
}

std::vector<Refusal> refusals() {
    return {
        {Drop::kRunt, 31,
         [](SwitchRig& rig) {
             for (std::uint32_t n = 1; n < 32; ++n) {
                 SimFrame frame = ghost_to(rig, 1);
                 frame.trim(100 - n);
                 rig.inject(0, std::move(frame));
             }
         }},
        // The tag has room of its own, and nobody else has it.
        {Drop::kOversize, 2,
         [](SwitchRig& rig) {
             const GhostLook tagged{.vlan = wire::VlanTag{.pcp = 3}};
             rig.inject(0, ghost_to(rig, 1, {}, 2048));
             rig.inject(0, ghost_to(rig, 1, {}, 2049));
             rig.inject(0, ghost_to(rig, 1, tagged, 2052));
             rig.inject(0, ghost_to(rig, 1, tagged, 2053));
         }},
        {Drop::kOversize, 2,
         [](SwitchRig& rig) {
             const GhostLook tagged{.vlan = wire::VlanTag{.pcp = 3}};
             rig.inject(0, in_sequence(rig, ghost_to(rig, 1, {}, 2049)));
             rig.inject(0, in_sequence(rig, ghost_to(rig, 1, tagged, 2053)));
         },
         on_links},
        {Drop::kLengthMismatch, 2,
         [](SwitchRig& rig) {
             SimFrame longer = ghost_to(rig, 1);
             longer.append(1)[0] = std::byte{0};
             rig.inject(0, std::move(longer));
             SimFrame shorter = ghost_to(rig, 1);
             shorter.trim(1);
             rig.inject(0, std::move(shorter));
         }},
        {Drop::kUnknownEtherType, 1,
         [](SwitchRig& rig) {
             SimFrame frame = ghost_to(rig, 1);
             store_be16(frame.bytes().data() + 12, 0x0800);
             rig.inject(0, std::move(frame));
         }},
        {Drop::kReservedNonzero, 1,
         [](SwitchRig& rig) {
             SimFrame frame = ghost_to(rig, 1);
             wire::store_link_word(frame.bytes().data(), 1);
             rig.inject(0, std::move(frame));
         }},
        {Drop::kBadFcs, 1,
         [](SwitchRig& rig) {
             SimFrame frame = ghost_to(rig, 1);
             frame.append(wire::kFcsSize);
             wire::write_fcs(frame.bytes());
             frame.bytes()[50] ^= std::byte{4};
             rig.inject(0, std::move(frame));
         },
         with_fcs},
        {Drop::kControlMalformed, 1,
         [](SwitchRig& rig) {
             SimFrame frame = control_frame(rig);
             frame.bytes()[14] = std::byte{0};
             rig.inject(0, std::move(frame));
         },
         on_links},
        {Drop::kControlBadCrc, 1,
         [](SwitchRig& rig) {
             SimFrame frame = control_frame(rig);
             frame.bytes()[25] ^= std::byte{1};
             rig.inject(0, std::move(frame));
         },
         on_links},
        {Drop::kControlOnPlainPort, 1, [](SwitchRig& rig) { rig.inject(0, control_frame(rig)); }},
        {Drop::kUnknownVc, 1,
         [](SwitchRig& rig) { rig.inject(0, in_sequence(rig, ghost_to(rig, 1), Vc{3})); },
         on_links},
        {Drop::kCreditOverflow, 1,
         [](SwitchRig& rig) {
             // 65 credits at once, of 64.
             rig.inject(0, in_sequence(rig, ghost_to(rig, 1, {}, 64 * 64 + 1)));
         },
         [](RigOptions& options) {
             on_links(options);
             options.max_frame_bytes = 9000;
         }},
        {Drop::kPoisoned, 1,
         [](SwitchRig& rig) { rig.inject(0, in_sequence(rig, ghost_to(rig, 1), kVc, true)); },
         on_links},
        {Drop::kTtlExpired, 1,
         [](SwitchRig& rig) {
             rig.inject(0, ghost_to(rig, 1, {.ttl = 1}));
             rig.inject(0, ghost_to(rig, 1, {.ttl = 0}));
         }},
        {Drop::kSourceGuard, 1, [](SwitchRig& rig) { rig.inject(0, ghost_to(rig, 1, {}, 100, 6)); },
         [](RigOptions& options) { options.ports[0].guard_source = true; }},
        {Drop::kTenantGuard, 1, [](SwitchRig& rig) { rig.inject(0, ghost_to(rig, 1)); },
         [](RigOptions& options) {
             options.ports[0].guard_tenant = true;
             options.ports[0].tenant = Tenant{5};
         }},
        {Drop::kUnknownDestination, 1, [](SwitchRig& rig) { rig.inject(0, ghost_to(rig, 7)); }},
        {Drop::kHairpin, 1, [](SwitchRig& rig) { rig.inject(0, ghost_to(rig, 0)); }},
        {Drop::kQueueFull, 4,
         [](SwitchRig& rig) {
             // In one turn all are received before any is sent: 16 are admitted.
             for (int i = 0; i < 20; ++i) rig.inject(0, ghost_to(rig, 1));
         }},
        {Drop::kForwardingOff, 1,
         [](SwitchRig& rig) {
             rig.tables.publish(nullptr);
             rig.inject(0, ghost_to(rig, 1));
         }},
        {Drop::kTxNoBuffer, 1, [](SwitchRig& rig) { rig.inject(0, ghost_to(rig, 1)); },
         [](RigOptions& options) {
             options.ports[1].software_fcs = true;
             options.frame_room = 103;  // No room for an FCS behind 100 bytes.
         }},
    };
}

TEST(Switch, EveryReasonToRefuseHasAFrameThatMeetsIt) {
    // What no switch says: media do (FaultPort, EthPort), endpoints, dead links and hellos
    // (Worker), or nobody yet.
    std::set<Drop> seen{
        Drop::kMultiSegment,   Drop::kNotForMe,     Drop::kBadIcrc,           Drop::kUnknownOpcode,
        Drop::kUnknownVersion, Drop::kTxnMalformed, Drop::kTxnUnknownChannel, Drop::kTxnStale,
        Drop::kTxnDuplicate,   Drop::kTxnGap,       Drop::kTxnNoRoom,         Drop::kTxnKeyRate,
        Drop::kEgressDown,     Drop::kLinkDiscard,  Drop::kVcStuck,           Drop::kPuntFull};
    for (const Refusal& refusal : refusals()) {
        SCOPED_TRACE(std::string(name(refusal.reason)));
        RigOptions options = plain_ports(2);
        refusal.with(options);
        SwitchRig rig(options);
        rig.publish_star();
        ASSERT_TRUE(rig.come_up());
        refusal.inject(rig);
        rig.step();
        EXPECT_EQ(rig.drops(refusal.reason), refusal.times);
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < kDropCount; ++i) all += rig.drops(static_cast<Drop>(i));
        EXPECT_EQ(all, refusal.times) << "and for no other reason";
        rig.expect_conservation();
        seen.insert(refusal.reason);
    }
    for (std::size_t i = 0; i < kDropCount; ++i) {
        EXPECT_TRUE(seen.contains(static_cast<Drop>(i))) << name(static_cast<Drop>(i));
    }
}

TEST(Switch, BestEffortIsBoundedPerIngress) {
    // What credits do for a lossless VC: a flood from one port cannot fill what others need.
    RigOptions options = plain_ports(3);
    options.ports[1].plain = false;
    SwitchRig rig(options);
    rig.publish_star();
    ASSERT_TRUE(rig.come_up());
    rig.wire(1).set_up(false);  // Nothing leaves by port 1.
    for (int i = 0; i < 20; ++i) {
        for (int k = 0; k < 20; ++k) rig.inject(0, ghost_to(rig, 1, {.ttl = 9}));
        rig.step();
        EXPECT_LE(rig.admitted(), 16u);
        rig.expect_conservation();
    }
    EXPECT_GT(rig.drops(0, Drop::kQueueFull), 300u);
    // Another ingress has a share of its own.
    for (int k = 0; k < 16; ++k) rig.inject(2, ghost_to(rig, 1));
    rig.step();
    EXPECT_EQ(rig.drops(2, Drop::kQueueFull), 0u);
    EXPECT_EQ(rig.admitted(), 32u);
    // And all of it is given back when the frames have left.
    rig.wire(1).set_up(true);
    rig.run_for(100us);
    EXPECT_EQ(rig.admitted(), 0u);
    rig.expect_conservation();
}

}  // namespace
}  // namespace ethlink::sim
