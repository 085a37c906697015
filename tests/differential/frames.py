# SPDX-License-Identifier: BSD-3-Clause
"""A codec for every frame, written from docs/protocol.md and from nothing else.

decode() gives the meaning of bytes (meaning.py) or raises Refused with the name of the drop;
encode() is its inverse.
"""
import crc
from meaning import Refused

DATA, CONTROL, VLAN = 0x88B5, 0x88B6, 0x8100
LEAST = 32  # of a Total Length
ETHERNET = 60  # bytes up to which a frame is padded
OPCODES = {1: "request", 2: "response", 3: "ack", 4: "nack", 5: "open", 6: "opened", 7: "reset",
           0x3F: "test"}
ITEMS = {0x01: "load", 0x02: "store", 0x03: "atomic", 0x10: "write", 0x11: "read", 0x12: "send",
         0x81: "done", 0x82: "data", 0x83: "read_data"}
OPERATIONS = ("fetch_add", "swap", "compare_swap", "fetch_and", "fetch_or", "fetch_xor")
STATUSES = ("ok", "remote_access", "timeout", "peer_restarted", "unreachable", "cancelled",
            "invalid", "no_receive", "too_long", "closed")
SETS = {0x01: "llr_ack", 0x02: "llr_nack", 0x03: "llr_init", 0x04: "llr_init_echo",
        0x10: "cf_update"}
CONTROL_BEGIN = bytes.fromhex("0180c200000e0200")
SET_KIND, CC_KIND, HELLO_KIND = 1, 2, 3
CONTROL_KINDS = {SET_KIND: "sets", CC_KIND: "cc_update", HELLO_KIND: "hello"}
# Bytes in front of the elements, bytes of one, how many at least and at most.
ELEMENTS = {SET_KIND: (0, 8, 1, 40), CC_KIND: (0, 3, 1, 32), HELLO_KIND: (34, 32, 0, 8)}

# (name, bits) from the most significant bit on.
LINK = (("eligible", 1), ("poisoned", 1), ("vc", 5), ("session", 5), ("sequence", 20))
NET = (("ar", 1), ("reserved", 3), ("ttl", 4), ("dscp", 6), ("ecn", 2))
TCI = (("pcp", 3), ("dei", 1), ("vid", 12))
HELLO = (("digest", 64), ("node", 32), ("port", 16), ("hold_ms", 16), ("incarnation", 32),
         ("sequence", 32), ("heard_node", 32), ("heard_port", 16), ("heard_incarnation", 32))
ADVERT = (("node", 32), ("part", 16), ("flags", 16), ("version", 64), ("dead", 64),
          ("drained", 64))


def number(raw):
    return int.from_bytes(raw, "big")


def unpack(fields, raw):
    values = {}
    for name, bits in reversed(fields):
        values[name] = raw & ((1 << bits) - 1)
        raw >>= bits
    return dict(reversed(values.items()))


def pack(fields, values):
    raw = 0
    for name, bits in fields:
        assert 0 <= values[name] < 1 << bits, (name, values[name])
        raw = raw << bits | values[name]
    return raw


def code_of(names, word):
    return next(code for code, name in names.items() if name == word)


class Cursor:
    """Takes bytes from the front; more than there are is a malformed transaction."""

    def __init__(self, raw):
        self.raw = raw

    def take(self, size):
        if size > len(self.raw):
            raise Refused("txn_malformed")
        head, self.raw = self.raw[:size], self.raw[size:]
        return head

    def number(self, size):
        return number(self.take(size))


# Items ------------------------------------------------------------------------------------------

def require(legal):
    if not legal:
        raise Refused("txn_malformed")


def decode_item(cursor):
    word = ITEMS.get(cursor.number(1))
    flags, length = cursor.number(1), cursor.number(2)
    values = {}

    def where():
        values.update(key=cursor.number(8), address=cursor.number(8))

    def part_of_message():
        require(flags in (0, 1, 3))
        values.update(last=flags & 1, data=cursor.take(length))
        if flags & 2:
            values.update(immediate=cursor.number(8))

    if word == "load":
        require(flags == 0 and 1 <= length <= 256)
        values.update(length=length)
        where()
    elif word == "store":
        require(flags == 0 and 1 <= length <= 256)
        where()
        values.update(data=cursor.take(length))
    elif word == "atomic":
        require(flags < len(OPERATIONS) and length in (4, 8))
        values.update(operation=OPERATIONS[flags], length=length)
        where()
        values.update(operand=cursor.number(8))
        if OPERATIONS[flags] == "compare_swap":
            values.update(compare=cursor.number(8))
    elif word == "write":
        where()
        part_of_message()
    elif word == "read":
        require(flags == 0 and length == 0)
        where()
        values.update(total=cursor.number(4))
        require(1 <= values["total"] <= 1 << 30)
    elif word == "send":
        part_of_message()
    elif word == "done":
        require(flags < len(STATUSES) and length >= 1)
        values.update(count=length, status=STATUSES[flags])
    elif word == "data":
        require(flags == 0 and 1 <= length <= 256)
        values.update(data=cursor.take(length))
    elif word == "read_data":
        require(flags in (0, 1, 4, 5) and (length == 0) == bool(flags & 4))
        values.update(last=flags & 1, error=flags >> 2, data=cursor.take(length))
    else:
        raise Refused("txn_malformed")
    return word, values


