// SPDX-License-Identifier: BSD-3-Clause
// The limits add up: for examples by hand, for random fabrics by property.
#include "control/capacity.h"

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "control/config.h"
#include "proto/credit_pool.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using testing::HasSubstr;

CapacityPlan plan(const Fabric& fabric, std::optional<NodeId> only = std::nullopt) {
    auto result = plan_capacity(fabric, only);
    if (result) return *result;
    ADD_FAILURE() << text(result.error());
    return {};
}

CapacityPlan plan(std::string_view text) {
    return plan(good(text));
}

/// The one mistake of a fabric that loads but does not add up.
ConfigError refusal(std::string_view text) {
    const auto result = plan_capacity(good(text));
    if (!result && result.error().size() == 1) return result.error()[0];
    ADD_FAILURE() << (result ? "accepted" : control::text(result.error()));
    return {};
}

ConfigError only_warning(std::string_view text) {
    const CapacityPlan result = plan(text);
    if (result.warnings.size() == 1) return result.warnings[0];
    ADD_FAILURE() << result.warnings.size() << " warnings\n" << control::text(result.warnings);
    return {};
}

std::string profile(std::string_view inside) {
    return "fabric: rack\nprofiles:\n  default: {" + std::string(inside) +
           "}\ntopology: {kind: single-rack, gpus: 2}\n";
}

TEST(Capacity, AQueueHoldsAllCreditsOfTheOtherPorts) {
    const CapacityPlan result = plan(rack(4, 1));
    const PortPlan& port = result.nodes[0].ports[0];
    EXPECT_EQ(port.vcs[0].credits, Credits{512});
    EXPECT_EQ(port.vcs[0].ingress_frames, 512u);
    EXPECT_EQ(port.vcs[0].egress_queue_frames, 3u * 512);
    EXPECT_FALSE(port.vcs[4].lossless);
    EXPECT_EQ(port.vcs[4].credits, Credits{0});
    EXPECT_EQ(port.vcs[4].egress_queue_frames, 256u);
    EXPECT_EQ(port.window_frames, 1024u);
    EXPECT_EQ(port.replay_entries, 1024u);
    EXPECT_EQ(port.keep, Keep::kLend);
    EXPECT_EQ(port.wire_frames, 512u);
    EXPECT_EQ(port.device_frames, 0u);
    EXPECT_TRUE(result.nodes[0].crossbar_frames.empty());
}

TEST(Capacity, ThePoolByHand) {
    const PoolPlan pool = plan(rack(2, 1)).pool;
    EXPECT_EQ(pool.ingress, 4u * 4 * 512);  // 4 ports, 4 lossless VCs
    EXPECT_EQ(pool.best_effort,
              4u * 256 + 2u * 256);  // ingress of 4 ports, egress of the switch's 2
    EXPECT_EQ(pool.endpoint, 2u * 5 * 64);
    EXPECT_EQ(pool.replay, 4u * 1024);
    EXPECT_EQ(pool.wire, 4u * 512);
    EXPECT_EQ(pool.faults, 0u);
    EXPECT_EQ(pool.devices, 0u);
    EXPECT_EQ(pool.bursts, 4u * 64);
    EXPECT_EQ(pool.control, 4u * 4);
    EXPECT_EQ(pool.caches, 4u * 256 * 3 / 2);  // 3 workers and the main thread
}

TEST(Capacity, ANodeAloneHasDevicesInsteadOfWires) {
    const Fabric fabric = good(rack(4, 1));
    const CapacityPlan result = plan(fabric, fabric.find_node("leaf0"));
    ASSERT_EQ(result.nodes.size(), 1u);
    EXPECT_EQ(result.nodes[0].ports[0].device_frames, 2048u);
    EXPECT_EQ(result.nodes[0].ports[0].wire_frames, 0u);
    EXPECT_EQ(result.nodes[0].ports[0].keep, Keep::kShare);
    EXPECT_EQ(result.pool.devices, 4u * 2048);
    EXPECT_EQ(result.pool.wire, 0u);
    EXPECT_EQ(result.pool.endpoint, 0u);
}

