// SPDX-License-Identifier: BSD-3-Clause
// What a good file means: defaults, inheritance, numbering.
#include "control/config.h"

#include <chrono>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/config_graph.h"
#include "control/config_profile.h"
#include "control/config_reader.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(Config, SaysNothingMeansDefaults) {
    const Fabric fabric = good(small_fabric());
    EXPECT_EQ(fabric.name, "small");
    ASSERT_EQ(fabric.profiles.size(), 1u);
    const Profile& profile = fabric.profiles[0];
    const LlrProfile llr;
    EXPECT_EQ(profile.name, "default");
    EXPECT_EQ(profile.max_frame_bytes, 2048u);
    EXPECT_EQ(profile.link.vc_count, 5);
    EXPECT_EQ(profile.link.llr.max_outstanding_frames, llr.max_outstanding_frames);
    EXPECT_EQ(profile.find_vc("rdma-response"), Vc{3});
    EXPECT_EQ(profile.best_effort_vc(), Vc{4});
    EXPECT_EQ(profile.link.vcs[4].reserved, Credits{0});
    EXPECT_EQ(fabric.traffic.vc, Vc{2});
    EXPECT_TRUE(fabric.warnings.empty());
}

TEST(Config, EveryDscpHasAVc) {
    const Profile profile = built_in_profile();
    EXPECT_EQ(profile.vc_map.of_dscp(32), Vc{0});
    EXPECT_EQ(profile.vc_map.of_dscp(24), Vc{3});
    EXPECT_EQ(profile.vc_map.of_dscp(63), Vc{4});  // listed nowhere: best effort
}

