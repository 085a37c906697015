# SPDX-License-Identifier: BSD-3-Clause
"""Remote memory for programs: each byte checked, through a real switch, under faults and kills."""
import json
import os
import subprocess
import time

import ethlink

MEMORY = 1 << 20
SLICE = 8192

MEMIF = """\
fabric: memif
nodes:
  leaf0: {{kind: switch}}
  gpu0: {{kind: endpoint, gpu: 0x0200}}
  gpu1: {{kind: endpoint, gpu: 0x0201}}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
    faults: &faults {faults}
    devices:
      "leaf0:e0": "net_memif0,role=server,id=0,socket={name}-0"
      "gpu0:e0": "net_memif0,role=client,id=0,socket={name}-0"
  - endpoints: ["leaf0:e1", "gpu1:e0"]
    faults: *faults
    devices:
      "leaf0:e1": "net_memif1,role=server,id=0,socket={name}-1"
      "gpu1:e0": "net_memif0,role=client,id=0,socket={name}-1"
"""
FAULTS = "{seed: 7, both: {loss: 0.01, bit_error: 0.001, duplicate: 0.001, reorder: 0.001}}"


class Owner:
    """A program that lends its memory and does nothing else."""

    def __init__(self, case, where):
        self.program = case.start_ledger("own", where, str(MEMORY), stdin=subprocess.PIPE)
        case.addCleanup(self.program.process.stdin.close)
        ethlink.eventually(lambda: self.program.out, 20, "the owner's key")
        self.key = json.loads(self.program.out)["key"]

    def counter(self):
        """Ends it, and says what the word that all add to has become."""
        self.program.process.stdin.close()
        ended = self.program.wait()
        assert ended.code == 0, ended
        return json.loads(ended.out.splitlines()[-1])["counter"]


