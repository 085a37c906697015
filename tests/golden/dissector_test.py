# SPDX-License-Identifier: BSD-3-Clause
"""Does the Wireshark dissector read every golden frame, and flag what is wrong? 77 = no tshark."""
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import golden

SKIP = 77
ROOT = golden.FOLDER.parent.parent
DISSECTOR = ROOT / "proto" / "wireshark" / "ethlink.lua"
LINKTYPE_ETHERNET = 1
BAD, GOOD = "0", "1"
CHECKSUM, MALFORMED = str(0x01000000), str(0x07000000)  # Wireshark's PI_CHECKSUM and PI_MALFORMED


def write_pcap(path, frames, snap=65535):
    """Frames of which at most `snap` bytes were captured."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_ETHERNET))
        for number, frame in enumerate(frames):
            kept = frame[:snap]
            out.write(struct.pack("<IIII", 1, number, len(kept), len(frame)) + kept)


def tshark(frames, *options, snap=65535):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "frames.pcap")
        write_pcap(path, frames, snap)
        # A folder of its own: nobody's plugins or preferences.
        environment = dict(os.environ, HOME=folder, WIRESHARK_CONFIG_DIR=folder)
        run = subprocess.run(
            ["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", path, *options],
            capture_output=True, text=True, env=environment, check=True, timeout=100)
        assert "Lua" not in run.stderr, run.stderr
        assert "Lua Error" not in run.stdout, run.stdout
        return run.stdout


def fields(frames, *names, snap=65535):
    """For each frame {name: [values]}."""
    options = [option for name in names for option in ("-e", name)]
    text = tshark(frames, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
                  "-E", "aggregator=,", *options, snap=snap)
    rows = [line.split("\t") for line in text.split("\n")[:len(frames)]]
    return [{name: value.split(",") if value else [] for name, value in zip(names, row)}
            for row in rows]


def flags(frames, snap=65535):
    """For each frame the set of its expert groups, and its checksums' statuses."""
    rows = fields(frames, "_ws.expert.group", "ethlink.icrc.status", "ethlink.control.crc.status",
                  "ethlink.fcs.status", snap=snap)
    return [(set(row["_ws.expert.group"]),
             row["ethlink.icrc.status"] + row["ethlink.control.crc.status"],
             row["ethlink.fcs.status"]) for row in rows]


def flipped(frame, offset):
    return frame[:offset] + bytes([frame[offset] ^ 1]) + frame[offset + 1:]


def with_fcs(frame):
    return frame + zlib.crc32(frame).to_bytes(4, "little")


