# SPDX-License-Identifier: BSD-3-Clause
"""The programs of a soak: owners that lend memory, workers that know what each byte must be."""
import json
import mmap
import struct
import subprocess
import time

import ethlink
import rig as rigs

MEMORY, SLICE = 1 << 20, 8192
# Each endpoint asks the other one: (from, to, class).
PLAN = (("gpu0", "gpu2", "ls"), ("gpu0", "gpu2", "rdma"), ("gpu2", "gpu0", "ls"),
        ("gpu2", "gpu0", "rdma"))
START_LIMIT = 20  # seconds, in the calm


class Journal:
    """The page that a worker writes (tests/e2e/ledger_journal.h) and that outlives it."""
    WORDS = ("posted", "done", "good", "wrong", "added_asked", "added_seen", "mark_ns",
             "answered_mark_ns", "answered_ns")

    def __init__(self, path):
        self.path = path
        with open(path, "w+b") as file:
            file.truncate(4096)
            self.page = mmap.mmap(file.fileno(), 4096)

    def __getattr__(self, word):
        return struct.unpack_from("=Q", self.page, 8 * self.WORDS.index(word))[0]

    def mark(self, at_ns):
        struct.pack_into("=Q", self.page, 8 * self.WORDS.index("mark_ns"), at_ns)

    def answer(self, at_ns):
        """When the first success came that was asked for after the mark; None as yet."""
        return self.answered_ns if self.answered_mark_ns == at_ns else None


class Owner:
    """A program that lends its memory; the first word is what workers add to."""

    def __init__(self, rig, place):
        self.place = place
        self.program = rig.start([ethlink.LEDGER, "own", rig.where(place), str(MEMORY)],
                                 stdin=subprocess.PIPE)
        self.workers = []
        self.key = None

    def wait_for_key(self, limit=START_LIMIT):
        def told():
            if not self.program.is_alive():
                raise RuntimeError(f"an owner on {self.place} ended: {self.program.err}")
            return self.program.out.endswith("}\n")
        ethlink.eventually(told, limit, f"the key of an owner on {self.place}")
        self.key = json.loads(self.program.out)["key"]

    def counter(self):
        """Ends it: what the word has become. None if it was killed."""
        if not self.program.is_alive():
            return None
        self.program.process.stdin.close()
        ended = self.program.wait(20)
        return json.loads(ended.out.splitlines()[-1])["counter"]


class Worker:
    """One worker with a slice of an owner's memory."""

    def __init__(self, rig, load, plan, owner, mark_ns=0):
        self.plan, self.owner = plan, owner
        self.number = load.numbers
        load.numbers += 1
        self.journal = Journal(rig.logs / f"journal-{self.number}")
        self.journal.mark(mark_ns)
        source, target, kind = plan
        slot = 1 + len(owner.workers)
        assert (slot + 1) * SLICE <= MEMORY, "an owner has that many slices"
        self.program = rig.start(
            [ethlink.LEDGER, "work", rig.where(source), rigs.ENDPOINTS[target], owner.key,
             str(slot * SLICE), str(SLICE), str(load.seed + self.number), "0", kind,
             str(self.journal.path)], stdin=subprocess.PIPE)
        owner.workers.append(self)
        self.hurt = ""  # why it may end with an error, or without a word
        self.told = None

    @property
    def name(self):
        return f"worker {self.number} ({' '.join(self.plan)})"

    def finish(self, limit=40):
        """Ends it after all that is under way; what it says, or None if it could not."""
        if self.program.is_alive():
            self.program.process.stdin.close()
        ended = self.program.wait(limit)
        if ended.out.endswith("}\n"):
            self.told = json.loads(ended.out)
        return self.told


class Load:
    """Owners and workers of one round."""

    def __init__(self, rig, seed):
        self.rig, self.seed, self.numbers = rig, seed, 0
        self.owners, self.workers = {}, []
        self.finished_owners = []

    def start(self):
        for place in rigs.ENDPOINTS:
            self.owners[place] = Owner(self.rig, place)
        for owner in self.owners.values():
            owner.wait_for_key()
        for plan in PLAN:
            self.add_worker(plan)
        for worker in self.workers:
            self.wait_for_progress(worker)

    def add_worker(self, plan, owner=None, mark_ns=0):
        worker = Worker(self.rig, self, plan, owner or self.owners[plan[1]], mark_ns)
        self.workers.append(worker)
        return worker

    def wait_for_progress(self, worker, limit=START_LIMIT):
        def moves():
            if not worker.program.is_alive():
                raise RuntimeError(f"{worker.name} ended: {worker.program.out} "
                                   f"{worker.program.err}")
            return worker.journal.good > 0
        ethlink.eventually(moves, limit, f"a first transaction of {worker.name}")

    def alive(self):
        """One worker for each line of the plan: the last one."""
        return {worker.plan: worker for worker in self.workers}

    def renew(self, place, at_ns, why, whole=False):
        """A new owner there, and new workers for all that used the old one, or the daemon there if
        `whole`; those of the old are told to end, and may do so with an error."""
        self.finished_owners.append(self.owners[place])
        affected = [plan for plan in PLAN if plan[1] == place or whole and plan[0] == place]
        for worker in self.workers:
            if worker.plan in affected:
                worker.hurt = worker.hurt or why
                if worker.program.is_alive():
                    worker.program.process.stdin.close()
        self.owners[place] = Owner(self.rig, place)
        self.owners[place].wait_for_key()
        return [self.add_worker(plan, mark_ns=at_ns) for plan in affected]

    def recovery_ms(self, at_ns, workers, limit):
        """From the mark to the first good transaction; None if there was none in time."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            times = [worker.journal.answer(at_ns) for worker in workers]
            if any(times):
                return (min(filter(None, times)) - at_ns) / 1e6
            time.sleep(0.002)
        return None
