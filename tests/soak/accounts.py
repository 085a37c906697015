# SPDX-License-Identifier: BSD-3-Clause
"""What must hold after each round of the soak: ledgers, frames, credits, buffers, memory."""
import collections
import pathlib
import time

import ethlink
import rig as rigs

SETTLE_LIMIT = 15  # seconds until nothing is under way any more
FRAMES_LIMIT, FRAMES_QUIET = 3, 0.5  # seconds for the last test frames; without one more
# Drops that LLR repairs, and those of the end-to-end layer, take no test frame.
REPAIRED = ("bad_fcs", "control_", "txn_", "tx_no_buffer")
FAULTS = ("lost", "corrupted", "duplicated", "reordered", "poisoned", "ack_dropped",
          "nack_dropped")
MEMORY_SLACK_KIB = 1024
TABLE_UPDATES = 400  # that a switch has had before its memory is looked at


class Broken(Exception):
    """Something that must hold does not."""


class Accounts:
    """Of one medium, over all rounds."""

    def __init__(self, rig):
        self.rig = rig
        self.events = collections.Counter()
        self.recovery = collections.defaultdict(list)  # {kind: [ms]}
        self.table_updates = 0
        self.seen = {}  # {(node, pid): counters, the last that were read}
        self.idle_buffers = {}  # {node: mbufs in use when nothing moves}
        self.memory = collections.defaultdict(list)  # {(node, pid): [Memory per round]}
        self.frames = collections.Counter()
        self.transactions = collections.Counter()
        self.errors = collections.Counter()  # how transactions ended that did not succeed
        self.credits_leaked = self.mbufs_leaked = 0

    # Counters of processes, the killed ones included.

    def before_kill(self, name):
        """What it has counted goes with it."""
        try:
            self.read(name)
        except OSError:
            pass  # It was not long enough there to say anything.

    def read(self, name):
        node = self.rig.nodes[name]
        count = collections.Counter()
        for port in self.rig.ask(name, command="faults"):
            for side in ("tx_stats", "rx_stats"):
                for kind in FAULTS:
                    count[kind] += port[side][kind]
        for port in self.rig.ask(name, command="drops"):
            for reason, n in port["drops"].items():
                if not reason.startswith(REPAIRED):
                    count["given_up"] += n
        for port in self.rig.ask(name, command="llr counters"):
            counters = port["counters"]
            count["flushes"] += counters["llr_tx_flush"]
            count["replayed"] += counters["llr_tx_replayed"]
            count["link_frames"] += counters["llr_tx_ok"]
        self.seen[name, node.pid] = count

    def total(self):
        for node in self.rig.running():
            self.read(node.name)
        return sum(self.seen.values(), collections.Counter())

    # The ledger.

    def settle_transactions(self, load):
        """E1, E2: each one ended once and brought the right bytes; atomics add up."""
        wrong = []
        for worker in load.workers:
            wrong += self.settle_worker(worker)
        for owner in (*load.finished_owners, *load.owners.values()):
            wrong += self.settle_owner(owner)
        if wrong:
            raise Broken("; ".join(wrong))

    def settle_worker(self, worker):
        told, journal, count = worker.finish(), worker.journal, self.transactions
        count["asked"] += journal.posted
        count["good"] += journal.good
        count["wrong"] += journal.wrong
        count["ended"] += journal.done
        wrong = [f"{worker.name}: {journal.wrong} answers were not what they must be"
                 ] if journal.wrong else []
        if worker.hurt == "was killed":
            count["died_with_program"] += journal.posted - journal.done
            return wrong
        if told is None:
            if worker.hurt and journal.posted == 0:
                return wrong  # It had not come as far as to ask for anything.
            program = worker.program
            return wrong + [f"{worker.name} ended without its report, {worker.hurt or 'unhurt'}: "
                            f"exit code {program.process.returncode}, {program.err.strip()}"]
        if told["transactions"] != journal.posted:
            count["not_ended"] += journal.posted - told["transactions"]
            wrong.append(f"{worker.name}: {journal.posted} asked, {told['transactions']} ended")
        if told["first_error"]:
            self.errors[told["first_error"]] += told["transactions"] - told["ok"]
        if not worker.hurt and (told["first_error"] or told["ok"] != told["transactions"]):
            count["lost"] += told["transactions"] - told["ok"]
            wrong.append(f"{worker.name}, whom nothing touched, ended with "
                         f"`{told['first_error']}`: {told}")
        return wrong

    def settle_owner(self, owner):
        counter = owner.counter()
        if counter is None:
            return []
        seen = sum(worker.journal.added_seen for worker in owner.workers)
        asked = sum(worker.journal.added_asked for worker in owner.workers)
        self.transactions["sums_compared"] += 1
        self.transactions["sums_exact"] += seen == asked
        if seen <= counter <= asked:
            return []
        self.transactions["lost" if counter < seen else "doubled"] += 1
        return [f"the atomics at {owner.place} came to {counter}; confirmed were {seen}, asked for "
                f"{asked}"]

    # Test frames.

    def start_frames(self):
        self.rig.start_node(rigs.SOURCE)
        before = self.traffic(rigs.SINK)
        ethlink.eventually(lambda: self.traffic(rigs.SINK)["received"] > before["received"], 20,
                           "a first test frame")
        return before

    def traffic(self, name):
        try:
            return self.rig.ask(name, command="traffic")
        except OSError:
            return collections.Counter()

    def settle_frames(self, before, given_up, trouble):
        """Once, in order, undamaged; missing only what a killed process or a flush has taken."""
        ended = self.rig.end_node(rigs.SOURCE)
        sent = ended.json["trials"][0]["sent"]
        whole = not trouble.streams

        def arrived():
            now = self.traffic(rigs.SINK)
            return now["received"] - now["duplicated"] - before["received"] + before["duplicated"]
        if whole:
            wait_for_frames(arrived, sent, sent if trouble.took else given_up)
        now = self.traffic(rigs.SINK)
        if rigs.SINK in trouble.streams:
            before = collections.Counter()
        delta = {key: now[key] - before[key] for key in ("received", "duplicated", "reordered",
                                                         "unexpected")}
        missing = sent - delta["received"] + delta["duplicated"] if whole else 0
        if whole:  # What a killed generator has sent, or counted, nobody knows.
            self.frames["sent"] += sent
            self.frames["delivered"] += delta["received"] - delta["duplicated"]
        self.frames["duplicated"] += delta["duplicated"]
        self.frames["corrupted_or_foreign"] += delta["unexpected"]
        self.judge_frames(delta, missing, given_up, trouble)

    def judge_frames(self, delta, missing, given_up, trouble):
        wrong = [f"{delta[key]} frames {key}" for key in ("duplicated", "unexpected") if delta[key]]
        if delta["reordered"] and not trouble.moved:
            self.frames["reordered"] += delta["reordered"]
            wrong.append(f"{delta['reordered']} frames out of order on a path that stayed")
        else:
            self.frames["overtaken_on_a_new_path"] += delta["reordered"]
        if missing < 0:
            wrong.append(f"{-missing} more frames arrived than were sent")
        elif trouble.took or missing <= given_up:
            self.frames["taken_by_kills_and_flushes"] += missing
        else:
            self.frames["lost"] += missing
            wrong.append(f"{missing} frames lost, and links gave up only {given_up}")
        if wrong:
            raise Broken("test frames: " + "; ".join(wrong))

    # Credits, buffers, memory: when nothing is under way.

    def settle_resources(self, calm=True):
        for node in self.rig.running():
            if node.name in rigs.ENDPOINTS:
                ethlink.eventually(lambda name=node.name: not self.sessions(name), SETTLE_LIMIT,
                                   f"{node.name} to let go of programs that are gone")
            used, buffers = self.least(node.name)
            idle = self.idle_buffers.setdefault(node.name, buffers)
            if used:
                self.credits_leaked += sum(used.values())
                raise Broken(f"credits did not come back: {used}")
            if buffers > idle:
                self.mbufs_leaked += buffers - idle
                raise Broken(f"{node.name}: {buffers} buffers in use, {idle} when it was new")
            if calm:
                self.watch_memory(node)

    def sessions(self, name):
        return sum(row["sessions"] for row in self.rig.ask(name, command="endpoints"))

    def least(self, name):
        """({port vc: credits}, mbufs): the fewest in use at any moment. Link control goes on, so
        single moments say little."""
        used, buffers = {}, None
        idle = self.idle_buffers.get(name)
        end, samples = time.monotonic() + SETTLE_LIMIT, 0
        while True:
            samples += 1
            for port in self.rig.ask(name, command="cbfc"):
                for vc in port["vcs"]:
                    for key in ("sender_credits_used", "receiver_credits_held"):
                        place = f"{port['port']} {vc['name']} {key}"
                        used[place] = min(used.get(place, vc[key]), vc[key])
            now = self.rig.ask(name, command="pool")["in_use"]
            buffers = now if buffers is None else min(buffers, now)
            if not any(used.values()) and samples >= 10 and (idle is None or buffers <= idle):
                return {}, buffers
            if time.monotonic() > end:
                return {place: n for place, n in used.items() if n}, buffers
            time.sleep(0.02)

    def watch_memory(self, node):
        """R4: anonymous memory, mappings and descriptors of a process that has warmed up."""
        samples = self.memory[node.name, node.pid]
        if not samples and node.name in rigs.LEAVES:
            self.warm_up(node.name)
        samples.append(Memory.of(node.pid))
        grown = samples[-1].anonymous_kib - samples[0].anonymous_kib
        if grown > MEMORY_SLACK_KIB or samples[-1].descriptors > samples[0].descriptors + 1:
            raise Broken(f"{node.name} grows: {samples[0]} at first, {samples[-1]} after "
                         f"{len(samples)} rounds")

    def warm_up(self, name):
        """Tables that wait until nobody reads them any more take memory, which the heap keeps: as
        many at once as in the longest storm."""
        for _ in range(TABLE_UPDATES // 2):
            for file in (self.rig.smaller, self.rig.file):
                self.rig.ask(name, command="reload", file=str(file))

    def memory_growth_kib(self):
        """The most that any process has grown."""
        return max((samples[-1].anonymous_kib - samples[0].anonymous_kib
                    for samples in self.memory.values()), default=0)


def wait_for_frames(arrived, sent, may_miss):
    """Until all are there, or no more come and so many may be missing: what died with a process
    never comes, and need not be waited for as long as what is only late."""
    begin = time.monotonic()
    last, since = arrived(), begin
    while last < sent and time.monotonic() < begin + FRAMES_LIMIT:
        if sent - last <= may_miss and time.monotonic() > since + FRAMES_QUIET:
            return
        time.sleep(0.05)
        now = arrived()
        if now != last:
            last, since = now, time.monotonic()


class Memory(collections.namedtuple("Memory", "anonymous_kib mappings descriptors")):
    """Of a process. What it shares (the pool, memory of programs) is bounded by its plan."""

    @classmethod
    def of(cls, pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        anonymous = next(int(line.split()[1]) for line in status.splitlines()
                         if line.startswith("RssAnon:"))
        return cls(anonymous, len(pathlib.Path(f"/proc/{pid}/maps").read_bytes().splitlines()),
                   len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())))
