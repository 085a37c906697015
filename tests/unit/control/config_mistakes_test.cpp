// SPDX-License-Identifier: BSD-3-Clause
// Every mistake is told with its exact place. `@` in a text marks where, and is taken out.
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/config.h"
#include "control/config_error.h"
#include "tests/unit/control/fabric_text.h"

namespace ethlink::control::test {
namespace {

struct Marked {
    std::string text;
    Mark mark;
};

Marked unmark(std::string_view marked) {
    Marked result;
    Mark here;
    for (const char c : marked) {
        if (c == '@') {
            result.mark = here;
            continue;
        }
        result.text += c;
        here = c == '\n' ? Mark{here.line + 1, 1} : Mark{here.line, here.column + 1};
    }
    return result;
}

struct Mistake {
    const char* name;
    std::string text;
    std::string_view key;
    std::string_view why;   // part of it
    std::string_view hint;  // part of it
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
    *out << mistake.name;
}

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreToldWithTheirPlace) {
    const Marked marked = unmark(GetParam().text);
    const std::vector<ConfigError> errors = mistakes(marked.text);
    ASSERT_EQ(errors.size(), 1u) << text(errors);
    EXPECT_EQ(errors[0].file, "test.yaml");
    EXPECT_EQ(errors[0].line, marked.mark.line) << text(errors);
    EXPECT_EQ(errors[0].column, marked.mark.column) << text(errors);
    EXPECT_EQ(errors[0].key, GetParam().key);
    EXPECT_THAT(errors[0].why, testing::HasSubstr(std::string(GetParam().why)));
    EXPECT_THAT(errors[0].hint, testing::HasSubstr(std::string(GetParam().hint)));
}

std::string profile(std::string_view inside) {
    return rack(2, 1, "profiles:\n  default:\n    " + std::string(inside) + "\n");
}

std::string nodes(std::string_view inside) {
    return "fabric: f\nnodes:\n  leaf0: {kind: switch}\n  gpu0: {kind: endpoint, gpu: 0x0200}\n" +
           std::string(inside);
}

/// Two links with two profiles.
std::string two_profiles(std::string_view first, std::string_view second) {
    return "fabric: f\nprofiles:\n  default: {" + std::string(first) + "}\n  other: {" +
           std::string(second) +
           "}\nnodes:\n  leaf0: {kind: switch}\n"
           "  gpu0: {kind: endpoint, gpu: 0x0200}\n  gpu1: {kind: endpoint, gpu: 0x0201}\n"
           "links:\n  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
           "  - {endpoints: [\"leaf0:e1\", \"gpu1:e0\"], profile: other}\n";
}

/// A compact rack with faults on all links.
std::string faults(std::string_view inside) {
    return "fabric: f\ntopology: {kind: single-rack, faults: {" + std::string(inside) + "}}\n";
}

/// small_fabric() with one more node.
std::string one_more_node(std::string_view node) {
    std::string text = small_fabric();
    return text.insert(text.find("links:"), "  " + std::string(node) + "\n");
}

// What YAML itself lets pass.
const Mistake kYaml[] = {
    {"empty", "@", "", "empty", "configs/"},
    {"comment_only", "@# nothing\n", "", "empty", ""},
    {"a_list", "@- 1\n- 2\n", "", "no fabric file", ""},
    {"a_word", "@hello\n", "", "no fabric file", ""},
    {"bad_syntax", "fabric: [a\nb@: c]\n", "", "not YAML", ""},
    {"second_document", small_fabric("@---\nfabric: other\n"), "", "second document", "---"},
    {"duplicate_key", "fabric: a\n@fabric: b\n", "fabric", "already set in line 1", "keep one"},
    {"duplicate_nested", nodes("  @gpu0: {kind: switch}\n"), "nodes.gpu0", "already set in line 4",
     ""},
    {"merge_key", "fabric: a\nx: &x {kind: switch}\nnodes:\n  a: {@<<: *x}\n", "nodes.a",
     "merge keys", "alias"},
    {"tag", "fabric: @!!str a\n", "", "tags", "remove the tag"},
    {"undefined_alias", "fabric: @*nobody\n", "", "not YAML", ""},
    {"key_is_a_list", "fabric: a\n? @[x]\n: 1\n", "", "a key must be a plain word", ""},
    {"tab_indent", "nodes:\n\tleaf0@: {}\n", "", "not YAML", ""},
};

const Mistake kValues[] = {
    {"unknown_key", small_fabric("@runtme: {}\n"), "runtme", "unknown", "`runtime`?"},
    {"unknown_far", small_fabric("@zzzzzzzzzz: 1\n"), "zzzzzzzzzz", "unknown", "allowed here"},
    {"unknown_nested", profile("llr: {@max_outstanding: 3}"),
     "profiles.default.llr.max_outstanding", "unknown", "max_outstanding_frames"},
    {"unit_forgotten", profile("llr: {@max_replay_timer: 5000}"),
     "profiles.default.llr.max_replay_timer", "unknown", "max_replay_timer_ns"},
    {"no_name", "@topology: {kind: single-rack}\n", "fabric", "missing", "fabric:"},
    {"bad_name", "fabric: @0a\ntopology: {kind: single-rack}\n", "fabric", "cannot be a name", ""},
    {"no_nodes", "@fabric: a\n", "nodes", "missing", "topology"},
    {"both_forms", "fabric: a\n@topology: {kind: single-rack}\nnodes: {}\n", "topology",
     "compact form", "either"},
    {"no_is_no_bool", profile("llr: {llr_local: @no}"), "profiles.default.llr.llr_local",
     "expected true or false, found `no`", "`true`"},
    {"yes_is_no_bool", profile("cbfc: {enabled: @yes}"), "profiles.default.cbfc.enabled",
     "found `yes`", ""},
    {"octal", profile("max_frame_bytes: @02000"), "profiles.default.max_frame_bytes",
     "found `02000`", "octal"},
    {"number_in_quotes", profile("max_frame_bytes: @\"2048\""), "profiles.default.max_frame_bytes",
     "in quotes", "remove the quotes"},
    {"number_with_unit", profile("max_frame_bytes: @2KB"), "profiles.default.max_frame_bytes",
     "whole number", "unit"},
    {"number_with_separator", profile("max_frame_bytes: @2_048"),
     "profiles.default.max_frame_bytes", "whole number", "separators"},
    {"fraction", profile("max_frame_bytes: @2048.5"), "profiles.default.max_frame_bytes",
     "whole number", ""},
    {"negative", profile("max_frame_bytes: @-1"), "profiles.default.max_frame_bytes",
     "out of range", "64 to 9216 bytes"},
    {"too_large", profile("max_frame_bytes: @9217"), "profiles.default.max_frame_bytes",
     "out of range", "9216"},
    {"beyond_64_bits", profile("max_frame_bytes: @99999999999999999999"),
     "profiles.default.max_frame_bytes", "out of range", ""},
    {"no_power_of_two", profile("cbfc: {credit_size: @96}"), "profiles.default.cbfc.credit_size",
     "out of range", "power of two"},
    {"credits_beyond_19_bits", profile("vcs: [{name: a, credits: @524288}]"),
     "profiles.default.vcs[0].credits", "out of range", "524287"},
    {"window_of_nothing", profile("llr: {max_outstanding_frames: @0}"),
     "profiles.default.llr.max_outstanding_frames", "out of range", "1 to 524288"},
    {"watchdog_action", profile("watchdog: {action: @forward}"), "profiles.default.watchdog.action",
     "expected one of drop, alert", ""},
    {"watchdog_without_patience", profile("watchdog: {detection_time_ms: @0}"),
     "profiles.default.watchdog.detection_time_ms", "out of range", "1 to 60000"},
    {"transport_key", profile("transport: {@max_outstanding_psns: 512}"),
     "profiles.default.transport.max_outstanding_psns", "unknown", "max_outstanding_items"},
    {"transport_window_of_nothing", profile("transport: {max_outstanding_items: @3}"),
     "profiles.default.transport.max_outstanding_items", "out of range", "4 to 65536 items"},
    {"transactions_no_power_of_two", profile("transport: {max_outstanding_transactions: @1000}"),
     "profiles.default.transport.max_outstanding_transactions", "out of range", "power of two"},
    {"transactions_beyond_16_bits", profile("transport: {max_outstanding_transactions: @65536}"),
     "profiles.default.transport.max_outstanding_transactions", "out of range", "16 to 32768"},
    {"response_buffer_without_a_line", profile("transport: {response_buffer_bytes: @512}"),
     "profiles.default.transport.response_buffer_bytes", "out of range", "4096"},
    {"retry_timer_range", profile("transport: {@retry_timer_min_us: 200000}"),
     "profiles.default.transport.retry_timer_min_us", "the first is larger",
     "below retry_timer_max_us"},
    {"retry_timer_falls_below", profile("transport: {@retry_timer_max_us: 999}"),
     "profiles.default.transport.retry_timer_max_us", "the first is larger",
     "retry_timer_min_us below"},
    {"gives_up_before_the_retry", profile("transport: {@give_up_timer_ms: 100}"),
     "profiles.default.transport.give_up_timer_ms", "before it has tried again",
     "retry_timer_max_us below give_up_timer_ms"},
    {"gives_up_too_late", profile("transport: {give_up_timer_ms: @9001}"),
     "profiles.default.transport.give_up_timer_ms", "out of range", "10 to 9000 ms"},
    {"ack_after_the_retry", profile("transport: {@ack_delay_us: 1000}"),
     "profiles.default.transport.ack_delay_us", "an ACK may wait", "below retry_timer_min_us"},
    {"transport_of_a_link", two_profiles("fcs: auto", "@transport: {}"), "profiles.other.transport",
     "no part of a link", "profiles.default.transport"},
    {"nothing", profile("max_frame_bytes: @~"), "profiles.default.max_frame_bytes", "found nothing",
     "give a value"},
    {"map_for_number", profile("@max_frame_bytes: {a: 1}"), "profiles.default.max_frame_bytes",
     "found a map", ""},
    {"number_for_map", profile("llr: @1"), "profiles.default.llr", "expected a map", ""},
    {"choice", profile("fcs: @sofware"), "profiles.default.fcs", "expected one of auto",
     "`software`?"},
    {"no_vc", profile("@vcs: []"), "profiles.default.vcs", "at least one VC", "1 to 32"},
    {"vc_without_name", profile("vcs: [@{credits: 512}]"), "profiles.default.vcs[0].name",
     "missing", "name:"},
    {"vc_twice", profile("vcs: [{name: a}, {name: @a}]"), "profiles.default.vcs[1].name",
     "listed twice", ""},
    {"credits_of_best_effort", profile("vcs: [{name: a, lossless: false, @credits: 5}]"),
     "profiles.default.vcs[0].credits", "has no credits", "lossless: true"},
    {"dscp_range", profile("vcs: [{name: a, dscp: [1, @64]}]"), "profiles.default.vcs[0].dscp[1]",
     "out of range", "0 to 63"},
    {"dscp_twice", profile("@vcs: [{name: a, dscp: 7}, {name: b, dscp: 7}]"),
     "profiles.default.vcs[1].dscp", "already mapped to VC `a`", "once"},
    {"probability", faults("both: {loss: @1.5}"), "topology.faults.both.loss", "out of range",
     "0 to 1"},
    {"percent", faults("both: {loss: @1%}"), "topology.faults.both.loss", "expected a number",
     "0.01"},
    {"infinite", faults("both: {loss: @inf}"), "topology.faults.both.loss", "expected a number",
     ""},
    {"huge_real", faults("both: {loss: @1e999}"), "topology.faults.both.loss", "expected a number",
     ""},
    {"both_and_one", faults("@both: {}, a_to_b: {}"), "topology.faults.both",
     "beside a single direction", "either"},
    {"workers_word", rack(2, 1, "runtime: {workers: @many}\n"), "runtime.workers", "whole number",
     ""},
    {"traffic_vc", rack(2, 1, "traffic: {vc: @bulk}\n"), "traffic.vc", "no VC `bulk`",
     "rdma-request"},
    {"traffic_frame", rack(2, 1, "traffic: {frame_size: @4096}\n"), "traffic.frame_size", "2052",
     "bytes with FCS"},
    {"imix_too_large",
     rack(2, 1, "profiles: {default: {max_frame_bytes: 512}}\ntraffic: {frame_size: @imix}\n"),
     "traffic.frame_size", "64 to 516", "bytes with FCS"},
    {"topology_kind", "fabric: a\ntopology: {kind: @single_rack}\n", "topology.kind",
     "expected one of", "single-rack"},
    {"topology_without_kind", "fabric: a\n@topology: {gpus: 2}\n", "topology.kind", "missing", ""},
    {"one_gpu", "fabric: a\ntopology: {kind: single-rack, gpus: @1}\n", "topology.gpus",
     "out of range", "2 to 16384"},
    {"uneven_racks", "fabric: a\ntopology: {kind: dual-rack, gpus: @9}\n", "topology.gpus",
     "9 GPUs cannot be shared out evenly over 2 racks", "write 8 or 10, or 18 for 9 in each"},
    {"fewer_gpus_than_racks", "fabric: a\ntopology: {kind: leaf-spine, racks: 3, gpus: @2}\n",
     "topology.gpus", "over 3 racks", "write 3, or 6 for 2 in each"},
    {"one_rack", "fabric: a\ntopology: {kind: leaf-spine, racks: @1}\n", "topology.racks",
     "out of range", "2 to 1024"},
    {"spines_of_no_track", "fabric: a\ntopology: {kind: leaf-spine, tracks: 2, spines: @1}\n",
     "topology.spines", "1 spine cannot serve 2 tracks", "at least 2"},
    {"more_spines_than_uplinks",
     "fabric: a\ntopology: {kind: leaf-spine, gpus: 6, tracks: 2, spines: @5}\n", "topology.spines",
     "3 spines of a track cannot be reached by the 2 uplinks of a leaf", "at most 4"},
    {"uplinks_said_twice",
     "fabric: a\ntopology: {kind: dual-rack, uplinks: 2, oversubscription: @2}\n",
     "topology.oversubscription", "`uplinks` already says", "either"},
    {"no_oversubscription", "fabric: a\ntopology: {kind: dual-rack, oversubscription: @0}\n",
     "topology.oversubscription", "out of range", "0.25 to 64"},
    {"leaf_too_large", "fabric: a\ntopology: {kind: single-rack, gpus: @5000}\n", "topology.gpus",
     "a leaf would have 5000 ports, and a node has at most 4096", "more racks"},
    {"too_many_uplinks", "fabric: a\ntopology: {kind: dual-rack, uplinks: @4095}\n",
     "topology.uplinks", "a leaf would have 4099 ports", ""},
    {"spine_too_large",
     "fabric: a\ntopology: {kind: leaf-spine, racks: 64, gpus: 8192, spines: @1}\n",
     "topology.spines", "a spine would have 8192 ports", "more spines"},
    {"too_many_links", "fabric: a\ntopology: {kind: dual-rack, gpus: 4096, tracks: @64}\n",
     "topology.tracks", "393216 links", "fewer"},
    {"keys_of_other_kinds", "fabric: a\ntopology: {kind: single-rack, @racks: 2}\n",
     "topology.racks", "unknown", ""},
    {"old_key", "fabric: a\ntopology: {kind: single-rack, @switches: 2}\n", "topology.switches",
     "called `tracks`", "tracks: N"},
};

const Mistake kGraph[] = {
    {"node_without_kind", "fabric: f\nnodes:\n  @leaf0: {}\n", "nodes.leaf0.kind", "missing", ""},
    {"endpoint_without_gpu", "fabric: f\nnodes:\n  @gpu0: {kind: endpoint}\n", "nodes.gpu0.gpu",
     "missing", "0x0200"},
    {"switch_with_gpu", "fabric: f\nnodes:\n  leaf0: {kind: switch, @gpu: 0x0200}\n",
     "nodes.leaf0.gpu", "a switch has no such key", "endpoint"},
    {"node_name", "fabric: f\nnodes:\n  @\"a b\": {kind: switch}\n", "nodes", "cannot be a name",
     ""},
    {"one_end", nodes("links:\n  - @endpoints: [\"leaf0:e0\"]\n"), "links[0].endpoints",
     "two ends, found 1", ""},
    {"no_ends", nodes("links:\n  - @profile: default\n"), "links[0].endpoints", "missing", ""},
    {"no_port", nodes("links:\n  - endpoints: [@leaf0, \"gpu0:e0\"]\n"), "links[0].endpoints[0]",
     "node:port", "leaf0:e0"},
    {"unknown_node", nodes("links:\n  - endpoints: [\"leaf0:e0\", @\"gpu00:e0\"]\n"),
     "links[0].endpoints[1]", "no node `gpu00`", "`gpu0`?"},
    {"self_link", nodes("links:\n  - endpoints: [\"leaf0:e0\", @\"leaf0:e1\"]\n"),
     "links[0].endpoints[1]", "`leaf0` to itself", ""},
    {"port_twice",
     nodes("links:\n  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
           "  - endpoints: [@\"leaf0:e0\", \"gpu0:e1\"]\n"),
     "links[1].endpoints[0]", "`leaf0:e0` is already used in line 6", ""},
    {"link_reversed",
     nodes("links:\n  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
           "  - endpoints: [\"leaf0:e1\", @\"gpu0:e0\"]\n"),
     "links[1].endpoints[1]", "already used in line 6", ""},
    {"plain_port_twice", small_fabric("ports:\n  - {port: @\"leaf0:e0\", device: net_tap0}\n"),
     "ports[0].port", "already used in line 7", ""},
    {"plain_port_of_endpoint_with_gpu",
     small_fabric("ports:\n  - @{port: \"gpu0:p0\", device: net_tap0, gpu: 7}\n"), "ports[0]",
     "leads to everybody", "leave `gpu` and `tenant` out"},
    {"plain_port_without_device", small_fabric("ports:\n  - @{port: \"leaf0:p0\"}\n"),
     "ports[0].device", "missing", ""},
    {"plain_port_kind",
     small_fabric("ports:\n  - {port: \"leaf0:p0\", kind: @link, device: net_tap0}\n"),
     "ports[0].kind", "expected one of plain", ""},
    {"device_of_a_stranger",
     nodes("links:\n  - endpoints: [\"leaf0:e0\", \"gpu0:e0\"]\n"
           "    devices: {@\"leaf0:e1\": net_tap0}\n"),
     "links[0].devices.leaf0:e1", "unknown", "leaf0:e0"},
    {"unknown_profile",
     nodes("links:\n  - {endpoints: [\"leaf0:e0\", \"gpu0:e0\"], profile: @defualt}\n"),
     "links[0].profile", "no profile `defualt`", "`default`?"},
    {"gpu_twice",
     "fabric: f\nnodes:\n  gpu0: {kind: endpoint, gpu: 0x0200}\n"
     "  gpu1: {kind: endpoint, gpu: @0x0200}\nlinks:\n  - endpoints: [\"gpu0:e0\", \"gpu1:e0\"]\n",
     "nodes.gpu1.gpu", "0x0200 is already the GPU-ID of `gpu0`", "free is 0x0201"},
    {"gpu_twice_at_plain_port",
     small_fabric("ports:\n  - {port: \"leaf0:p0\", device: net_tap0, gpu: @0x0201}\n"),
     "ports[0].gpu", "already the GPU-ID of `gpu1`", "0x0202"},
    {"plain_endpoint_behind_two_ports",
     "fabric: f\nnodes:\n  leaf0: {kind: switch}\n  gpu0: {kind: endpoint, gpu: 0x0200}\nports:\n"
     "  - {port: \"gpu0:p0\", device: net_tap0}\n"
     "  - {port: \"leaf0:p0\", device: net_tap0, gpu: 0x0200}\n"
     "  - {port: \"leaf0:p1\", device: net_tap1, gpu: @0x0200}\n",
     "ports[2].gpu", "already the GPU-ID of `leaf0:p0`", ""},
    {"device_twice",
     small_fabric("ports:\n  - {port: \"leaf0:p0\", device: \"net_tap0,iface=a\"}\n"
                  "  - {port: \"leaf0:p1\", device: @\"net_tap0,iface=b\"}\n"),
     "ports[1].device", "`net_tap0` is already the device of `leaf0:p0`", ""},
    {"endpoint_without_link", one_more_node("@gpu2: {kind: endpoint, gpu: 0x0202}"), "nodes.gpu2",
     "no link", ""},
    {"switch_without_port", one_more_node("@leaf1: {kind: switch}"), "nodes.leaf1", "no port", ""},
    {"best_effort_here_lossless_there",
     two_profiles("vcs: [{name: a}, {name: b, lossless: false}]", "vcs: [{name: a}, @{name: b}]"),
     "profiles.other.vcs[1]", "`b` (lossless) here, but `b` (best effort)", "same VCs"},
    {"vc_names_differ", two_profiles("vcs: [{name: a}, {name: b}]", "vcs: [{name: a}, @{name: c}]"),
     "profiles.other.vcs[1]", "`c` (lossless) here, but `b`", "same order"},
    {"vc_counts_differ", two_profiles("vcs: [{name: a}]", "@vcs: [{name: a}, {name: b}]"),
     "profiles.other.vcs", "2 VCs here, but 1 in profile `default`", "same VCs"},
    {"frame_sizes_differ", two_profiles("max_frame_bytes: 2048", "max_frame_bytes: @1024"),
     "profiles.other.max_frame_bytes", "1024 here, but 2048", "same max_frame_bytes"},
};

std::string mistake_name(const testing::TestParamInfo<Mistake>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Yaml, Mistakes, testing::ValuesIn(kYaml), mistake_name);
INSTANTIATE_TEST_SUITE_P(Values, Mistakes, testing::ValuesIn(kValues), mistake_name);
INSTANTIATE_TEST_SUITE_P(Graph, Mistakes, testing::ValuesIn(kGraph), mistake_name);

}  // namespace
}  // namespace ethlink::control::test
