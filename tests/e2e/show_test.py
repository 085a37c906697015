# SPDX-License-Identifier: BSD-3-Clause
"""Watching and changing a running lab: `ethlink show`, `impair`, and noise on its socket."""
import json
import os
import pathlib
import socket
import stat

import ethlink

RACK = ethlink.CONFIGS / "single-rack.yaml"
LOSSY, CLEAN = "gpu3:e0", "gpu0:e0"
WHAT = ("instances", "nodes", "ports", "links", "llr interface", "llr counters",
        "llr counters detailed", "cbfc", "vcs", "drops", "workers", "pool", "latency", "traffic",
        "flows", "faults")
# (line, words of the error): what must be refused, and change nothing
GARBAGE = (
    (b"hello", "parse|JSON"),
    (b"{", "parse|JSON"),
    (b"[]", "object"),
    (b"null", "object"),
    (b'{"command":"fly"}', "no command"),
    (b'{"command":7}', "command"),
    (b'{"port":"leaf0:e0"}', "command"),
    (b'{"command":"links","prot":"leaf0:e0"}', "prot"),
    (b'{"command":"links","port":"leaf0:e9"}', "leaf0:e9"),
    (b'{"command":"links","port":7}', "port"),
    (b'{"command":"links","command":"pool"}', "twice"),
    (b'{"command":"fault set","port":"gpu0:e0","loss":1.5}', "loss"),
    (b'{"command":"fault set","port":"gpu0:e0","loss":1e309}', "."),
    (b'{"command":"fault set","port":"gpu0:e0","loss":"much"}', "loss"),
    (b'{"command":"fault set","port":"gpu0:e0","delay_ns":-1}', "delay_ns"),
    (b'{"command":"fault set","port":"../../etc/passwd","loss":0.5}', "no port"),
    (b"\xff\xfe\x00\x01", "."),
    (b"[" * 10_000, "."),
)


LAB = f"lab-{os.getpid()}"  # Others of this user may run labs, too.


