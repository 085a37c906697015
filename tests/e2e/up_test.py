# SPDX-License-Identifier: BSD-3-Clause
"""`ethlink up` and `down`: a process per node, and nothing left behind; `ethlink export`, run."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

import ethlink
import fabric

RACK = ethlink.CONFIGS / "single-rack.yaml"
PAIR = ethlink.CONFIGS / "back-to-back.yaml"
NICS = ethlink.CONFIGS / "nics.yaml"
LOADS = 500

BAD_DEVICE = """\
fabric: bad-device
nodes:
  gpu0: {kind: endpoint, gpu: 0x0200}
  gpu1: {kind: endpoint, gpu: 0x0201}
  gpu2: {kind: endpoint, gpu: 0x0202}
  leaf0: {kind: switch}
links:
  - endpoints: ["gpu0:e0", "leaf0:e0"]
  - endpoints: ["gpu1:e0", "leaf0:e1"]
  - endpoints: ["gpu2:e0", "leaf0:e2"]
    devices: {"gpu2:e0": "net_af_packet0,iface=none-such", "leaf0:e2": "net_null0,no-rx=1"}
"""


class UpCase(fabric.Case):
    def down(self, *arguments, code=ethlink.OK):
        ended = self.run_program("down", *arguments)
        self.assertEqual(ended.code, code, ended)
        return ended

    def processes(self):
        """Ids of the processes whose command line names our folder; none of them is a test."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(str(self.folder).encode() in word for word in words) or (
                    self.name.encode() in b" ".join(words)):
                found.append(int(path.parent.name))
        return found

    def namespaces(self):
        folder = pathlib.Path("/run/netns")
        return sorted(path.name for path in folder.glob(f"ethlink-{self.name}*")
                      ) if folder.is_dir() else []

    def interfaces(self):
        """Those of the namespace that we are in."""
        return sorted(path.name for path in pathlib.Path("/sys/class/net").iterdir())

    def assert_nothing_left(self):
        self.assertEqual(self.processes(), [])
        self.assertEqual(self.namespaces(), [])
        ours = self.folder / "ethlink"
        left = [str(path) for path in ours.rglob("*")] if ours.exists() else []
        self.assertEqual(left, [])
        for place in ("/run/ethlink", "/var/run/dpdk", "/tmp"):
            self.assertEqual([path for path in pathlib.Path(place).glob(f"*{self.name}*")], [])

    def forwarded(self):
        """Frames that the switch has received and sent, over all ports."""
        ports = self.show_ports(self.socket("leaf0"), "ports").values()
        return sum(port["rx_frames"] for port in ports), sum(port["tx_frames"] for port in ports)

    def perf(self, source="gpu0", target="gpu1"):
        where = [f"{self.socket(node)}/{node}" for node in (source, target)]
        ended = self.run_program("perf", "load", "--from", where[0], "--to", where[1],
                                 "--iterations", str(LOADS), "--json")
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertEqual((ended.json["transactions"], ended.json["errors"]), (LOADS, 0))

    def assert_traffic_crosses(self):
        before = self.forwarded()
        self.perf()
        for late, early in zip(self.forwarded(), before):
            # A request and its response, each.
            self.assertGreaterEqual(late - early, 2 * LOADS)


