# SPDX-License-Identifier: BSD-3-Clause
"""Captures in, captures out: a switch on net_pcap ports, its output read by tshark."""
import sys
import tempfile
import unittest

import ethlink
import ethlink_frames as frames

sys.path.insert(0, str(ethlink.ROOT / "tests" / "golden"))
import golden  # noqa: E402  (the annotated frames)

try:
    from scapy.layers.l2 import Ether
    from scapy.utils import rdpcap, wrpcap
except ImportError:
    ethlink.skip("scapy is not installed (./dev setup installs what the tests need)")

DISSECTOR = ethlink.ROOT / "proto" / "wireshark" / "ethlink.lua"
FABRIC = """\
fabric: pcap
profiles:
  default: {{fcs: {fcs}}}
nodes:
  leaf0: {{kind: switch}}
ports:
  - {{port: "leaf0:p0", device: "net_pcap0,rx_pcap=in.pcap,tx_pcap=back.pcap", gpu: 0x0210}}
  - port: "leaf0:p1"
    device: "net_pcap1,rx_pcap=none.pcap,tx_pcap=out.pcap"
    gpu: [0x0211, 0x0212]
"""
SRC, DST = 0x0210, 0x0211
FRAME_MAX = 2048


class Codec(unittest.TestCase):
    """The Python frames are those of the C++ ones."""

    def test_golden_frames(self):
        count = 0
        for name, frame in golden.load_all().items():
            if golden.is_control(frame) or name in ("on_the_wire", "poisoned"):
                continue  # Off the wire the link word is zero; a poisoned frame has a wrong ICRC.
            fields = frames.parse(frame)
            self.assertEqual(bytes(fields), frame, name)
            fields.icrc = fields.total_length = None  # Ours, not theirs.
            self.assertEqual(bytes(fields), frame, name)
            count += 1
        self.assertGreater(count, 5)


class Pcap(ethlink.Case):
    def run_switch(self, sent, fcs="hardware"):
        """Puts these frames in; returns what came out at p1, and the counters."""
        wrpcap(str(self.folder / "in.pcap"), [Ether(frame) for frame in sent], linktype=1)
        wrpcap(str(self.folder / "none.pcap"), [], linktype=1)
        fabric = self.file("pcap.yaml", FABRIC.format(fcs=fcs))
        leaf = self.start("switch", fabric, "--node", "leaf0")
        self.wait_for_instance(leaf, "leaf0")

        def all_arrived():
            ports = self.show_ports("leaf0", "ports")
            p0 = ports["leaf0:p0"]
            return p0["rx_frames"] >= len(sent) and \
                p0["drops"] + ports["leaf0:p1"]["tx_frames"] >= len(sent) and ports
        ports = ethlink.eventually(all_arrived, 20, "all frames of the capture through the switch")
        drops = self.show_ports("leaf0", "drops")
        ended = leaf.stop()  # Closes the capture.
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual(self.read("back.pcap"), [])
        self.assertEqual(ports["leaf0:p0"]["rx_frames"], len(sent))
        self.assertEqual(drops["leaf0:p1"]["drops"], {})
        return self.read("out.pcap"), drops["leaf0:p0"]["drops"]

    def read(self, name):
        return [bytes(frame) for frame in rdpcap(str(self.folder / name))]

    def tshark(self, name, *options):
        """The dissector's view of a capture."""
        home = tempfile.mkdtemp(dir=self.folder)
        run = self.start_tool("env", f"HOME={home}", f"WIRESHARK_CONFIG_DIR={home}", "tshark",
                              "-X", f"lua_script:{DISSECTOR}", "-r", self.folder / name,
                              *options).wait(60)
        self.assertEqual(run.code, 0, run)
        return run.out

    def test_frames_pass_in_order_and_tshark_finds_them_good(self):
        ethlink.need_tools("tshark")
        sizes = (60, 61, 64, 100, 128, 256, 512, 1024, 1514, FRAME_MAX)
        sent = [frames.of_size(sizes[n % len(sizes)], dst=DST + n % 2, src=SRC, psn=n, dscp=16,
                               entropy=n, tag=7 * n, vlan=0x6000 if n % 5 == 0 and
                               sizes[n % len(sizes)] < FRAME_MAX else None)
                for n in range(2000)]
        out, drops = self.run_switch(sent)
        self.assertEqual(drops, {})
        self.assertEqual(out, [frames.after_a_switch(frame) for frame in sent])
        names = ("frame.number", "ethlink.txn.psn", "ethlink.net.ttl", "ethlink.icrc.status",
                 "_ws.expert.group", "_ws.malformed")
        fields = [option for name in names for option in ("-e", name)]
        rows = [line.split("\t") for line in
                self.tshark("out.pcap", "-T", "fields", *fields).splitlines()]
        self.assertEqual(len(rows), len(sent))
        for n, row in enumerate(rows):
            self.assertEqual(row, [str(n + 1), str(n), "14", "1", "", ""])
        self.assertNotIn("Malformed", self.tshark("out.pcap", "-V"))

    def test_each_bad_frame_moves_its_counter(self):
        bad = frames.bad_frames(DST, SRC, frame_max=FRAME_MAX)
        good = [frames.of_size(60, dst=DST, src=SRC, psn=n) for n in range(len(bad) + 1)]
        sent = [good[0]]
        for (_, frame, _), after in zip(bad, good[1:]):
            sent += [frame, after]
        out, drops = self.run_switch(sent)
        expected = {}
        for _, _, reason in bad:
            expected[reason] = expected.get(reason, 0) + 1
        self.assertEqual(drops, expected)
        self.assertEqual(out, [frames.after_a_switch(frame) for frame in good])

    def test_what_only_endpoints_judge_passes(self):
        sent = [frames.of_size(100, dst=DST, src=SRC, psn=0, icrc=0x12345678),
                frames.of_size(100, dst=DST, src=SRC, psn=1, opcode=0),
                frames.of_size(100, dst=DST, src=SRC, psn=2, opcode=0xEE),
                frames.of_size(100, dst=DST, src=SRC, psn=3, version=3),
                frames.of_size(100, dst=DST, src=SRC, psn=4, ttl=1),
                frames.of_size(100, dst=DST, src=SRC, psn=5, ar=1, ecn=3)]
        out, drops = self.run_switch(sent)
        self.assertEqual(drops, {})
        self.assertEqual(out, [frames.after_a_switch(frame) for frame in sent])

    def test_software_fcs(self):
        good = [frames.of_size(size, dst=DST, src=SRC, psn=n) for n, size in
                enumerate((60, 61, 500, FRAME_MAX))]
        sent = [frames.with_fcs(frame) for frame in good]
        damaged = bytearray(sent[2])
        damaged[40] ^= 0x10
        out, drops = self.run_switch([*sent[:2], bytes(damaged), good[2], *sent[2:]], "software")
        self.assertEqual(drops, {"bad_fcs": 2})
        self.assertEqual(out, [frames.with_fcs(frames.after_a_switch(frame)) for frame in good])


if __name__ == "__main__":
    ethlink.need_commands("switch", "show")
    ethlink.main(limit=100)
