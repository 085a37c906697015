# SPDX-License-Identifier: BSD-3-Clause
"""A fabric as processes, started by `ethlink up`: kill them, start them again, ask them, end them.

    gpu0 -+              +- gpu2        gpu0, gpu2: endpoints, for the programs of the ledger
          +- leaf0 = leaf1 -+           gpu1: generator of test frames, gpu3: their sink
    gpu1 -+              +- gpu3        two cables between the leaves
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import ethlink

PREFIX = "ethlink-soak-"
LEAVES = ("r0-leaf0", "r1-leaf0")
ENDPOINTS = {"gpu0": "0x0200", "gpu2": "0x0202"}
SOURCE, SINK = "gpu1", "gpu3"
SINK_NUMBER = 3  # among the endpoints
RATE_PPS = 4000
UPLINKS = ("u0", "u1")
CABLES = [("r0-leaf0:e0", "gpu0:e0"), ("r0-leaf0:e1", "gpu1:e0"), ("r1-leaf0:e0", "gpu2:e0"),
          ("r1-leaf0:e1", "gpu3:e0"), ("r0-leaf0:u0", "r1-leaf0:u0"),
          ("r0-leaf0:u1", "r1-leaf0:u1")]
# Six processes share two CPUs with their programs: who is not run for a while must not look dead.
FABRIC = """\
fabric: soak
profiles:
  default:
    llr: {{max_outstanding_frames: 256, ctlos_spacing_bytes: 8192, max_replay_timer_ns: 5000000}}
    transport: {{give_up_timer_ms: 9000}}
    vcs:
      - {{name: ls-request, lossless: true, credits: 256, priority: 2, dscp: [32]}}
      - {{name: ls-response, lossless: true, credits: 256, priority: 2, dscp: [40]}}
      - {{name: rdma-request, lossless: true, credits: 256, priority: 1, dscp: [16]}}
      - {{name: rdma-response, lossless: true, credits: 256, priority: 1, dscp: [24]}}
      - {{name: best-effort, lossless: false, priority: 0, dscp: [0]}}
nodes:
  r0-leaf0: {{kind: switch}}
  r1-leaf0: {{kind: switch}}
  gpu0: {{kind: endpoint, gpu: 0x0200}}
  gpu1: {{kind: endpoint, gpu: 0x0201}}
  gpu2: {{kind: endpoint, gpu: 0x0202}}
  gpu3: {{kind: endpoint, gpu: 0x0203}}
