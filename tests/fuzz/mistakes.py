# SPDX-License-Identifier: BSD-3-Clause
"""Fabric files, each wrong in a way of its own or unusual: mutation alone seldom meets a rule that
compares two places of a file."""

NODES = ("fabric: f\nnodes:\n  leaf0: {kind: switch}\n  gpu0: {kind: endpoint, gpu: 0x0200}\n"
         "  gpu1: {kind: endpoint, gpu: 0x0201}\n")
LINKS = 'links:\n  - endpoints: ["leaf0:e0", "gpu0:e0"]\n  - endpoints: ["leaf0:e1", "gpu1:e0"]\n'
RACK = "fabric: f\ntopology: {kind: single-rack, gpus: 2, tracks: 1}\n"

PROFILES = (  # of a compact rack
    "max_frame_bytes: \"2048\"", "llr: {llr_local: no}", "llr: {llr_local: \"true\"}",
    "cbfc: {credit_size: 96}", "fcs: sofware", "vcs: []", "vcs: [{name: a}, {name: a}]",
    "vcs: [{name: a, lossless: false, credits: 5}]", "vcs: [{name: a, pcp_dei: [1, 2]}]",
    "vcs: [{name: a, dscp: [1, 64]}]", "vcs: [{name: a, dscp: 7}, {name: b, dscp: 7}]",
    "vcs: [" + ", ".join(f"{{name: a{i}}}" for i in range(40)) + "]",
    "vcs: [{name: a, dscp: [" + ", ".join(map(str, range(70))) + "]}]",
    "transport: {retry_timer_min_us: 200000}", "transport: {retry_timer_max_us: 999}",
    "transport: {give_up_timer_ms: 100}", "transport: {ack_delay_us: 1000}",
)
PAIRS = (  # two links with two profiles
    ("fcs: auto", "transport: {}"), ("fcs: auto", "fcs: software"),
    ("vcs: [{name: a}, {name: b, lossless: false}]", "vcs: [{name: a}, {name: b}]"),
    ("vcs: [{name: a}]", "vcs: [{name: a}, {name: b}]"),
    ("max_frame_bytes: 2048", "max_frame_bytes: 1024"),
)
PORTS = (  # beside two good links
    '{port: "gpu0:p0", device: net_tap0, gpu: 7}', '{port: "leaf0:e0", device: net_tap0}',
    '{port: "leaf0:p0"}', '{port: "leaf0:p0", kind: link, device: net_tap0}',
    '{port: "leaf0:p0", device: net_tap0, gpu: 0x0201}',
    '{port: "leaf0:p0", device: "net_tap0,iface=a"}\n'
    '  - {port: "leaf0:p1", device: "net_tap0,iface=b"}',
    '{port: "leaf0:p0", device: net_tap0, gpu: 0x0202, tenant: 5}',
)
WHOLE = (
    "- 1\n", "a: [b\nc: d]\n", "a: b\n---\nc: d\n", "a: b\na: c\n", "a: &x [*x]\n", "? [x]\n: 1\n",
    "fabric: !!str a\n", "a: &x 1\nb: *x\nfabric: f\n", "a: " + "[" * 40 + "]" * 40,
    "fabric: f\nnodes: &n\n  a: &x {kind: switch}\n  b: *x\n", "fabric: f\n", "nodes: {}\n",
    "fabric: f\nnodes: {}\n", "fabric: f\nx: &x {kind: switch}\nnodes:\n  a: {<<: *x}\n",
    "fabric: f\nnodes: {leaf0: {}, leaf1: {kind: switch, gpu: 5}, gpu0: {kind: endpoint}}\n",
    "fabric: f\ntopology: {kind: single-rack, faults: {both: {}, a_to_b: {}}}\n",
    "fabric: f\ntopology: {kind: single-rack, faults: {both: {loss: 1.5, delay_ns: 3}}}\n",
    "fabric: f\ntopology: {kind: single-rack}\nnodes: {}\n",
    "fabric: f\ntopology: {kind: dual-rack, gpus: 9}\n",
    "fabric: f\ntopology: {kind: dual-rack, uplinks: 2, oversubscription: 2}\n",
    "fabric: f\ntopology: {kind: leaf-spine, tracks: 2, spines: 1}\n",
    "fabric: f\ntopology: {kind: leaf-spine, gpus: 6, tracks: 2, spines: 5}\n",
    "fabric: f\ntopology: {kind: leaf-spine, racks: 3, gpus: 2}\n",
    "fabric: f\ntopology: {kind: dual-rack, uplinks: 4095}\n",
    "fabric: f\ntopology: {kind: single-rack, switches: 2}\n",
    RACK + "traffic: {vc: bulk}\n", RACK + "traffic: {frame_size: 4096}\n",
    RACK + "runtime: {workers: many}\n", RACK + "profiles: {default: {max_frame_bytes: 512}}\n"
    "traffic: {frame_size: imix}\n",
    NODES + LINKS + "    profile: defualt\n", NODES + LINKS + "    profile: zzzzzzzzzzzz\n",
    NODES + LINKS + "    devices: {\"leaf0:e7\": net_tap0}\n",
    NODES + LINKS + "    devices: {\"leaf0:e1\": net_tap0, \"gpu1:e0\": net_tap0}\n",
    NODES + 'links:\n  - endpoints: ["leaf0:e0", "leaf0:e1"]\n  - endpoints: [leaf0, "gpu0:e0"]\n'
    '  - endpoints: ["leaf0:e2"]\n  - profile: default\n  - endpoints: ["leaf0:e3", "gpu00:e0"]\n',
    NODES + "  gpu2: {kind: endpoint, gpu: 0x0202}\n  leaf1: {kind: switch}\n" + LINKS,
    # Two islands, and a fabric whose ends know nobody.
    NODES + "  leaf1: {kind: switch}\n  gpu2: {kind: endpoint, gpu: 0x0202}\n" + LINKS
    + '  - endpoints: ["leaf1:e0", "gpu2:e0"]\n',
)


def texts():
    for inside in PROFILES:
        yield RACK + f"profiles:\n  default:\n    {inside}\n"
    for first, second in PAIRS:
        yield (NODES + LINKS + "    profile: other\n"
               + f"profiles:\n  default: {{{first}}}\n  other: {{{second}}}\n")
    for port in PORTS:
        yield NODES + LINKS + f"ports:\n  - {port}\n"
    yield from WHOLE
