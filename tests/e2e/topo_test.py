# SPDX-License-Identifier: BSD-3-Clause
"""`ethlink topo` and the shipped fabrics: generated, checked, run, drawn."""
import re
import shutil
import subprocess
import unittest
from xml.etree import ElementTree

import ethlink

KINDS = ("back-to-back", "single-rack", "dual-rack", "leaf-spine")
# What a machine with two cores runs in seconds and a laptop's memory; nics.yaml and plain-port.yaml
# have their own tests (lab_test.py, plain_test.py): the one names NICs, the other needs a tap.
RUN = ("back-to-back", "single-rack", "single-rack-8", "dual-rack", "leaf-spine", "lossy")


class Shipped(ethlink.Case):
    def test_each_runs_and_loses_nothing(self):
        for name in RUN:
            with self.subTest(name):
                path = ethlink.CONFIGS / (name + ".yaml")
                ended = self.run_program("lab", path, "--json", "--duration", "1")
                self.assertEqual(ended.code, ethlink.OK, ended)
                self.assert_lossless(ended.json)

    def test_none_is_forgotten(self):
        files = {path.stem for path in ethlink.CONFIGS.glob("*.yaml")}
        self.assertEqual(files, {*RUN, "nics", "plain-port"})

    def test_tracks_never_meet(self):
        ended = self.run_program("lab", ethlink.CONFIGS / "dual-rack.yaml", "--json", "--duration",
                                 "1")
        self.assertEqual(ended.code, ethlink.OK, ended)
        between = [link for link in ended.json["links"]
                   if "leaf" in link["from"] and "leaf" in link["to"]]
        self.assertEqual(len(between), 2 * 2 * 4)
        self.assertEqual({link["from"].split(":")[0][-1] for link in between}, {"0", "1"})
        for link in between:
            self.assertEqual(link["from"][-2:], link["to"][-2:], link)  # u3 to u3


class Generate(ethlink.Case):
    def generate(self, *arguments):
        ended = self.run_program("topo", "generate", *arguments)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual(ended.err, "")
        return ended.out

    def check(self, text, *arguments):
        """`ethlink check -`."""
        path = self.file("in.yaml", text)
        with open(path, "rb") as stdin:
            return self.start_tool(ethlink.PROGRAM, "check", "-", *arguments, stdin=stdin).wait(60)

    def test_both_forms_of_each_kind_check(self):
        for kind in KINDS:
            for form in ((), ("--expand",)):
                with self.subTest(kind, form=form):
                    ended = self.check(self.generate(kind, "--tracks", "2", *form), "--json")
                    self.assertEqual(ended.code, ethlink.OK, ended)
                    told = ended.json
                    self.assertTrue(told["ok"])
                    self.assertTrue(told["deadlock_free"])
                    self.assertEqual(told["errors"], [])
                    self.assertEqual(told["fabric"]["fabric"], kind)

    def test_the_numbers_of_check(self):
        told = self.check(self.generate("dual-rack", "--gpus", "8", "--tracks", "4"), "--json").json
        self.assertEqual((told["endpoints"], told["switches"], told["links"]), (8, 8, 48))
        self.assertEqual(told["single_failures_checked"], 48 + 8)
        self.assertGreater(told["seconds"], 0)
        told = self.check(self.generate("leaf-spine", "--racks", "3", "--gpus", "24", "--tracks",
                                        "2", "--spines", "4", "--oversubscription", "2"),
                          "--json").json
        self.assertEqual((told["endpoints"], told["switches"], told["links"]),
                         (24, 6 + 4, 48 + 6 * 4))

    def test_a_mistake_from_stdin(self):
        ended = self.check("fabric: f\ntopology: {kind: dual-rack, gpus: 9}\n")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertIn("ethlink: stdin:2:35: topology.gpus: 9 GPUs cannot be shared out", ended.err)
        told = self.check("fabric: f\ntopology: {kind: dual-rack, gpus: 9}\n", "--json")
        self.assertEqual(told.code, ethlink.USAGE, told)
        self.assertFalse(told.json["ok"])
        self.assertFalse(told.json["deadlock_free"])
        error, = told.json["errors"]
        self.assertEqual((error["file"], error["line"], error["column"]), ("stdin", 2, 35))
        self.assertIn("over 2 racks", error["why"])
        self.assertIn("8 or 10", error["hint"])
        for key in ("warnings", "endpoints", "links", "switches", "single_failures_checked",
                    "seconds"):
            self.assertIn(key, told.json)

    def test_a_generated_fabric_runs(self):
        path = self.file("generated.yaml", self.generate("leaf-spine", "--racks", "2", "--gpus",
                                                         "4", "--expand", "--name", "mine"))
        ended = self.run_program("lab", path, "--json", "--duration", "0.5")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_lossless(ended.json)

    def test_options_that_make_no_sense(self):
        for arguments, words in ((("dual-rack", "--gpus", "9"), ("--gpus: 9 GPUs", "8 or 10")),
                                 (("single-rack", "--racks", "2"), ("--racks: a single-rack has",)),
                                 (("leaf-spin",), ("KIND: ", "`leaf-spine`?")),
                                 (("leaf-spine", "--spines", "0"), ("--spines", "1 to 4096")),
                                 (("dual-rack", "--gpus", "many"), ("--gpus", "whole number")),
                                 (("dual-rack", "--uplinks", "2", "--oversubscription", "2"),
                                  ("--oversubscription", "already")),
                                 (("single-rack", "--name", "a b"), ("--name", "cannot be a name")),
                                 (("single-rack", "--gpuz", "2"), ("--gpuz",)),
                                 ((), ("kind",))):
            with self.subTest(arguments):
                ended = self.run_program("topo", "generate", *arguments)
                self.assertEqual(ended.code, ethlink.USAGE, ended)
                self.assertEqual(ended.out, "", ended)
                self.assert_sentence(ended.err)
                for word in words:
                    self.assertIn(word, ended.err)