links:
{links}
runtime: {{workers: 1, idle: sleep, idle_sleep_us: 100}}
traffic: {{pattern: incast, vc: best-effort, frame_size: "64,256,1518"}}
"""


def fabric_text(seed, without=()):
    """The file; `without` are cables that it leaves out."""
    lines = [f'  - {{endpoints: ["{a}", "{b}"], '
             f"faults: {{seed: {seed + n}, both: {{loss: 0.000001}}}}}}"
             for n, (a, b) in enumerate(CABLES) if (a, b) not in without]
    return FABRIC.format(links="\n".join(lines))


class Node:
    """A process of the fabric, the first or one that was started in its place."""

    def __init__(self, told):
        self.name, self.socket = told["node"], told["socket"]
        self.argv, self.namespace = told["argv"], told["network_namespace"]
        self.pid, self.log = told["pid"], pathlib.Path(told["log"])
        self.program = None  # a child of ours, unless `up` has started it
        self.born = time.monotonic()
        self.port_pattern = re.compile(rf"{self.name}:")

    def is_alive(self):
        if self.program is not None:
            return self.program.is_alive()
        try:
            # A killed one holds its sockets until its last thread has ended.
            tasks = len(list(pathlib.Path(f"/proc/{self.pid}/task").iterdir()))
            zombie = b"State:\tZ" in pathlib.Path(f"/proc/{self.pid}/status").read_bytes()
            return tasks > 1 or not zombie
        except OSError:
            return False

    def signal(self, number):
        if self.program is not None:
            self.program.signal(number)
        else:
            os.kill(self.pid, number)

    def kill(self):
        """SIGKILL, and waits until its last thread is gone."""
        self.signal(signal.SIGKILL)
        if self.program is not None:
            self.program.process.wait()
        ethlink.eventually(lambda: not self.is_alive(), 10, f"the end of {self.name}")


class Rig:
    """Everything of one medium: folder, fabric, processes. end() leaves nothing."""

    def __init__(self, medium, seed, logs):
        self.medium, self.logs = medium, logs
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.name = f"soak-{os.getpid()}"
        places = ("HOME", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY")
        self.env = {**os.environ, **dict.fromkeys(places, str(self.folder))}
        self.file = self.folder / "soak.yaml"
        self.file.write_text(fabric_text(seed), encoding="utf-8")
        self.smaller = self.folder / "without-u1.yaml"
        self.smaller.write_text(fabric_text(seed, CABLES[5:]), encoding="utf-8")
        self.nodes = {}
        self.programs = []
        self.unclean = []  # what processes said or how they ended, and should not have
        self.directory = None

    def up(self):
        told = self.command("up", self.file, "--medium", self.medium, "--name", self.name, "--json")
        self.directory = told["directory"]
        self.nodes = {node["node"]: Node(node) for node in told["nodes"]}
        for name in (SOURCE, SINK):
            self.end_node(name)
        self.start_node(SINK)
        ethlink.eventually(self.links_are_up, 30, "all links")

    def command(self, *arguments):
        """`ethlink ...`: what it says as JSON."""
        ended = self.run(*arguments)
        if ended.returncode != 0:
            raise RuntimeError(f"ethlink {' '.join(map(str, arguments))}: {ended.stderr.strip()}")
        return json.loads(ended.stdout) if ended.stdout.startswith(("{", "[")) else ended.stdout

    def run(self, *arguments):
        return subprocess.run([ethlink.PROGRAM, *map(str, arguments)], env=self.env, text=True,
                              capture_output=True, timeout=60, check=False)

    # Processes.

    def start(self, argv, prefix=(), env=None, stdin=None):
        """A child of ours that dies with us; its output is kept with the logs."""
        program = ethlink.Running(self.logs, [*prefix, *argv], {**self.env, **(env or {})},
                                  stdin=stdin)
        self.programs.append(program)
        return program

    def start_node(self, name):
        """As `up` had started it; gpu1 and gpu3 as `ethlink pktgen`."""
        node = self.nodes[name]
        argv = [ethlink.PROGRAM, *node.argv[1:]]
        if name in (SOURCE, SINK):
            argv[1] = "pktgen"
            argv += ["--json", "--target", str(SINK_NUMBER), "--warmup", "0"]
            argv += ["--sink-only"] if name == SINK else ["--rate", str(RATE_PPS),
                                                          "--duration", "86400"]
        prefix = ("ip", "netns", "exec", node.namespace) if node.namespace else ()
        node.program = self.start(argv, prefix, {"RUNTIME_DIRECTORY": self.directory})
        node.pid, node.log = node.program.pid, node.program.err_path
        node.born = time.monotonic()

    def end_node(self, name):
        """In order: its exit code, or its log if it is no child of ours, says what leaked."""
        node = self.nodes[name]
        if not node.is_alive():
            return None
        node.signal(signal.SIGINT)
        ended = node.program.wait(30) if node.program else None
        ethlink.eventually(lambda: not node.is_alive(), 30, f"the end of {name}")
        text = node.log.read_text(encoding="utf-8", errors="replace")
        if "did not come back" in text:
            self.unclean.append(f"{name} (pid {node.pid}): buffers did not come back")
        # Generators say by their exit code whether frames were lost, and some may be.
        if ended and ended.code != ethlink.OK and name not in (SOURCE, SINK):
            self.unclean.append(f"{name} ended with exit code {ended.code}: "
                                f"{ended.err.strip()[-200:]}")
        return ended

    def running(self, names=None):
        return [node for node in self.nodes.values()
                if node.is_alive() and (names is None or node.name in names)]

    # Questions.

    def ask(self, name, limit=10, **request):
        """One request over the control socket; its result."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(limit)
            control.connect(self.nodes[name].socket)
            control.sendall(json.dumps(request).encode() + b"\n")
            line = control.makefile(encoding="utf-8").readline()
        if not line:
            raise ConnectionResetError(f"{name}: no answer to {request}")
        answer = json.loads(line)
        if not answer.get("ok"):
            raise RuntimeError(f"{name}: {request}: {answer.get('error')}")
        return answer["result"]

    def answers(self, name):
        try:
            return self.ask(name, command="instance")["pid"] == self.nodes[name].pid
        except (OSError, RuntimeError):  # Not there, or too many others are asking.
            return False

    def links_are_up(self, names=None):
        """Of all that runs; gpu1 is not always there, and its leaf says so."""
        for node in self.running(names):
            try:
                links = self.ask(node.name, command="links")
            except OSError:
                return False
            gone = SOURCE if not self.nodes[SOURCE].is_alive() else ""
            if not all(link["up"] for link in links
                       if not (gone and link["port"] == "r0-leaf0:e1")):
                return False
        return True

    def where(self, name):
        """As programs of that endpoint say it."""
        return f"{self.name}.{name}/{name}"

    def picture(self):
        """What every process says of itself, beside the logs: a failure is to be understood."""
        for node in self.running():
            told = {}
            for command in ("instance", "links", "llr counters", "cbfc", "ports", "drops", "pool",
                            "faults", "endpoints", "traffic", "routes"):
                try:
                    told[command] = self.ask(node.name, 2, command=command)
                except (OSError, RuntimeError) as error:
                    told[command] = str(error)
            (self.logs / f"{node.name}.json").write_text(json.dumps(told, indent=1) + "\n",
                                                         encoding="utf-8")

    # Ends.

    def down(self):
        """All processes in order, then what `up` has made."""
        for name, node in self.nodes.items():
            if node.is_alive():
                node.signal(signal.SIGCONT)
                self.end_node(name)
        self.keep_logs()
        ended = self.run("down", self.name)
        if ended.returncode != ethlink.OK:
            self.unclean.append(f"ethlink down: {ended.stderr.strip()}")

    def keep_logs(self):
        for node in self.nodes.values():
            if node.log.is_file() and node.log.parent != self.logs:
                shutil.copy(node.log, self.logs / f"{node.log.stem}-{node.pid}.log")

    def end(self):
        """Whatever is left, at any moment, without a word."""
        for program in self.programs:
            if program.is_alive():
                program.kill()
        self.keep_logs()
        self.run("down", "--all")
        shutil.rmtree(self.folder, ignore_errors=True)

    def leftovers(self):
        """What should not be there after end()."""
        found = [f"process {pid}" for pid in processes_of(str(self.folder))]
        found += [str(path) for path in pathlib.Path("/run/netns").glob(f"ethlink-{self.name}-*")]
        return found + ([str(self.folder)] if self.folder.exists() else [])


def processes_of(word):
    """Ids of processes, not this one, whose command line or environment names the word."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            text = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in text and int(path.name) != os.getpid():
            found.append(int(path.name))
    return found


def sweep():
    """Ends what a soak that was killed has left behind."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if not pid.isdigit() or pathlib.Path(f"/proc/{pid}").exists():
            continue
        subprocess.run([ethlink.PROGRAM, "down", "--all"], capture_output=True, timeout=60,
                       check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(folder)})
        shutil.rmtree(folder, ignore_errors=True)