TEST(Capacity, NobodyLendsToALineOfFaultsFromEitherEnd) {
    const std::string text =
        "fabric: f\nprofiles: {default: {fcs: hardware}}\n"
        "nodes:\n  gpu0: {kind: endpoint, gpu: 0x0200}\n  gpu1: {kind: endpoint, gpu: 0x0201}\n"
        "links:\n  - endpoints: [\"gpu0:e0\", \"gpu1:e0\"]\n";
    const CapacityPlan clean = plan(good(text));
    EXPECT_EQ(clean.nodes[0].ports[0].keep, Keep::kLend);
    // `ethlink impair` can have it damage what it receives, and that is gpu1's own.
    const CapacityPlan faulty = plan(good(text + "    faults: {a_to_b: {loss: 0.1}}\n"));
    for (const NodePlan& node : faulty.nodes) EXPECT_EQ(node.ports[0].keep, Keep::kCopy);
}

TEST(Capacity, NetRingHandsTheBufferOver) {
    const Fabric fabric = good(
        "fabric: f\nnodes:\n  gpu0: {kind: endpoint, gpu: 0x0200}\n"
        "  gpu1: {kind: endpoint, gpu: 0x0201}\nlinks:\n  - endpoints: [\"gpu0:e0\", \"gpu1:e0\"]\n"
        "    devices: {\"gpu0:e0\": net_ring0, \"gpu1:e0\": net_memif0}\n");
    EXPECT_EQ(plan(fabric, NodeId{0}).nodes[0].ports[0].keep, Keep::kCopy);
    EXPECT_EQ(plan(fabric, NodeId{1}).nodes[0].ports[0].keep, Keep::kShare);
}

TEST(Capacity, BuffersHoldTagFcsAndHeadroom) {
    const CapacityPlan result = plan(rack(2, 1));
    EXPECT_EQ(result.headroom_bytes, 128u);
    EXPECT_EQ(result.buffer_bytes, 2240u);  // 128 + 2048 + 4 + 4, rounded up to 64
    EXPECT_EQ(plan(profile("max_frame_bytes: 9216")).buffer_bytes, 9408u);
    // Link control must fit, however short the frames are.
    EXPECT_GE(plan(profile("max_frame_bytes: 64")).buffer_bytes, 128u + wire::kMaxControlFrame + 4);
}

TEST(Capacity, TheWindowIsBoundedByBytesToo) {
    const CapacityPlan result =
        plan(profile("llr: {max_outstanding_bytes: 32768, max_outstanding_frames: 1000}"));
    EXPECT_EQ(result.nodes[0].ports[0].window_frames, 32768u / 60);
    EXPECT_EQ(result.nodes[0].ports[0].replay_entries, 1024u);
}

TEST(Capacity, FaultLinesHoldWhatIsInFlight) {
    const auto line = [](std::string_view faults) {
        return plan("fabric: f\ntopology: {kind: single-rack, gpus: 2, faults: {both: {" +
                    std::string(faults) + "}}}\n")
            .nodes[0]
            .ports[0]
            .fault_frames;
    };
    EXPECT_EQ(line("loss: 0.1"), 64u);
    EXPECT_EQ(line("delay_ns: 1000"), 64u + 4 * 512 + 256);
    EXPECT_EQ(line("delay_ns: 1000, duplicate: 0.1"), 64u + 2 * (4 * 512 + 256));
}

TEST(Capacity, ACrossbarRingHoldsAllOfAWorkersPorts) {
    const CapacityPlan result =
        plan("fabric: f\ntopology: {kind: single-rack, gpus: 5, workers: 2}\n");
    const NodePlan& leaf = result.nodes[0];
    EXPECT_EQ(leaf.ports[3].worker, 1u);
    ASSERT_EQ(leaf.crossbar_frames.size(), 2u);
    EXPECT_EQ(leaf.crossbar_frames[0], 8192u);  // 3 ports x (4 x 512 + 256) = 6,912
    EXPECT_EQ(leaf.crossbar_frames[1], 8192u);  // 2 ports: 4,608
}

TEST(Capacity, SharedCreditsCountOnceInThePoolAndForEachVcInItsQueue) {
    const CapacityPlan result = plan(profile(
        "cbfc: {shared_credits: 100}, vcs: [{name: a, threshold_mode: dynamic, credits: 600}, "
        "{name: b, threshold_mode: static, shared_static: 30, credits: 600}]"));
    const PortPlan& port = result.nodes[0].ports[0];
    EXPECT_EQ(port.vcs[0].credits, Credits{700});
    EXPECT_EQ(port.vcs[1].credits, Credits{630});
    EXPECT_EQ(port.ingress_frames, 1300u);
    EXPECT_EQ(port.vcs[0].egress_queue_frames, 700u);
    EXPECT_EQ(result.pool.ingress, 4u * 1300);
}

