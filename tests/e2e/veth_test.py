# SPDX-License-Identifier: BSD-3-Clause
"""A switch on af_packet over veth, between network namespaces; scapy sends and reads back."""
import os
import time

import ethlink
import ethlink_frames as frames

FABRIC = """\
fabric: veth
nodes:
  leaf0: {kind: switch}
ports:
  - {port: "leaf0:p0", device: "net_af_packet0,iface=va0", gpu: 0x0210}
  - {port: "leaf0:p1", device: "net_af_packet1,iface=va1", gpu: [0x0211, 0x0212]}
  - {port: "leaf0:p2", device: "net_af_packet2,iface=va2", gpu: 0x0213, tenant: 100}
  - {port: "leaf0:p3", device: "net_af_packet3,iface=va3", gpu: 0x0214, tenant: 100}
"""
GPUS = (0x0210, 0x0211, 0x0213, 0x0214)  # by port
FRAME_MAX = 2048
TENANT = 100
CLONE_NEWNET = 0x40000000
BATCH = 64  # well below what a port of the switch queues


class Veth(ethlink.Case):
    """The switch in the namespace `leaf`, this very process in `hosts`, at the other ends."""

    def setUp(self):
        super().setUp()
        self.leaf, self.hosts = ethlink.Namespace("leaf"), ethlink.Namespace("hosts")
        for namespace in (self.leaf, self.hosts):
            self.addCleanup(namespace.remove)
            namespace.make()
        for n in range(len(GPUS)):
            self.leaf.ip("link", "add", f"va{n}", "type", "veth", "peer", "name", f"vb{n}", "netns",
                         self.hosts.name)
            self.leaf.ip("link", "set", f"va{n}", "mtu", "9000", "up")
            self.hosts.ip("link", "set", f"vb{n}", "mtu", "9000", "up")
        self.switch = self.start("switch", self.file("veth.yaml", FABRIC), "--node", "leaf0",
                                 prefix=self.leaf.prefix)
        self.addCleanup(self.end_switch)
        self.wait_for_instance(self.switch, "leaf0")
        self.sockets = self.open_sockets()
        ethlink.eventually(lambda: all(port["up"] for port in self.ports().values()), 10,
                           "all ports up")

    def end_switch(self):
        """Before the cleanups of setUp: the namespaces go last."""
        if self.switch.is_alive():
            ended = self.switch.stop()
            self.assertEqual(ended.code, ethlink.OK, ended)

    def open_sockets(self):
        """A socket at the far end of each port. The process goes in for them, and comes back."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.hosts.name}", os.O_RDONLY)
        try:
            assert ethlink.LIBC.setns(there, CLONE_NEWNET) == 0
            from scapy.all import conf  # It looks at the interfaces that there are.
            conf.ifaces.reload()
            conf.sniff_promisc = True
            sockets = [conf.L2socket(iface=f"vb{n}") for n in range(len(GPUS))]
        finally:
            ethlink.LIBC.setns(home, CLONE_NEWNET)
            os.close(there)
            os.close(home)
        for each in sockets:
            self.addCleanup(each.close)
            each.ins.setblocking(False)
        return sockets

    def ports(self):
        return {entry["port"]: entry for entry in self.ask("leaf0", command="ports")}

    def drops(self, port):
        return self.ask("leaf0", command="drops", port=port)[0]["drops"]

    def send(self, port, sent):
        for frame in sent:
            self.sockets[port].outs.send(frame)

    def receive(self, port):
        """What has arrived at the far end of this port; not what was sent there."""
        arrived = []
        while True:
            try:
                _, frame, _ = self.sockets[port].recv_raw()
            except BlockingIOError:
                return arrived
            if frame is None:
                return arrived
            arrived.append(bytes(frame))

    def carry(self, source, target, sent):
        """Sends the frames at one port, returns those that came out at the other."""
        arrived = []
        for first in range(0, len(sent), BATCH):
            batch = sent[first:first + BATCH]
            self.send(source, batch)
            end = time.monotonic() + 10
            wanted = len(arrived) + len(batch)
            while len(arrived) < wanted and time.monotonic() < end:
                arrived += self.receive(target)
                time.sleep(0.002)
        return arrived

    def assert_same(self, arrived, sent):
        """Byte for byte, but for the TTL."""
        self.assertEqual(len(arrived), len(sent))
        for got, frame in zip(arrived, sent):
            self.assertEqual(got.hex(), frames.after_a_switch(frame).hex())

    def test_untagged_frames_of_all_sizes_both_ways(self):
        sizes = [*range(60, 130), *range(130, FRAME_MAX, 97), 1513, 1514, 1515, FRAME_MAX - 1,
                 FRAME_MAX]
        for source, target in ((0, 1), (1, 0)):
            sent = [frames.of_size(size, dst=GPUS[target], src=GPUS[source], psn=n, entropy=n,
                                   dscp=16) for n, size in enumerate(sizes)]
            self.assert_same(self.carry(source, target, sent), sent)
        for n in (2, 3):
            self.assertEqual(self.receive(n), [])
        for name, port in self.ports().items():
            self.assertEqual(port["drops"], 0, name)

    def test_tagged_frames_of_a_tenant(self):
        sizes = (60, 64, 65, 100, 500, 1514, 1518, FRAME_MAX, FRAME_MAX + 4)
        for source, target in ((2, 3), (3, 2)):
            sent = [frames.of_size(size, dst=GPUS[target], src=GPUS[source], psn=n, dscp=16,
                                   vlan=pcp << 13 | TENANT)
                    for n, (size, pcp) in enumerate((s, p) for s in sizes for p in (0, 5))]
            self.assert_same(self.carry(source, target, sent), sent)
        priority = [frames.of_size(100, dst=GPUS[1], src=GPUS[0], vlan=5 << 13)]
        self.assert_same(self.carry(0, 1, priority), priority)  # A priority is no tenant.
        for port in range(4):
            self.assertEqual(self.drops(f"leaf0:p{port}"), {})

    def test_each_bad_frame_moves_its_counter_and_no_other(self):
        marker = [frames.of_size(60, dst=GPUS[1], src=GPUS[0], psn=1)]
        before = self.drops("leaf0:p0")
        self.assertEqual(before, {})
        for name, frame, reason in frames.bad_frames(GPUS[1], GPUS[0], frame_max=FRAME_MAX):
            with self.subTest(name):
                self.send(0, [frame])
                # What comes after it gets through, so it was judged.
                self.assert_same(self.carry(0, 1, marker), marker)
                after = self.drops("leaf0:p0")
                moved = {key: after[key] - before.get(key, 0) for key in after
                         if after[key] != before.get(key, 0)}
                before = after
                self.assertEqual(moved, {reason: 1})
        for port in range(4):
            self.assertEqual(self.receive(port), [], f"something came out at p{port}")

    def test_a_tenants_port_refuses_others(self):
        for vlan in (None, 0, TENANT + 1):
            self.send(2, [frames.of_size(100, dst=GPUS[3], src=GPUS[2], vlan=vlan)])
        # Neither do his own frames get out to others, nor theirs to him.
        self.send(2, [frames.of_size(100, dst=GPUS[0], src=GPUS[2], vlan=TENANT)])
        self.send(0, [frames.of_size(100, dst=GPUS[2], src=GPUS[0])])
        good = [frames.of_size(100, dst=GPUS[3], src=GPUS[2], vlan=TENANT)]
        self.assert_same(self.carry(2, 3, good), good)
        self.assertEqual(self.drops("leaf0:p2"), {"tenant_guard": 4})
        ethlink.eventually(lambda: self.drops("leaf0:p0") == {"tenant_guard": 1}, 10, "its drop")
        for port in (0, 2, 3):
            self.assertEqual(self.receive(port), [])

    def test_jumbo_frames_are_counted_and_harmless(self):
        """The device itself refuses them: longer than any buffer."""
        jumbo = frames.of_size(8000, dst=GPUS[1], src=GPUS[0])
        good = [frames.of_size(1000, dst=GPUS[1], src=GPUS[0], psn=n) for n in range(50)]
        for frame in good:
            self.send(0, [jumbo])
            self.assert_same(self.carry(0, 1, [frame]), [frame])
        self.assertEqual(self.show_ports("leaf0", "drops")["leaf0:p0"]["drops"],
                         {"oversize": len(good)})

    def test_frames_of_other_programs_are_refused(self):
        """What a kernel interface hears all the time."""
        arp = bytes.fromhex("ffffffffffff0200000000010806") + bytes(46)
        lldp = bytes.fromhex("0180c200000e02000000000188cc") + bytes(46)
        self.send(0, [arp, lldp] * 20)
        good = [frames.of_size(60, dst=GPUS[1], src=GPUS[0])]
        self.assert_same(self.carry(0, 1, good), good)
        self.assertEqual(self.drops("leaf0:p0"), {"unknown_ethertype": 40})


if __name__ == "__main__":
    ethlink.need_commands("switch", "show")
    ethlink.need_namespaces()
    try:
        import scapy  # noqa: F401
    except ImportError:
        ethlink.skip("scapy is not installed (./dev setup installs what the tests need)")
    ethlink.main(limit=100)
