# SPDX-License-Identifier: BSD-3-Clause
"""What a round of the soak does to the fabric, drawn from its seed, and how it is healed."""
import random
import signal
import socket
import time

import ethlink
import rig as rigs

KINDS = ("kill_switch", "kill_endpoint", "kill_generator", "kill_program", "dead_owner", "hang",
         "flap", "tables", "garbage")
EACH_ROUND = 2
RECOVERY_LIMIT = 15  # seconds, well beyond give_up_timer_ms
SIDES = ("tx", "rx")


def draw(seed, medium, number, only=()):
    """[(kind, parameters)] of a round; the same four, the same list."""
    rng = random.Random(f"{seed}/{medium}/{number}")
    todo = [("impair", draw_faults(rng))]
    for place in range(EACH_ROUND * number, EACH_ROUND * (number + 1)):
        kind = dealt(seed, medium, place, only or KINDS)
        todo.append((kind, globals()["draw_" + kind](rng)))
    return todo


def dealt(seed, medium, place, kinds):
    """From a shuffled deck, so that a few rounds have met every kind, and then from the next."""
    deck, card = divmod(place, len(kinds))
    return random.Random(f"{seed}/{medium}/deck {deck}").sample(sorted(kinds), len(kinds))[card]


def draw_faults(rng):
    """Of two to four ports: what a bad cable does there, on the way out or in."""
    ports = [port for cable in rigs.CABLES for port in cable]
    return [{"port": port, "direction": rng.choice(SIDES),
             "loss": rng.choice((0, 0.0001, 0.001, 0.01)),
             "bit_error": rng.choice((0, 0.0001, 0.001)),
             "duplicate": rng.choice((0, 0.001, 0.005)),
             "reorder": rng.choice((0, 0.001, 0.01)), "reorder_distance": rng.randint(1, 8),
             "delay_ns": rng.choice((0, 0, 20_000, 200_000)),
             "jitter_ns": rng.choice((0, 0, 5_000, 50_000))}
            for port in rng.sample(ports, rng.randint(2, 4))]


def draw_kill_switch(rng):
    return {"node": rng.choice(rigs.LEAVES), "dead_s": round(rng.uniform(0, 0.5), 3)}


def draw_kill_endpoint(rng):
    return {"node": rng.choice(tuple(rigs.ENDPOINTS)), "dead_s": round(rng.uniform(0, 0.5), 3)}


def draw_kill_generator(rng):
    return {"node": rng.choice((rigs.SOURCE, rigs.SINK))}


def draw_kill_program(rng):
    return {"worker": rng.randrange(4)}


def draw_dead_owner(rng):
    return {"owner": rng.choice(tuple(rigs.ENDPOINTS))}


def draw_hang(rng):
    who = rng.choice((*rigs.LEAVES, *rigs.ENDPOINTS, rigs.SINK, "program"))
    return {"who": who, "seconds": round(rng.choice((rng.uniform(0.01, 0.2), rng.uniform(0.2, 3))),
                                         3)}


def draw_flap(rng):
    return {"cable": rng.randrange(len(rigs.CABLES)), "device": rng.random() < 0.5,
            "times": [[round(rng.uniform(0.01, 0.4), 3), round(rng.uniform(0.01, 0.3), 3)]
                      for _ in range(rng.randint(1, 5))]}


def draw_tables(rng):
    return {"node": rng.choice(rigs.LEAVES),
            "updates": [rng.choice(("drain u0", "drain u1", "reload"))
                        for _ in range(rng.randint(50, 200))]}


def draw_garbage(rng):
    return {"seed": rng.getrandbits(32), "messages": rng.randint(50, 200),
            "node": rng.choice((*rigs.LEAVES, *rigs.ENDPOINTS))}