class Endpoint(ethlink.Case):
    def start_lab(self, config, *arguments):
        lab = self.start("lab", config, "--serve", "--instance", "lab", *arguments)
        self.wait_for_links(lab, "lab")
        return lab

    def perf(self, *arguments):
        ended = self.run_program("perf", *arguments, "--json")
        self.assertEqual(ended.code, ethlink.OK, ended)
        return ended.json

    def work(self, where, gpu, owner, place, transactions, kind):
        return self.start_ledger("work", where, gpu, owner.key, str(SLICE * (1 + place)),
                                 str(SLICE), str(place + 1), str(transactions), kind)

    def assert_kept(self, workers, limit=300):
        """All that they asked for was done, once, and brought the right bytes. What they added."""
        added = 0
        for worker in workers:
            ended = worker.wait(limit)
            self.assertEqual(ended.code, 0, ended)
            told = json.loads(ended.out)
            self.assertEqual(told["wrong"], 0, told)
            self.assertEqual(told["ok"], told["transactions"], told)
            added += told["added"]
        return added

    def bytes_through(self, instance, port):
        return self.show_ports(instance, "ports")[port]["tx_bytes"]

    def test_perf_measures_every_operation_through_the_switch(self):
        lab = self.start_lab(ethlink.CONFIGS / "single-rack.yaml")
        for operation in ("load", "store", "fetch-add", "write", "read", "send"):
            before = self.bytes_through("lab", "leaf0:e1") + self.bytes_through("lab", "leaf0:e0")
            told = self.perf(operation, "--from", "lab/gpu0", "--to", "lab/gpu1", "--iterations",
                             "2000")
            self.assertEqual(told["op"], operation)
            self.assertEqual(told["errors"], 0)
            self.assertEqual(told["transactions"], 2000)
            times = told["latency_us"]
            self.assertLess(0, times["min"])
            self.assertLessEqual(times["min"], times["typical"])
            self.assertLessEqual(times["typical"], times["p99"])
            after = self.bytes_through("lab", "leaf0:e1") + self.bytes_through("lab", "leaf0:e0")
            self.assertGreater(after - before, 2000 * told["bytes"], "it never crossed the switch")
        for row in self.show("lab", "cycles")[:2]:  # gpu0 asked, gpu1 served
            self.assertGreaterEqual(row["asked"] + row["served"], 6 * 2000)
            for stage, cycles in row["cycles_per_transaction"].items():
                if stage != "requests" or row["asked"]:
                    self.assertGreater(cycles, 0, row)
        row = self.show("lab", "endpoints")[0]
        self.assertGreaterEqual(row["transactions"], 6 * 2000)
        self.assertEqual(row["errors"], 0)
        self.assertEqual(lab.stop().code, ethlink.OK)

    def test_perf_starts_a_lab_of_its_own(self):
        told = self.perf("load", "--fabric", ethlink.CONFIGS / "single-rack.yaml", "--size", "8",
                         "--iterations", "1000")
        self.assertEqual((told["transactions"], told["errors"]), (1000, 0))

    def test_perf_says_what_is_wrong(self):
        for arguments, code in ((("load", "--from", "nowhere", "--to", "nowhere"), 3),
                                (("load", "--size", "257", "--from", "a", "--to", "b"), 2),
                                (("fetch-add", "--size", "5", "--from", "a", "--to", "b"), 2),
                                (("load",), 2), (("jump",), 2)):
            ended = self.run_program("perf", *arguments)
            self.assertEqual(ended.code, code, ended)
            self.assert_sentence(ended.err)

    def test_every_byte_is_right_in_a_lab_with_bad_cables(self):
        lab = self.start_lab(ethlink.CONFIGS / "lossy.yaml")
        owner = Owner(self, "lab/gpu0")
        workers = [self.work(f"lab/gpu{1 + place % 3}", "0x0200", owner, place, n, kind)
                   for place, (n, kind) in enumerate([(40_000, "ls")] * 3 + [(1_500, "rdma")] * 3)]
        added = self.assert_kept(workers)
        self.assertEqual(owner.counter(), added, "E2: an atomic was lost or done twice")
        self.assertEqual(lab.stop().code, ethlink.OK)

    def start_rack(self, faults="{}"):
        name = f"ethlink-test-{os.getpid()}-{time.monotonic_ns()}"
        fabric = self.file("memif.yaml", MEMIF.format(name=name, faults=faults))
        leaf = self.start("switch", fabric, "--node", "leaf0")
        self.wait_for_instance(leaf, "leaf0")
        nodes = [self.start("endpoint", fabric, "--node", node) for node in ("gpu0", "gpu1")]
        for node, program in zip(("gpu0", "gpu1"), nodes):
            self.wait_for_links(program, node)
        return fabric, leaf, nodes

    def test_three_processes_keep_every_transaction_when_the_switch_is_killed(self):
        fabric, leaf, nodes = self.start_rack(FAULTS)
        owner = Owner(self, "gpu1/gpu1")
        workers = [self.work("gpu0/gpu0", "0x0201", owner, place, n, kind)
                   for place, (n, kind) in enumerate([(60_000, "ls"), (2_000, "rdma")])]
        for _ in range(2):
            time.sleep(1)
            leaf.kill()
            leaf = self.start("switch", fabric, "--node", "leaf0")
            self.wait_for_instance(leaf, "leaf0")
            time.sleep(1)
        added = self.assert_kept(workers)
        self.assertEqual(owner.counter(), added, "E2: an atomic was lost or done twice")
        for program in (*nodes, leaf):
            self.assertEqual(program.stop().code, ethlink.OK, program.err)

    def test_a_program_hears_of_the_end_of_its_peer_and_of_its_daemon(self):
        _, _, (near, far) = self.start_rack()
        owner = Owner(self, "gpu1/gpu1")
        worker = self.work("gpu0/gpu0", "0x0201", owner, 0, 100_000_000, "ls")
        time.sleep(1)
        far.kill()
        # E1: in bounded time each transaction ends, here with an error.
        ended = worker.wait(30)
        self.assertNotEqual(ended.code, 0, ended)
        Owner(self, "gpu0/gpu0")  # A program that is there when the daemon goes.
        self.assertEqual(near.stop().code, ethlink.OK, near.err)


if __name__ == "__main__":
    ethlink.main(limit=400)
