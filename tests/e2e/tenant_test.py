# SPDX-License-Identifier: BSD-3-Clause
"""Tenants: GPUs of one reach each other through the whole fabric, and nobody else does."""
import json
import os
import subprocess

import ethlink

LAB = f"tenant-{os.getpid()}"
MEMORY, SLICE = 1 << 20, 8192
# Two switches; tenant 100: gpu0, gpu2; tenant 200: gpu1, gpu3; of none: gpu4, gpu5.
FABRIC = """\
fabric: tenants
nodes:
  leaf0: {kind: switch}
  leaf1: {kind: switch, workers: 2}
  gpu0: {kind: endpoint, gpu: 0x0200, tenant: 100}
  gpu1: {kind: endpoint, gpu: 0x0201, tenant: 200}
  gpu2: {kind: endpoint, gpu: 0x0202, tenant: 100}
  gpu3: {kind: endpoint, gpu: 0x0203, tenant: 200}
  gpu4: {kind: endpoint, gpu: 0x0204}
  gpu5: {kind: endpoint, gpu: 0x0205}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - endpoints: ["leaf0:e1", "gpu1:e0"]
  - endpoints: ["leaf1:e2", "gpu2:e0"]
  - endpoints: ["leaf1:e3", "gpu3:e0"]
  - endpoints: ["leaf0:e4", "gpu4:e0"]
  - endpoints: ["leaf1:e5", "gpu5:e0"]
  - endpoints: ["leaf0:u0", "leaf1:u0"]
"""
PEER = {"gpu0": "gpu2", "gpu1": "gpu3", "gpu2": "gpu0", "gpu3": "gpu1", "gpu4": "gpu5",
        "gpu5": "gpu4"}
GPU = {f"gpu{i}": f"0x020{i}" for i in range(6)}


class Tenants(ethlink.Case):
    def setUp(self):
        super().setUp()
        self.config = self.file("tenants.yaml", FABRIC)

    def start_lab(self, *arguments):
        lab = self.start("lab", self.config, "--instance", LAB, *arguments)
        self.wait_for_links(lab, LAB)
        return lab

    def refused(self):
        """By port: frames that a switch kept from another tenant."""
        return {port: entry["drops"]["tenant_guard"]
                for port, entry in self.show_ports(LAB, "drops").items()
                if "tenant_guard" in entry["drops"]}

    def test_a_lab_sends_within_tenants(self):
        ended = self.run_program("lab", self.config, "--json", "--duration", "1")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_lossless(ended.json)
        self.assertEqual(ended.json["drops"], {})

    def test_frames_for_other_tenants_end_at_a_switch(self):
        # D11
        lab = self.start_lab("--across-tenants", "--duration", "600", "--rate", "2000", "--json")
        ethlink.eventually(lambda: self.ask(LAB, command="traffic")["received"] > 2000, 20,
                           "traffic")
        flows = self.ask(LAB, command="flows")
        self.assertEqual(len(flows), 6 * 5)
        for flow in flows:
            inside = PEER[flow["from"]] == flow["to"]
            self.assertEqual(flow["frames"] > 0, inside, flow)
        refused = self.refused()
        print(f"refused, by the port where they came in: {refused}")
        # Where the way of both is one switch, at the sender's port; else behind the uplink.
        self.assertEqual(set(refused), {"leaf0:e0", "leaf0:e1", "leaf0:e4", "leaf1:e2", "leaf1:e3",
                                        "leaf1:e5", "leaf0:u0", "leaf1:u0"})
        report = lab.stop().json
        frames = report["frames"]
        self.assertEqual(list(report["drops"]), ["tenant_guard"])
        self.assertEqual(frames["lost"], report["drops"]["tenant_guard"], report)
        self.assertGreater(frames["lost"], 3 * frames["delivered"])  # four of five destinations
        self.assertEqual(frames["unexpected"], 0)
        self.assertEqual(report["credits"]["leaked"] + report["mbufs"]["leaked"], 0)

    def test_transactions_work_inside_and_not_outside(self):
        lab = self.start_lab("--serve")
        owner = self.start_ledger("own", f"{LAB}/gpu2", str(MEMORY), stdin=subprocess.PIPE)
        self.addCleanup(owner.process.stdin.close)
        ethlink.eventually(lambda: owner.out, 20, "the owner's key")
        key = json.loads(owner.out)["key"]

        def work(who):
            return self.start_ledger("work", f"{LAB}/{who}", GPU["gpu2"], key, str(SLICE),
                                     str(SLICE), "1", "5000", "ls")
        # 1. Inside the tenant, all of it.
        ended = work("gpu0").wait(60)
        self.assertEqual(ended.code, 0, ended)
        told = json.loads(ended.out)
        self.assertEqual((told["wrong"], told["ok"]), (0, told["transactions"]), told)
        self.assertEqual(self.refused(), {})

        def served():
            return {row["node"]: row["served"] for row in self.show(LAB, "endpoints")}["gpu2"]
        inside = served()
        self.assertGreaterEqual(inside, 5000)
        # 2. Another tenant, and one of none, with the right key: in bounded time an error.
        for who, port in (("gpu1", "leaf1:u0"), ("gpu4", "leaf1:u0"), ("gpu3", "leaf1:e3")):
            before = self.refused().get(port, 0)
            ended = work(who).wait(60)
            self.assertNotEqual(ended.code, 0, ended)
            self.assertIn("connect", ended.err)
            self.assertGreater(self.refused().get(port, 0), before, who)
        self.assertEqual(served(), inside)
        # 3. The memory is as its tenant has left it.
        owner.process.stdin.close()
        self.assertEqual(json.loads(owner.wait().out.splitlines()[-1])["counter"], told["added"])
        self.assertEqual(lab.stop().code, ethlink.OK)


if __name__ == "__main__":
    ethlink.main(170)