TEST(Config, ReadsEveryLlrKey) {
    const Fabric fabric = good(rack(2, 1, R"(
profiles:
  default:
    llr:
      llr_local: false
      llr_remote: false
      max_outstanding_frames: 0x73
      max_outstanding_bytes: 58768
      max_replay_timer_ns: 5000
      max_replay_count: 3
      pcs_lost_timeout_ns: 7
      data_age_timeout_ns: 0
      init_action: discard
      flush_action: best_effort
      re_init_on_flush: false
      ctlos_spacing_bytes: 2048
      init_interval_us: 9
      ack_delay_us: 4
)"));
    const LinkProfile& link = fabric.profiles[0].link;
    EXPECT_FALSE(link.llr_local);
    EXPECT_FALSE(link.llr_remote);
    EXPECT_EQ(link.llr.max_outstanding_frames, 115u);
    EXPECT_EQ(link.llr.max_outstanding_bytes, 58768u);
    EXPECT_EQ(link.llr.max_replay_timer, nanoseconds(5000));
    EXPECT_EQ(link.llr.max_replay_count, 3);
    EXPECT_EQ(link.llr.pcs_lost_timeout, nanoseconds(7));
    EXPECT_EQ(link.llr.data_age_timeout, nanoseconds(0));
    EXPECT_EQ(link.llr.init_action, FrameAction::kDiscard);
    EXPECT_EQ(link.llr.flush_action, FrameAction::kBestEffort);
    EXPECT_FALSE(link.llr.re_init_on_flush);
    EXPECT_EQ(link.llr.ctlos_spacing_bytes, 2048u);
    EXPECT_EQ(link.llr.init_interval, microseconds(9));
    EXPECT_EQ(link.llr.ack_delay, microseconds(4));
}

TEST(Config, ReadsEveryTransportKey) {
    const Fabric fabric = good(rack(2, 1, R"(
profiles:
  default:
    transport:
      max_outstanding_transactions: 128
      max_outstanding_items: 100
      response_buffer_bytes: 8192
      ack_delay_us: 3
      retry_timer_min_us: 200
      retry_timer_max_us: 4000
      retries_per_path: 5
      give_up_timer_ms: 70
  other: {llr: {ack_delay_us: 9}}
)"));
    const txn::TxnProfile& transport = fabric.profiles[0].transport;
    EXPECT_EQ(transport.transactions_max, 128u);
    EXPECT_EQ(transport.items_max, 100u);
    EXPECT_EQ(transport.response_bytes_max, 8192u);
    EXPECT_EQ(transport.ack_delay, microseconds(3));
    EXPECT_EQ(transport.retry_min, microseconds(200));
    EXPECT_EQ(transport.retry_max, microseconds(4000));
    EXPECT_EQ(transport.path_retries, 5);
    EXPECT_EQ(transport.give_up_after, milliseconds(70));
}

TEST(Config, ReadsEveryWatchdogKey) {
    const Fabric fabric = good(rack(2, 1,
                                    "profiles:\n"
                                    "  default:\n"
                                    "    watchdog: {action: alert, detection_time_ms: 200, "
                                    "restoration_time_ms: 300}\n"
                                    "  other:\n"
                                    "    watchdog: {action: disable}\n"));
    const WatchdogProfile& first = fabric.profiles[0].watchdog;
    EXPECT_EQ(first.action, WatchdogAction::kAlert);
    EXPECT_EQ(first.detection, milliseconds(200));
    EXPECT_EQ(first.restoration, milliseconds(300));
    EXPECT_EQ(fabric.profiles[1].watchdog.action, WatchdogAction::kDisable);
    EXPECT_EQ(fabric.profiles[1].watchdog.detection, milliseconds(200));
    const WatchdogProfile usual = good(rack(2, 1)).profiles[0].watchdog;
    EXPECT_EQ(usual.action, WatchdogAction::kDrop);
    // Long enough for a thread that is not scheduled, and short enough for those who wait behind.
    EXPECT_GE(usual.detection, milliseconds(200));
    EXPECT_LT(usual.detection, good(rack(2, 1)).profiles[0].transport.give_up_after);
}

TEST(Config, TheEdgesOfTransportAreAllowed) {
    for (const char* const edge :
         {"max_outstanding_transactions: 16", "max_outstanding_transactions: 32768",
          "max_outstanding_items: 4", "max_outstanding_items: 65536", "response_buffer_bytes: 4096",
          "response_buffer_bytes: 16777216", "ack_delay_us: 0", "ack_delay_us: 999",
          "retry_timer_min_us: 21", "retry_timer_min_us: 100000", "retry_timer_max_us: 1000",
          "retry_timer_max_us: 2999999", "retries_per_path: 255", "give_up_timer_ms: 101",
          "give_up_timer_ms: 9000"}) {
        good(rack(2, 1, "profiles: {default: {transport: {" + std::string(edge) + "}}}\n"));
    }
}

TEST(Config, ReadsEveryCbfcAndVcKey) {
    const Fabric fabric = good(rack(2, 1, R"(
profiles:
  default:
    max_frame_bytes: 1024
    best_effort_queue_frames: 9
    fcs: software
    cbfc: {enabled: true, credit_size: 128, packet_overhead: -4, shared_credits: 100,
           cc_message_timer_us: 5, cf_update_interval_us: 6}
    vcs:
      - {name: one, llr_desired: false, credits: 77, threshold_mode: static, shared_static: 50,
         priority: 3, quantum_bytes: 5000, dscp: [1, 2]}
      - {name: two, threshold_mode: dynamic, shared_dynamic: -2, dscp: 3}
)"));
    const Profile& profile = fabric.profiles[0];
    EXPECT_EQ(profile.max_frame_bytes, 1024u);
    EXPECT_EQ(profile.best_effort_queue_frames, 9u);
    EXPECT_TRUE(fabric.nodes[0].ports[0].software_fcs);
    EXPECT_EQ(profile.link.cbfc_profile.credit_size, 128u);
    EXPECT_EQ(profile.link.cbfc_profile.packet_overhead, -4);
    EXPECT_EQ(profile.link.cbfc_profile.shared_size, Credits{100});
    EXPECT_EQ(profile.link.cbfc_profile.cc_message_timer, microseconds(5));
    EXPECT_EQ(profile.link.cbfc_profile.cf_update_interval, microseconds(6));
    ASSERT_EQ(profile.link.vc_count, 2);
    const VcProfile& one = profile.link.vcs[0];
    EXPECT_FALSE(one.llr_desired);
    EXPECT_EQ(one.reserved, Credits{77});
    EXPECT_EQ(one.threshold_mode, ThresholdMode::kStatic);
    EXPECT_EQ(one.shared_static, Credits{50});
    EXPECT_EQ(one.priority, 3);
    EXPECT_EQ(one.quantum_bytes, 5000u);
    EXPECT_EQ(profile.link.vcs[1].threshold_mode, ThresholdMode::kDynamic);
    EXPECT_EQ(profile.link.vcs[1].shared_dynamic, -2);
    EXPECT_EQ(profile.vc_map.of_dscp(3), Vc{1});
    EXPECT_EQ(profile.vc_map.of_dscp(9), Vc{0});  // no best-effort VC: the first one
}

TEST(Config, AProfileSaysOnlyHowItDiffersFromDefault) {
    const Fabric fabric = good(rack(2, 1, R"(
profiles:
  far: {llr: {max_replay_timer_ns: 9000}}     # before `default` in the file, and yet after it
  default: {llr: {max_replay_timer_ns: 8000, max_replay_count: 3}}
)"));
    ASSERT_EQ(fabric.profiles.size(), 2u);
    EXPECT_EQ(fabric.profiles[0].name, "default");
    EXPECT_EQ(fabric.profiles[1].link.llr.max_replay_timer, nanoseconds(9000));
    EXPECT_EQ(fabric.profiles[1].link.llr.max_replay_count, 3);
    ASSERT_EQ(fabric.warnings.size(), 1u);
    EXPECT_EQ(fabric.warnings[0].key, "profiles.far");
    EXPECT_EQ(fabric.warnings[0].line, 5);
    EXPECT_THAT(fabric.warnings[0].why, testing::HasSubstr("no link or port uses"));
}

TEST(Config, TheQuantumFollowsTheFrameSize) {
    const Fabric fabric = good(rack(2, 1, "profiles: {default: {max_frame_bytes: 9216}}\n"));
    EXPECT_EQ(fabric.profiles[0].link.vcs[0].quantum_bytes, 9216u);
}

TEST(Config, PortsAreNumberedByName) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e10", "gpu1:e0"]
  - endpoints: ["leaf0:e9", "gpu0:e0"]
ports:
  - {port: "leaf0:a1", device: net_tap0, gpu: [0x0210, 0x0211], tenant: 7}
)");
    const FabricNode& leaf = fabric.nodes[0];
    ASSERT_EQ(leaf.ports.size(), 3u);
    EXPECT_EQ(leaf.ports[0].name, "a1");
    EXPECT_EQ(leaf.ports[1].name, "e9");
    EXPECT_EQ(leaf.ports[2].name, "e10");
    EXPECT_EQ(leaf.find_port("e10"), PortId{2});
    EXPECT_EQ(fabric.links[0].a, (PortRef{{0}, {2}}));
    EXPECT_EQ(fabric.links[0].b, (PortRef{{2}, {0}}));
    EXPECT_EQ(fabric.port({{1}, {0}}).peer, (PortRef{{0}, {1}}));
    EXPECT_EQ(fabric.port_name(fabric.links[1].a), "leaf0:e9");
    EXPECT_EQ(leaf.ports[0].kind, PortKind::kPlain);
    EXPECT_EQ(leaf.ports[0].gpus, (std::vector<GpuId>{{0x0210}, {0x0211}}));
    EXPECT_EQ(leaf.ports[0].tenant, Tenant{7});
    EXPECT_EQ(leaf.ports[0].device, "net_tap0");
}

TEST(Config, PortsAreBoundToTheEndpointBehindThem) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  leaf1: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200, tenant: 9}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
    devices: {"leaf0:e0": "0000:03:00.0"}
  - endpoints: ["leaf0:e1", "leaf1:e0"]
  - endpoints: ["leaf1:e1", "gpu1:e0"]
)");
    EXPECT_EQ(fabric.nodes[0].ports[0].gpus, std::vector<GpuId>{{0x0200}});
    EXPECT_EQ(fabric.nodes[0].ports[0].tenant, Tenant{9});
    EXPECT_EQ(fabric.nodes[0].ports[0].device, "0000:03:00.0");
    EXPECT_TRUE(fabric.nodes[0].ports[1].gpus.empty());  // between switches: any source
    EXPECT_TRUE(fabric.nodes[2].ports[0].device.empty());
}