TEST(Capacity, PlainPortsTakePartWithALimitOfTheirOwn) {
    const CapacityPlan result =
        plan(rack(2, 1, "ports: [{port: \"leaf0:p0\", device: net_tap0}]\n"));
    const NodePlan& leaf = result.nodes[0];
    EXPECT_EQ(leaf.ports[0].vcs[0].egress_queue_frames,
              2u * 512);  // the other link, the plain port
    EXPECT_EQ(leaf.ports[2].kind, PortKind::kPlain);
    EXPECT_EQ(leaf.ports[2].vcs[0].credits, Credits{0});
    EXPECT_EQ(leaf.ports[2].vcs[0].ingress_frames, 512u);
    EXPECT_EQ(leaf.ports[2].window_frames, 0u);
    EXPECT_EQ(leaf.ports[2].device_frames, 2048u);
    EXPECT_EQ(leaf.ports[2].keep, Keep::kShare);
}

// Refusals: F3 of the threat list, C9.

TEST(CapacityRefuses, CreditsForLessThanAFrame) {
    const ConfigError error = refusal(profile("vcs: [{name: a, credits: 32}]"));
    EXPECT_EQ(error.text(),
              "test.yaml:3:38: profiles.default.vcs[0].credits: 32 credits of 64 bytes cannot hold "
              "a frame of 2052 bytes (VLAN tag included) (set it to at least 33)");
    EXPECT_TRUE(
        plan_capacity(good(profile("llr: {ctlos_spacing_bytes: 400}, "
                                   "vcs: [{name: a, credits: 33}]"))));
}

TEST(CapacityRefuses, SharedCreditsInPlaceOfOwnOnes) {
    const ConfigError error = refusal(profile(
        "cbfc: {shared_credits: 500}, vcs: [{name: a, credits: 1, threshold_mode: dynamic}]"));
    EXPECT_EQ(error.key, "profiles.default.vcs[0].credits");
}

TEST(CapacityRefuses, MoreCreditsThanTheCircleBears) {
    const ConfigError error =
        refusal(profile("cbfc: {shared_credits: 1000}, "
                        "vcs: [{name: a, credits: 524287, threshold_mode: dynamic}]"));
    EXPECT_THAT(error.why, HasSubstr("2^19 - 1"));
    EXPECT_EQ(error.hint, "set it to at most 523287");
}

TEST(CapacityRefuses, AWindowOfLessThanAFrame) {
    const ConfigError error = refusal(profile("llr: {max_outstanding_bytes: 2051}"));
    EXPECT_EQ(error.line, 3);
    EXPECT_EQ(error.column, 42);
    EXPECT_EQ(error.hint, "set it to at least 2052");
}

TEST(CapacityRefuses, AQuantumOfLessThanAFrame) {
    const ConfigError error = refusal(profile("vcs: [{name: a, quantum_bytes: 2047}]"));
    EXPECT_EQ(error.key, "profiles.default.vcs[0].quantum_bytes");
    EXPECT_EQ(error.hint, "set it to at least 2048");
}

TEST(CapacityRefuses, LlrThatCannotStart) {
    const ConfigError error = refusal(profile("llr: {llr_remote: false}"));
    EXPECT_EQ(error.key, "profiles.default.llr");
    EXPECT_THAT(error.why, HasSubstr("LLR never starts"));
}

TEST(CapacityRefuses, TooLittleMemoryAndNamesTheAmountThatWouldDo) {
    const ConfigError error = refusal(rack(2, 1, "runtime: {memory_mb: 10}\n"));
    EXPECT_EQ(error.line, 3);
    EXPECT_EQ(error.column, 22);
    const std::string number = error.hint.substr(std::string("set it to at least ").size());
    const std::string enough = number.substr(0, number.find(','));
    EXPECT_TRUE(plan_capacity(good(rack(2, 1, "runtime: {memory_mb: " + enough + "}\n"))));
    const std::string less = std::to_string(std::stoi(enough) - 1);
    EXPECT_FALSE(plan_capacity(good(rack(2, 1, "runtime: {memory_mb: " + less + "}\n"))));
}

