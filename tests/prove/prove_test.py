# SPDX-License-Identifier: BSD-3-Clause
"""Does the proof notice a part that is missing, says nothing, or says something else?"""
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import types
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / folder) for folder in ("prove", "soak", "e2e")]
import accounts  # pylint: disable=wrong-import-position
import figures  # pylint: disable=wrong-import-position
import parts  # pylint: disable=wrong-import-position
import prove  # pylint: disable=wrong-import-position
import report  # pylint: disable=wrong-import-position

SIM = {"program": "", "seeds": 10, "seconds": 1.5,
       "tally": {"sent": 100, "delivered": 100, "given_up": 0, "transactions": 30,
                 "transactions_failed": 0, "lost": 0, "doubled": 0, "reordered": 0,
                 "corrupted": 0},
       "faults": {"loss": 7}, "checks": {"L1": 10},
       "tests": [{"test": "T.A", "seeds": 10, "failed_seed": None}]}
MODEL = {"model": "llr", "variant": "losses", "states": 5, "as_expected": True, "expected": "ok"}
TARGET = {"target": "frame", "died": False, "inputs_in_tree": 3}
FUZZ = {"seconds": 20, "executions": 9, "died": [], "parser_lines_percent": 96.0,
        "targets": [TARGET] * parts.FUZZ_TARGETS,
        "parsers": {"frames": {"lines_percent": 96.0,
                               "files": {"a.h": {"lines_reached": 48, "lines": 50},
                                         "b.h": {"lines_reached": 48, "lines": 50}}}}}
MEDIUM = {"medium": "memif", "rounds": 1, "seconds": 9.0, "ok": True, "failures": [],
          "events": {"hang": 1}, "faults": {"lost": 3}, "table_updates": 2,
          "transactions": {"asked": 5, "lost": 0, "doubled": 0, "wrong": 0, "not_ended": 0},
          "frames": {"sent": 5, "lost": 0, "duplicated": 0, "reordered": 0,
                     "corrupted_or_foreign": 0, "taken_by_kills_and_flushes": 0},
          "credits_leaked": 0, "mbufs_leaked": 0, "memory_growth_kib": 0,
          "recovery_ms": {"switch": {"n": 1, "p50": 400.0, "p99": 400.0, "max": 400.0}},
          "recovery_samples_ms": {"switch": [400.0]}}
