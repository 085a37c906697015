# SPDX-License-Identifier: BSD-3-Clause
"""Hellos between processes: what carries nothing is found, and everybody leads frames around it.

One switch of each kind is killed, over memif. ETHLINK_EVERY=1: each of them. ETHLINK_MEDIUM=veth:
through the kernel instead.
"""
import json
import os
import signal
import subprocess
import time

import ethlink
import fabric

LEAF_SPINE = ethlink.CONFIGS / "leaf-spine.yaml"
DUAL_RACK = ethlink.CONFIGS / "dual-rack.yaml"
EVERY = bool(os.environ.get("ETHLINK_EVERY"))
MEDIUM = os.environ.get("ETHLINK_MEDIUM", "memif")
AROUND = 2.0  # seconds until affected pairs are on another path
MEMORY, SLICE = 1 << 20, 8192
SILENT = {"loss": 1.0}


class Work(ethlink.Case):
    """Programs that work on each other's memory, and what the processes say meanwhile; the control
    socket of a node is `socket(node)` of who inherits it."""
    owners = ()
    workers = ()

    def states(self, node):
        """{what: state} of all that this process knows to be out of use."""
        return {row["what"]: row["state"]
                for row in self.ask(self.socket(node), command="link states")}

    def fault(self, port, direction, **faults):
        self.ask(self.socket(port.split(":")[0]), command="fault set", port=port,
                 direction=direction, **(faults or {"clear": True}))

    def neighbour(self, port):
        row, = self.ask(self.socket(port.split(":")[0]), command="neighbours", port=port)
        return row

    def ports_to(self, leaf, gpu):
        rows = self.ask(self.socket(leaf), command="routes", node=leaf)
        return next(row["ports"] for row in rows if row["to"] == gpu)

    def frames(self, node):
        rows = self.ask(self.socket(node), command="ports", port=node)
        return sum(row["rx_frames"] for row in rows)

    def begin_work(self, pairs):
        """Ledgers of (worker, owner) pairs, until end_work(); an owner's memory has a slice for
        each worker."""
        self.owners, self.workers = {}, []
        for number, (worker, owner) in enumerate(pairs):
            if owner not in self.owners:
                tool = self.start_ledger("own", f"{self.socket(owner)}/{owner}", str(MEMORY),
                                         stdin=subprocess.PIPE)
                self.addCleanup(tool.process.stdin.close)
                tool.wait_for_text("key", 30)
                self.owners[owner] = tool
            key = json.loads(self.owners[owner].out.splitlines()[0])["key"]
            gpu = f"0x{0x200 + int(owner.removeprefix('gpu')):04x}"
            self.workers.append(self.start_ledger(
                "work", f"{self.socket(worker)}/{worker}", gpu, key,
                str(SLICE * (1 + number)), str(SLICE), str(number + 1), "0", "ls",
                stdin=subprocess.PIPE))
            self.addCleanup(self.workers[-1].process.stdin.close)

    def end_work(self):
        """Every transaction was done, once and right."""
        added = 0
        for worker in self.workers:
            worker.process.stdin.close()
        for worker in self.workers:
            ended = worker.wait(60)
            self.assertEqual(ended.code, 0, ended)
            told = json.loads(ended.out)
            self.assertEqual((told["wrong"], told["ok"]), (0, told["transactions"]), told)
            added += told["added"]
        counted = 0
        for owner in self.owners.values():
            owner.process.stdin.close()
            counted += json.loads(owner.wait().out.splitlines()[-1])["counter"]
        self.assertEqual(counted, added)

    def under_load(self, pairs, what, action, done):
        """The action, and how long it takes everybody to go around what it broke."""
        self.begin_work(pairs)
        time.sleep(0.5)
        action()
        self.assert_around(what, [worker for worker, _ in pairs], done)
        self.end_work()

    def progress(self, gpus):
        return [self.ask(self.socket(gpu), command="endpoints")[0]["transactions"] for gpu in gpus]

    def watch(self, gpus, seconds, done):
        """The longest time without progress of any worker, and when `done` came true."""
        begin = time.monotonic()
        counts, moved = self.progress(gpus), [begin] * len(gpus)
        longest, when = 0.0, None
        while time.monotonic() < begin + seconds:
            time.sleep(0.02)
            now = time.monotonic()
            if when is None and done():
                when = now - begin
            for i, count in enumerate(self.progress(gpus)):
                longest = max(longest, now - moved[i])
                if count != counts[i]:
                    counts[i], moved[i] = count, now
        return longest, when

    def assert_around(self, what, gpus, done):
        longest, when = self.watch(gpus, AROUND + 1, done)
        self.assertIsNotNone(when, f"{what}: not everybody knows")
        self.assertLess(when, AROUND, what)
        self.assertLess(longest, AROUND, what)
        print(f"{what}: everybody knows after {1000 * when:.0f} ms; "
              f"no pair stood still for more than {1000 * longest:.0f} ms", flush=True)


