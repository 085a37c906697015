# SPDX-License-Identifier: BSD-3-Clause
"""Would the soak notice? Books that do not add up; and whether it leaves anything behind."""
import collections
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import types
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import accounts as books  # pylint: disable=wrong-import-position
import ethlink  # pylint: disable=wrong-import-position
import load as loads  # pylint: disable=wrong-import-position
import rig as rigs  # pylint: disable=wrong-import-position
import trouble as troubles  # pylint: disable=wrong-import-position


def worker(told, hurt="", **words):
    """One that has ended, with this journal."""
    journal = types.SimpleNamespace(**{**dict.fromkeys(loads.Journal.WORDS, 0), **words})
    ended = types.SimpleNamespace(process=types.SimpleNamespace(returncode=1), err="")
    return types.SimpleNamespace(finish=lambda: told, journal=journal, hurt=hurt, name="worker 0",
                                 program=ended)


def owner(counter, workers):
    return types.SimpleNamespace(counter=lambda: counter, workers=workers, place="gpu0")


def told_by(**changes):
    return {"transactions": 5, "ok": 5, "wrong": 0, "added": 0, "first_error": "", **changes}


class Books(unittest.TestCase):
    def setUp(self):
        self.accounts = books.Accounts(None)

    def settle(self, workers, owners=()):
        load = types.SimpleNamespace(workers=workers, finished_owners=[],
                                     owners=dict(enumerate(owners)))
        self.accounts.settle_transactions(load)

    def broken(self, word, workers, owners=()):
        with self.assertRaisesRegex(books.Broken, word):
            self.settle(workers, owners)

    def test_transactions(self):
        full = {"posted": 5, "done": 5, "good": 5}
        self.settle([worker(told_by(), **full)])
        self.broken("not what they must be", [worker(told_by(), **full, wrong=1)])
        self.broken("5 asked, 4 ended", [worker(told_by(transactions=4, ok=4), **full)])
        self.broken("whom nothing touched",
                    [worker(told_by(ok=4, first_error="timeout"), **full)])
        self.broken("without its report", [worker(None, **full)])
        self.broken("without its report", [worker(None)])
        self.settle([worker(None, "gpu2 was killed")])
        # Who was hurt may have errors, but each transaction ends.
        self.settle([worker(told_by(ok=4, first_error="timeout"), "gpu2 was killed", **full)])
        self.broken("5 asked, 4 ended", [worker(told_by(transactions=4, first_error="closed"),
                                                "gpu2 was killed", **full)])
        self.settle([worker(None, "was killed", posted=9, done=5)])
        self.broken("not what", [worker(None, "was killed", posted=9, done=5, wrong=2)])
        self.assertEqual(self.accounts.transactions["died_with_program"], 8)

    def test_sums_of_atomics(self):
        two = [worker(None, added_seen=10, added_asked=10),
               worker(None, added_seen=5, added_asked=8)]
        for counter in (15, 16, 18, None):
            self.assertEqual(self.accounts.settle_owner(owner(counter, two)), [])
        self.assertIn("confirmed were 15", self.accounts.settle_owner(owner(14, two))[0])
        self.assertIn("asked for 18", self.accounts.settle_owner(owner(19, two))[0])
        self.assertEqual((self.accounts.transactions["lost"],
                          self.accounts.transactions["doubled"]), (1, 1))

    def judge(self, missing=0, given_up=0, moved=False, took=False, **delta):
        delta = {"duplicated": 0, "unexpected": 0, "reordered": 0, **delta}
        self.accounts.judge_frames(delta, missing, given_up,
                                   types.SimpleNamespace(moved=moved, took=took))

    def test_frames(self):
        self.judge()
        self.judge(missing=3, given_up=3)
        self.judge(missing=300, took=True)
        self.judge(reordered=2, moved=True)
        for wrong in ({"missing": 4, "given_up": 3}, {"missing": -1}, {"reordered": 1},
                      {"duplicated": 1, "took": True, "moved": True},
                      {"unexpected": 1, "took": True}):
            with self.subTest(wrong), self.assertRaises(books.Broken):
                self.judge(**wrong)
        self.assertEqual((self.accounts.frames["lost"], self.accounts.frames["reordered"]), (4, 1))

    def test_waiting_for_frames(self):
        self.addCleanup(setattr, books, "FRAMES_LIMIT", books.FRAMES_LIMIT)
        self.addCleanup(setattr, books, "FRAMES_QUIET", books.FRAMES_QUIET)
        books.FRAMES_LIMIT, books.FRAMES_QUIET = 0.6, 0.2

        def took(counts, may_miss):
            counts, begin = list(counts), time.monotonic()
            books.wait_for_frames(lambda: counts.pop(0) if len(counts) > 1 else counts[0], 10,
                                  may_miss)
            return time.monotonic() - begin
        self.assertLess(took([10], 0), 0.05, "all are there")
        self.assertLess(took([8, 8, 9, 10], 0), 0.3, "all have come")
        self.assertGreater(took([8], 1), 0.6, "one more must come")
        self.assertLess(took([8], 2), 0.5, "the others need not")
        self.assertGreater(took([4, 5, 6, 7, 8, 8], 6), 0.4, "more are coming")

    def test_memory(self):
        sizes = iter((1000, 1000, 3000))
        self.addCleanup(setattr, books.Memory, "of", books.Memory.of)
        books.Memory.of = lambda pid: books.Memory(next(sizes), 10, 10)
        node = types.SimpleNamespace(name="gpu0", pid=1)
        self.accounts.watch_memory(node)
        self.accounts.watch_memory(node)
        with self.assertRaisesRegex(books.Broken, "gpu0 grows"):
            self.accounts.watch_memory(node)


