# SPDX-License-Identifier: BSD-3-Clause
"""Tables that change while frames flow: a cable pulled, something drained, a file reloaded."""
import json
import os
import re
import subprocess
import time

import ethlink

LEAF_SPINE = ethlink.CONFIGS / "leaf-spine.yaml"
DUAL_RACK = ethlink.CONFIGS / "dual-rack.yaml"
LAB = f"live-{os.getpid()}"
UPLINK = "r0-leaf0:u0"
MEMORY, SLICE = 1 << 20, 8192
# gpu8 hangs on rack 2: from rack 0 the way leads over spine0 or spine2, uplinks u0 and u1.
FAR = "gpu8"


class Live(ethlink.Case):
    def start_lab(self, config, *arguments):
        lab = self.start("lab", config, "--instance", LAB, *arguments)
        self.wait_for_links(lab, LAB)
        return lab

    def order(self, *arguments, code=ethlink.OK):
        ended = self.run_program(*arguments, "--instance", LAB)
        self.assertEqual(ended.code, code, ended)
        if code != ethlink.OK:
            self.assert_sentence(ended.err)
        return ended

    def ports(self, node, to):
        routes = {route["to"]: route["ports"] for route in self.show(LAB, "routes", node)}
        return routes.get(to)

    def routing(self, port):
        return self.show_ports(LAB, "links")[port]["routing"]

    def assert_nothing_lost(self, report):
        """A flow that moves may overtake itself; nothing may be missing."""
        self.assertGreater(report["frames"]["sent"], 0)
        self.assertEqual(report["frames"]["lost"], 0, report)
        self.assertEqual(report["frames"]["duplicated"], 0, report)
        self.assertEqual(report["credits"]["leaked"], 0, report)
        self.assertEqual(report["mbufs"]["leaked"], 0, report)

    def test_a_pulled_cable_leaves_the_tables_and_returns(self):
        lab = self.start_lab(LEAF_SPINE, "--serve")
        owner = self.start_ledger("own", f"{LAB}/{FAR}", str(MEMORY), stdin=subprocess.PIPE)
        self.addCleanup(owner.process.stdin.close)
        ethlink.eventually(lambda: owner.out, 20, "the owner's key")
        key = json.loads(owner.out)["key"]
        workers = [self.start_ledger("work", f"{LAB}/gpu{place}", "0x0208", key,
                                     str(SLICE * (1 + place)), str(SLICE), str(place + 1), "40000",
                                     "ls") for place in range(3)]
        self.assertEqual(self.ports("r0-leaf0", FAR), ["u0", "u1"])
        begin = time.monotonic()
        self.order("link", UPLINK, "down")
        ethlink.eventually(lambda: self.ports("r0-leaf0", FAR) == ["u1"], 5, "a way around")
        print(f"led around within {1000 * (time.monotonic() - begin):.0f} ms, programs included")
        self.assertEqual(self.routing(UPLINK), "down")
        # Who sends to rack 0 avoids the spine that has no way down to it.
        self.assertEqual(self.ports("r2-leaf0", "gpu0"), ["u1"])
        time.sleep(0.5)
        self.order("link", UPLINK, "up")
        ethlink.eventually(lambda: self.ports("r0-leaf0", FAR) == ["u0", "u1"], 10, "both ways")
        self.assertEqual(self.routing(UPLINK), "up")
        added = 0
        for worker in workers:
            ended = worker.wait(120)
            self.assertEqual(ended.code, 0, ended)
            told = json.loads(ended.out)
            self.assertEqual((told["wrong"], told["ok"]), (0, told["transactions"]), told)
            added += told["added"]
        owner.process.stdin.close()
        self.assertEqual(json.loads(owner.wait().out.splitlines()[-1])["counter"], added)
        self.assertEqual(lab.stop().code, ethlink.OK)

    def traffic_goes_on(self):
        received = self.ask(LAB, command="traffic")["received"]
        ethlink.eventually(lambda: self.ask(LAB, command="traffic")["received"] > received + 2000,
                           20, "traffic")

    def test_a_drained_link_loses_no_frame(self):
        lab = self.start_lab(DUAL_RACK, "--duration", "600", "--json", "--rate", "5000")
        self.traffic_goes_on()
        for _ in range(3):
            self.order("drain", "r0-leaf1:u2")
            self.assertEqual(self.ports("r0-leaf1", "gpu4"), ["u0", "u1", "u3"])
            self.assertEqual(self.ports("r1-leaf1", "gpu0"), ["u0", "u1", "u3"])
            ethlink.eventually(lambda: self.routing("r0-leaf1:u2") == "drained", 10, "drained")
            self.traffic_goes_on()
            self.order("drain", "r0-leaf1:u2", "--undo")
            self.assertEqual(self.ports("r0-leaf1", "gpu4"), ["u0", "u1", "u2", "u3"])
            self.traffic_goes_on()
        self.assertEqual(self.show_ports(LAB, "drops")["r0-leaf1:u2"]["drops"], {})
        self.assert_nothing_lost(lab.stop().json)

    def test_a_drained_switch_loses_no_frame_and_the_last_one_is_refused(self):
        lab = self.start_lab(LEAF_SPINE, "--duration", "600", "--json", "--rate", "2000")
        self.traffic_goes_on()
        self.order("drain", "spine0")

        def state():
            return {node["node"]: node["routing"] for node in self.show(LAB, "nodes")}["spine0"]
        ethlink.eventually(lambda: state() == "drained", 10, "a drained spine")
        self.traffic_goes_on()
        # Without the other spine track 0 is gone, but track 1 still joins everybody.
        self.order("drain", "spine1")
        refused = self.order("drain", "gpu3", code=ethlink.USAGE)
        self.assertIn("no longer reach", refused.err)
        self.assertIn("gpu3", refused.err)
        self.order("drain", "spine1", "--undo")
        self.order("drain", "spine0", "--undo")
        ethlink.eventually(lambda: state() == "up", 10, "the spine in use")
        self.traffic_goes_on()
        self.assert_nothing_lost(lab.stop().json)

    def test_reload(self):
        # F4
        whole = self.run_program("topo", "generate", "leaf-spine", "--expand").out
        path = self.file("fabric.yaml", whole)
        lab = self.start_lab(path, "--serve")
        spine = next(port for port in self.show_ports(LAB, "links") if "spine0" in port)
        lines = [line for line in whole.splitlines() if f'"{spine}"' not in line]
        self.assertEqual(len(lines) + 1, len(whole.splitlines()))
        before = self.show(LAB, "routes")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        # 1. Only told.
        told = self.order("reload", "--dry-run")
        self.assertIn("leaves the tables", told.out)
        self.assertIn("not applied", told.out)
        self.assertEqual(self.show(LAB, "routes"), before)
        # 2. Done, and undone by the file as it was.
        told = json.loads(self.order("reload", "--json").out)
        self.assertTrue(told["applied"])
        self.assertGreater(told["tables"], 0)
        ethlink.eventually(lambda: self.routing(spine) == "drained", 10, "a drained link")
        self.assertIn("nothing changes", self.order("reload").out)
        path.write_text(whole, encoding="utf-8")
        self.assertIn("in the tables again", self.order("reload", path).out)
        self.assertEqual(self.routing(spine), "up")
        # 3. What cannot be: a list, and nothing has happened.
        tables = self.show(LAB, "routes")
        changed = re.sub(r"gpu: 0x0200\b", "gpu: 0x0300", whole, count=1)
        self.assertNotEqual(changed, whole)
        path.write_text(changed, encoding="utf-8")
        self.assertIn("restart needed", self.order("reload", code=ethlink.USAGE).err)
        path.write_text(whole.replace("nodes:", "nodes: {", 1), encoding="utf-8")
        self.assertIn("nothing is changed", self.order("reload", code=ethlink.USAGE).err)
        self.order("reload", "/nowhere.yaml", code=ethlink.USAGE)
        self.assertEqual(self.show(LAB, "routes"), tables)
        self.assertEqual(lab.stop().code, ethlink.OK)

    def test_what_is_refused(self):
        lab = self.start_lab(ethlink.CONFIGS / "single-rack.yaml", "--serve")
        refused = self.order("drain", "leaf0", code=ethlink.USAGE)
        self.assertIn("no longer reach", refused.err)
        self.order("drain", "leaf0", "--force")
        self.assertEqual(len(self.show(LAB, "routes", "leaf0")), 4)  # still the only way
        self.order("drain", "leaf0", "--undo")
        for line in (b'{"command":"drain"}', b'{"command":"drain","what":7}',
                     b'{"command":"drain","what":"leaf9"}',
                     b'{"command":"drain","what":"leaf0:e9"}',
                     b'{"command":"drain","what":":"}',
                     b'{"command":"drain","what":"leaf0","undo":1}',
                     b'{"command":"link set","port":"leaf0:e0","state":"sideways"}',
                     b'{"command":"link set","port":"leaf0","state":"up"}',
                     b'{"command":"routes","node":"leaf9"}',
                     b'{"command":"reload","file":"/dev/null"}',
                     b'{"command":"reload","dry_run":"yes"}'):
            with self.subTest(line):
                answer = self.ask_anything(LAB, line)
                self.assertFalse(answer["ok"], answer)
                self.assert_sentence(answer["error"])
        self.assertTrue(self.ask(LAB, command="instance")["links_up"])
        self.assertEqual(lab.stop().code, ethlink.OK)


if __name__ == "__main__":
    ethlink.main(230)