def rack_of(node):
    """None: a spine."""
    if node.startswith("gpu"):
        return int(node.removeprefix("gpu")) // 4
    return int(node[1]) if "leaf" in node else None


def track_of(switch):
    """Spines are shared out in turn."""
    return int(switch[-1]) % 2


class ManyProcesses(Work, fabric.Case):
    def up_and_heard(self, file, *arguments):
        self.nodes = self.up_on(MEDIUM, file, *arguments)
        ethlink.eventually(lambda: all(self.all_hear(node) for node in self.nodes), 20,
                           "hellos on all links")

    def all_hear(self, node):
        return all(row["state"] == "up"
                   for row in self.ask(self.socket(node), command="neighbours"))

    def everybody(self, what, state, but=()):
        return all(self.states(node).get(what) == state for node in self.nodes if node not in but)

    def kill_each(self, pairs, switches):
        """One after the other is killed under load, comes back, and takes load again."""
        for switch, link in switches[:None if EVERY else 1]:
            concerned = [node for node in self.nodes if self.may_hear_of(switch, node)]
            self.under_load(
                pairs, f"{switch} killed", lambda switch=switch: self.kill(switch),
                lambda concerned=concerned, link=link: all(self.states(node).get(link) == "dead"
                                                           for node in concerned))
            self.assert_left(link, switch)
            self.assert_takes_load_again(pairs, switch, link)

    def assert_left(self, link, dead):
        """The end of the link that lives sends nothing that way."""
        for node, port in (end.split(":") for end in link.split(" - ")):
            rows = [] if node == dead else self.ask(self.socket(node), command="routes", node=node)
            self.assertFalse([row for row in rows if port in row["ports"]])

    def may_hear_of(self, switch, node):
        """Whether news of a killed switch can come to a node, which is then concerned by it."""
        if node == switch:
            return False
        if node.startswith("gpu"):  # Has a port on each track; news come through its own leaf.
            return rack_of(node) != rack_of(switch)
        return track_of(node) == track_of(switch)

    def kill(self, node):
        os.kill(self.nodes[node]["pid"], signal.SIGKILL)

    def start_again(self, node):
        """As a supervisor would."""
        told = self.nodes[node]
        inside = told["network_namespace"]
        program = self.start(*told["argv"][1:],
                             prefix=("ip", "netns", "exec", inside) if inside else ())
        told["pid"] = program.pid
        self.wait_for_links(program, self.socket(node), 30)

    def assert_takes_load_again(self, pairs, node, link):
        """After its restart its link is back in everybody's tables, and load passes the node."""
        begin = time.monotonic()
        self.start_again(node)
        ethlink.eventually(lambda: self.everybody(link, None), 15, f"{link} in use again")
        print(f"{node}: in use again {1000 * (time.monotonic() - begin):.0f} ms after its restart",
              flush=True)
        before = self.frames(node)
        self.begin_work(pairs)
        ethlink.eventually(lambda: self.frames(node) > before + 1_000, 15, f"load of {node}")
        self.end_work()

    def test_two_racks(self):
        # S13
        self.up_and_heard(DUAL_RACK, "--impairable")
        link = "r0-leaf0:u0 - r1-leaf0:u0"
        pairs = [(f"gpu{i}", f"gpu{(i + 4) % 8}") for i in range(8)]
        other_track = ("r0-leaf1", "r1-leaf1")  # Hears nothing of it, and need not.
        # 1. A cable that looks up and passes nothing, one way and then both ways.
        for direction in ("tx", "both"):
            self.under_load(pairs, f"a cable that passes nothing ({direction})",
                            lambda direction=direction: self.fault("r0-leaf0:u0", direction,
                                                                   **SILENT),
                            lambda: self.everybody(link, "dead", but=other_track))
            self.assertEqual(self.ports_to("r0-leaf0", "gpu4"), ["u1", "u2", "u3"])
            self.assertEqual(self.ports_to("r1-leaf0", "gpu0"), ["u1", "u2", "u3"])
            self.fault("r0-leaf0:u0", "both")
            ethlink.eventually(lambda: self.everybody(link, None), 15, "the cable in use again")
        # 2. Switches of which there are two.
        self.kill_each(pairs, [(leaf, f"r0-leaf{track}:u0 - r1-leaf{track}:u0")
                               for track in (0, 1)
                               for leaf in (f"r0-leaf{track}", f"r1-leaf{track}")])

    def test_leaves_and_spines(self):
        # S13
        self.up_and_heard(LEAF_SPINE)
        pairs = [(f"gpu{i}", f"gpu{(i + 4) % 12}") for i in range(0, 12, 2)]
        # 1. Drained in one process, known in all of the track, and back.
        self.ask(self.socket("spine2"), command="drain", what="spine2")
        track = [node for node in self.nodes if "leaf0" in node or "gpu" in node]
        ethlink.eventually(
            lambda: all(self.states(node).get("spine2") == "drained" for node in track), 5,
            "all know that spine2 drains")
        self.assertEqual(self.ports_to("r1-leaf0", "gpu0"), ["u0"])
        self.ask(self.socket("spine2"), command="drain", what="spine2", undo=True)
        ethlink.eventually(lambda: self.ports_to("r1-leaf0", "gpu0") == ["u0", "u1"], 5, "both")
        # 2. Killed under load: spines, and leaves, of which each rack has two.
        self.kill_each(pairs, [
            *((f"spine{i}", f"spine{i}:r0u{i // 2} - r0-leaf{i % 2}:u{i // 2}") for i in range(4)),
            *((f"r{rack}-leaf{track}", f"spine{track}:r{rack}u0 - r{rack}-leaf{track}:u0")
              for rack in range(3) for track in (0, 1))])