class Draws(unittest.TestCase):
    def test_the_same_seed_draws_the_same(self):
        drawn = [troubles.draw(7, "memif", number) for number in range(200)]
        self.assertEqual(drawn, [troubles.draw(7, "memif", number) for number in range(200)])
        self.assertNotEqual(drawn[0], troubles.draw(8, "memif", 0))
        kinds = collections.Counter(kind for todo in drawn for kind, _ in todo)
        self.assertEqual(set(kinds), {"impair", *troubles.KINDS})
        early = {kind for todo in drawn[:5] for kind, _ in todo}
        self.assertEqual(early, {"impair", *troubles.KINDS}, "all within five rounds")
        alone = {kind for number in range(9) for kind, _ in
                 troubles.draw(7, "memif", number, ["hang", "flap"])}
        self.assertEqual(alone, {"impair", "hang", "flap"})

    def test_a_journal_has_the_order_of_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = loads.Journal(pathlib.Path(folder) / "journal")
            struct.pack_into("=9Q", journal.page, 0, *range(9))
            self.assertEqual([getattr(journal, word) for word in loads.Journal.WORDS],
                             list(range(9)))
            header = (HERE.parent / "e2e/ledger_journal.h").read_text(encoding="utf-8")
            places = [header.index(word, header.index("struct Journal"))
                      for word in loads.Journal.WORDS]
            self.assertEqual(places, sorted(places))


class Ends(unittest.TestCase):
    """Ctrl-C, SIGTERM, SIGKILL in the middle of it."""

    def soak(self, seconds, number):
        program = subprocess.Popen([sys.executable, str(HERE / "soak.py"), "--seed", "3"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.kill)
        time.sleep(seconds)
        self.assertIsNone(program.poll(), "it still runs")
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
        return program, out + err

    def left_of(self, pid):
        found = rigs.processes_of(f"{rigs.PREFIX}{pid}-")
        found += list(pathlib.Path(tempfile.gettempdir()).glob(f"{rigs.PREFIX}{pid}-*"))
        return found + list(pathlib.Path("/run/netns").glob(f"ethlink-soak-{pid}-*"))

    def test_ctrl_c_leaves_nothing(self):
        for seconds, number in ((0.5, signal.SIGINT), (3, signal.SIGINT), (3, signal.SIGTERM)):
            program, said = self.soak(seconds, number)
            self.assertEqual(program.returncode, 130, said)
            self.assertIn("nothing is left", said)
            self.assertEqual(self.left_of(program.pid), [])

    def test_what_a_killed_soak_left_is_swept_by_the_next(self):
        program, _ = self.soak(3, signal.SIGKILL)
        ethlink.eventually(lambda: not os.path.exists(f"/proc/{program.pid}"), 5, "its end")
        rigs.sweep()
        ethlink.eventually(lambda: not self.left_of(program.pid), 10, "nothing left")


if __name__ == "__main__":
    unittest.main()