class Trouble:
    """Does what was drawn to one rig under one load, and remembers what that may have cost."""

    def __init__(self, rig, load, accounts):
        self.rig, self.load, self.accounts = rig, load, accounts
        self.moved = False     # tables may have changed: a flow may overtake itself
        self.took = False      # frames died with a process
        self.streams = set()   # generators that were killed

    def do(self, kind, parameters):
        self.accounts.events[kind] += 1
        getattr(self, kind)(parameters)

    # What the wire does.

    def impair(self, faults):
        for entry in faults:
            node = entry["port"].split(":")[0]
            if self.rig.nodes[node].is_alive():
                self.rig.ask(node, command="fault set", **entry)

    def flap(self, how):
        self.moved = True
        a, b = rigs.CABLES[how["cable"]]
        for down_s, up_s in how["times"]:
            self.pull(a, b, how["device"], True)
            time.sleep(down_s)
            self.pull(a, b, how["device"], False)
            time.sleep(up_s)

    def pull(self, a, b, device, down):
        """By its device where it is one of the kernel, or by losing all that is on the wire."""
        node, port = a.split(":")
        namespace = self.rig.nodes[node].namespace
        if device and namespace:
            ethlink.call("ip", "-n", namespace, "link", "set", port, "down" if down else "up")
            return
        for end in (a, b):
            name = end.split(":")[0]
            if self.rig.nodes[name].is_alive():
                self.rig.ask(name, command="fault set", port=end, direction="rx", clear=not down,
                             loss=1.0 if down else 0.0)

    # Processes.

    def kill_switch(self, how):
        self.moved = self.took = True
        self.accounts.before_kill(how["node"])
        begin = time.monotonic_ns()
        self.rig.nodes[how["node"]].kill()
        mark = time.monotonic_ns()
        workers = self.load.workers
        for worker in workers:
            worker.journal.mark(mark)
        time.sleep(how["dead_s"])
        self.rig.start_node(how["node"])
        self.recovered("switch", begin, mark, workers)

    def kill_endpoint(self, how):
        self.moved = self.took = True
        name = how["node"]
        self.accounts.before_kill(name)
        begin = time.monotonic_ns()
        self.rig.nodes[name].kill()
        mark = time.monotonic_ns()
        time.sleep(how["dead_s"])
        self.rig.start_node(name)
        ethlink.eventually(lambda: self.rig.answers(name), 10, f"{name} serves again")
        workers = self.load.renew(name, mark, f"{name} was killed", whole=True)
        self.recovered("endpoint", begin, mark, workers)

    def kill_generator(self, how):
        name = how["node"]
        self.streams.add(name)
        self.accounts.before_kill(name)
        self.rig.nodes[name].kill()
        self.rig.start_node(name)
        ethlink.eventually(lambda: self.rig.answers(name), 10, f"{name} serves again")

    def kill_program(self, how):
        plan = tuple(self.load.alive())[how["worker"]]
        worker = self.load.alive()[plan]
        begin = time.monotonic_ns()
        worker.program.kill()
        worker.hurt = "was killed"
        mark = time.monotonic_ns()
        self.recovered("program", begin, mark, [self.load.add_worker(plan, mark_ns=mark)])

    def dead_owner(self, how):
        """A program dies with windows open, of which others make use."""
        place = how["owner"]
        begin = time.monotonic_ns()
        self.load.owners[place].program.kill()
        mark = time.monotonic_ns()
        self.recovered("owner", begin, mark,
                       self.load.renew(place, mark, "the owner of its memory was killed"))

    def hang(self, how):
        """R3: as if nothing had been, or as a restart."""
        self.moved = self.took = True
        if how["who"] == "program":
            target = self.load.workers[-1].program
        else:
            target = self.rig.nodes[how["who"]]
        target.signal(signal.SIGSTOP)
        try:
            time.sleep(how["seconds"])
        finally:
            target.signal(signal.SIGCONT)
        mark = time.monotonic_ns()
        workers = list(self.load.alive().values())
        for worker in workers:
            worker.journal.mark(mark)
        self.recovered("hang", mark, mark, workers)

    def recovered(self, kind, begin, mark, workers):
        found = self.load.recovery_ms(mark, workers, RECOVERY_LIMIT)
        if found is None:
            said = [f"{w.name}: {w.program.out} {w.program.err}" for w in workers
                    if not w.program.is_alive()]
            said += [f"{node.name} (pid {node.pid}) has died" for node in self.rig.nodes.values()
                     if not node.is_alive()]
            raise ethlink.TooSlow(f"no good transaction within {RECOVERY_LIMIT} s of: {kind}; "
                                  + " ".join(said))
        self.accounts.recovery[kind].append(found + (mark - begin) / 1e6)

    # Control.

    def tables(self, how):
        self.moved = True
        node = how["node"]
        for n, update in enumerate(how["updates"]):
            undo = n % 2 == 1
            if update == "reload":
                file = self.rig.file if undo else self.rig.smaller
                self.rig.ask(node, command="reload", file=str(file))
            else:
                # The last way out is refused, and nothing has happened.
                port = f"{node}:{update.split()[1]}"
                try:
                    self.rig.ask(node, command="drain", what=port, undo=undo)
                except RuntimeError as refused:
                    if "no longer reach" not in str(refused):
                        raise
            self.accounts.table_updates += 1
        self.undo_tables(node)

    def undo_tables(self, node):
        self.rig.ask(node, command="reload", file=str(self.rig.file))
        for port in rigs.UPLINKS:
            self.rig.ask(node, command="drain", what=f"{node}:{port}", undo=True)

    def garbage(self, how):
        rng = random.Random(how["seed"])
        paths = [(self.rig.nodes[how["node"]].socket, socket.SOCK_STREAM)]
        if how["node"] in rigs.ENDPOINTS:
            folder = self.rig.folder / "ethlink" / f"{self.rig.name}.{how['node']}"
            paths.append((str(folder / f"{how['node']}.client.sock"), socket.SOCK_SEQPACKET))
        held = []
        for _ in range(how["messages"]):
            path, kind = rng.choice(paths)
            try:
                peer = socket.socket(socket.AF_UNIX, kind)
                peer.settimeout(2)
                peer.connect(path)
                peer.sendall(garbage_of(rng))
            except (OSError, TimeoutError):
                continue  # It may say no, it may hang up; it may not die.
            if rng.random() < 0.2:
                held.append(peer)
            else:
                peer.close()
        for peer in held:
            peer.close()
        ethlink.eventually(lambda: self.rig.answers(how["node"]), 5,
                           f"an answer of {how['node']} after garbage")

    # Afterwards.

    def heal(self):
        """Whatever was done, all of it is as at the beginning."""
        for name, node in self.rig.nodes.items():
            if not node.is_alive():
                raise RuntimeError(f"{name} (pid {node.pid}) has died: see {node.log}")
            ports = [end for cable in rigs.CABLES for end in cable if node.port_pattern.match(end)]
            for port in ports:
                self.rig.ask(name, command="fault set", port=port, direction="both", clear=True)
                if node.namespace:
                    ethlink.call("ip", "-n", node.namespace, "link", "set", port.split(":")[1],
                                 "up", check=False)
            if name in rigs.LEAVES:
                self.undo_tables(name)
        ethlink.eventually(self.rig.links_are_up, 20, "all links after the storm")


def garbage_of(rng):
    """Bytes, halves of requests, lines without end, requests that nobody can want."""
    return rng.choice((
        lambda: rng.randbytes(rng.randint(1, 4000)),
        lambda: b'{"command":"links"',
        lambda: b"{" * rng.randint(1, 70_000),
        lambda: b'{"command":"drain","what":"' + rng.randbytes(20).hex().encode() + b'"}\n',
        lambda: b'{"command":"fault set","port":"x","loss":1e309}\n',
        lambda: b"\n" * rng.randint(1, 3000),
        lambda: b"\0" * rng.randint(1, 3000),
    ))()