def encode_item(word, values):
    data = values.get("data", b"")
    flags, length = 0, len(data)
    if word in ("load", "atomic"):
        length = values["length"]
    if word == "atomic":
        flags = OPERATIONS.index(values["operation"])
    elif word in ("write", "send"):
        flags = values["last"] | 2 * ("immediate" in values)
    elif word == "done":
        flags, length = STATUSES.index(values["status"]), values["count"]
    elif word == "read_data":
        flags = values["last"] | 4 * values["error"]
    raw = bytes([code_of(ITEMS, word), flags]) + length.to_bytes(2, "big")
    for name, size in (("key", 8), ("address", 8), ("operand", 8), ("compare", 8), ("total", 4)):
        if name in values:
            raw += values[name].to_bytes(size, "big")
    raw += data
    return raw + (values["immediate"].to_bytes(8, "big") if "immediate" in values else b"")


# Transactions -----------------------------------------------------------------------------------

OPENING = (("nonce", 8), ("class", 1), ("flags", 1), ("transactions_max", 2),
           ("response_bytes_max", 4), ("epoch64", 8))


def opening_fields(word):
    return OPENING if word == "opened" else OPENING[:-1]


def decode_payload(word, payload):
    cursor = Cursor(payload)
    groups = []
    if word in ("request", "response"):
        while cursor.raw:
            groups.append(decode_item(cursor))
        require(groups)
    elif word in ("nack", "reset"):
        groups.append(("reason", {"value": cursor.number(1)}))
    elif word in ("open", "opened"):
        values = {name: cursor.number(size) for name, size in opening_fields(word)}
        require(values["class"] <= 1)
        groups.append(("opening", values))
    elif word == "test":
        groups.append(("payload", {"data": cursor.take(len(payload))}))
    require(not cursor.raw)
    return groups


def encode_payload(word, groups):
    if word in ("request", "response"):
        return b"".join(encode_item(*group) for group in groups)
    if word == "ack":
        return b""
    (_, values), = groups
    if word in ("nack", "reset"):
        return bytes([values["value"]])
    if word == "test":
        return values["data"]
    return b"".join(values[name].to_bytes(size, "big") for name, size in opening_fields(word))


def decode_transaction(raw):
    cursor = Cursor(raw)
    opcode, flags = cursor.number(1), cursor.number(1)
    if flags >> 6 != 0:
        raise Refused("unknown_version")
    if opcode not in OPCODES:
        raise Refused("unknown_opcode")
    header = {"flags": flags & 0x3F, "channel": cursor.number(2), "psn": cursor.number(4),
              "ack": cursor.number(4)}
    return [(OPCODES[opcode], header), *decode_payload(OPCODES[opcode], cursor.raw)]


# Data frames ------------------------------------------------------------------------------------

def link_groups(raw):
    word = number(raw[8:12])
    return [("link", unpack(LINK, word))] if word else []


def pad_groups(size, end):
    """Nothing if the pad is what a sender makes it: up to 60 bytes, the tag counted."""
    return [] if size == max(end, ETHERNET) else [("pad", {"bytes": size - end})]


def icrc(raw, tag, end):
    net = number(raw[14 + tag:16 + tag]) | 0x7FFF
    off_the_wire = raw[:8] + bytes(4) + raw[12 + tag:14 + tag] + net.to_bytes(2, "big")
    return crc.crc32(off_the_wire + raw[16 + tag:end - 4])


def decode_data(raw, tag):
    end = number(raw[2:4]) + tag
    if end - tag < LEAST or end > len(raw) or len(raw) > max(end - tag, ETHERNET) + tag:
        raise Refused("length_mismatch")
    if number(raw[end - 4:end]) != icrc(raw, tag, end):
        raise Refused("bad_icrc")
    groups = [("frame", {"dst": number(raw[0:2]), "src": number(raw[6:8]),
                         "entropy": number(raw[4:6])})]
    if tag:
        groups.append(("tag", unpack(TCI, number(raw[14:16]))))
    groups += link_groups(raw)
    groups.append(("net", unpack(NET, number(raw[14 + tag:16 + tag]))))
    return groups + decode_transaction(raw[16 + tag:end - 4]) + pad_groups(len(raw), end)