class UpDown(UpCase):
    def assert_memory_is_shared_with_the_same_user_only(self, node):
        """Who reaches a memif socket shares the rings with us, and DPDK believes what they say."""
        for word in node["argv"]:
            for socket in re.findall(r"socket=([^,]+)", word):
                folder = pathlib.Path(socket).parent.stat()
                self.assertEqual((folder.st_mode & 0o077, folder.st_uid), (0, os.geteuid()), socket)

    def assert_up_and_down(self, *medium):
        before = self.interfaces()
        told = self.up(RACK, *medium)
        self.assertEqual([node["node"] for node in told["nodes"]],
                         ["leaf0", "gpu0", "gpu1", "gpu2", "gpu3"])
        self.assertEqual(sorted(self.processes()), sorted(node["pid"] for node in told["nodes"]))
        for node in told["nodes"]:
            about = self.ask(self.socket(node["node"]), command="instance")
            self.assertEqual(about["pid"], node["pid"])
            self.assertTrue(about["links_up"])
            self.assertTrue(pathlib.Path(node["log"]).stat().st_size)
            self.assert_memory_is_shared_with_the_same_user_only(node)  # F6
        self.assert_traffic_crosses()
        self.down(self.name)
        self.assert_nothing_left()
        self.assertEqual(self.interfaces(), before)
        return told

    def test_nodes_do_not_crowd_on_one_cpu(self):
        """Processes that know nothing of each other leave it to the system who runs where."""
        usable = os.sched_getaffinity(0)
        for node in self.up(PAIR)["nodes"]:
            for task in pathlib.Path(f"/proc/{node['pid']}/task").iterdir():
                self.assertEqual(os.sched_getaffinity(int(task.name)), usable, node["node"])
        self.down()

    def test_a_rack_on_memif(self):
        told = self.assert_up_and_down("--medium", "memif")
        self.assertEqual({node["network_namespace"] for node in told["nodes"]}, {""})

    @unittest.skipIf(os.geteuid() != 0, "needs root, for network namespaces")
    def test_a_rack_on_veth(self):
        ethlink.need_namespaces()
        told = self.assert_up_and_down("--medium", "veth")
        self.assertEqual(told["nodes"][0]["network_namespace"], f"ethlink-{self.name}-leaf0")

    @unittest.skipIf(os.geteuid() != 0, "is no root")
    def test_an_ordinary_user_needs_no_rights(self):
        file = shutil.copy(PAIR, self.folder)
        user = {"user": ethlink.nobody(),
                "program": shutil.copy(ethlink.PROGRAM, self.folder)}  # Nobody enters the build.
        os.chown(self.folder, user["user"].pw_uid, user["user"].pw_gid)
        self.up(file, **user)
        ended = self.run_program("down", **user)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assert_nothing_left()
        ended = self.up(file, "--medium", "veth", code=ethlink.CANNOT_RUN, **user)
        self.assertIn("--medium memif", ended.err)
        self.assert_nothing_left()

    def test_down_after_kills(self):
        """Of nodes, of all of them: `down` has nothing to complain of."""
        told = self.up(RACK)
        for node in told["nodes"][:2]:
            os.kill(node["pid"], signal.SIGKILL)
        self.down(RACK)
        self.assert_nothing_left()
        for node in self.up(PAIR)["nodes"]:
            os.kill(node["pid"], signal.SIGKILL)
        self.down()
        self.assert_nothing_left()

    @unittest.skipIf(os.geteuid() != 0, "needs root, for network namespaces")
    def test_down_after_up_was_killed(self):
        """At any moment of it: what is recorded is more than what is there, never less."""
        ethlink.need_namespaces()
        for delay in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4):
            up = self.start("up", PAIR, "--medium", "veth", "--name", self.name)
            time.sleep(delay)
            up.kill()
            self.down()
            # A child that was not recorded yet sees that we are gone.
            ethlink.eventually(lambda: not self.processes(), 5, "an end of the processes")
            self.assert_nothing_left()

    def test_a_process_that_does_not_listen_is_killed(self):
        node = self.up(PAIR)["nodes"][0]
        os.kill(node["pid"], signal.SIGSTOP)
        ended = self.down()
        self.assertIn(f"gpu0 (pid {node['pid']}) did not end", ended.err)
        self.assert_nothing_left()

    def test_a_recycled_pid_is_not_touched(self):
        told = self.up(PAIR)
        stranger = self.start_tool("sleep", "60")
        record = pathlib.Path(told["directory"]) / "record.json"
        held = json.loads(record.read_text(encoding="utf-8"))
        os.kill(held["nodes"][0]["pid"], signal.SIGKILL)
        held["nodes"][0]["pid"] = stranger.pid  # with the start time of the other
        record.write_text(json.dumps(held), encoding="utf-8")
        self.down()
        self.assertTrue(stranger.is_alive())
        stranger.kill()
        self.assert_nothing_left()

    def test_up_twice_and_down_twice(self):
        self.up(PAIR)
        ended = self.up(PAIR, code=ethlink.CANNOT_RUN)
        self.assertIn("is up already", ended.err)
        self.assertIn("ethlink down " + self.name, ended.err)
        self.assert_sentence(ended.err)
        first = self.name
        self.name += "b"
        self.up(PAIR)  # Another name is another fabric.
        ended = self.down(PAIR, code=ethlink.USAGE)
        self.assertIn(first, ended.err)
        self.down(first)
        self.assertEqual(len(self.processes()), 2)
        self.assertIn("is not up", self.down(first).out)
        self.down()
        self.assert_nothing_left()
        self.assertIn("no fabric", self.down().out)

    def test_a_dead_fabric_is_no_obstacle(self):
        self.end(self.up(PAIR)["nodes"], signal.SIGKILL)
        self.up(PAIR)
        self.down()
        self.assert_nothing_left()

    def test_what_is_wrong_starts_nothing(self):
        half = self.file("half.yaml", BAD_DEVICE.replace(', "leaf0:e2": "net_null0,no-rx=1"', ""))
        broken = self.file("broken.yaml", "fabric: x\nnodes: [\n")
        for arguments, words in ((("up", broken), "broken.yaml"),
                                 (("up", "no-such.yaml"), "no-such.yaml"),
                                 (("up", half), "`leaf0:e2` at its other end none"),
                                 (("up", PAIR, "--name", "a/b"), "--name a/b"),
                                 (("up", PAIR, "--name", "n" * 31), "32 characters"),
                                 (("up", PAIR, "--medium", "smoke"), "smoke"),
                                 (("down", "a", "--all"), "--all"),
                                 (("export", "cron", PAIR), "cron")):
            ended = self.run_program(*arguments)
            self.assertEqual(ended.code, ethlink.USAGE, ended)
            self.assertIn(words, ended.err)
            self.assert_sentence(ended.err)
            self.assert_nothing_left()

    def test_one_that_does_not_start_ends_all(self):
        ended = self.up(self.file("bad.yaml", BAD_DEVICE), code=ethlink.CANNOT_RUN)
        self.assertIn("gpu2 ended with exit code 3", ended.err)
        self.assertIn("none-such", ended.err)  # from its log
        self.assertEqual(ended.out, "")
        self.assert_nothing_left()

    def test_links_that_do_not_come_up_end_all(self):
        alone = BAD_DEVICE.replace("net_af_packet0,iface=none-such", "net_null0,no-rx=1")
        ended = self.up(self.file("alone.yaml", alone), "--wait", "2", code=ethlink.CANNOT_RUN)
        self.assertIn("after 2 s the links of gpu2, leaf0 are not all up", ended.err)
        self.assert_nothing_left()

    def test_in_the_foreground(self):
        for end in ("SIGINT", "down"):
            up = self.start("up", PAIR, "--name", self.name, "--foreground")
            up.wait_for_text("until Ctrl-C")
            self.assertTrue(up.is_alive())
            if end == "down":
                self.down(self.name)
            else:
                up.signal(signal.SIGINT)
            ended = up.wait()
            self.assertEqual(ended.code, ethlink.OK, ended)
            self.assert_nothing_left()

    def test_a_lock_of_the_caller_is_not_held(self):
        """Descriptors that the caller has left open are not the daemons'."""
        reader, writer = os.pipe()
        subprocess.run([ethlink.PROGRAM, "up", str(PAIR), "--name", self.name], env=self.env,
                       capture_output=True, pass_fds=(writer,), timeout=30, check=True)
        os.close(writer)
        os.set_blocking(reader, False)
        self.assertEqual(os.read(reader, 1), b"", "nobody has the other end")
        os.close(reader)
        self.down()


