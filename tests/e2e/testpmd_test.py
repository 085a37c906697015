# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own testpmd feeds plain ports of a switch, over memif: any generator can."""
import contextlib
import itertools
import os
import re
import subprocess
import time

import ethlink
import ethlink_frames as frames

FABRIC = """\
fabric: testpmd
nodes:
  leaf0: {{kind: switch}}
ports:
  - {{port: "leaf0:p0", device: "net_memif0,role=server,id=0,socket={name}", gpu: 0x0210}}
  - {{port: "leaf0:p1", device: "{sink}", gpu: 0x0211}}
"""
NULL = "net_null0,no-rx=1"  # takes everything, gives nothing
SRC, DST = 0x0210, 0x0211
FRAMES_READ = 20_000  # of those that came out
CPUS = "(" + ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))) + ")"


class Testpmd(ethlink.Case):
    def setUp(self):
        super().setUp()
        self.name = f"ethlink-test-{os.getpid()}-{time.monotonic_ns()}"

    def start_switch(self, sink=NULL):
        fabric = self.file("testpmd.yaml", FABRIC.format(name=self.name, sink=sink))
        leaf = self.start("switch", fabric, "--node", "leaf0")
        self.wait_for_instance(leaf, "leaf0")
        return leaf

    def run_testpmd(self, *commands, devices=(), seconds=1.5):
        """Runs the commands, forwards for a while; returns {port: (received, sent)} of its own."""
        memif = f"net_memif0,role=client,id=0,socket={self.name},socket-abstract=yes,bsize=4096"
        vdevs = [f"--vdev={device}" for device in (*devices, memif)]
        program = self.start_tool(
            "dpdk-testpmd", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", "128",
            f"--file-prefix={self.name}", f"--lcores=0@{CPUS},1@{CPUS}", "--log-level=error",
            *vdevs, "--", "-i", "--total-num-mbufs=4096", stdin=subprocess.PIPE)
        self.type(program, *commands)
        ethlink.eventually(lambda: self.port("leaf0:p0")["up"], 20, "memif connected")
        self.type(program, "start")
        time.sleep(seconds)
        self.type(program, "stop")
        self.settled()  # What is still in the rings when one end quits is lost.
        self.type(program, "quit")
        ended = program.wait()
        program.process.stdin.close()
        self.assertEqual(ended.code, 0, ended)
        found = re.findall(r"statistics for port (\d+) .*?RX-packets: (\d+).*?TX-packets: (\d+)",
                           ended.out, re.DOTALL)
        self.assertTrue(found, ended)
        return {int(port): (int(received), int(sent)) for port, received, sent in found}

    @staticmethod
    def type(program, *commands):
        program.process.stdin.write("".join(command + "\n" for command in commands).encode())
        program.process.stdin.flush()

    def port(self, name):
        return self.ask("leaf0", command="ports", port=name)[0]

    def drops(self):
        return self.show_ports("leaf0", "drops")["leaf0:p0"]["drops"]

    def settled(self):
        """The ports' counters, when they no longer move."""
        last = None
        while True:
            now = self.show_ports("leaf0", "ports")
            if now == last:
                return now
            last = now
            time.sleep(0.2)

    def end_switch(self, leaf):
        ended = leaf.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)

    def test_foreign_frames_are_counted_to_the_last_one(self):
        """UDP in IPv4 is what testpmd makes: real input, and none of ours."""
        leaf = self.start_switch()
        for mode in ("txonly", "flowgen"):
            before = self.drops().get("unknown_ethertype", 0)
            told = self.run_testpmd(f"set fwd {mode}", "set txpkts 64")
            _, sent = told[0]
            self.assertGreater(sent, 1000, mode)
            ports = self.settled()
            self.assertEqual(self.drops().keys(), {"unknown_ethertype"})
            self.assertEqual(self.drops()["unknown_ethertype"] - before, sent, mode)
            self.assertEqual(ports["leaf0:p1"]["tx_frames"], 0)
        self.end_switch(leaf)

    def replay(self, name, sent):
        """A capture that testpmd plays again and again."""
        from scapy.layers.l2 import Ether
        from scapy.utils import wrpcap
        path = self.folder / name
        wrpcap(str(path), [Ether(frame) for frame in sent], linktype=1)
        return f"net_pcap0,rx_pcap={path},infinite_rx=1,tx_pcap={self.folder / 'unused.pcap'}"

    def test_our_frames_are_forwarded(self):
        sent = [frames.of_size(60 + n % 900, dst=DST, src=SRC, psn=n, dscp=16) for n in range(64)]
        leaf = self.start_switch()
        told = self.run_testpmd("set fwd io", devices=[self.replay("ours.pcap", sent)])
        _, sent_by_it = told[1]
        self.assertGreater(sent_by_it, 1000)
        ports = self.settled()
        drops = self.drops()
        self.assertEqual(ports["leaf0:p0"]["rx_frames"], sent_by_it)
        # A plain port has no credits: what its queue does not hold is dropped, and counted.
        self.assertLessEqual(drops.keys(), {"queue_full"})
        self.assertEqual(ports["leaf0:p1"]["tx_frames"], sent_by_it - drops.get("queue_full", 0))
        self.assertGreater(ports["leaf0:p1"]["tx_frames"], sent_by_it // 2)
        self.end_switch(leaf)

    def test_what_comes_out_is_what_went_in(self):
        sent = [frames.of_size(60 + n, dst=DST, src=SRC, psn=n, dscp=16) for n in range(64)]
        (self.folder / "none.pcap").write_bytes(
            bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        leaf = self.start_switch("net_pcap1,rx_pcap=none.pcap,tx_pcap=out.pcap")
        self.run_testpmd("set fwd io", devices=[self.replay("ours.pcap", sent)], seconds=0.2)
        ports = self.settled()
        self.end_switch(leaf)
        from scapy.utils import RawPcapReader
        expected = {frames.after_a_switch(frame) for frame in sent}
        count = 0
        with contextlib.closing(RawPcapReader(str(self.folder / "out.pcap"))) as reader:
            for frame, _ in itertools.islice(reader, FRAMES_READ):
                self.assertIn(frame, expected)
                count += 1
        self.assertGreater(count, 1000)
        self.assertGreaterEqual(ports["leaf0:p1"]["tx_frames"], count)


if __name__ == "__main__":
    ethlink.need_commands("switch", "show")
    ethlink.need_tools("dpdk-testpmd")
    try:
        import scapy  # noqa: F401
    except ImportError:
        ethlink.skip("scapy is not installed (./dev setup installs what the tests need)")
    ethlink.main(limit=100)
