# SPDX-License-Identifier: BSD-3-Clause
"""`ethlink check`: the shipped files are in order; a mistake is told with its place.

F1: a wrong graph; F2: wrong routes; F3: numbers that do not add up; F5: a machine that cannot
run it.
"""
import ethlink

# `@` marks the place of the mistake, and is taken out.
GRAPH = """\
fabric: f
nodes:
  leaf0: {kind: switch}
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - endpoints: ["leaf0:e1", "gpu1:e0"]
"""
# Four switches in a ring, a GPU at each.
RING = "fabric: f\nnodes:\n" + "".join(
    f"  sw{i}: {{kind: switch}}\n  gpu{i}: {{kind: endpoint, gpu: {0x200 + i}}}\n"
    for i in range(4)) + "links:\n" + "".join(
    f'  - endpoints: ["sw{i}:e0", "gpu{i}:e0"]\n'
    f'  - {"@" if i == 0 else ""}endpoints: ["sw{i}:e1", "sw{(i + 1) % 4}:e2"]\n'
    for i in range(4))
TWO_PROFILES = """\
fabric: f
profiles:
  default: {{{}}}
  other: {{{}}}
nodes:
  leaf0: {{kind: switch}}
  gpu0: {{kind: endpoint, gpu: 0x0200}}
  gpu1: {{kind: endpoint, gpu: 0x0201}}
links:
  - endpoints: ["leaf0:e0", "gpu0:e0"]
  - {{endpoints: ["leaf0:e1", "gpu1:e0"], profile: other}}
"""


def rack(more):
    return "fabric: f\ntopology: {kind: single-rack}\n" + more


def profile(inside):
    return rack("profiles:\n  default: {" + inside + "}\n")


# (row and name, text, what must be said)
MISTAKES = (
    ("F1 the same GPU-ID twice", GRAPH.replace("gpu: 0x0201", "gpu: @0x0200"),
     "0x0200 is already the GPU-ID of `gpu0`"),
    ("F1 the same node twice", GRAPH.replace("  gpu1:", "  @gpu0:"), "already set in line 4"),
    ("F1 the same key twice", "fabric: a\n@fabric: b\n", "already set in line 1"),
    ("F2 a circle of waiting", RING,
     "can wait for each other for ever: sw0:e1 -> sw1:e1 -> sw2:e1 -> sw3:e1 -> sw0:e1"),
    ("F1 a link to nobody", GRAPH.replace('"gpu1:e0"', '@"gpu9:e0"'), "no node `gpu9`"),
    ("F1 a link with one end", GRAPH.replace('endpoints: ["leaf0:e1", "gpu1:e0"]',
                                             '@endpoints: ["leaf0:e1"]'), "two ends, found 1"),
    ("F1 a link to itself", GRAPH.replace('"gpu1:e0"', '@"leaf0:e2"'), "`leaf0` to itself"),
    ("F1 a port twice", GRAPH.replace('"leaf0:e1"', '@"leaf0:e0"'), "already used in line 7"),
    ("F1 a link told from both ends", GRAPH + '  - endpoints: [@"gpu1:e0", "leaf0:e1"]\n',
     "already used in line 8"),
    ("F1 a device twice", GRAPH + 'ports:\n  - {port: "leaf0:p0", device: net_tap0}\n'
     '  - {port: "leaf0:p1", device: @net_tap0}\n', "already the device of `leaf0:p0`"),
    ("F1 other numbers of VCs", TWO_PROFILES.format("vcs: [{name: a}]",
                                                    "@vcs: [{name: a}, {name: b}]"),
     "2 VCs here, but 1"),
    ("F1 lossless here, lossy there", TWO_PROFILES.format(
        "vcs: [{name: a}, {name: b, lossless: false}]", "vcs: [{name: a}, @{name: b}]"),
     "`b` (best effort)"),
    ("F1 an unknown profile", GRAPH.replace('endpoints: ["leaf0:e1", "gpu1:e0"]',
                                            '{endpoints: ["leaf0:e1", "gpu1:e0"], profile: @fast}'),
     "no profile `fast`"),
    ("F1 an endpoint on no link",
     GRAPH.replace("links:", "  @gpu2: {kind: endpoint, gpu: 7}\nlinks:"), "no link"),
    ("F2 nobody knows the way", GRAPH.replace("  gpu0:", "  leaf1: {kind: switch}\n  @gpu0:")
     .replace('"leaf0:e1"', '"leaf1:e0"'), "`gpu0` cannot be reached from `gpu1`"),
    ("F3 credits for less than a frame", profile("vcs: [{name: a, credits: @3}]"),
     "set it to at least 33"),
    ("F3 a window of less than a frame", profile("llr: {max_outstanding_bytes: @1024}"),
     "set it to at least 2052"),
    ("F3 more credits than 20 bits can say", profile("vcs: [{name: a, credits: @524288}]"),
     "1 to 524287"),
    ("F3 a turn shorter than a frame", profile("vcs: [{name: a, quantum_bytes: @64}]"),
     "set it to at least 2048"),
    ("F3 a pool too small", rack("runtime: {memory_mb: @10}\n"), "set it to at least"),
    ("F3 a deadlock at the start", profile("@llr: {llr_local: false}"), "LLR never starts"),
    ("values: a unit", profile("max_frame_bytes: @2KB"), "whole number"),
    ("values: a word", profile("fcs: @sofware"), "`software`?"),
    ("values: a percent sign", "fabric: f\ntopology: {kind: single-rack, faults: {both: "
     "{loss: @1%}}}\n", "0.01"),
    ("values: out of range", profile("max_frame_bytes: @9217"), "64 to 9216"),
    ("an unknown key", rack("@runtme: {}\n"), "did you mean `runtime`?"),
    ("no YAML", "fabric: [a\nb@: c]\n", "not YAML"),
    ("nothing at all", "@", "empty"),
)