SOAK = {"seed": 1, "ok": True, "seconds": 9.0, "media": [MEDIUM]}
MUTANT = {"name": "a", "area": "link", "suite": "llr", "found": True, "seed": 3,
          "explained": None, "error": None, "commit": "0123456789ab", "same_file": True}
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
        self.assertEqual(found["models"], {"llr": {"hold": 1, "known_bad_that_fail": 1,
                                                   "states": 10}})
        self.write("models.json", [MODEL, {**MODEL, "as_expected": False}])
        self.assertFalse(parts.read_models(self.run_of())["ok"])
        self.assertFalse(parts.read_models(self.run_of(code=1))["ok"])

    def test_fuzzers(self):
        for text in ("", "{", "[]", "{}", json.dumps({**FUZZ, "targets": [TARGET]})):
            with self.subTest(text[:20]), self.assertRaises((parts.Malformed, AttributeError)):
                parts.read_fuzz(self.run_of(text))
        found = parts.read_fuzz(self.run_of(json.dumps(FUZZ)))
        self.assertTrue(found["ok"])
        self.assertEqual(found["parsers"]["frames"], {"lines_reached": 96, "lines": 100,
                                                      "lines_percent": 96.0})
        found = parts.read_fuzz(self.run_of(json.dumps({**FUZZ, "parser_lines_percent": 94.9})))
        self.assertFalse(found["ok"])
        self.assertIn("94.9 %", found["why"][0])
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
        found = parts.read_sanitize(self.run_of("FAILED   link: Link.Resets\n" + SANITIZE, 1))
        self.assertEqual((found["ok"], found["why"]), (False, ["FAILED   link: Link.Resets"]))

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
        self.assertEqual(found["areas"], {"link": {"planted": 2, "found": 1, "suites": ["llr"],
                                                   "seed": 3}})
        for wrong in ({"found": False}, {"found": False, "error": "not tried yet"},
                      {"error": "does not build"}):
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

    def test_a_soak_that_has_seen_nothing_has_all_keys(self):
        seen = accounts.Accounts(None)
        soak = types.SimpleNamespace(medium="memif", rounds=1, seconds=1.0, failures=[],
                                     accounts=seen)
        told = report.summary(7, [soak])
        found = parts.read_soak(self.run_of(json.dumps(told)))
        self.assertEqual(set(MEDIUM) - set(found["media"][0]), set())
        self.assertIn("none", figures.kills(found))
        figures.soak(found)

    def test_the_record_of_the_mutants_can_be_read(self):
        commands, environment = parts.recall(None, self.work, 0)
        subprocess.run([sys.executable, str(TESTS / "mutants/run.py"), *commands[0][2:]],
                       env={**os.environ, **environment}, capture_output=True, check=False)
        found = parts.read_mutants(self.run_of())
        self.assertGreater(found["planted"], 40)
        self.assertIn(f"of {found['planted']} planted", figures.mutants(found))


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

    def test_a_part_that_does_not_end_is_ended_with_all_it_has_started(self):
        self.addCleanup(setattr, prove, "LATE", prove.LATE)
        prove.LATE = 1
        pid = "import os, subprocess, sys, time; print(os.getpid(), flush=True); "
        child = f"subprocess.run([sys.executable, '-c', {pid + 'time.sleep(60)'!r}])"
        with tempfile.TemporaryDirectory(prefix="ethlink-test-") as work:
            work = pathlib.Path(work)
            part = parts.Part("part", 0, lambda *_: ([[sys.executable, "-c", pid + child]], {}),
                              lambda run: {"ok": True, "why": []})
            begin = time.monotonic()
            found = prove.attempt(part, work, work, 1)
            pids = (work / "part/output.txt").read_text(encoding="utf-8").split()
        self.assertLess(time.monotonic() - begin, 15)
        self.assertIn("had not ended after", found["why"][0])
        self.assertEqual(len(pids), 2)
        time.sleep(0.2)
        self.assertFalse([pid for pid in pids if is_running(pid)])

    def test_time_is_shared_by_those_to_come(self):
        fixed = parts.Part("a", 0, None, None)
        long, short = (parts.Part("b", share, None, None, "", 60) for share in (0.3, 0.1))
        self.assertEqual(prove.share_of(fixed, [fixed, long, short], 400), 0)
        self.assertAlmostEqual(prove.share_of(long, [long, short], 400), 300)
        self.assertEqual(prove.share_of(short, [short], 100), 100)
        self.assertEqual(prove.share_of(short, [short], -100), 60, "late, but not for nothing")
        self.assertAlmostEqual(sum(part.share for part in parts.PARTS), 1)

    def result(self, **more):
        read = {"soak": parts.read_soak(parts.Run(pathlib.Path(), json.dumps(SOAK), 0, 1.0)),
                "fuzzers": parts.read_fuzz(parts.Run(pathlib.Path(), json.dumps(FUZZ), 0, 1.0)),
                "models": {"ok": False, "why": ["llr:losses is not as expected"]}}
        return {"minutes": 1, "seconds": 2, "build_seconds": 0, "machine": prove.machine(),
                "parts": {name: {**found, "took_seconds": 1} for name, found in read.items()},
                "ok": False, **more}

    def test_the_document_has_the_figures_of_what_held_and_why_the_rest_did_not(self):
        text = figures.document(self.result())
        for expected in ("NOT all held", "DOES NOT HOLD", "llr:losses is not as expected",
                         "| all | 96 | 100 | 96.0 |", "| memif | switch | 1 | 400.0 |",
                         "| frames and transactions lost | 0 |", "| mbufs leaked | 0 |",
                         "400 ms and 400 ms, 1 kills"):
            self.assertIn(expected, text)
        self.assertNotIn("NOT all held", figures.document(self.result(ok=True)))

    def test_what_was_lost_is_told_also_when_the_part_does_not_hold(self):
        medium = {**MEDIUM, "frames": {**MEDIUM["frames"], "lost": 3}, "ok": False,
                  "failures": [{"round": 1, "what": "3 frames lost"}]}
        said = json.dumps({**SOAK, "ok": False, "media": [medium]})
        run = parts.Run(pathlib.Path(), said, 1, 1.0)
        soak = {**parts.read_soak(run), "took_seconds": 1}
        text = figures.document(self.result(parts={"soak": soak}))
        self.assertIn("| frames and transactions lost | 3 |", text)
        self.assertIn("memif, round 1: 3 frames lost", text)

    def test_nothing_of_this_machine_but_what_it_is(self):
        text = figures.document(self.result())
        for word in (platform.node(), str(parts.ROOT)):
            self.assertNotIn(word, text)


def is_running(pid):
    try:
        return b"State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
