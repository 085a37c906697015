#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes vectors/*.txt with the Python reference: edges by hand, the rest from a seed.

The same seed gives the same files. A vector that changes is a change of the wire format: it needs
docs/protocol.md first.
"""
import random

import crc
import draw
import frames
import make_traces
from meaning import Refused
from vectors import Frame, save

SEED = 20
NET = {"ar": 0, "reserved": 0, "ttl": 8, "dscp": 10, "ecn": 0}
HEADER = {"flags": 0, "channel": 3, "psn": 41, "ack": 2**31}
WHERE = {"key": 0x0123456789ABCDEF, "address": 0xFEEDFACECAFEBEEF}
LOAD = ("load", {"length": 64, **WHERE})
DONE = ("done", {"count": 1, "status": "ok"})


def data(word, *groups, tag=None, link=None, net=None, header=None):
    head = [("frame", {"dst": 520, "src": 641, "entropy": 7})]
    head += [("tag", tag)] if tag else []
    head += [("link", link)] if link else []
    head += [("net", NET | (net or {})), (word, HEADER | (header or {}))]
    return head + list(groups)


def control(kind, *groups, link=None, tx_epoch=99, rx_epoch=1000):
    head = [("control", {"kind": kind, "tx_epoch": tx_epoch, "rx_epoch": rx_epoch})]
    return head + ([("link", link)] if link else []) + list(groups)


def good(name, remark, groups, receive_only=False):
    raw = frames.encode(groups)
    with_fcs = groups[-1][0] == "fcs"
    if frames.decode(raw, with_fcs) != groups:
        raise AssertionError(name)
    return Frame(name, remark, raw, groups, None, with_fcs, receive_only)


def refused(name, remark, raw, reason, with_fcs=False):
    try:
        frames.decode(raw, with_fcs)
    except Refused as why:
        if str(why) == reason:
            return Frame(name, remark, raw, None, reason, with_fcs)
        raise AssertionError(f"{name}: {why}") from why
    raise AssertionError(f"{name}: is taken")


def changed(raw, offset, value, mend=True):
    """The byte at `offset` is another; the checks are mended unless they are the point."""
    assert raw[offset] != value, offset
    raw = raw[:offset] + bytes([value]) + raw[offset + 1:]
    return draw.mend_checks(raw) if mend else raw


# Headers ----------------------------------------------------------------------------------------

def headers(source):
    test = ("payload", {"data": b""})
    for name, value in (("least", 0), ("most", 2**16 - 1)):
        groups = data("test", test, header={"channel": value, "psn": value * 65537,
                                            "ack": value * 65537})
        groups[0] = ("frame", {"dst": value, "src": value, "entropy": value})
        yield good(f"ids_{name}", "every number at its edge", groups)
    for size in (0, 1, 27, 28, 29, 31, 32, 33, 1468, 2016):
        groups = data("test", ("payload", {"data": source.randbytes(size)}))
        yield good(f"size_{size}", f"Total Length {32 + size}; the pad ends at 60", groups)
        groups = data("test", ("payload", {"data": source.randbytes(size)}),
                      tag={"pcp": 0, "dei": 0, "vid": 100})
        yield good(f"size_{size}_tagged", "the tag counts for the pad, not in Total Length", groups)
    for name, tag in (("priority", (7, 1, 0)), ("vid_most", (0, 0, 4095)), ("zero", (0, 0, 0)),
                      ("dei", (0, 1, 1))):
        values = dict(zip(("pcp", "dei", "vid"), tag))
        yield good(f"tag_{name}", "an 802.1Q tag", data("request", LOAD, tag=values))
    for name, value in (("ar", 1), ("reserved", 1), ("reserved", 7), ("ttl", 0), ("ttl", 15),
                        ("dscp", 63), ("ecn", 1), ("ecn", 3)):
        yield good(f"net_{name}_{value}", "passes as it is; only AR counts in the ICRC",
                   data("request", LOAD, net={name: value}))
    for bit in range(6):
        yield good(f"txn_flag_{bit}", "bit 0: the target sends this; others are ignored",
                   data("ack", header={"flags": 1 << bit}))
    for vc in range(32):
        link = {"eligible": 1, "poisoned": 0, "vc": vc, "session": 31 - vc % 31,
                "sequence": vc * 33825}
        yield good(f"link_vc_{vc}", "as it is on the wire; the ICRC takes the link word as zero",
                   data("request", LOAD, link=link))
    for name, link in (("ineligible", (0, 0, 2, 0, 0)), ("poisoned", (1, 1, 1, 3, 77)),
                       ("sequence_wraps", (1, 0, 0, 1, 2**20 - 1)),
                       ("all_ones", (1, 1, 31, 31, 2**20 - 1)),
                       ("ineligible_with_numbers", (0, 0, 0, 5, 9))):
        values = dict(zip((field for field, _ in frames.LINK), link))
        yield good(f"link_{name}", "a link word", data("request", LOAD, link=values))
    yield good("pad_of_a_late_tag", "the tag was put into a frame that was padded before",
               data("ack", ("pad", {"bytes": 28}), tag={"pcp": 0, "dei": 0, "vid": 9}), True)
    for size in (0, 1, 27):
        yield good(f"pad_{size}", "a medium may hand up less pad", data("ack", (
            "pad", {"bytes": size})), True)
    padded = frames.encode(data("ack"))
    dirty = Frame("pad_not_zero", "what stands in the pad is nobody's business",
                  padded[:-3] + b"abc", data("ack"), receive_only=True)
    assert frames.decode(dirty.raw) == dirty.groups
    yield dirty
    for name, groups in (("small", data("ack")), ("tagged", data("ack", tag={
            "pcp": 1, "dei": 0, "vid": 2})), ("large", data("request", ("store", {
                **WHERE, "data": bytes(range(256))}))),
            ("control", control("sets", ("llr_ack", {"value": 5, "arg": 0})))):
        yield good(f"fcs_{name}", "with a software FCS", groups + [("fcs", {})])


# Items and channels -----------------------------------------------------------------------------

def items(source):
    for length in (1, 2, 8, 255, 256):
        yield good(f"load_{length}", "a request of one load",
                   data("request", ("load", {"length": length, **WHERE})))
        yield good(f"store_{length}", "a request of one store", data(
            "request", ("store", {**WHERE, "data": source.randbytes(length)})))
        yield good(f"data_{length}", "what a load or an atomic found", data(
            "response", ("data", {"data": source.randbytes(length)}), header={"flags": 1}))
    for edge in (0, 2**64 - 1):
        yield good(f"load_key_and_address_{edge:x}", "64 bits each", data(
            "request", ("load", {"length": 1, "key": edge, "address": edge})))
    for operation in frames.OPERATIONS:
        for length in (4, 8):
            values = {"operation": operation, "length": length, **WHERE, "operand": 2**63 + 1}
            if operation == "compare_swap":
                values["compare"] = 0x00000000FFFFFFFF
            yield good(f"atomic_{operation}_{length}", "operands are always 8 bytes",
                       data("request", ("atomic", values)))
    for word in ("write", "send"):
        for size in (0, 1, 257, 1000):
            for name, last, immediate in (("more", 0, None), ("last", 1, None),
                                          ("immediate", 1, 2**64 - 2)):
                values = WHERE.copy() if word == "write" else {}
                values.update(last=last, data=source.randbytes(size))
                if immediate is not None:
                    values["immediate"] = immediate
                yield good(f"{word}_{size}_{name}", "a part of a message",
                           data("request", (word, values)))
    for total in (1, 2**30 - 1, 2**30):
        yield good(f"read_{total}", "an RDMA Read",
                   data("request", ("read", {**WHERE, "total": total})))
    for status in frames.STATUSES:
        yield good(f"done_{status}", "how the oldest transaction ended", data(
            "response", ("done", {"count": 1, "status": status}), header={"flags": 1}))
    yield good("done_65535", "so many ended at once", data(
        "response", ("done", {"count": 65535, "status": "ok"}), header={"flags": 1}))
    for name, last, error, size in (("more", 0, 0, 1), ("last", 1, 0, 1000), ("error", 0, 1, 0),
                                    ("last_error", 1, 1, 0)):
        values = {"last": last, "error": error, "data": source.randbytes(size)}
        yield good(f"read_data_{name}", "a part of a read's data",
                   data("response", ("read_data", values), header={"flags": 1}))
    yield good("psn_wraps", "four items, the PSN of the third is 0", data(
        "request", LOAD, LOAD, LOAD, LOAD, header={"psn": 2**32 - 2}))
    for i in range(12):
        yield good(f"mixed_{i}", "items one behind the other",
                   draw.data_frame(source, ("request", "response")[i % 2], linked=False))
    yield good("requests_in_a_response", "the direction is the endpoint's to judge", data(
        "response", LOAD, DONE, header={"flags": 1}))


def channels(source):
    yield good("ack", "nothing but numbers", data("ack"))
    for reason in (0, 1, 2, 3, 4, 255):
        for word in ("nack", "reset"):
            yield good(f"{word}_{reason}", "a reason that nobody knows is a reason, too",
                       data(word, ("reason", {"value": reason})))
    for word in ("open", "opened"):
        for kind in (0, 1):
            for name, bits in (("least", 0), ("most", 1)):
                values = {field: bits * (2**(8 * size) - 1)
                          for field, size in frames.opening_fields(word)}
                values.update({"class": kind, "flags": 0})
                yield good(f"{word}_{kind}_{name}", "0 load_store, 1 rdma",
                           data(word, ("opening", values)))
    values = {field: 1 for field, _ in frames.OPENING[:-1]} | {"flags": 255}
    yield good("open_flags", "flags are zero when sent, ignored when received",
               data("open", ("opening", values)), True)
    for i in range(6):
        yield good(f"opening_{i}", "drawn", draw.data_frame(source, ("open", "opened")[i % 2]))


def controls(source):
    link = {"eligible": 1, "poisoned": 0, "vc": 0, "session": 3, "sequence": 2**20 - 1}
    for word in frames.SETS.values():
        for value, arg in ((0, 0), (1, 1), (2**19, 31), (2**20 - 1, 31)):
            yield good(f"{word}_{value}", "one ordered set", control(
                "sets", (word, {"value": value, "arg": arg})))
    for vc in range(32):
        yield good(f"cf_update_vc_{vc}", "R_CF of one VC", control(
            "sets", ("cf_update", {"value": vc * 33825, "arg": vc})))
    for count in (2, 4, 5, 39, 40):
        sets = [("cf_update", {"value": draw.number(source, 20), "arg": i % 32})
                for i in range(count)]
        yield good(f"sets_{count}", "so many ordered sets", control("sets", *sets))
    for count in (1, 2, 12, 13, 31, 32):
        counters = [("s_cc", {"vc": vc, "value": draw.number(source, 20)}) for vc in range(count)]
        yield good(f"cc_update_{count}", "S_CC of so many VCs, inside the LLR sequence",
                   control("cc_update", *counters, link=link))
    for tx_epoch, rx_epoch in ((0, 0), (0, 1), (1, 0), (2**16 - 1, 2**16 - 1)):
        yield good(f"epochs_{tx_epoch}_{rx_epoch}", "0 = none", control(
            "sets", ("llr_ack", {"value": 0, "arg": 0}), tx_epoch=tx_epoch, rx_epoch=rx_epoch))
    for adverts in (0, 1, 2, 7, 8):
        yield good(f"hello_{adverts}", "so many adverts behind its head", draw.hello(
            source, control("hello"), adverts))
    for value in (0, 1):
        yield good(f"hello_all_{value}", "every bit of its head and of an advert", [
            *control("hello"),
            *((word, {name: value * (2**bits - 1) for name, bits in table})
              for word, table in (("hello", frames.HELLO), ("advert", frames.ADVERT)))])
    yield good("any_order", "a receiver takes any order", control("sets", *(
        (word, {"value": 9, "arg": 9}) for word in reversed(frames.SETS.values()))))
    yield good("control_short_pad", "a medium may hand up less pad", control(
        "sets", ("llr_ack", {"value": 5, "arg": 0}), ("pad", {"bytes": 3})), True)
    for i in range(8):
        yield good(f"drawn_{i}", "drawn", draw.control_frame(source))


# Refusals ---------------------------------------------------------------------------------------

def refusals(source):
    load = frames.encode(data("request", LOAD))
    tagged = frames.encode(data("request", LOAD, tag={"pcp": 0, "dei": 0, "vid": 5}))
    small = frames.encode(data("ack"))
    for size in (0, 13, 14, 16, 31):
        yield refused(f"runt_{size}", "shorter than the least Total Length", load[:size], "runt")
    for size in (32, 35):
        yield refused(f"runt_tagged_{size}", "the tag counts", tagged[:size], "runt")
    for name, raw in (("0x0800", load[:12] + b"\x08\x00" + load[14:]),
                      ("0x88b7", load[:12] + b"\x88\xb7" + load[14:]),
                      ("two_tags", tagged[:16] + b"\x81\x00\x00\x05\x88\xb5" + tagged[18:]),
                      ("tagged_control", tagged[:16] + b"\x88\xb6" + tagged[18:])):
        yield refused(f"type_{name}", "neither of ours", raw, "unknown_ethertype")
    for name, raw in (("0", load[:2] + b"\0\0" + load[4:]), ("31", load[:2] + b"\0\x1f" + load[4:]),
                      ("65535", load[:2] + b"\xff\xff" + load[4:]),
                      ("one_more", load[:2] + b"\x00\x3d" + load[4:]), ("cut", load[:51]),
                      ("longer_pad", load + b"\0"), ("small_longer_pad", small + b"\0"),
                      ("tagged_cut", tagged[:55]), ("tagged_longer_pad", tagged + bytes(5))):
        yield refused(f"length_{name}", "Total Length and bytes do not agree", raw,
                      "length_mismatch")
    for offset in (0, 5, 14, 16, 17, 28, 47, 48, 51):
        flipped = load[offset] ^ (0x80 if offset == 14 else 1)
        yield refused(f"icrc_{offset}", "one bit is another; AR counts, TTL and such do not",
                      changed(load, offset, flipped, mend=False), "bad_icrc")
    for version in (1, 2, 3):
        yield refused(f"version_{version}", "the version comes before the opcode",
                      changed(changed(load, 17, version << 6), 16, 0x44), "unknown_version")
    for opcode in (0x00, 0x08, 0x10, 0x3E, 0x40, 0x81, 0xFF):
        yield refused(f"opcode_{opcode:02x}", "no opcode", changed(load, 16, opcode),
                      "unknown_opcode")
    yield from item_refusals()
    yield from control_refusals()
    with_fcs = frames.encode(data("request", LOAD) + [("fcs", {})])
    for name, raw in (("bit", changed(with_fcs, 33, 0x22, mend=False)),
                      ("itself", changed(with_fcs, len(with_fcs) - 1, 0xEE, mend=False)),
                      ("other_order", with_fcs[:-4] + with_fcs[:-5:-1])):
        yield refused(f"fcs_{name}", "a software FCS that is wrong", raw, "bad_fcs", True)
    for i in range(30):
        yield refused(f"drawn_{i}", "damaged at random", *draw_refused(source))


def draw_refused(source):
    while True:
        raw, with_fcs = draw.damaged(source)
        if with_fcs or draw.may_be_fcs(raw):
            continue
        try:
            frames.decode(raw)
        except Refused as why:
            if len(raw) < 300:
                return raw, str(why)


def item_refusals():
    store = ("store", {**WHERE, "data": bytes(64)})
    atomic = ("atomic", {"operation": "fetch_add", "length": 8, **WHERE, "operand": 1})
    write = ("write", {**WHERE, "last": 1, "data": bytes(9), "immediate": 1})
    read = ("read", {**WHERE, "total": 8})
    send = ("send", {"last": 0, "data": bytes(9)})
    answer = ("data", {"data": bytes(64)})
    part = ("read_data", {"last": 0, "error": 0, "data": bytes(9)})
    error = ("read_data", {"last": 1, "error": 1, "data": b""})
    # (item, offset in it, value): 0 opcode, 1 flags, 2 and 3 length, then what follows.
    for one, offset, value in (
            (LOAD, 0, 0x00), (LOAD, 0, 0x04), (LOAD, 0, 0x0F), (LOAD, 0, 0x13), (LOAD, 0, 0x80),
            (LOAD, 0, 0x84), (LOAD, 0, 0xFF), (LOAD, 1, 1), (LOAD, 2, 1), (LOAD, 3, 0),
            (store, 1, 1), (store, 2, 1), (store, 3, 0), (store, 3, 63), (store, 3, 65),
            (atomic, 1, 2), (atomic, 1, 6), (atomic, 1, 255), (atomic, 2, 1), (atomic, 3, 0),
            (atomic, 3, 1), (atomic, 3, 16), (write, 1, 1), (write, 1, 2), (write, 1, 4),
            (write, 1, 7), (write, 2, 1), (write, 3, 10), (read, 1, 1), (read, 3, 1),
            (read, 20, 0x40), (read, 20, 0x80), (read, 23, 0), (send, 1, 2), (send, 1, 3),
            (send, 1, 4), (send, 3, 10), (DONE, 1, 10), (DONE, 3, 0), (answer, 1, 1),
            (answer, 2, 1), (answer, 3, 0), (answer, 3, 65), (part, 1, 2), (part, 1, 4),
            (part, 1, 8), (part, 3, 0), (part, 3, 10), (error, 1, 1), (error, 3, 1)):
        word = "response" if frames.code_of(frames.ITEMS, one[0]) > 0x80 else "request"
        raw = changed(frames.encode(data(word, one)), 28 + offset, value)
        yield refused(f"item_{one[0]}_{'last_' if one == error else ''}{offset}_{value:02x}",
                      "a head that this item cannot have", raw, "txn_malformed")
    yield refused("item_none", "a request without items",
                  changed(frames.encode(data("ack")), 16, 1), "txn_malformed")
    yield refused("item_second", "all or nothing: the first one is good", changed(
        frames.encode(data("request", LOAD, LOAD)), 48, 0x7F), "txn_malformed")
    for rest in (1, 3):
        groups = data("test", ("payload", {"data": frames.encode_item(*LOAD) + bytes(rest)}))
        yield refused(f"item_rest_{rest}", "bytes behind the last item",
                      changed(frames.encode(groups), 16, 1), "txn_malformed")
    for opcode, size in ((3, 1), (4, 0), (4, 2), (5, 15), (5, 17), (5, 24), (6, 16), (6, 23),
                         (6, 25), (7, 0), (7, 2)):
        groups = data("test", ("payload", {"data": bytes(size)}))
        yield refused(f"{frames.OPCODES[opcode]}_of_{size}", "a payload of another size",
                      changed(frames.encode(groups), 16, opcode), "txn_malformed")
    for kind in (2, 255):
        groups = data("test", ("payload", {"data": bytes(8) + bytes([kind]) + bytes(7)}))
        yield refused(f"open_class_{kind}", "no such class",
                      changed(frames.encode(groups), 16, 5), "txn_malformed")


def control_refusals():
    sets = frames.encode(control("sets", ("llr_ack", {"value": 5, "arg": 0}),
                                 ("cf_update", {"value": 9, "arg": 31})))
    counters = frames.encode(control("cc_update", ("s_cc", {"vc": 0, "value": 7})))
    hello = frames.encode(draw.hello(random.Random(SEED), control("hello"), 2))
    for name, raw, offset, value in (
            ("address", sets, 0, 0), ("address_end", sets, 7, 1), ("version_0", sets, 14, 0x01),
            ("version_2", sets, 14, 0x21), ("kind_0", sets, 14, 0x10), ("kind_3", sets, 14, 0x13),
            ("kind_4", sets, 14, 0x14), ("hello_count_1", hello, 15, 1),
            ("hello_count_3", hello, 15, 3), ("hello_count_9", hello, 15, 9),
            ("count_0", sets, 15, 0), ("count_41", sets, 15, 41), ("count_255", sets, 15, 255),
            ("cc_count_0", counters, 15, 0), ("cc_count_33", counters, 15, 33),
            ("more_than_there_is", sets, 15, 5), ("set_begin", sets, 20, 0x5D),
            ("set_type_0", sets, 21, 0), ("set_type_5", sets, 21, 5), ("set_type_17", sets, 21, 17),
            ("set_nibble", sets, 24, 0x57), ("set_end", sets, 27, 1), ("vc_32", sets, 34, 32),
            ("vc_256", sets, 33, 1), ("cc_nibble", counters, 22, 0x71)):
        yield refused(f"control_{name}", "the frame says what cannot be",
                      changed(raw, offset, value), "control_malformed")
    long = frames.encode(control("sets", *[("llr_ack", {"value": 5, "arg": 0})] * 5))
    for name, raw in (("cut", long[:63]), ("longer", long + b"\0"), ("longer_pad", sets + b"\0"),
                      ("cut_small", sets[:39]), ("hello_cut", hello[:121]),
                      ("hello_longer", hello + b"\0")):
        yield refused(f"control_{name}", "count and bytes do not agree", raw, "control_malformed")
    for offset in (16, 18, 21, 24, 36, 39):
        yield refused(f"control_crc_{offset}", "the CRC comes before the body",
                      changed(sets, offset, sets[offset] ^ 1, mend=False), "control_bad_crc")


KINDS = {
    "headers": (headers, "Sizes, tags, network headers, link words, pads, FCS."),
    "items": (items, "Requests and responses: every kind of item."),
    "channels": (channels, "Frames without items: ack, nack, reset, open, opened."),
    "control": (controls, "Link control: ordered sets, CC_Updates, hellos."),
    "refused": (refusals, "What is dropped, and the name of the drop."),
    "llr": (make_traces.llr, "Traces of the LLR receiver."),
    "cbfc": (make_traces.cbfc, "Traces of the CBFC sender and receiver; costs of frames."),
}


def make_all():
    """{kind: (remark, vectors)}; each kind has a generator of its own."""
    return {kind: (remark, list(make(random.Random(f"{SEED} {kind}"))))
            for kind, (make, remark) in KINDS.items()}


def main():
    for kind, (remark, vectors) in make_all().items():
        save(kind, remark, vectors)
        print(f"{kind}: {len(vectors)} vectors")


if __name__ == "__main__":
    main()