def unmark(text):
    """The text without its mark, and the mark's line and column."""
    before = text[:text.index("@")]
    return text.replace("@", "", 1), before.count("\n") + 1, len(before.rsplit("\n")[-1]) + 1


class Check(ethlink.Case):
    def test_the_shipped_files(self):
        files = sorted(ethlink.CONFIGS.glob("*.yaml"))
        self.assertGreater(len(files), 4)
        for path in files:
            with self.subTest(path.name):
                ended = self.run_program("check", path)
                self.assertEqual(ended.code, ethlink.OK, ended)
                self.assertIn("is in order", ended.out)
                self.assertNotIn("warning", ended.err)
                told = self.run_program("check", path, "--json").json
                self.assertTrue(told["ok"])
                self.assertEqual(told["errors"], [])
                self.assertTrue(told["routes"])
                self.assertTrue(told["capacity"])

    def test_one_node_as_a_process_of_its_own(self):
        path = ethlink.CONFIGS / "nics.yaml"
        for node in ("leaf0", "gpu0", "gpu1"):
            ended = self.run_program("check", path, "--node", node)
            self.assertEqual(ended.code, ethlink.OK, ended)
        ended = self.run_program("check", path, "--node", "leaf7")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertIn("no node leaf7", ended.err)
        # Of single-rack.yaml no node can run alone: it names no devices.
        ended = self.run_program("check", ethlink.CONFIGS / "single-rack.yaml", "--node", "leaf0")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertRegex(ended.err, r"single-rack\.yaml:\d+:\d+: .*device")

    def test_mistakes(self):
        for name, marked, words in MISTAKES:
            with self.subTest(name):
                text, line, column = unmark(marked)
                path = self.file("mistake.yaml", text)
                ended = self.run_program("check", path)
                self.assertEqual(ended.code, ethlink.USAGE, ended)
                self.assertEqual(ended.out, "", ended)
                self.assert_sentence(ended.err)
                self.assertIn(f"ethlink: {path}:{line}:{column}: ", ended.err)
                self.assertIn(words, ended.err)

    def test_mistakes_as_json(self):
        text, line, column = unmark(profile("vcs: [{name: a, credits: @3}]"))
        ended = self.run_program("check", self.file("mistake.yaml", text), "--json")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertFalse(ended.json["ok"])
        error, = ended.json["errors"]
        self.assertEqual((error["line"], error["column"]), (line, column))
        self.assertEqual(error["key"], "profiles.default.vcs[0].credits")
        self.assertIn("33", error["hint"])

    def test_all_mistakes_at_once(self):
        path = self.file("mistakes.yaml", rack("runtme: {}\nprofils: {}\n"))
        ended = self.run_program("check", path)
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertEqual(len(ended.err.splitlines()), 2, ended)

    def test_a_window_below_the_round_trip_is_a_warning(self):
        text = GRAPH.replace('endpoints: ["leaf0:e1", "gpu1:e0"]',
                             '{endpoints: ["leaf0:e1", "gpu1:e0"], faults: {both: '
                             "{delay_ns: 100000000, rate_mbps: 1000}}}")
        ended = self.run_program("check", self.file("warning.yaml", text))
        self.assertEqual(ended.code, ethlink.OK, ended)
        for words in ("set max_replay_timer_ns of profile", "set max_outstanding_bytes of profile"):
            self.assertRegex(ended.err, r"warning: .*warning\.yaml:8:\d+: .*" + words)

    def test_gpu_ids_that_nics_take_for_multicast_are_a_warning(self):
        path = self.file("warning.yaml", GRAPH.replace("0x0201", "0x0101"))
        ended = self.run_program("check", path)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertRegex(ended.err, r"warning: .*warning\.yaml:5:\d+: ")