class Draw(ethlink.Case):
    def draw(self, config, *arguments, **how):
        return self.run_program("topo", "draw", ethlink.CONFIGS / (config + ".yaml"), *arguments,
                                **how)

    def test_dot_and_mermaid_of_every_shipped_file(self):
        for path in ethlink.CONFIGS.glob("*.yaml"):
            with self.subTest(path.name):
                dot = self.draw(path.stem, "--format", "dot")
                self.assertEqual(dot.code, ethlink.OK, dot)
                self.assertTrue(dot.out.startswith(f'graph "{path.stem}" {{'), dot.out[:80])
                mermaid = self.draw(path.stem, "--format", "mermaid")
                self.assertEqual(mermaid.code, ethlink.OK, mermaid)
                self.assertIn("flowchart TB", mermaid.out)

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_svg(self):
        path = self.folder / "rack.svg"
        ended = self.draw("dual-rack", "-o", path)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual((ended.out, ended.err), ("", ""))
        text = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        self.assertTrue(root.tag.endswith("svg"))
        for word in ("rack 0", "rack 1", "r1-leaf1", "gpu7", "0x0207", "x4",
                     "dual-rack: 8 GPUs, 4 switches, 24 links"):
            self.assertIn(word, text.replace("&#45;", "-"))

    @unittest.skipUnless(shutil.which("dot"), "Graphviz is not installed")
    def test_graphviz_has_nothing_to_complain_of(self):
        for path in ethlink.CONFIGS.glob("*.yaml"):
            dot = self.draw(path.stem, "--format", "dot").out
            ran = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, text=True,
                                 timeout=60, check=False)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), path.name)

    def test_without_graphviz(self):
        env = {"PATH": str(self.folder)}
        ended = self.draw("single-rack", env=env)
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assertEqual(ended.out, "")
        self.assertIn("apt-get install graphviz", ended.err)
        self.assertEqual(self.draw("single-rack", "--format", "dot", env=env).code, ethlink.OK)

    def test_live(self):
        ended = self.draw("single-rack", "--format", "dot", "--live")
        self.assertEqual(ended.code, ethlink.CANNOT_RUN, ended)
        self.assertIn("no process of fabric single-rack runs here", ended.err)
        lab = self.start("lab", ethlink.CONFIGS / "single-rack.yaml", "--duration", "600",
                         "--instance", "live")
        self.wait_for_links(lab, "live")
        ended = self.draw("single-rack", "--format", "dot", "--live")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual(len(re.findall(r"[1-9][0-9.]* [MG]bit/s", ended.out)), 4, ended.out)
        self.assertRegex(ended.out, r"[0-9] replays")  # of the bad cable
        lab.stop()

    def test_mistakes(self):
        ended = self.draw("single-rack", "--format", "gif")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        ended = self.draw("single-rack", "--format", "dot", "-o", self.folder / "no" / "where")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertIn("cannot be written: No such file", ended.err)
        ended = self.run_program("topo")
        self.assertEqual(ended.code, ethlink.USAGE, ended)


if __name__ == "__main__":
    ethlink.main(limit=110)