class Show(ethlink.Case):
    def setUp(self):
        super().setUp()
        self.lab = self.start("lab", RACK, "--duration", "600", "--json", "--impairable", "--rate",
                              "20000", "--instance", LAB)
        self.wait_for_links(self.lab, LAB)
        ethlink.eventually(lambda: self.traffic()["received"] > 1000, 10, "traffic")

    def traffic(self):
        return self.ask(LAB, command="traffic")

    def end(self):
        ended = self.lab.stop()
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_lossless(ended.json)
        self.assertFalse(self.control_socket(LAB).exists())

    def test_everything_can_be_shown(self):
        for what in WHAT:
            with self.subTest(what):
                ended = self.run_program("show", *what.split(), "--instance", LAB)
                self.assertEqual(ended.code, ethlink.OK, ended)
                # A table, or the sentence that there was no drop: some labs have none.
                if what != "drops" or ended.out != "no frame was refused or given up\n":
                    self.assertGreater(len(ended.out.splitlines()), 1, ended)
                self.assertEqual(ended.err, "")
                told = self.show(LAB, *what.split())
                self.assertTrue(told)
        mine, = (each for each in self.run_program("show", "instances", "--json").json
                 if each["instance"] == LAB)
        self.assertEqual(mine["pid"], self.lab.pid)
        self.assertEqual(set(mine["nodes"]), {"leaf0", "gpu0", "gpu1", "gpu2", "gpu3"})
        self.end()

    def test_what_it_says_is_so(self):
        links = self.show_ports(LAB, "links")
        self.assertEqual(len(links), 8)
        for name, link in links.items():
            self.assertTrue(link["up"], name)
            self.assertNotEqual(link["llr_rx_status"], "off", name)
        counters = self.show_ports(LAB, "llr", "counters")
        self.assertEqual(counters.keys(), links.keys())
        one = self.show(LAB, "links", "--port", LOSSY)
        self.assertEqual([link["port"] for link in one], [LOSSY])
        sent = self.traffic()["sent"]
        ethlink.eventually(lambda: self.show(LAB, "traffic")["sent"] > sent, 10, "more frames")
        pool = self.show(LAB, "pool")
        self.assertLessEqual(pool["in_use"], pool["size"])
        self.end()

    def test_what_cannot_be_shown(self):
        for arguments, words in ((("nothing",), "nothing called `nothing`"),
                                 (("links", "--port", "leaf0:e9", "--instance", LAB), "leaf0:e9"),
                                 (("links", "--instance", "other"), "other"),
                                 ((), "what")):
            ended = self.run_program("show", *arguments)
            self.assertNotEqual(ended.code, ethlink.OK, ended)
            self.assert_sentence(ended.err)
            self.assertIn(words, ended.err)
        self.end()

    def replays(self, port):
        counters = self.show_ports(LAB, "llr", "counters")[port]["counters"]
        return next(value for key, value in counters.items() if key.lower().endswith("tx_replay"))

    def impair(self, *arguments):
        return self.run_program("impair", *arguments, "--instance", LAB)

    def test_impair_while_frames_flow(self):
        ended = self.impair(CLEAN, "loss=0.05", "bit_error=0.01", "--direction", "both")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertIn(CLEAN, ended.out)
        first = self.replays(CLEAN)
        ethlink.eventually(lambda: self.replays(CLEAN) > first + 20, 20, "replays of a bad cable")
        faults = {fault["port"]: fault for fault in self.show(LAB, "faults")}
        self.assertIn("0.05", json.dumps(faults[CLEAN]))
        ended = self.impair(CLEAN, "--clear", "--direction", "both", "--json")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertNotIn("0.05", ended.out)
        received = self.traffic()["received"]
        ethlink.eventually(lambda: self.traffic()["received"] > received + 1000, 10, "traffic")
        self.end()

    def settings(self):
        """What the wires are told to do, without what they have done."""
        return [(fault["port"], fault["tx"], fault["rx"]) for fault in self.show(LAB, "faults")]

    def test_impair_refuses_nonsense(self):
        before = self.settings()
        for arguments, words in (((CLEAN, "loss=2"), "loss"),
                                 ((CLEAN, "loss"), "KEY=NUMBER"),
                                 ((CLEAN, "lost=0.1"), "lost"),
                                 (("leaf0:e9", "loss=0.1"), "leaf0:e9"),
                                 ((CLEAN, "loss=0.1", "--direction", "up"), "--direction")):
            ended = self.impair(*arguments)
            self.assertEqual(ended.code, ethlink.USAGE, ended)
            self.assert_sentence(ended.err)
            self.assertIn(words, ended.err)
        self.assertEqual(self.settings(), before)
        self.end()

    def test_noise_on_the_socket(self):
        before = self.settings()
        for line, words in GARBAGE:
            with self.subTest(line[:60]):
                answer = self.ask_anything(LAB, line)
                self.assertFalse(answer["ok"], answer)
                self.assertRegex(answer["error"], words)
        self.assertEqual(self.settings(), before)
        self.flood_with_connections()
        self.send_a_line_without_end()
        received = self.traffic()["received"]
        ethlink.eventually(lambda: self.traffic()["received"] > received + 1000, 10, "traffic")
        self.end()

    def connect(self):
        control = socket.socket(socket.AF_UNIX)
        self.addCleanup(control.close)
        control.connect(str(self.control_socket(LAB)))  # Waits while its queue is full.
        control.settimeout(10)
        return control

    def flood_with_connections(self):
        """More than it serves: those too many are told so; when they are gone, all is well."""
        many = [self.connect() for _ in range(40)]
        for control in many:
            control.close()
        ethlink.eventually(self.answers, 10, "an answer after many connections")

    def answers(self):
        try:
            return self.traffic()
        except (AssertionError, OSError, ValueError):
            return None

    def send_a_line_without_end(self):
        control = self.connect()
        try:
            for _ in range(1000):
                control.sendall(b"x" * 1000)
        except OSError:
            pass  # It is closed from the other side.
        else:
            self.fail("1 MB in one line was taken")

    def assert_private(self, path):
        """A socket in a folder that is its user's alone."""
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        self.assertEqual(path.parent.stat().st_mode & 0o077, 0, path)
        self.assertEqual(path.parent.stat().st_uid, os.geteuid(), path)

    def test_the_sockets_are_private(self):
        # X1, X7: EAL's own socket asks nobody who he is, so its folder has to.
        self.assert_private(self.control_socket(LAB))
        names = [line.split()[-1] for line in pathlib.Path("/proc/net/unix").read_text(
            encoding="utf-8", errors="replace").splitlines()]
        telemetry, = [pathlib.Path(name) for name in names
                      if "telemetry" in name and LAB in name]
        self.assert_private(telemetry)
        self.end()


if __name__ == "__main__":
    ethlink.need_commands("show", "impair")
    ethlink.main(limit=120)