class Dissector(unittest.TestCase):
    golden = golden.load_all()

    def assert_flags(self, frames, groups, status, fcs=()):
        for frame, (seen, statuses, fcs_status) in zip(frames, flags(frames)):
            self.assertEqual((seen, statuses, fcs_status),
                             (set(groups), list(status), list(fcs)), frame.hex())

    def test_golden_frames_are_good(self):
        poisoned = self.golden["poisoned"]
        others = [frame for frame in self.golden.values() if frame != poisoned]
        self.assert_flags(others, [], [GOOD])
        (_, status, _), = flags([poisoned])
        self.assertEqual(status, [GOOD])
        self.assertNotIn("Malformed", tshark(self.golden.values(), "-V"))

    def test_data_fields(self):
        frames = {name: frame for name, frame in self.golden.items()
                  if not golden.is_control(frame)}
        rows = fields(list(frames.values()), "ethlink.dst", "ethlink.length", "ethlink.entropy",
                      "ethlink.src", "ethlink.link", "ethlink.vlan.vid", "ethlink.net.ttl",
                      "ethlink.net.dscp", "ethlink.txn.channel", "ethlink.txn.psn",
                      "ethlink.txn.ack", "ethlink.payload")
        for (name, frame), row in zip(frames.items(), rows):
            tag = 4 if golden.ether_type(frame) == golden.VLAN else 0
            dst, length, entropy, src, link = struct.unpack_from(">HHHHI", frame)
            net, _, _, channel, psn, ack = struct.unpack_from(">HBBHII", frame, 14 + tag)
            payload = frame[28 + tag:length + tag - 4].hex()
            vid = [str(int.from_bytes(frame[14:16], "big") & 0xFFF)] if tag else []
            expected = [[str(dst)], [str(length)], [str(entropy)], [str(src)], [f"0x{link:08x}"],
                        vid, [str(net >> 8 & 0xF)], [str(net >> 2 & 0x3F)], [str(channel)],
                        [str(psn)], [str(ack)], [payload] if payload else []]
            self.assertEqual(list(row.values()), expected, name)

    def items(self, *names):
        """For each golden frame of these names, what the fields of its items say."""
        kinds = ("opcode", "psn", "length", "done", "status", "atomic", "key", "address",
                 "operand", "compare", "total", "immediate", "last", "with_immediate", "error")
        rows = fields([self.golden[name] for name in names],
                      *[f"ethlink.item.{kind}" for kind in kinds])
        return [{kind: row[f"ethlink.item.{kind}"] for kind in kinds if row[f"ethlink.item.{kind}"]}
                for row in rows]

    def test_items_of_requests(self):
        key, address = ["0x0123456789abcdef"], ["0xfeedfacecafebeef"]
        where = {"key": key, "address": address}
        load, stores, atomic, write, read, send = self.items(
            "load", "packed_stores", "atomic_compare_swap", "write_last_immediate", "rdma_read",
            "send")
        self.assertEqual(load, {"opcode": ["0x01"], "psn": ["41"], "length": ["64"], **where})
        self.assertEqual(stores, {
            "opcode": 3 * ["0x02"], "psn": [str(2**32 - 1), "0", "1"], "length": ["1", "8", "13"],
            "key": key + key + ["0xffffffffffffffff"],
            "address": address + ["0x0000000000001000", "0x0000000000000000"]})
        self.assertEqual(atomic, {
            "opcode": ["0x03"], "psn": ["50"], "length": ["8"], "atomic": ["2"], **where,
            "operand": ["0x1122334455667788"], "compare": ["0xaabbccddeeff0011"]})
        self.assertEqual(write, {
            "opcode": ["0x10"], "psn": ["1001"], "length": ["21"], **where,
            "immediate": ["0x0102030405060708"], "last": ["1"], "with_immediate": ["1"]})
        self.assertEqual(read, {"opcode": ["0x11"], "psn": ["1002"], "length": ["0"], **where,
                                "total": [str(2**30)]})
        self.assertEqual(send, {
            "opcode": ["0x12", "0x12"], "psn": ["1003", "1004"], "length": ["19", "0"],
            "immediate": ["0x8877665544332211"], "last": ["0", "1"], "with_immediate": ["0", "1"]})

    def test_items_of_responses(self):
        done, data, read_data, error = self.items("done", "load_response", "read_data_last",
                                                  "read_data_error")
        self.assertEqual(done, {"opcode": ["0x81"], "psn": ["10"], "done": ["37"],
                                "status": ["1"]})
        self.assertEqual(data, {"opcode": ["0x82"], "psn": [str(2**31 + 1)], "length": ["64"]})
        self.assertEqual(read_data, {"opcode": ["0x83"], "psn": ["8"], "length": ["40"],
                                     "last": ["1"], "error": ["0"]})
        self.assertEqual(error, {"opcode": ["0x83"], "psn": ["9"], "length": ["0"],
                                 "last": ["1"], "error": ["1"]})

    def test_open_and_its_answers(self):
        opening = ("nonce", "class", "flags", "transactions_max", "response_bytes_max", "epoch")
        names = [f"ethlink.open.{name}" for name in opening]
        rows = fields([self.golden[name] for name in ("open", "opened", "reset", "nack")],
                      "ethlink.txn.from_target", *names, "ethlink.reset.reason",
                      "ethlink.nack.reason")
        nonce = ["0xc0ffee0123456789"]
        self.assertEqual([list(row.values()) for row in rows], [
            [["0"], nonce, ["0"], ["0x00"], ["256"], ["65536"], [], [], []],
            [["1"], nonce, ["1"], ["0x00"], ["64"], [str(2**20)], ["0x00000000deadbeef"], [], []],
            [["1"], [], [], [], [], [], [], ["1"], []],
            [["1"], [], [], [], [], [], [], [], ["1"]]])

    def test_the_info_column_names_the_items(self):
        texts = tshark([self.golden["packed_loads"], self.golden["done"], self.golden["nack"]])
        loads, done, nack = texts.splitlines()
        self.assertIn("request, channel 4, PSN 10, ACK 20, load 1 at 0x0000000000002000, load 2 at",
                      loads)
        self.assertIn("+2 more", loads)
        self.assertIn("response, channel 12, PSN 10, ACK 1005, done 37 remote_access", done)
        self.assertIn("nack, channel 12, PSN 11, ACK 1005, gap", nack)

    def test_illegal_items_are_malformed(self):
        # (golden frame, offset in its payload, value): a head that no item can have.
        changes = (("load", 0, 0), ("load", 0, 0x7F), ("load", 1, 1), ("load", 2, 2),
                   ("load", 3, 0), ("store", 3, 63), ("store", 3, 65), ("store", 1, 1),
                   ("atomic_fetch_add", 1, 6), ("atomic_fetch_add", 1, 2),
                   ("atomic_fetch_add", 3, 5), ("write_last_immediate", 1, 2),
                   ("write_last_immediate", 1, 4), ("write_last_immediate", 3, 30),
                   ("rdma_read", 3, 1), ("rdma_read", 20, 0x80), ("rdma_read", 20, 0),
                   ("send", 1, 2), ("send", 3, 200), ("done", 1, 10), ("done", 3, 0),
                   ("load_response", 1, 1), ("load_response", 3, 63), ("read_data_last", 1, 5),
                   ("read_data_error", 1, 1), ("read_data_error", 1, 8))
        frames = []
        for name, offset, value in changes:
            frame = bytearray(self.golden[name])
            self.assertNotEqual(frame[28 + offset], value)
            frame[28 + offset] = value
            frames.append(bytes(frame))
        for change, (seen, _, _) in zip(changes, flags(frames)):
            self.assertIn(MALFORMED, seen, change)

    def test_payloads_of_another_size_are_malformed(self):
        frames = []
        for name, opcode in (("minimal", 1), ("minimal", 2), ("test_64", 3), ("test_64", 4),
                             ("test_64", 5), ("test_64", 6), ("minimal", 7)):
            frame = bytearray(self.golden[name])
            frame[16] = opcode
            frames.append(bytes(frame))
        for frame, (seen, _, _) in zip(frames, flags(frames)):
            self.assertIn(MALFORMED, seen, frame.hex())

    def test_an_item_of_the_other_direction_is_noted(self):
        frames = []
        for name, opcode in (("load", 2), ("done", 1)):
            frame = bytearray(self.golden[name])
            frame[16] = opcode
            frames.append(bytes(frame))
        for row in fields(frames, "_ws.expert.message"):
            self.assertIn("Item of the other direction", row["_ws.expert.message"])

    def test_link_word(self):
        row, = fields([self.golden["on_the_wire"]], "ethlink.link.eligible",
                      "ethlink.link.poisoned", "ethlink.link.vc", "ethlink.link.session",
                      "ethlink.link.seq")
        self.assertEqual(list(row.values()), [["1"], ["0"], ["2"], ["17"], [str(0xABCDE)]])

    def test_control_fields(self):
        sets, cc = fields([self.golden["ctl_ack_credits"], self.golden["ctl_cc_update"]],
                          "ethlink.control.tx_epoch", "ethlink.control.rx_epoch",
                          "ethlink.control.set.type", "ethlink.control.set.value",
                          "ethlink.control.set.arg", "ethlink.control.cc")
        counters = ["0", "1", str(0x80000), str(0xFFFFF), str(0x12345)]
        self.assertEqual(list(sets.values()),
                         [["7"], [str(0x1234)], ["0x01"] + 5 * ["0x10"], [str(0xFFFFF)] + counters,
                          ["0", "0", "1", "2", "3", "4"], []])
        self.assertEqual(list(cc.values()), [["7"], [str(0x1234)], [], [], [], counters])

    def test_hello_fields(self):
        row, = fields([self.golden["ctl_hello"]], "ethlink.hello.node", "ethlink.hello.port",
                      "ethlink.hello.hold_ms", "ethlink.hello.heard_node",
                      "ethlink.hello.heard_port", "ethlink.advert.node", "ethlink.advert.version")
        self.assertEqual(list(row.values()), [["3"], ["1"], ["500"], ["260"], ["65"],
                                              ["260", "3"], ["1767225600000", "0"]])

    def test_damage_is_flagged(self):
        frames = [flipped(frame, golden.checksum_span(frame)[0] - 1)
                  for name, frame in self.golden.items()
                  if not golden.is_control(frame) and len(frame) > 60 and name != "poisoned"]
        self.assertGreater(len(frames), 2)
        self.assert_flags(frames, [CHECKSUM], [BAD])
        frames = [flipped(self.golden["ctl_init"], 17), flipped(self.golden["ctl_cc_update"], 21)]
        self.assert_flags(frames, [CHECKSUM], [BAD])

    def test_hops_do_not_break_the_icrc(self):
        tagged = self.golden["tagged"]
        self.assert_flags([flipped(tagged, 15), flipped(tagged, 18)], [], [GOOD])

    def test_short_and_long_frames_are_malformed(self):
        for name in ("store", "priority_tagged", "ctl_max", "ctl_hello"):
            frame = self.golden[name]
            first = 18 if name == "priority_tagged" else 14  # Below, the EtherType is missing.
            frames = [frame[:size] for size in range(first, len(frame))] + [frame + bytes(1)]
            for cut, (seen, _, _) in zip(frames, flags(frames)):
                self.assertIn(MALFORMED, seen, f"{name}, {len(cut)} of {len(frame)} bytes")
        length_31 = bytearray(self.golden["minimal"])
        length_31[2:4] = (31).to_bytes(2, "big")
        self.assert_flags([bytes(length_31)], [MALFORMED], [])

    def test_illegal_control_frames_are_malformed(self):
        changes = ((0, 0), (7, 1), (14, 0x21), (14, 0x13), (15, 0), (15, 41), (20, 0), (21, 0x77),
                   (24, 0), (27, 1), (33, 1))
        frames = []
        for offset, value in changes:
            frame = bytearray(self.golden["ctl_ack_credits"])
            frame[offset] = value
            frames.append(bytes(frame))
        for change, (seen, _, _) in zip(changes, flags(frames)):
            self.assertIn(MALFORMED, seen, change)

    def test_a_capture_cut_short_is_not_malformed(self):
        frames = [self.golden["max_2k"], self.golden["ctl_max"], self.golden["ctl_hello"]]
        for snap in (14, 20, 100):
            for seen, status, _ in flags(frames, snap=snap):
                self.assertEqual((seen, status), (set(), []), snap)

    def test_software_fcs(self):
        names = ("minimal", "max_2k", "tagged_minimal", "priority_tagged", "ctl_init", "ctl_max",
                 "ctl_hello")
        frames = [with_fcs(self.golden[name]) for name in names]
        self.assert_flags(frames, [], [GOOD], [GOOD])
        self.assert_flags([flipped(frame, len(frame) - 1) for frame in frames], [CHECKSUM], [GOOD],
                          [BAD])

    def test_a_tag_put_into_a_padded_frame(self):
        plain = self.golden["minimal"]
        tagged = plain[:12] + bytes.fromhex("81000064") + plain[12:]
        self.assert_flags([tagged], [], [GOOD])
        self.assert_flags([with_fcs(tagged)], [], [GOOD], [GOOD])

    def test_what_a_receiver_drops_can_be_filtered(self):
        load = self.golden["load"]
        frames = [load, flipped(load, 47), load + bytes(1), self.golden["ctl_init"],
                  flipped(self.golden["ctl_init"], 17)]
        rows = fields(frames, "ethlink.drop")
        self.assertEqual([row["ethlink.drop"] for row in rows],
                         [[], ["bad_icrc"], ["length_mismatch"], [], ["control_bad_crc"]])
        cut, = fields([load], "ethlink.drop", snap=40)  # Nobody knows what was behind.
        self.assertEqual(cut["ethlink.drop"], [])

    def test_foreign_frames_stay_with_wireshark(self):
        arp = bytes.fromhex("ffffffffffff0200000000010806" "0001080006040001"
                            "020000000001c0000201" "000000000000c0000202") + bytes(18)
        row, = fields([arp], "arp.src.proto_ipv4", "ethlink.dst")
        self.assertEqual(row, {"arp.src.proto_ipv4": ["192.0.2.1"], "ethlink.dst": []})

    def test_no_bytes_hurt_it(self):
        source = random.Random(1)
        frames = []
        for size in range(14, 200):
            for kind in ("88b5", "88b6", "810088b588b5"):
                frame = bytearray(source.randbytes(size))
                frame[12:12 + len(kind) // 2] = bytes.fromhex(kind)
                if kind == "88b6":
                    frame[0:8] = bytes.fromhex("0180c200000e0200")
                    frame[14:16] = bytes([0x10 + size % 4, size % 50])
                frames.append(bytes(frame[:size]))
                if kind == "88b5" and size > 60:  # So that items are reached.
                    frame[2:4] = size.to_bytes(2, "big")
                    frame[16:18] = bytes([1 + size % 7, 0])
                    frame[28] = source.choice([1, 2, 3, 0x10, 0x11, 0x12, 0x81, 0x82, 0x83])
                    frames.append(bytes(frame))
        self.assertEqual(len(flags(frames)), len(frames))

    def test_names_are_those_of_the_code(self):
        lua = DISSECTOR.read_text()
        for header, enum in (("txn_header.h", "Opcode"), ("txn_item.h", "ItemOpcode"),
                             ("ctl_os.h", "CtlOsType")):
            text = (ROOT / "proto" / "wire" / header).read_text()
            values = dict(re.findall(r"^ +(k\w+) = (0x[0-9A-F]{2}),", text, re.MULTILINE))
            names = dict(re.findall(r"\b" + enum + r"::(k\w+): return \"(\w+)\"", text))
            self.assertGreater(len(values), 4)
            self.assertEqual(values.keys(), names.keys())
            for enumerator, value in values.items():
                self.assertIn(f'[{value}] = "{names[enumerator]}"', lua)
        text = (ROOT / "proto" / "wire" / "txn_item.h").read_text()
        values = dict(re.findall(r"^ +(k\w+) = (\d+),", text, re.MULTILINE))
        names = dict(re.findall(r"TxnStatus::(k\w+): return \"(\w+)\"", text))
        self.assertEqual(values.keys(), names.keys())
        for enumerator, value in values.items():
            self.assertIn(f'[{value}] = "{names[enumerator]}"', lua)


if __name__ == "__main__":
    if shutil.which("tshark") is None:
        print("tshark is not installed: apt install tshark")
        sys.exit(SKIP)
    unittest.main()
