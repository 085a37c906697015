# SPDX-License-Identifier: BSD-3-Clause
"""A switch and two packet generators, three processes joined by memif, with LLR and CBFC."""
import os
import signal
import time

import ethlink

FABRIC = """\
fabric: memif
nodes:
  leaf0: {{kind: switch}}
  gpu0: {{kind: endpoint, gpu: 0x0200}}
  gpu1: {{kind: endpoint, gpu: 0x0201}}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
    devices:
      "leaf0:e0": "net_memif0,role=server,id=0,socket={name}-0"
      "gpu0:e0": "net_memif0,role=client,id=0,socket={name}-0"
  - endpoints: ["leaf0:e1", "gpu1:e0"]
    devices:
      "leaf0:e1": "net_memif1,role=server,id=0,socket={name}-1"
      "gpu1:e0": "net_memif0,role=client,id=0,socket={name}-1"
traffic: {{pattern: pairs}}
"""
FRAMES = 200_000
SIZE = 256  # FCS included, as generators count; memif carries none
FCS = 4
PROBE = 60
PORTS = {"gpu0": "leaf0:e0", "gpu1": "leaf0:e1"}


class Memif(ethlink.Case):
    def setUp(self):
        super().setUp()
        # memif's sockets are abstract ones: their names are the whole machine's.
        name = f"ethlink-test-{os.getpid()}-{time.monotonic_ns()}"
        self.fabric = self.file("memif.yaml", FABRIC.format(name=name))

    def start_switch(self):
        leaf = self.start("switch", self.fabric, "--node", "leaf0")
        self.wait_for_instance(leaf, "leaf0")
        return leaf

    def start_generator(self, node, *arguments):
        return self.start("pktgen", self.fabric, "--node", node, "--json", *arguments)

    def start_sink(self, node):
        sink = self.start_generator(node, "--sink-only")
        self.wait_for_links(sink, node)
        return sink

    def received(self, node):
        return self.ask(node, command="traffic")["received"]

    def sent(self, node):
        return self.ask(node, command="traffic")["sent"]

    def test_all_frames_cross_the_switch_in_order(self):
        leaf = self.start_switch()
        for source, target in (("gpu0", "gpu1"), ("gpu1", "gpu0")):
            before = self.carried()
            sink = self.start_sink(target)
            ended = self.start_generator(source, "--count", str(FRAMES), "--size",
                                         str(SIZE)).wait()
            self.assertEqual(ended.code, ethlink.OK, ended)
            trial, = ended.json["trials"]
            self.assertEqual(trial["sent"], FRAMES)
            self.assertEqual(trial["llr_acknowledged"], FRAMES)
            probes = ended.json["probes"]
            self.assertGreater(probes, 0)
            ethlink.eventually(lambda: self.received(target) >= FRAMES, 10, "all frames there")
            carried = self.carried()
            ended = sink.stop()
            self.assertEqual(ended.code, ethlink.OK, ended)
            told = ended.json
            self.assertEqual(told["received"], FRAMES)
            self.assertEqual(told["received_bytes"], FRAMES * (SIZE - FCS))
            for key in ("missing", "duplicated", "reordered", "unexpected"):
                self.assertEqual(told[key], 0, told)
            # Two processes, one clock.
            latency = told["latency_ns"]
            self.assertEqual(latency["count"], FRAMES)
            self.assertGreater(latency["min"], 0)
            self.assertLess(latency["max"], 1e9)
            self.assert_crossed(before, carried, PORTS[source], PORTS[target], probes)
        ended = leaf.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertNotIn("did not come back", ended.err)
        self.assertFalse(self.control_socket("leaf0").exists())

    def carried(self):
        """{(port, "rx" or "tx"): (frames, bytes)} of all VCs, as the switch counted."""
        return {(port, way): (sum(vc[way + "_frames"] for vc in entry["vcs"]),
                              sum(vc[way + "_bytes"] for vc in entry["vcs"]))
                for port, entry in self.show_ports("leaf0", "vcs").items() for way in ("rx", "tx")}

    def assert_crossed(self, before, after, ingress, egress, probes):
        """The switch itself counted these frames in and out, and refused none."""
        for key in ((ingress, "rx"), (egress, "tx")):
            frames, size = (late - early for late, early in zip(after[key], before[key]))
            self.assertEqual(frames, FRAMES + probes, key)
            self.assertEqual(size, FRAMES * (SIZE - FCS) + probes * PROBE, key)
        for port, entry in self.show_ports("leaf0", "drops").items():
            # A neighbour that has ended leaves CC_Updates to it unacknowledged: no frames.
            self.assertEqual(entry["drops"], {}, port)

    def test_a_sink_that_outlives_its_generator(self):
        leaf = self.start_switch()
        sink = self.start_sink("gpu1")
        for run in (1, 2, 3):
            ended = self.start_generator("gpu0", "--count", "1000").wait()
            self.assertEqual(ended.code, ethlink.OK, ended)
            ethlink.eventually(lambda: self.received("gpu1") >= 1000 * run, 10, "all frames there")
        ended = sink.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)
        told = ended.json
        self.assertEqual(told["received"], 3000)
        for key in ("missing", "duplicated", "reordered", "unexpected"):
            self.assertEqual(told[key], 0, told)
        leaf.stop()

    def test_a_generator_waits_until_the_sink_answers(self):
        """What it sent earlier would grow too old in front of the link that is not up yet."""
        leaf = self.start_switch()
        source = self.start_generator("gpu0", "--count", "1000", "--warmup", "0")
        self.wait_for_links(source, "gpu0")
        time.sleep(1.5)  # Longer than a frame may wait.
        self.assertEqual(self.sent("gpu0"), 0)
        sink = self.start_sink("gpu1")
        ended = source.wait()
        self.assertEqual(ended.code, ethlink.OK, ended)
        ethlink.eventually(lambda: self.received("gpu1") >= 1000, 10, "all frames there")
        self.assertEqual(sink.stop().json["missing"], 0)
        leaf.stop()

    def test_what_waits_too_long_for_a_dead_link_is_shown(self):
        leaf = self.start_switch()
        ended = self.start_generator("gpu0", "--count", "100", "--warmup", "0", "--no-probe").wait()
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual(ended.json["trials"][0]["sent"], 100)
        ethlink.eventually(lambda: self.show_ports("leaf0", "drops")["leaf0:e1"]["drops"] ==
                           {"link_discard": 100}, 20, "the discarded frames")
        leaf.stop()

    def test_what_a_generator_answers_is_not_what_it_sent(self):
        leaf = self.start_switch()
        source = self.start_generator("gpu0", "--rate", "20000", "--duration", "600", "--warmup",
                                      "0", "--no-probe")
        self.wait_for_links(source, "gpu0")
        ethlink.eventually(lambda: self.sent("gpu0") > 0, 20, "the first frame")
        asks = self.start_generator("gpu1", "--count", "1", "--warmup", "0").wait()
        self.assertEqual(asks.code, ethlink.OK, asks)
        source.signal(signal.SIGINT)
        ended = source.wait()
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertGreater(ended.json["probes"], 0)
        trial, = ended.json["trials"]
        self.assertEqual(trial["llr_acknowledged"], trial["sent"])
        leaf.stop()

    def test_a_generator_without_a_sink_gives_up(self):
        leaf = self.start_switch()
        ended = self.start_generator("gpu0", "--wait", "2").wait()
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assertIn("no answer from 0x0201", ended.err)
        self.assertIn("--no-probe", ended.err)
        leaf.stop()

    def flow(self):
        """A sink and a generator that sends until it is stopped."""
        sink = self.start_sink("gpu1")
        source = self.start_generator("gpu0", "--rate", "20000", "--duration", "600", "--warmup",
                                      "0")
        self.wait_for_links(source, "gpu0")
        self.assert_flows()
        return source, sink

    def assert_flows(self, frames=5_000, limit=20):
        """So many more frames arrive."""
        first = self.received("gpu1")
        ethlink.eventually(lambda: self.received("gpu1") >= first + frames, limit,
                           f"{frames} more frames at the sink")

    def test_a_killed_switch_comes_back_and_the_links_heal(self):
        leaf = self.start_switch()
        source, sink = self.flow()
        for _ in range(2):
            leaf.kill()
            time.sleep(0.5)  # Long enough for both ends to see it.
            leaf = self.start_switch()
            self.wait_for_links(leaf, "leaf0")
            self.assert_flows()
        source.signal(signal.SIGINT)
        told = source.wait().json
        self.assertEqual(told["trials"][0]["unexpected"], 0)
        told = sink.stop().json
        # Frames inside the killed switch are lost, as LLR guards links; the rest keeps its order.
        self.assertEqual((told["reordered"], told["unexpected"]), (0, 0), told)
        ended = leaf.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)

    def test_a_killed_endpoint_comes_back_and_the_link_heals(self):
        leaf = self.start_switch()
        source, sink = self.flow()
        source.kill()
        source = self.start_generator("gpu0", "--rate", "20000", "--duration", "600", "--warmup",
                                      "0")
        self.wait_for_links(source, "gpu0")
        self.assert_flows()
        sink.kill()
        sink = self.start_sink("gpu1")
        self.assert_flows()
        source.stop()
        sink.stop()
        ended = leaf.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)  # No buffer leaked over all this.

    def test_what_the_user_forgot(self):
        for arguments, words in (
                (("switch", self.fabric, "--node", "gpu0"), "run it with: ethlink "),
                (("pktgen", self.fabric, "--node", "leaf0"), "run it with: ethlink switch"),
                (("switch", self.fabric, "--node", "leaf7"), "leaf7"),
                (("switch", self.fabric, "--node", "leaf0", "--device", "leaf0:e7=net_null0"),
                 "no port leaf0:e7"),
                (("switch", self.fabric, "--node", "leaf0", "--device", "leaf0:e0=net_memif0"),
                 "role=server"),
                (("pktgen", self.fabric, "--lab", "--linger", "2"), "--sink-only receives until"),
                (("switch", ethlink.CONFIGS / "single-rack.yaml", "--node", "leaf0"), "no device")):
            ended = self.run_program(*arguments)
            self.assertEqual(ended.code, ethlink.USAGE, ended)
            self.assert_sentence(ended.err)
            self.assertIn(words, ended.err)
            for line in ended.err.splitlines():
                self.assertTrue(line.startswith("ethlink: "), ended)

    def test_a_generator_without_a_switch_gives_up(self):
        ended = self.start_generator("gpu0", "--wait", "1").wait()
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assertIn("the links did not come up", ended.err)

    def test_one_name_is_one_process(self):
        leaf = self.start_switch()
        ended = self.run_program("switch", self.fabric, "--node", "leaf0")
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assertIn("leaf0", ended.err)
        self.wait_for_instance(leaf, "leaf0")  # The first one is as well as before.


if __name__ == "__main__":
    ethlink.main(limit=140)