TEST(CapacityRefuses, QueuesBeyondTheirIndices) {
    const auto result =
        plan_capacity(good("fabric: f\nprofiles: {default: {vcs: [{name: a, credits: 524287}, "
                           "{name: b, credits: 524287}, {name: c, credits: 524287}]}}\n"
                           "topology: {kind: single-rack, gpus: 1024, workers: 2}\n"));
    EXPECT_FALSE(result);
}

TEST(CapacityWarns, TimerShorterThanTheAck) {
    const ConfigError warning = only_warning(profile("llr: {max_replay_timer_ns: 20000}"));
    EXPECT_EQ(warning.key, "profiles.default.llr.max_replay_timer_ns");
    EXPECT_EQ(warning.hint, "set it to at least 40000 ns");
}

TEST(CapacityWarns, SpacingOfMoreThanHalfTheCredits) {
    const ConfigError warning = only_warning(profile("vcs: [{name: a, credits: 511}]"));
    EXPECT_EQ(warning.key, "profiles.default.vcs[0].credits");
    EXPECT_THAT(warning.hint, HasSubstr("at least 512"));
    EXPECT_THAT(warning.hint, HasSubstr("at most 16352"));
}

TEST(CapacityWarns, SpacingOfMoreThanHalfTheWindow) {
    const ConfigError warning = only_warning(profile("llr: {max_outstanding_bytes: 32000}"));
    EXPECT_EQ(warning.key, "profiles.default.llr.ctlos_spacing_bytes");
    EXPECT_THAT(warning.hint, HasSubstr("16000"));
}

TEST(CapacityWarns, RoundTripLongerThanTheTimer) {
    const ConfigError warning = only_warning(
        "fabric: f\ntopology: {kind: back-to-back, faults: {both: {delay_ns: 500000}}}\n");
    EXPECT_THAT(warning.why, HasSubstr("1020 us"));
    EXPECT_THAT(warning.hint, HasSubstr("2040000 ns"));
    EXPECT_EQ(warning.line, 2);
}

TEST(CapacityWarns, WindowSmallerThanTheRoundTripHolds) {
    const ConfigError warning = only_warning(
        "fabric: f\ntopology: {kind: back-to-back, "
        "faults: {both: {delay_ns: 240000, rate_mbps: 100000}}}\n");
    EXPECT_THAT(warning.why, HasSubstr("6250000 bytes"));  // 100 Gbit/s x 500 us
}

TEST(CapacityWarns, WithoutLlrOrCredits) {
    EXPECT_THAT(only_warning(profile("llr: {llr_local: false, llr_remote: false}")).why,
                HasSubstr("LLR does not run"));
    EXPECT_THAT(only_warning(profile("cbfc: {enabled: false}")).why,
                HasSubstr("no VC is lossless"));
    EXPECT_THAT(only_warning(profile("cbfc: {shared_credits: 5}")).why,
                HasSubstr("no VC takes shared credits"));
    EXPECT_THAT(only_warning(profile("vcs: [{name: a, threshold_mode: static}]")).why,
                HasSubstr("no shared credits"));
}

/// A random fabric that may or may not add up.
std::string random_fabric() {
    const auto credits = *rc::gen::inRange(1, 3000);
    const auto text = [](auto number) { return std::to_string(number); };
    std::string vcs;
    for (int i = *rc::gen::inRange(1, 9); i > 0; --i) {
        vcs += "{name: v" + text(i) + ", credits: " + text(credits + i) + ", threshold_mode: " +
               *rc::gen::elementOf(std::vector<std::string>{"none", "static", "dynamic"}) +
               ", shared_static: " + text(*rc::gen::inRange(0, 100)) + "}, ";
    }
    vcs += "{name: rest, lossless: false}";
    return "fabric: f\nprofiles:\n  default:\n    max_frame_bytes: " +
           text(*rc::gen::inRange(64, 9217)) +
           "\n    llr: {max_outstanding_frames: " + text(*rc::gen::inRange(1, 5000)) +
           ", max_outstanding_bytes: " + text(*rc::gen::inRange(64, 1'000'000)) +
           "}\n    cbfc: {credit_size: " + text(1 << *rc::gen::inRange(5, 12)) +
           ", packet_overhead: " + text(*rc::gen::inRange(-16, 128)) +
           ", shared_credits: " + text(*rc::gen::inRange(0, 500)) + "}\n    vcs: [" + vcs +
           "]\ntopology: {kind: single-rack, gpus: " + text(*rc::gen::inRange(2, 9)) +
           ", tracks: " + text(*rc::gen::inRange(1, 3)) +
           ", workers: " + text(*rc::gen::inRange(1, 4)) + "}\n";
}

