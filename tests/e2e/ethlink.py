# SPDX-License-Identifier: BSD-3-Clause
"""What the end-to-end tests share: run the program, watch it, ask it, and leave nothing behind.

A test is a unittest.TestCase below Case; main() runs it within a time limit. Whatever a test makes
(processes, network namespaces, files) is gone when it ends, also when it fails or is killed.
"""
import ctypes
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONFIGS = ROOT / "configs"
PROGRAM = os.environ.get("ETHLINK_PROGRAM", str(ROOT / "build" / "ethlink"))
LEDGER = os.environ.get("ETHLINK_LEDGER", str(ROOT / "build/tests/e2e/ledger"))
SKIP = 77  # Meson's exit code for "skipped"
OK, FAILED, USAGE, CANNOT_RUN = 0, 1, 2, 3  # control/cli/command.h

if not pathlib.Path(PROGRAM).is_file():
    sys.exit(f"there is no {PROGRAM}: build it, or let ETHLINK_PROGRAM say where it is")

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class TooSlow(Exception):
    """The time limit of the test, or of one step of it, is over; or somebody ended it."""


def skip(reason):
    """Ends the whole test as skipped; the reason is what run.py shows."""
    print(reason, flush=True)
    sys.exit(SKIP)


def need_tools(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed (./dev setup installs what the tests need)")


def need_commands(*commands):
    """Skips with a build whose program has no such subcommand yet."""
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    for command in commands:
        if f"\n  {command} " not in text:
            skip(f"this ethlink has no `{command}`")


_ended = None  # why nothing may start any more


def main(limit):
    """Runs the test cases of the calling file; `limit` is seconds for all of them."""
    def end(number, _):
        global _ended
        _ended = f"longer than {limit} s" if number == signal.SIGALRM else f"signal {number}"
        raise TooSlow(_ended)  # An error as others are: unittest cleans up after it.

    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.alarm(limit)
    sweep_namespaces()
    result = unittest.main(exit=False, verbosity=2).result
    signal.alarm(0)
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        skip(result.skipped[0][1])


def eventually(condition, limit=10, what="what the test waits for"):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TooSlow(f"{what} did not happen within {limit} s")
        time.sleep(0.05)


class Finished:
    """How a program ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The one object on stdout; anything else there is an error."""
        return json.loads(self.out)

    def __str__(self):
        return f"exit code {self.code}\nstdout:\n{self.out}\nstderr:\n{self.err}"


class Running:
    """A program under way. Its output goes to files: nobody waits for a reader.

    Each has its session, as with `ethlink up` and systemd: Linux shares CPUs out by sessions.
    """

    def __init__(self, folder, argv, env, user=None, stdin=None):
        self.argv = [str(argument) for argument in argv]
        base = tempfile.mktemp(prefix=pathlib.Path(self.argv[0]).name + "-", dir=folder)
        self.out_path, self.err_path = pathlib.Path(base + ".out"), pathlib.Path(base + ".err")

        def die_with_the_test():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        identity = {}
        if user is not None:
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                self.argv, stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=err, env=env,
                cwd=folder, preexec_fn=die_with_the_test, start_new_session=True, **identity)

    @property
    def pid(self):
        return self.process.pid

    @property
    def out(self):
        return self.out_path.read_text(encoding="utf-8", errors="replace")

    @property
    def err(self):
        return self.err_path.read_text(encoding="utf-8", errors="replace")

    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL: no chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def wait(self, limit=30):
        """Waits for its end; a program that does not end is killed, and the test fails."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TooSlow(f"{' '.join(self.argv)} ran for more than {limit} s\n{self.err}"
                          ) from None
        return Finished(code, self.out, self.err)

    def stop(self, limit=30):
        """Asks for an orderly end."""
        if self.is_alive():
            self.signal(signal.SIGINT)
        return self.wait(limit)

    def wait_for_text(self, text, limit=20):
        """Waits until the program has said this."""
        def said():
            if text in self.err or text in self.out:
                return True
            assert self.is_alive(), f"{' '.join(self.argv)} ended: {self.wait()}"
            return False
        eventually(said, limit, f"`{text}` from {self.argv[1]}")

    def status(self):
        """/proc/PID/status as {key: value}; empty when the process is gone."""
        try:
            text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        except OSError:
            return {}
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def peak_memory(self):
        """Bytes: the largest resident set so far, and hugepages, which that does not count."""
        status = self.status()
        return 1024 * sum(int(status.get(key, "0 kB").split()[0])
                          for key in ("VmHWM", "HugetlbPages"))


class Case(unittest.TestCase):
    """A test with a folder of its own, which also is the home of every program it starts."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ethlink-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # RUNTIME_DIRECTORY: DPDK's own files go there, too, even for root.
        places = ("HOME", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY")
        self.env = {**os.environ, **dict.fromkeys(places, str(self.folder))}
        self.running = []
        self.addCleanup(self._end_all)

    def _end_all(self):
        for program in self.running:
            if program.is_alive():
                program.kill()

    def start(self, *arguments, user=None, env=None, prefix=(), program=None):
        """Starts `ethlink ARGUMENTS`; `prefix` may be `ip netns exec NAME`."""
        if _ended:
            raise TooSlow(_ended)
        argv = [*prefix, program or PROGRAM, *arguments]
        running = Running(self.folder, argv, {**self.env, **(env or {})}, user)
        self.running.append(running)
        return running

    def start_ledger(self, *arguments, stdin=None):
        """The program that owns memory, or works on it and keeps the books."""
        return self.start_tool(LEDGER, *arguments, stdin=stdin)

    def start_tool(self, *argv, stdin=None):
        """Starts another program."""
        running = Running(self.folder, argv, self.env, stdin=stdin)
        self.running.append(running)
        return running

    def run_program(self, *arguments, limit=60, **how):
        return self.start(*arguments, **how).wait(limit)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    # Asking a running lab, switch or generator that was started with `--instance NAME`.

    def control_socket(self, name):
        return self.folder / "ethlink" / (name + ".sock")

    def wait_for_instance(self, running, name, limit=20):
        """Waits until it answers on its control socket."""
        def answers():
            assert running.is_alive(), f"{' '.join(running.argv)} ended: {running.wait()}"
            try:
                return self.ask(name, command="instance")
            except OSError:
                return None
        return eventually(answers, limit, f"the control socket {name}")

    def wait_for_links(self, running, name, limit=20):
        """Waits until all its links are up."""
        def are_up():
            return self.wait_for_instance(running, name)["links_up"]
        eventually(are_up, limit, f"links of {name} up")

    def ask(self, name, **request):
        """One request over the control socket, without the program's own client."""
        answer = self.ask_anything(name, json.dumps(request).encode())
        self.assertTrue(answer.get("ok"), answer)
        return answer["result"]

    def ask_anything(self, name, line):
        """One line there, one answer back."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(str(self.control_socket(name)))
            control.sendall(line + b"\n")
            answer = control.makefile(encoding="utf-8").readline()
        if not answer:
            raise ConnectionResetError("no answer")
        return json.loads(answer)

    def show(self, name, *what):
        """`ethlink show WHAT --json`."""
        ended = self.run_program("show", *what, "--instance", self.control_socket(name), "--json")
        self.assertEqual(ended.code, OK, ended)
        return ended.json

    def show_ports(self, name, *what):
        """The same by port: {"leaf0:e0": {...}}."""
        return {entry["port"]: entry for entry in self.show(name, *what)}

    # What must hold after every lab.

    def assert_lossless(self, report):
        """Everything sent was delivered once and in order; nothing leaked."""
        frames = report["frames"]
        self.assertGreater(frames["sent"], 0, report)
        self.assertEqual(frames["delivered"], frames["sent"], report)
        for key in ("lost", "duplicated", "reordered"):
            self.assertEqual(frames[key], 0, report)
        self.assertEqual(report["credits"]["leaked"], 0, report)
        self.assertEqual(report["mbufs"]["leaked"], 0, report)

    def assert_sentence(self, text):
        """An error for people: one line or one line per mistake, no trace of a crash."""
        self.assertTrue(text.strip(), "nothing was said")
        for word in ("Assertion", "terminate called", "core dumped", "Sanitizer", "PANIC"):
            self.assertNotIn(word, text)


def nobody():
    """An ordinary user, or None if this already is one."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody")


