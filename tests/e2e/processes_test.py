# SPDX-License-Identifier: BSD-3-Clause
"""Everybody sends to everybody, each node a process: nothing lost, nothing doubled, order kept."""

import ethlink
import fabric

FRAMES = 6_000  # of each endpoint
MISTAKES = ("missing", "duplicated", "reordered", "unexpected")


class AllToAll(fabric.Case):
    def start_generator(self, node, *options):
        """On the devices of the daemon that has ended."""
        inside = node["network_namespace"]
        return self.start("pktgen", *node["argv"][2:], *options, "--json",
                          prefix=("ip", "netns", "exec", inside) if inside else ())

    def dropped(self, switch):
        rows = self.ask(self.socket(switch), command="drops")
        return {row["port"]: row["drops"] for row in rows if row["drops"]}

    def assert_all_to_all(self, file, medium):
        # S1, S6
        nodes = self.up_on(medium, ethlink.CONFIGS / file)
        gpus = [name for name in nodes if name.startswith("gpu")]
        # All of them before the first generator starts: a daemon answers probes, too.
        self.end([nodes[name] for name in gpus])
        generators = {name: self.start_generator(
            nodes[name], "--pattern", "all-to-all", "--size", "64:4,570:2,1518:1",
            "--vc", "ls-request", "--vc", "rdma-response", "--warmup", "0", "--duration", "60",
            "--count", str(FRAMES), "--linger", "3", "--wait", "60") for name in gpus}
        received = 0
        for name, generator in generators.items():
            ended = generator.wait(120)
            self.assertEqual(ended.code, ethlink.OK, (name, ended))
            trial, = ended.json["trials"]
            self.assertEqual((trial["sent"], trial["llr_acknowledged"]), (FRAMES, FRAMES), name)
            arrived = ended.json["arrived"]
            self.assertEqual({key: arrived[key] for key in MISTAKES}, dict.fromkeys(MISTAKES, 0),
                             name)
            received += arrived["received"]
        drops = {name: self.dropped(name) for name in nodes if name not in gpus}
        self.assertEqual(received, FRAMES * len(gpus), drops)
        print(f"{file} over {medium}: {received} frames of {len(gpus)} processes", flush=True)

    def test_two_racks_on_memif(self):
        self.assert_all_to_all("dual-rack.yaml", "memif")

    def test_two_racks_on_veth(self):
        self.assert_all_to_all("dual-rack.yaml", "veth")

    def test_leaves_and_spines_on_memif(self):
        self.assert_all_to_all("leaf-spine.yaml", "memif")

    def test_leaves_and_spines_on_veth(self):
        self.assert_all_to_all("leaf-spine.yaml", "veth")


if __name__ == "__main__":
    ethlink.main(300)
