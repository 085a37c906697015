# SPDX-License-Identifier: BSD-3-Clause
"""A fabric of one process per node, as `ethlink up` starts it: gone with the test that asked."""
import os
import pathlib
import signal
import subprocess

import ethlink


class Case(ethlink.Case):
    count = 0

    def setUp(self):
        super().setUp()
        # Namespaces are the machine's: with this name ethlink.sweep_namespaces() knows them, too.
        Case.count += 1
        self.name = f"test-{os.getpid()}-{Case.count}"
        self.addCleanup(self.end_all)

    def end_all(self):
        # What `up` starts lives on without us.
        subprocess.run([ethlink.PROGRAM, "down", "--all"], env=self.env, capture_output=True,
                       timeout=60, check=False)

    def up(self, *arguments, code=ethlink.OK, **how):
        """What it reports; how it ended, if it was to fail."""
        ended = self.run_program("up", *arguments, "--name", self.name, "--json", **how)
        self.assertEqual(ended.code, code, ended)
        return ended.json if code == ethlink.OK else ended

    def up_on(self, medium, *arguments):
        """The same for large fabrics: {name: node of the report}."""
        told = self.up(*arguments, "--medium", medium, "--wait", "60", limit=90)
        return {node["node"]: node for node in told["nodes"]}

    def end(self, nodes, number=signal.SIGINT):
        """Sends the signal to all of them, and waits until they are gone."""
        for node in nodes:
            os.kill(node["pid"], number)
        for node in nodes:
            place = pathlib.Path(f"/proc/{node['pid']}")
            ethlink.eventually(lambda place=place: not place.exists(), 30,
                               f"the end of {node['node']}")

    def socket(self, node):
        return f"{self.name}.{node}"