TEST(Config, FaultsBelongToDirectionsAndHaveSeedsOfTheirOwn) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
    faults: {seed: 5, a_to_b: {loss: 0.25, delay_ns: 1000, rate_mbps: 100}}
  - endpoints: ["leaf0:e1", "gpu1:e0"]
    faults: {seed: 5, both: {seq_drop: 1e-3, reorder: 1, reorder_distance: 2}}
)");
    const FaultOptions& down = fabric.nodes[0].ports[0].transmit_faults;
    EXPECT_DOUBLE_EQ(down.loss, 0.25);
    EXPECT_EQ(down.delay, nanoseconds(1000));
    EXPECT_DOUBLE_EQ(down.rate_mbps, 100);
    EXPECT_FALSE(fabric.nodes[1].ports[0].transmit_faults.any());
    EXPECT_DOUBLE_EQ(fabric.links[1].b_to_a.seq_drop, 0.001);
    EXPECT_EQ(fabric.links[1].b_to_a.reorder_distance, 2u);
    const std::set<std::uint64_t> seeds = {fabric.links[0].a_to_b.seed, fabric.links[0].b_to_a.seed,
                                           fabric.links[1].a_to_b.seed,
                                           fabric.links[1].b_to_a.seed};
    EXPECT_EQ(seeds.size(), 4u);
}

