# SPDX-License-Identifier: BSD-3-Clause
"""Does the proof notice a part that is missing, says nothing, or says something else?"""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import figures  # pylint: disable=wrong-import-position
import parts  # pylint: disable=wrong-import-position
import prove  # pylint: disable=wrong-import-position

SIM = {"program": "", "seeds": 10, "seconds": 1.5, "tally": {"sent": 100, "lost": 0},
       "faults": {"loss": 7}, "checks": {"L1": 10},
       "tests": [{"test": "T.A", "seeds": 10, "failed_seed": None}]}
MODEL = {"model": "llr", "variant": "losses", "states": 5, "as_expected": True, "expected": "ok"}
TARGET = {"target": "frame", "died": False, "inputs_in_tree": 3}
FUZZ = {"seconds": 20, "executions": 9, "died": [], "parser_lines_percent": 96.0,
        "targets": [TARGET] * parts.FUZZ_TARGETS}
MEDIUM = {"medium": "memif", "rounds": 1, "seconds": 9.0, "ok": True, "failures": [],
          "events": {"hang": 1}, "faults": {"lost": 3}, "table_updates": 2,
          "transactions": {"asked": 5, "lost": 0, "doubled": 0, "wrong": 0, "not_ended": 0},
          "frames": {"sent": 5, "lost": 0, "duplicated": 0, "reordered": 0,
                     "corrupted_or_foreign": 0, "taken_by_kills_and_flushes": 0},
          "credits_leaked": 0, "mbufs_leaked": 0, "memory_growth_kib": 0,
          "recovery_ms": {"switch": {"n": 1, "p50": 400.0, "p99": 400.0, "max": 400.0}},
          "recovery_samples_ms": {"switch": [400.0]}}
SOAK = {"seed": 1, "ok": True, "seconds": 9.0, "media": [MEDIUM]}
MUTANT = {"name": "a", "found": True, "explained": None, "error": None}
MUTANTS = {"mutants": [MUTANT, {**MUTANT, "name": "b", "found": False, "explained": "is equal"}]}
SANITIZE = "address: 20 programs, 0 reports\nthread: 4 programs, 0 reports\n"
VECTORS = {"seed": 3, "kinds": {"headers": {"python": 10, "c++": 10}}}


