# SPDX-License-Identifier: BSD-3-Clause
"""What the Lua dissector says of frames, put together again from tshark's fields."""
import os
import pathlib
import struct
import subprocess
import tempfile

import frames
import meaning

DISSECTOR = pathlib.Path(__file__).resolve().parents[2] / "proto" / "wireshark" / "ethlink.lua"
LINKTYPE_ETHERNET = 1
SNAP = 262144

# The dissector's field for each of our words.
FRAME = {"dst": "dst", "src": "src", "entropy": "entropy"}
TAG = {"pcp": "vlan.pcp", "dei": "vlan.dei", "vid": "vlan.vid"}
LINK = {"eligible": "link.eligible", "poisoned": "link.poisoned", "vc": "link.vc",
        "session": "link.session", "sequence": "link.seq"}
NET = {name: f"net.{name}" for name in ("ar", "reserved", "ttl", "dscp", "ecn")}
HEADER = {"flags": "txn.flags", "channel": "txn.channel", "psn": "txn.psn", "ack": "txn.ack"}
OPENING = {"nonce": "open.nonce", "class": "open.class", "flags": "open.flags",
           "transactions_max": "open.transactions_max",
           "response_bytes_max": "open.response_bytes_max", "epoch64": "open.epoch"}
ITEM = ("opcode", "flags", "last", "with_immediate", "error", "atomic", "status", "length", "done",
        "key", "address", "operand", "compare", "total", "immediate", "data")
OTHERS = ("drop", "type", "txn.opcode", "nack.reason", "reset.reason", "payload", "pad", "fcs",
          "control.kind", "control.tx_epoch", "control.rx_epoch", "control.set.type",
          "control.set.value", "control.set.arg", "control.cc")
HELLO = {name: f"hello.{name}" for name, _ in frames.HELLO}
ADVERT = {name: f"advert.{name}" for name, _ in frames.ADVERT}
FIELDS = (*FRAME.values(), *TAG.values(), *LINK.values(), *NET.values(), *HEADER.values(),
          *OPENING.values(), *(f"item.{name}" for name in ITEM), *HELLO.values(),
          *ADVERT.values(), *OTHERS)


def write_pcap(path, raws):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP, LINKTYPE_ETHERNET))
        for number, raw in enumerate(raws):
            out.write(struct.pack("<IIII", 1, number, len(raw), len(raw)) + raw)


def tshark(raws):
    """For each frame {field: [values]}."""
    options = [option for name in FIELDS for option in ("-e", f"ethlink.{name}")]
    with tempfile.TemporaryDirectory(prefix="ethlink-differential-") as folder:
        path = os.path.join(folder, "frames.pcap")
        write_pcap(path, raws)
        # A folder of its own: nobody's plugins or preferences.
        environment = dict(os.environ, HOME=folder, WIRESHARK_CONFIG_DIR=folder)
        run = subprocess.run(
            ["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", path, "-T", "fields", "-E",
             "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,", *options],
            capture_output=True, text=True, env=environment, check=True, timeout=100)
    if "Lua" in run.stderr:
        raise RuntimeError(run.stderr)
    for line in run.stdout.split("\n")[:len(raws)]:
        yield {name: text.split(",") if text else [] for name, text in
               zip(FIELDS, line.split("\t"))}


def one(row, table):
    return {name: int(row[field][0], 0) for name, field in table.items() if row[field]}


class Items:
    """Takes from each list of values what the next item has."""

    def __init__(self, row):
        self.rest = {name: list(row[f"item.{name}"]) for name in ITEM}

    def take(self, name):
        return self.rest[name].pop(0)

    def number(self, name):
        return int(self.take(name), 0)

    def data(self, size):
        return bytes.fromhex(self.take("data")) if size else b""

    def next(self):
        word = frames.ITEMS[self.number("opcode")]
        if word == "done":
            count = self.number("done")
            return word, {"count": count, "status": frames.STATUSES[self.number("status")]}
        size = self.number("length")
        values = {}
        if word == "atomic":
            values["operation"] = frames.OPERATIONS[self.number("atomic")]
        else:
            self.take("flags")
        if word in ("load", "atomic"):
            values["length"] = size
        if word in ("load", "store", "atomic", "write", "read"):
            values.update(key=self.number("key"), address=self.number("address"))
        if word in ("write", "send", "read_data"):
            values["last"] = self.number("last")
        if word == "read_data":
            values["error"] = self.number("error")
        if word == "atomic":
            values["operand"] = self.number("operand")
            if values["operation"] == "compare_swap":
                values["compare"] = self.number("compare")
        if word == "read":
            values["total"] = self.number("total")
        if word in ("store", "write", "send", "data", "read_data"):
            values["data"] = self.data(size)
        if word in ("write", "send") and self.number("with_immediate"):
            values["immediate"] = self.number("immediate")
        return word, values


def payload_groups(row, word):
    if word in ("request", "response"):
        items = Items(row)
        groups = []
        while items.rest["opcode"]:
            groups.append(items.next())
        return groups
    if word in ("nack", "reset"):
        return [("reason", {"value": int(row[f"{word}.reason"][0])})]
    if word in ("open", "opened"):
        return [("opening", one(row, OPENING))]
    if word == "test":
        return [("payload", {"data": bytes.fromhex("".join(row["payload"]))})]
    return []


def link_groups(row):
    return [("link", one(row, LINK))] if row["link.vc"] else []


def data_groups(row):
    word = frames.OPCODES[int(row["txn.opcode"][0], 0)]
    groups = [("frame", one(row, FRAME))]
    groups += [("tag", one(row, TAG))] if row["vlan.vid"] else []
    groups += link_groups(row)
    return [*groups, ("net", one(row, NET)), (word, one(row, HEADER)), *payload_groups(row, word)]


def control_groups(row):
    kind = frames.CONTROL_KINDS[int(row["control.kind"][0])]
    groups = [("control", {"kind": kind, "tx_epoch": int(row["control.tx_epoch"][0]),
                           "rx_epoch": int(row["control.rx_epoch"][0])}), *link_groups(row)]
    groups += [("hello", one(row, HELLO))] if kind == "hello" else []
    for values in zip(*(row[name] for name in ADVERT.values())):
        groups.append(("advert", {key: int(value, 0) for key, value in zip(ADVERT, values)}))
    for vc, value in enumerate(row["control.cc"]):
        groups.append(("s_cc", {"vc": vc, "value": int(value)}))
    for code, value, arg in zip(row["control.set.type"], row["control.set.value"],
                                row["control.set.arg"]):
        groups.append((frames.SETS[int(code, 0)], {"value": int(value), "arg": int(arg)}))
    return groups


def meaning_of(row, raw):
    """The words of the codec for one frame, or None if the dissector left it to others."""
    if row["drop"]:
        return f"refused {row['drop'][0]}"
    if not row["type"]:
        return None
    groups = control_groups(row) if row["control.kind"] else data_groups(row)
    fcs = 4 if row["fcs"] else 0
    pad = len(row["pad"][0]) // 2 if row["pad"] else 0
    groups += frames.pad_groups(len(raw) - fcs, len(raw) - fcs - pad)
    groups += [("fcs", {})] if fcs else []
    return "means " + meaning.to_line(groups)


def decode(raws):
    """For each frame what Wireshark says of it, in the words of the codec; None: nothing."""
    return [meaning_of(row, raw) for row, raw in zip(tshark(raws), raws)]