class Export(UpCase):
    def export(self, engine, file, *more):
        folder = self.folder / engine
        ended = self.run_program("export", engine, file, "--dir", folder, *more)
        self.assertEqual(ended.code, ethlink.OK, ended)
        files = sorted(path.name for path in folder.iterdir())
        self.assertEqual(files, sorted(pathlib.Path(line).name for line in ended.out.splitlines()))
        first = {name: (folder / name).read_bytes() for name in files}
        self.run_program("export", engine, file, "--dir", folder, *more)  # over itself
        self.assertEqual(first, {name: (folder / name).read_bytes() for name in files})
        (folder / files[0]).write_text("mine", encoding="utf-8")
        ended = self.run_program("export", engine, file, "--dir", folder, *more)
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertIn("--force", ended.err)
        self.run_program("export", engine, file, "--dir", folder, "--force", *more)
        self.assertEqual((folder / files[0]).read_bytes(), first[files[0]])
        return folder

    def yaml(self, path):
        try:
            import yaml  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        return yaml.safe_load(path.read_text(encoding="utf-8"))

    def script(self):
        """Of a rack under this test's own name."""
        text = RACK.read_text(encoding="utf-8").replace("fabric: single-rack",
                                                        "fabric: " + self.name)
        return self.export("netns", self.file("rack.yaml", text)) / f"{self.name}-netns.sh"

    def test_the_script_is_clean(self):
        ethlink.call("bash", "-n", self.script())
        if shutil.which("shellcheck") is None:
            self.skipTest("shellcheck is not installed")
        ethlink.call("shellcheck", self.script())

    @unittest.skipIf(os.geteuid() != 0, "needs root, for network namespaces")
    def test_the_script_starts_and_ends_the_fabric(self):
        ethlink.need_namespaces()
        self.env |= {"ETHLINK": ethlink.PROGRAM, "RUN": str(self.folder / "run")}
        script = self.script()
        self.addCleanup(lambda: subprocess.run([script, "down"], env=self.env, check=False,
                                               capture_output=True, timeout=30))
        for end in ("orderly", "after kill -9"):
            ended = self.start_tool(script, "up").wait()
            self.assertEqual(ended.code, 0, ended)
            ended = self.start_tool(script, "status").wait()
            self.assertEqual(ended.out.count("links up"), 5, ended)
            ended = self.run_program("perf", "load", "--from", "gpu0/gpu0", "--to", "gpu3/gpu3",
                                     "--iterations", "100", "--json")
            self.assertEqual(ended.code, ethlink.OK, ended)
            if end != "orderly":
                os.kill(self.ask("leaf0", command="instance")["pid"], signal.SIGKILL)
            ended = self.start_tool(script, "down").wait()
            self.assertEqual(ended.code, 0, ended)
            self.assertEqual(self.namespaces(), [])
            self.assertFalse((self.folder / "run").exists())
            ethlink.eventually(lambda: not self.processes(), 5, "the end of all processes")

    def test_systemd_takes_the_units(self):
        for file in (RACK, NICS):
            folder = self.export("systemd", file, "--program", ethlink.PROGRAM)
            if shutil.which("systemd-analyze") is None:
                self.skipTest("systemd-analyze is not installed")
            units = [path for path in folder.iterdir() if path.suffix in (".service", ".target")]
            done = ethlink.call("systemd-analyze", "verify", *units, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            shutil.rmtree(folder)

    def test_containerlab(self):
        lab = self.yaml(self.export("containerlab", RACK) / "single-rack.clab.yml")
        topology = lab["topology"]
        self.assertEqual(lab["name"], "single-rack")
        self.assertEqual(list(topology["nodes"]), ["leaf0", "gpu0", "gpu1", "gpu2", "gpu3"])
        self.assertEqual([link["endpoints"] for link in topology["links"]],
                         [[f"leaf0:e{n}", f"gpu{n}:e0"] for n in range(4)])
        for name, node in topology["nodes"].items():
            self.assertIn(f"--node {name} ", node["cmd"])

    def test_ansible(self):
        folder = self.export("ansible", NICS)
        hosts = self.yaml(folder / "inventory.yml")["ethlink_nics"]["hosts"]
        self.assertEqual(list(hosts), ["leaf0", "gpu0", "gpu1"])
        self.assertEqual(hosts["gpu0"]["ethlink_devices"], ["gpu0:e0=0000:41:00.0"])
        play, = self.yaml(folder / "playbook.yml")
        self.assertEqual(play["hosts"], "ethlink_nics")
        notified = {task.get("notify") for task in play["tasks"]} - {None}
        self.assertEqual(notified, {handler["name"] for handler in play["handlers"]})
        for name, host in hosts.items():  # what the playbook copies is there
            unit = folder / f"ethlink-nics-{host['ethlink_node']}.service"
            self.assertIn(f"--node {name}\n", unit.read_text(encoding="utf-8"))
        ended = self.run_program("export", "ansible", RACK, "--dir", self.folder / "x")
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertIn("`leaf0:e0` has no device", ended.err)

    def test_to_stdout(self):
        ended = self.run_program("export", "netns", RACK)
        self.assertEqual(ended.code, ethlink.OK, ended)
        self.assertTrue(ended.out.startswith("#!/usr/bin/env bash\n"))
        ended = self.run_program("export", "systemd", RACK)
        self.assertEqual(ended.code, ethlink.USAGE, ended)
        self.assertIn("--dir single-rack", ended.err)


if __name__ == "__main__":
    ethlink.main(limit=160)