void check_node(const Fabric& fabric, const NodePlan& node) {
    const bool is_switch = fabric.node(node.node).kind == NodeKind::kSwitch;
    std::vector<std::uint64_t> admitted(node.workers, 0);
    for (const PortPlan& port : node.ports) {
        admitted[port.worker] += port.ingress_frames;
        RC_ASSERT(std::has_single_bit(port.replay_entries));
        RC_ASSERT(port.replay_entries >= port.window_frames);
        std::uint64_t most = 0;
        for (std::size_t vc = 0; vc < port.vcs.size(); ++vc) {
            most += port.vcs[vc].ingress_frames;
            RC_ASSERT(port.vcs[vc].ingress_frames <= port.ingress_frames);
            if (!port.vcs[vc].lossless || !is_switch) continue;
            std::uint64_t others = 0;
            for (const PortPlan& other : node.ports) {
                if (&other != &port) others += other.vcs[vc].credits.value;
            }
            RC_ASSERT(port.vcs[vc].egress_queue_frames >= others);
        }
        RC_ASSERT(port.ingress_frames <= most);
    }
    for (std::size_t worker = 0; worker < node.crossbar_frames.size(); ++worker) {
        RC_ASSERT(node.crossbar_frames[worker] >= admitted[worker]);
        RC_ASSERT(std::has_single_bit(node.crossbar_frames[worker]));
    }
}

TEST(CapacityProperty, NoQueueOverflowsAndThePoolHoldsAll) {
    const bool holds = rc::check("limits add up", [] {
        const auto fabric = load_text(random_fabric(), "random.yaml");
        RC_ASSERT(fabric.has_value());
        const auto result = plan_capacity(*fabric);
        RC_CLASSIFY(!result.has_value(), "refused");
        if (!result) {
            for (const ConfigError& error : result.error()) RC_ASSERT(!error.hint.empty());
            return;
        }
        std::uint64_t needed = 0;
        for (const NodePlan& node : result->nodes) {
            check_node(*fabric, node);
            for (const PortPlan& port : node.ports) {
                needed += port.ingress_frames + port.window_frames + port.wire_frames + 64;
            }
        }
        RC_ASSERT(result->pool.total() >= needed);
        const Profile& profile = fabric->profiles[0];
        const CreditRule rule(profile.link.cbfc_profile);
        for (std::uint8_t vc = 0; vc + 1 < profile.link.vc_count; ++vc) {
            const Credits largest = rule.credits(profile.max_frame_bytes + kTagBytes);
            RC_ASSERT(profile.link.vcs[vc].reserved >= largest);
        }
    });
    EXPECT_TRUE(holds);
}

TEST(CapacityProperty, TheHintIsEnough) {
    const bool holds = rc::check("credits named by the refusal are accepted", [] {
        const int frame = *rc::gen::inRange(64, 9217);
        const int size = 1 << *rc::gen::inRange(5, 12);
        const int overhead = *rc::gen::inRange(-16, 128);
        const auto with = [&](const std::string& credits) {
            return load_text(
                "fabric: f\nprofiles: {default: {max_frame_bytes: " + std::to_string(frame) +
                    ", llr: {max_outstanding_bytes: 20000}, "
                    "cbfc: {credit_size: " +
                    std::to_string(size) + ", packet_overhead: " + std::to_string(overhead) +
                    "}, vcs: [{name: a, credits: " + credits +
                    "}]}}\ntopology: {kind: back-to-back}\n",
                "hint.yaml");
        };
        const auto refused = plan_capacity(with("1").value());
        RC_PRE(!refused.has_value());
        const std::string enough = refused.error()[0].hint.substr(19);
        RC_ASSERT(plan_capacity(with(enough).value()).has_value());
        const std::string less = std::to_string(std::stoi(enough) - 1);
        RC_ASSERT(!plan_capacity(with(less).value()).has_value());
    });
    EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace ethlink::control::test