class Read(unittest.TestCase):
    """Each adapter with what it expects, and with what it does not."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="ethlink-test-")
        self.addCleanup(scratch.cleanup)
        self.work = pathlib.Path(scratch.name)

    def run_of(self, out="", code=0):
        return parts.Run(self.work, out, code, 1.0)

    def write(self, name, *objects):
        (self.work / name).write_text("".join(json.dumps(o) + "\n" for o in objects),
                                      encoding="utf-8")

    def write_simulations(self, **changes):
        self.write("sim.jsonl", *({**SIM, **changes, "program": name}
                                  for name in parts.SIMULATIONS))

    def refuses(self, read, run):
        with self.assertRaises(parts.Malformed):
            read(run)

    def test_simulations(self):
        self.refuses(parts.read_simulations, self.run_of())
        self.write_simulations()
        found = parts.read_simulations(self.run_of())
        self.assertTrue(found["ok"])
        self.assertEqual(found["seeds"], 10 * len(parts.SIMULATIONS))
        self.assertEqual(found["faults"], {"loss": 7 * len(parts.SIMULATIONS)})
        self.assertFalse(parts.read_simulations(self.run_of(code=1))["ok"])
        self.write("sim.jsonl", {**SIM, "program": parts.SIMULATIONS[0]})
        self.refuses(parts.read_simulations, self.run_of())  # not all of them
        self.write_simulations(tests=[{"test": "T.A", "seeds": 10, "failed_seed": 4}])
        found = parts.read_simulations(self.run_of())
        self.assertFalse(found["ok"])
        self.assertIn("seed 4", found["why"][0])
        self.write_simulations(tests=[])
        self.refuses(parts.read_simulations, self.run_of())

    def test_models(self):
        self.refuses(parts.read_models, self.run_of())
        self.write("models.json", [])
        self.refuses(parts.read_models, self.run_of())
        self.write("models.json", [MODEL, {**MODEL, "variant": "bad", "expected": "deadlock"}])
        found = parts.read_models(self.run_of())
        self.assertEqual((found["ok"], found["hold"], found["known_bad_that_fail"],
                          found["states"]), (True, 1, 1, 10))
        self.write("models.json", [MODEL, {**MODEL, "as_expected": False}])
        self.assertFalse(parts.read_models(self.run_of())["ok"])
        self.assertFalse(parts.read_models(self.run_of(code=1))["ok"])

    def test_fuzzers(self):
        for text in ("", "{", "[]", "{}", json.dumps({**FUZZ, "targets": [TARGET]})):
            with self.subTest(text[:20]), self.assertRaises((parts.Malformed, AttributeError)):
                parts.read_fuzz(self.run_of(text))
        self.assertTrue(parts.read_fuzz(self.run_of(json.dumps(FUZZ)))["ok"])
        dead = {**TARGET, "died": True, "why": "violated: it holds", "input": "crash-1"}
        found = parts.read_fuzz(self.run_of(json.dumps(
            {**FUZZ, "targets": [dead, *FUZZ["targets"][1:]], "died": ["frame"]}), 1))
        self.assertFalse(found["ok"])
        self.assertIn("crash-1", found["why"][0])

    def test_sanitizers(self):
        self.assertTrue(parts.read_sanitize(self.run_of(SANITIZE))["ok"])
        self.refuses(parts.read_sanitize, self.run_of(SANITIZE.splitlines()[0]))
        said = "thread: dataplane: WARNING: ThreadSanitizer: data race\n"
        found = parts.read_sanitize(self.run_of(said + SANITIZE.replace("4 programs, 0",
                                                                        "4 programs, 1"), 1))
        self.assertFalse(found["ok"])
        self.assertIn("data race", found["why"][0])

    def test_vectors(self):
        self.refuses(parts.read_differential, self.run_of())
        self.write("differential.json", VECTORS)
        self.assertTrue(parts.read_differential(self.run_of())["ok"])
        self.assertFalse(parts.read_differential(self.run_of(code=1))["ok"])
        self.write("differential.json", {**VECTORS, "kinds": {}})
        self.refuses(parts.read_differential, self.run_of())

    def test_mutants(self):
        self.write("mutants.json", MUTANTS)
        found = parts.read_mutants(self.run_of())
        self.assertEqual((found["ok"], found["planted"], found["found"]), (True, 2, 1))
        for wrong in ({"found": False}, {"error": "does not build"}):
            self.write("mutants.json", {"mutants": [{**MUTANT, **wrong}]})
            self.assertFalse(parts.read_mutants(self.run_of())["ok"])
        self.write("mutants.json", {"mutants": [{"name": "a"}]})
        self.refuses(parts.read_mutants, self.run_of())
        self.write("mutants.json", {"mutants": []})
        self.refuses(parts.read_mutants, self.run_of())

    def test_soak(self):
        self.assertTrue(parts.read_soak(self.run_of(json.dumps(SOAK)))["ok"])
        self.assertFalse(parts.read_soak(self.run_of(json.dumps(SOAK), 1))["ok"])
        self.refuses(parts.read_soak, self.run_of(json.dumps({**SOAK, "media": []})))
        self.refuses(parts.read_soak, self.run_of(json.dumps({**SOAK, "media": [{}]})))


class Whole(unittest.TestCase):
    def attempt(self, command, read):
        with tempfile.TemporaryDirectory(prefix="ethlink-test-") as work:
            part = parts.Part("part", 0, lambda *_: (command, {}), read)
            return prove.attempt(part, pathlib.Path(work), pathlib.Path(work), 1)

    def test_a_part_that_is_not_there_does_not_hold(self):
        found = self.attempt([["/no/such/program"]], lambda run: {"ok": True, "why": []})
        self.assertFalse(found["ok"])
        self.assertIn("/no/such/program", found["why"][0])

    def test_simulations_that_are_not_built(self):
        with tempfile.TemporaryDirectory(prefix="ethlink-test-") as work:
            build = pathlib.Path(work)
            part = parts.Part("simulator", 1, parts.simulate, parts.read_simulations)
            found = prove.attempt(part, build, build, 1)
        self.assertFalse(found["ok"])
        self.assertIn(parts.SIMULATIONS[0], found["why"][0])

    def test_a_part_that_says_something_else_does_not_hold(self):
        for read in (parts.read_fuzz, parts.read_models, parts.read_sanitize, parts.read_soak):
            for said in ("hello", "7", "[1]", "{}"):
                found = self.attempt([[sys.executable, "-c", f"print({said!r})"]], read)
                self.assertFalse(found["ok"], said)
                self.assertTrue(found["why"])

    def test_a_failure_without_words_has_its_exit_code(self):
        found = self.attempt([[sys.executable, "-c", "raise SystemExit(3)"]],
                             lambda run: {"ok": run.code == 0, "why": []})
        self.assertEqual((found["ok"], found["why"]), (False, ["exit code 3"]))

    def test_the_document_has_the_figures_of_what_held_and_why_the_rest_did_not(self):
        read = {"soak": parts.read_soak(parts.Run(pathlib.Path(), json.dumps(SOAK), 0, 1.0)),
                "fuzzers": parts.read_fuzz(parts.Run(pathlib.Path(), json.dumps(FUZZ), 0, 1.0)),
                "models": {"ok": False, "why": ["llr:losses is not as expected"]}}
        result = {"minutes": 1, "seconds": 2, "ok": False, "machine": prove.machine(),
                  "parts": {name: {**found, "took_seconds": 1} for name, found in read.items()}}
        text = figures.document(result)
        for expected in ("NOT all held", "DOES NOT HOLD", "llr:losses is not as expected",
                         "96.0 % of the parsers' lines", "| memif | switch | 1 | 400.0 |"):
            self.assertIn(expected, text)
        self.assertNotIn("NOT all held", figures.document({**result, "ok": True}))


if __name__ == "__main__":
    unittest.main()