def encode_data(groups):
    named = dict(groups[:4])
    frame = named["frame"]
    tag = b""
    if "tag" in named:
        tag = VLAN.to_bytes(2, "big") + pack(TCI, named["tag"]).to_bytes(2, "big")
    at = next(i for i, (word, _) in enumerate(groups) if word in OPCODES.values())
    word, header = groups[at]
    payload = encode_payload(word, groups[at + 1:])
    length = LEAST + len(payload)
    link = pack(LINK, named["link"]) if "link" in named else 0
    raw = frame["dst"].to_bytes(2, "big") + length.to_bytes(2, "big")
    raw += frame["entropy"].to_bytes(2, "big") + frame["src"].to_bytes(2, "big")
    raw += link.to_bytes(4, "big") + tag + DATA.to_bytes(2, "big")
    raw += pack(NET, named["net"]).to_bytes(2, "big")
    raw += bytes([code_of(OPCODES, word), header["flags"]])
    raw += header["channel"].to_bytes(2, "big") + header["psn"].to_bytes(4, "big")
    raw += header["ack"].to_bytes(4, "big") + payload
    return raw + icrc(raw + bytes(4), len(tag), len(raw) + 4).to_bytes(4, "big")


# Control frames ---------------------------------------------------------------------------------

def decode_set(raw):
    word, arg = SETS.get(raw[1]), number(raw[5:7])
    if raw[0] != 0x5C or word is None or raw[4] & 0xF != 6 or raw[7] != 0:
        raise Refused("control_malformed")
    if word == "cf_update" and arg > 31:
        raise Refused("control_malformed")
    return word, {"value": number(raw[2:5]) >> 4, "arg": arg}


def decode_cc(vc, raw):
    if raw[2] & 0xF:
        raise Refused("control_malformed")
    return "s_cc", {"vc": vc, "value": number(raw) >> 4}


def decode_control(raw):
    kind, count = raw[14] & 0xF, raw[15]
    if raw[:8] != CONTROL_BEGIN or raw[14] >> 4 != 1 or kind not in ELEMENTS:
        raise Refused("control_malformed")
    head, size, least, most = ELEMENTS[kind]
    body_end = 20 + head + count * size
    end = body_end + 4
    if not least <= count <= most or end > len(raw) or len(raw) > max(end, ETHERNET):
        raise Refused("control_malformed")
    if number(raw[body_end:end]) != crc.crc32(raw[:8] + bytes(4) + raw[12:body_end]):
        raise Refused("control_bad_crc")
    groups = [("control", {"kind": CONTROL_KINDS[kind], "tx_epoch": number(raw[16:18]),
                           "rx_epoch": number(raw[18:20])})]
    groups += link_groups(raw)
    if kind == HELLO_KIND:
        groups.append(("hello", unpack(HELLO, number(raw[20:54]))))
    for i in range(count):
        element = raw[20 + head + i * size:20 + head + (i + 1) * size]
        if kind == HELLO_KIND:
            groups.append(("advert", unpack(ADVERT, number(element))))
        else:
            groups.append(decode_set(element) if kind == SET_KIND else decode_cc(i, element))
    return groups + pad_groups(len(raw), end)


def encode_control(groups):
    head = groups[0][1]
    link = next((pack(LINK, values) for word, values in groups if word == "link"), 0)
    begin, body = b"", []
    for word, values in groups:
        if word == "s_cc":
            body.append((values["value"] << 4).to_bytes(3, "big"))
        elif word == "hello":
            begin = pack(HELLO, values).to_bytes(34, "big")
        elif word == "advert":
            body.append(pack(ADVERT, values).to_bytes(32, "big"))
        elif word in SETS.values():
            body.append(bytes([0x5C, code_of(SETS, word)])
                        + (values["value"] << 4 | 6).to_bytes(3, "big")
                        + values["arg"].to_bytes(2, "big") + b"\0")
    kind = code_of(CONTROL_KINDS, head["kind"])
    raw = CONTROL_BEGIN + link.to_bytes(4, "big") + CONTROL.to_bytes(2, "big")
    raw += bytes([0x10 | kind, len(body)]) + head["tx_epoch"].to_bytes(2, "big")
    raw += head["rx_epoch"].to_bytes(2, "big") + begin + b"".join(body)
    return raw + crc.crc32(raw[:8] + bytes(4) + raw[12:]).to_bytes(4, "big")


# The door ---------------------------------------------------------------------------------------

def decode(raw, with_fcs=False):
    """The groups of a frame; `with_fcs`: it comes from a medium where software checks the FCS."""
    if with_fcs:
        if len(raw) <= 4 or crc.fcs(raw[:-4]) != raw[-4:]:
            raise Refused("bad_fcs")
        return decode(raw[:-4]) + [("fcs", {})]
    if len(raw) < LEAST:
        raise Refused("runt")
    ether_type, tag = number(raw[12:14]), 0
    if ether_type == VLAN:
        if len(raw) < LEAST + 4:
            raise Refused("runt")
        ether_type, tag = number(raw[16:18]), 4
    if ether_type == DATA:
        return decode_data(raw, tag)
    if ether_type == CONTROL and not tag:
        return decode_control(raw)
    raise Refused("unknown_ethertype")


def encode(groups):
    if groups[-1][0] == "fcs":
        raw = encode(groups[:-1])
        return raw + crc.fcs(raw)
    pad = None
    if groups[-1][0] == "pad":
        pad = groups[-1][1]["bytes"]
        groups = groups[:-1]
    raw = encode_control(groups) if groups[0][0] == "control" else encode_data(groups)
    return raw + bytes(max(ETHERNET - len(raw), 0) if pad is None else pad)