class OneProcess(Work):
    def socket(self, node):
        return f"neighbours-{os.getpid()}"

    def test_a_link_that_passes_one_way_only(self):
        # S13
        lab = self.start("lab", LEAF_SPINE, "--serve", "--impairable", "--instance",
                         self.socket(""))
        self.wait_for_links(lab, self.socket(""))
        uplink = "r0-leaf0:u0"
        ethlink.eventually(lambda: self.neighbour(uplink)["state"] == "up", 10, "hellos")
        row = self.neighbour(uplink)
        self.assertEqual((row["heard"], row["peer"], row["remark"]),
                         ("spine0:r0u0", "spine0:r0u0", ""))
        self.begin_work([("gpu0", "gpu8"), ("gpu1", "gpu8"), ("gpu9", "gpu2")])
        self.fault(uplink, "rx", **SILENT)
        begin = time.monotonic()
        ethlink.eventually(lambda: self.ports_to("r0-leaf0", "gpu8") == ["u1"], AROUND, "around")
        print(f"led around after {1000 * (time.monotonic() - begin):.0f} ms", flush=True)
        self.assertIn("dead", self.states("")[f"spine0:r0u0 - {uplink}"])
        remark = ethlink.eventually(lambda: self.neighbour("spine0:r0u0")["remark"], 5, "a remark")
        self.assert_sentence(remark)
        shown = self.run_program("show", "neighbours", "--instance", self.socket(""))
        self.assertIn(remark, shown.out)
        self.fault(uplink, "rx")
        ethlink.eventually(lambda: self.ports_to("r0-leaf0", "gpu8") == ["u0", "u1"], 15, "back")
        self.end_work()
        self.assertEqual(lab.stop().code, ethlink.OK)


if __name__ == "__main__":
    ethlink.main(400)
