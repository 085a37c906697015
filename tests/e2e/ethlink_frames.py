# SPDX-License-Identifier: BSD-3-Clause
"""EthLink data frames in Python: a second reading of docs/protocol.md, beside the C++ one."""
import dataclasses
import struct
import zlib

DATA, CONTROL, VLAN = 0x88B5, 0x88B6, 0x8100
ETHERNET_MIN = 60
HEADERS = 28  # Dst to Src, link word, EtherType, network header, transaction header
ICRC = 4
MUTABLE = 0x7FFF  # of the network header: Reserved, TTL, DSCP and ECN count as ones
OPCODE_TEST = 0x3F
TTL_SHIFT, TTL_MASK = 8, 0xF


@dataclasses.dataclass
class Frame:
    """The fields of one frame; bytes(frame) is the frame. What is None is computed."""
    dst: int = 0
    src: int = 0
    entropy: int = 0
    link: int = 0
    ether_type: int = DATA
    vlan: int | None = None  # the TCI
    ar: int = 0
    ttl: int = 15
    dscp: int = 0
    ecn: int = 0
    opcode: int = OPCODE_TEST
    version: int = 0
    flags: int = 0
    channel: int = 0
    psn: int = 0
    tag: int = 0
    payload: bytes = b""
    total_length: int | None = None
    icrc: int | None = None

    def __bytes__(self):
        length = self.total_length
        if length is None:
            length = HEADERS + len(self.payload) + ICRC
        net = self.ar << 15 | self.ttl << TTL_SHIFT | self.dscp << 2 | self.ecn
        head = struct.pack(">HHHHI", self.dst, length, self.entropy, self.src, self.link)
        tag = b"" if self.vlan is None else struct.pack(">HH", VLAN, self.vlan)
        ether_type = struct.pack(">H", self.ether_type)
        rest = struct.pack(">BBHII", self.opcode, self.version << 6 | self.flags, self.channel,
                           self.psn, self.tag) + self.payload
        icrc = self.icrc
        if icrc is None:
            icrc = zlib.crc32(head + ether_type + struct.pack(">H", net | MUTABLE) + rest)
        whole = (head + tag + ether_type + struct.pack(">H", net) + rest +
                 struct.pack(">I", icrc))
        return whole.ljust(ETHERNET_MIN, b"\0")


def tag_size(frame):
    return 4 if frame[12:14] == VLAN.to_bytes(2, "big") else 0


def parse(frame):
    """The Frame of these bytes, ICRC as it is, pad and FCS left out."""
    tag = tag_size(frame)
    dst, length, entropy, src, link = struct.unpack_from(">HHHHI", frame)
    ether_type, net, opcode, flags, channel, psn, txn_tag = struct.unpack_from(
        ">HHBBHII", frame, 12 + tag)
    end = length + tag - ICRC
    return Frame(dst, src, entropy, link, ether_type,
                 int.from_bytes(frame[14:16], "big") if tag else None,
                 net >> 15, net >> TTL_SHIFT & TTL_MASK, net >> 2 & 0x3F, net & 3, opcode,
                 flags >> 6, flags & 0x3F, channel, psn, txn_tag, frame[28 + tag:end], length,
                 int.from_bytes(frame[end:end + ICRC], "big"))


def after_a_switch(frame):
    """The same bytes with the TTL one less: all that a switch may change."""
    at = 14 + tag_size(frame)
    assert frame[at] & TTL_MASK > 0
    return frame[:at] + bytes([frame[at] - 1]) + frame[at + 1:]


def of_size(size, **fields):
    """A frame of so many bytes, the tag counted, FCS not; its payload tells one from another."""
    tag = 0 if fields.get("vlan") is None else 4
    psn = fields.get("psn", 0)
    length = max(0, size - tag - HEADERS - ICRC)
    return bytes(Frame(payload=bytes((psn + i) & 0xFF for i in range(length)), **fields))


def bad_frames(dst, src, unknown=0x02FE, frame_max=2048):
    """[(name, bytes, the reason a plain port of GPU `src` must refuse it with)]"""
    good = of_size(100, dst=dst, src=src)

    def frame(**fields):
        return of_size(100, **{"dst": dst, "src": src, **fields})

    control = (bytes.fromhex("0180c200000e0200") + bytes(4) + CONTROL.to_bytes(2, "big") +
               bytes.fromhex("1101"))
    return [
        ("TTL 0", frame(ttl=0), "ttl_expired"),
        ("spoofed source", frame(src=unknown), "source_guard"),
        ("source of the other side", frame(src=dst), "source_guard"),
        ("unknown destination", frame(dst=unknown), "unknown_destination"),
        ("destination behind the same port", frame(dst=src), "hairpin"),
        ("Total Length beyond the end", frame(total_length=len(good) + 1), "length_mismatch"),
        ("Total Length 65535", frame(total_length=0xFFFF), "length_mismatch"),
        ("Total Length 0", frame(total_length=0), "length_mismatch"),
        ("Total Length of less than the headers", frame(total_length=31), "length_mismatch"),
        ("bytes behind the ICRC", good + bytes(1), "length_mismatch"),
        ("the last byte is missing", good[:-1], "length_mismatch"),
        ("shorter than its headers", good[:31], "runt"),
        ("a tag and too little behind it", frame(vlan=0)[:35], "runt"),
        ("IPv4", frame(ether_type=0x0800), "unknown_ethertype"),
        ("an outer tag", frame(ether_type=0x88A8), "unknown_ethertype"),
        ("two tags", frame(vlan=0, ether_type=VLAN), "unknown_ethertype"),
        ("a link word", frame(link=0x80000001), "reserved_nonzero"),
        ("link control", control.ljust(ETHERNET_MIN, b"\0"), "control_on_plain_port"),
        ("a tag of some tenant", frame(vlan=100), "tenant_guard"),
        # A tag has room of its own, and nobody else has it.
        ("one byte longer than the port allows", of_size(frame_max + 1, dst=dst, src=src),
         "oversize"),
        ("four bytes longer", of_size(frame_max + 4, dst=dst, src=src), "oversize"),
        ("the same with a tag", of_size(frame_max + 5, dst=dst, src=src, vlan=5 << 13), "oversize"),
    ]


def with_fcs(frame):
    return frame + zlib.crc32(frame).to_bytes(4, "little")