class CannotRun(ethlink.Case):
    """F5: the file is right, this machine cannot run it: one reason, and nothing half up."""

    def assert_cannot_run(self, ended, *words):
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assert_sentence(ended.err)
        for word in words:
            self.assertIn(word, ended.err)
        self.assertFalse(list(self.folder.rglob("*.sock")), "the control socket is still there")

    def test_an_option_that_dpdk_does_not_know(self):
        ended = self.run_program("lab", ethlink.CONFIGS / "single-rack.yaml", "--duration", "1",
                                 "--", "--no-such-option")
        self.assert_cannot_run(ended, "no-such-option")
        self.assertEqual(ended.out, "")
        self.assertLess(len(ended.err.splitlines()), 6, ended)  # No page of DPDK's.


class Usage(ethlink.Case):
    """Mistakes of the file that no parser sees: the same exit code from whatever would run it."""

    HUGE = profile("vcs: [{name: a, credits: 500000}], max_frame_bytes: 9000, cbfc: "
                   "{credit_size: 2048}") + "traffic: {vc: a}\n"

    def assert_refused(self, ended, *words):
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertEqual(ended.out, "", ended)
        self.assert_sentence(ended.err)
        for line in ended.err.splitlines():
            self.assertRegex(line, r"^ethlink: .*\.yaml:\d+:\d+: ")
        for word in words:
            self.assertIn(word, ended.err)

    def test_numbers_that_do_not_add_up(self):
        for number in (rack("runtime: {memory_mb: 10}\n"),
                       profile("vcs: [{name: a, credits: 3}, {name: b, credits: 2}]") +
                       "traffic: {vc: a}\n"):
            path = self.file("mistake.yaml", number)
            self.assert_refused(self.run_program("lab", path), "set it to at least")
            self.assert_refused(self.run_program("pktgen", path, "--lab"), "set it to at least")

    def test_a_device_that_cannot_be(self):
        path = self.file("device.yaml", GRAPH +
                         'ports:\n  - {port: "leaf0:p0", device: net_tap0}\n')
        ended = self.run_program("lab", path)  # Frames of 2,048 bytes.
        self.assert_refused(ended, "device.yaml:10:", "1518")
        self.assertEqual(self.run_program("check", path).code, ethlink.USAGE)

    def test_more_memory_than_the_machine_has(self):
        path = self.file("huge.yaml", self.HUGE)
        ended = self.run_program("lab", path)
        self.assert_refused(ended, "this machine has only", "`credits` of the VCs")
        # It may be checked elsewhere than it runs.
        ended = self.run_program("check", path)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertRegex(ended.err, "warning: .*this machine has only")


if __name__ == "__main__":
    ethlink.main(limit=100)