TEST(Config, AutoFcsIsSoftwareWhereFaultsAre) {
    const Fabric fabric = good(R"(
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
    faults: {a_to_b: {bit_error: 0.1}}
  - endpoints: ["leaf0:e1", "gpu1:e0"]
)");
    EXPECT_TRUE(fabric.nodes[0].ports[0].software_fcs);
    EXPECT_TRUE(fabric.nodes[1].ports[0].software_fcs);  // both ends, for faults in one direction
    EXPECT_FALSE(fabric.nodes[0].ports[1].software_fcs);
}

TEST(Config, ReadsRuntimeAndTraffic) {
    const Fabric fabric = good(rack(2, 1, R"(
runtime: {workers: 3, idle: poll, idle_sleep_us: 7, idle_sleep_max_us: 70,
          hello_interval_ms: 250, memory: no-huge, memory_mb: 900, wire_frames: 128,
          endpoint_queue_frames: 32, rx_descriptors: 64, tx_descriptors: 128,
          pool_cache_frames: 0}
traffic: {pattern: incast, frame_size: imix, duration_ms: 5, seed: 8, rate_pps: 1000,
          vc: best-effort}
)"));
    EXPECT_EQ(fabric.runtime.workers, 3u);
    EXPECT_EQ(fabric.runtime.idle, IdleMode::kPoll);
    EXPECT_EQ(fabric.runtime.idle_sleep, microseconds(7));
    EXPECT_EQ(fabric.runtime.idle_sleep_max, microseconds(70));
    EXPECT_EQ(fabric.runtime.hello_interval, milliseconds(250));
    EXPECT_EQ(fabric.runtime.memory, MemoryMode::kNoHuge);
    EXPECT_EQ(fabric.runtime.memory_mb, 900u);
    EXPECT_EQ(fabric.runtime.wire_frames, 128u);
    EXPECT_EQ(fabric.runtime.endpoint_queue_frames, 32u);
    EXPECT_EQ(fabric.runtime.rx_descriptors, 64u);
    EXPECT_EQ(fabric.runtime.tx_descriptors, 128u);
    EXPECT_EQ(fabric.runtime.pool_cache_frames, 0u);
    EXPECT_EQ(fabric.traffic.pattern, TrafficPattern::kIncast);
    EXPECT_EQ(fabric.traffic.frame_size, "imix");
    EXPECT_EQ(fabric.traffic.duration, milliseconds(5));
    EXPECT_EQ(fabric.traffic.seed, 8u);
    EXPECT_EQ(fabric.traffic.rate_pps, 1000u);
    EXPECT_EQ(fabric.traffic.vc, Vc{4});
}

TEST(Config, AnchorsAreFine) {
    const Fabric fabric = good(R"(
fabric: f
profiles:
  default: {llr: &llr {max_replay_count: 9}}
  other: {llr: *llr}
topology: {kind: single-rack, profile: other}
)");
    EXPECT_EQ(fabric.profiles[1].link.llr.max_replay_count, 9);
}

TEST(Config, SeveralMistakesAreToldAtOnceInFileOrder) {
    const auto errors = mistakes(R"(
fabric: f
nodes:
  leaf0: {kind: swich}
  gpu0: {kind: endpoint, gpu: 0x10000}
links:
  - endpoints: ["leaf9:e0", "gpu0:e0"]
runtime: {workers: 0}
)");
    ASSERT_EQ(errors.size(), 4u) << text(errors);
    EXPECT_EQ(errors[0].text(),
              "test.yaml:4:17: nodes.leaf0.kind: expected one of switch, endpoint, found `swich` "
              "(did you mean `switch`?)");
    EXPECT_EQ(errors[1].line, 5);
    EXPECT_EQ(errors[2].line, 7);
    EXPECT_EQ(errors[3].line, 8);
}

TEST(Config, AMissingFileIsAnError) {
    const auto fabric = load("no/such/file.yaml");
    ASSERT_FALSE(fabric);
    EXPECT_THAT(text(fabric.error()), testing::HasSubstr("no/such/file.yaml:1:1: cannot be read: "
                                                         "No such file or directory"));
}

TEST(Config, ADirectoryIsAnError) {
    EXPECT_FALSE(load("/"));
}

TEST(Config, AnEndlessFileIsAnError) {
    EXPECT_FALSE(load("/dev/zero"));
}

TEST(NaturalLess, CountsNumbersAsNumbers) {
    EXPECT_TRUE(natural_less("e9", "e10"));
    EXPECT_FALSE(natural_less("e10", "e9"));
    EXPECT_TRUE(natural_less("e10", "p0"));
    EXPECT_TRUE(natural_less("e", "e0"));
    EXPECT_TRUE(natural_less("e1-2", "e1-10"));
    EXPECT_FALSE(natural_less("e1", "e1"));
    // A strict order all the same where only zeros differ.
    EXPECT_NE(natural_less("e01", "e1"), natural_less("e1", "e01"));
}

TEST(Nearest, FindsTypingMistakesOnly) {
    const std::vector<std::string_view> words = {"loss", "delay_ns", "duplicate"};
    EXPECT_EQ(nearest("los", words), "loss");
    EXPECT_EQ(nearest("delay", words), "delay_ns");
    EXPECT_EQ(nearest("dupliacte", words), "duplicate");
    EXPECT_EQ(nearest("quantum", words), "");
    EXPECT_EQ(nearest(std::string(10'000, 'a'), words), "");
}

}  // namespace
}  // namespace ethlink::control::test
