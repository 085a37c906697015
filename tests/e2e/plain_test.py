# SPDX-License-Identifier: BSD-3-Clause
"""Packet generators on plain ports: no link, best effort, counted where the frames arrive."""
import os
import time

import ethlink

FABRIC = """\
fabric: plain
nodes:
  leaf0: {{kind: switch}}
  gpu0: {{kind: endpoint, gpu: 0x0200}}
  gpu1: {{kind: endpoint, gpu: 0x0201, tenant: 9}}
  gpu2: {{kind: endpoint, gpu: 0x0202, tenant: 9}}
  gpu3: {{kind: endpoint, gpu: 0x0203}}
ports:
  - {{port: "leaf0:p0", gpu: 0x0200, device: "net_memif0,role=server,id=0,socket={name}-0"}}
  - {{port: "leaf0:p1", gpu: 0x0201, device: "net_memif1,role=server,id=0,socket={name}-1",
     tenant: 9}}
  - {{port: "leaf0:p2", gpu: 0x0202, device: "net_memif2,role=server,id=0,socket={name}-2",
     tenant: 9}}
  - {{port: "leaf0:p3", gpu: 0x0203, device: "net_memif3,role=server,id=0,socket={name}-3"}}
  - {{port: "gpu0:p0", kind: plain, device: "net_memif0,role=client,id=0,socket={name}-0"}}
  - {{port: "gpu1:p0", kind: plain, device: "net_memif0,role=client,id=0,socket={name}-1"}}
  - {{port: "gpu2:p0", kind: plain, device: "net_memif0,role=client,id=0,socket={name}-2"}}
  - {{port: "gpu3:p0", kind: plain, device: "net_memif0,role=client,id=0,socket={name}-3"}}
traffic: {{pattern: incast}}
"""
FRAMES = 5_000


class Plain(ethlink.Case):
    def setUp(self):
        super().setUp()
        name = f"ethlink-test-{os.getpid()}-{time.monotonic_ns()}"
        self.fabric = self.file("plain.yaml", FABRIC.format(name=name))
        self.leaf = self.start("switch", self.fabric, "--node", "leaf0")
        self.wait_for_instance(self.leaf, "leaf0")

    def generator(self, node, *arguments):
        return self.start("pktgen", self.fabric, "--node", node, "--json", *arguments)

    def run_pair(self, source, target, index):
        arguments = ("--target", str(index))
        sink = self.generator(target, "--sink-only", *arguments)
        self.wait_for_instance(sink, target)
        # So slow that no queue is full, though no port has credits.
        ended = self.generator(source, "--count", str(FRAMES), "--rate", "20000", "--warmup", "0",
                               *arguments).wait()
        self.assertEqual(ended.code, ethlink.OK, ended)
        trial, = ended.json["trials"]
        self.assertEqual(trial["sent"], FRAMES)
        self.assertIsNone(trial["llr_acknowledged"])  # Nobody could say.
        self.assertTrue(trial["drained"])
        ethlink.eventually(lambda: self.ask(target, command="traffic")["received"] >= FRAMES, 10,
                           "all frames there")
        ended = sink.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual(ended.json["received"], FRAMES)
        self.assertEqual(ended.json["missing"], 0)
        self.assertLess(ended.json["latency_ns"]["max"], 1e9)

    def test_frames_cross_the_switch(self):
        self.run_pair("gpu0", "gpu3", 3)
        self.run_pair("gpu1", "gpu2", 2)  # Tagged with their tenant.
        for port, entry in self.show_ports("leaf0", "drops").items():
            self.assertEqual(entry["drops"], {}, port)
        ended = self.leaf.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)

    def test_whoever_is_not_there_does_not_answer(self):
        ended = self.generator("gpu0", "--wait", "1", "--target", "3").wait()
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assertIn("no answer from 0x0203", ended.err)
        self.leaf.stop()


if __name__ == "__main__":
    ethlink.main(limit=100)