# Network namespaces: ethlink-test-<pid>-<name>, gone with the test that made them.

NAMESPACE = "ethlink-test-"


def need_namespaces():
    """Skips unless this user may make network namespaces and veth pairs."""
    need_tools("ip")
    if os.geteuid() != 0:
        skip("needs root, for network namespaces")
    probe = Namespace("probe")
    try:
        probe.make()
        made = probe.ip("link", "add", "va0", "type", "veth", "peer", "name", "vb0", check=False)
    except subprocess.CalledProcessError as error:
        skip(f"no network namespaces here: {error.stderr.strip()}")
    finally:
        probe.remove()
    if made.returncode != 0:
        skip(f"no veth interfaces here: {made.stderr.strip()}")


def sweep_namespaces():
    """Removes what a test that was killed has left."""
    folder = pathlib.Path("/run/netns")
    for path in folder.glob(NAMESPACE + "*") if folder.is_dir() and os.geteuid() == 0 else ():
        pid = path.name.removeprefix(NAMESPACE).split("-")[0]
        if pid.isdigit() and not pathlib.Path(f"/proc/{pid}").exists():
            subprocess.run(["ip", "netns", "del", path.name], capture_output=True, check=False)


class Namespace:
    """A network namespace. No IPv6, so that the kernel sends nothing on its own."""

    def __init__(self, name):
        self.name = f"{NAMESPACE}{os.getpid()}-{name}"
        self.prefix = ("ip", "netns", "exec", self.name)

    def make(self):
        call("ip", "netns", "add", self.name)
        for kind in ("all", "default"):
            # Not by sysctl(8): a small system has none.
            call(*self.prefix, "sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{kind}/disable_ipv6",
                 check=False)

    def remove(self):
        call("ip", "netns", "del", self.name, check=False)

    def ip(self, *arguments, check=True):
        return call("ip", "-n", self.name, *arguments, check=check)


def call(*argv, check=True):
    """Runs a short tool."""
    return subprocess.run([str(argument) for argument in argv], capture_output=True, text=True,
                          timeout=20, check=check)
