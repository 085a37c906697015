#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""First inputs for the fuzzers: the frames of tests/golden/ and tests/differential/vectors/, the
files of configs/ and mistakes in one, requests and texts, and for the targets that read their input
as a script, scripts by chance and one that fills a ring.

usage: seeds.py FOLDER      writes FOLDER/TARGET/*.input
"""
import pathlib
import random
import re
import sys

import mistakes

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTED = ("client_socket", "clients", "control_socket", "endpoint", "link", "link_hostile",
            "switch")
SCRIPTS = 30
SCRIPT_BYTES = 600
REQUESTS = (
    '{"command":"help"}',
    '{"command":"fault set","id":7,"port":"leaf0:e0","loss":0.01,"delay_ns":1000,"clear":true}',
    '{"command":"drops","port":"leaf0","all":true}\n{"command":"fault set","reorder_distance":3}',
    '{"command":"fault set","n":3}\n{"command":"fault set","n":2}\n{"command":"drops","all":1}',
)
TEXTS = (  # by what fuzz_texts.cpp takes it for
    (0, "64"), (0, "64,512,1518"), (0, "64:7,570:4,1518:1"), (0, "imix"), (0, "imix:aaaaaaaddddg"),
    (1, "net_memif0,role=client,id=0,bsize=4096"), (1, "net_af_packet0,iface=va0,framesz=4096"),
    (1, "net_memif0,role=client,zero-copy=yes"), (129, "net_af_packet0,iface=va0"),
    (129, "0000:03:00.0"), (129, "net_tap0,iface=tap0"), (1, "0000:03:00.0"),
    (1, "net_af_xdp0,iface=va0"), (1, "net_pcap0,rx_pcap=a,tx_pcap=b"),
    (2, "all-to-all"), (3, "leaf0"), (3, "lab-1.x"),
)
SHAPES = (
    "kind: back-to-back, tracks: 2", "kind: single-rack, gpus: 3, tracks: 2",
    "kind: dual-rack, gpus: 4, tracks: 1, uplinks: 2",
    "kind: leaf-spine, gpus: 4, racks: 2, tracks: 1, spines: 2, uplinks: 2",
    "kind: leaf-spine, gpus: 4, racks: 2, oversubscription: 2",
)
TRANSPORT = ("max_outstanding_transactions: 64, max_outstanding_items: 256, "
             "response_buffer_bytes: 65536, ack_delay_us: 3, retry_timer_min_us: 50, "
             "retry_timer_max_us: 5000, give_up_timer_ms: 100, retries_per_path: 3")
OEFH = 14
NET = 2


def golden():
    """(name, bytes) of each golden frame."""
    for path in sorted((ROOT / "tests/golden").glob("*.hex")):
        lines = [line.split("#")[0] for line in path.read_text(encoding="utf-8").splitlines()]
        yield path.stem, bytes.fromhex("".join(lines))


def vectors():
    """(name, bytes) of each frame that three implementations agree on, good or refused."""
    for path in sorted((ROOT / "tests/differential/vectors").glob("*.txt")):
        text = path.read_text(encoding="ascii").replace("\n        ", "")
        for name, digits in re.findall(r"^\[(\w+)\][^\[]*?^hex ([0-9a-f]+)$", text, re.M | re.S):
            yield f"{path.stem}_{name}", bytes.fromhex(digits)


def transaction(frame):
    """What stands between network header and ICRC, or nothing."""
    at = OEFH + (4 if frame[12:14] == b"\x81\x00" else 0) + NET
    return frame[at:int.from_bytes(frame[2:4], "big") + at - OEFH - NET - 4]


def seeds():
    """(target, name, bytes)."""
    for name, frame in [*golden(), *vectors()]:
        if frame[12:14] == b"\x88\xb6":
            yield "control_frame", name, b"\0" + frame
            yield "control_frame", name + "_sealed", b"\1" + frame
        else:
            yield "txn_items", name, transaction(frame)
        yield "frame", name, b"\0\0\0\0" + frame
        yield "crc", name, b"\0\0\0\0\0\0" + frame
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        yield "config", path.stem, path.read_bytes()
    for number, text in enumerate(mistakes.texts()):
        yield "config", f"mistake{number}", text.encode()
    for number, shape in enumerate(SHAPES):
        text = (f"fabric: f\ntopology: {{{shape}}}\n"
                f"profiles: {{default: {{transport: {{{TRANSPORT}}}}}}}\n")
        yield "config", f"shape{number}", text.encode()
    for number, request in enumerate(REQUESTS):
        yield "commands", f"request{number}", request.encode()
    for number, (kind, text) in enumerate(TEXTS):
        yield "texts", f"text{number}", bytes([kind, 255]) + text.encode()
    yield "clients", "full_ring", full_ring()
    yield from sockets()
    for target in SCRIPTED:
        chance = random.Random(target)
        for number in range(SCRIPTS):
            yield target, f"script{number}", chance.randbytes(chance.randrange(SCRIPT_BYTES))


def sockets():
    """For fuzz_control_socket.cpp: peers of a process without patience; names that are none or
    taken. For fuzz_client_socket.cpp: one program that wants as many windows, then peers, as there
    are, and one more."""
    connect, turn, line = b"\0", b"\1", b"\x15hello\n"
    yield "control_socket", "silent", b"\xF0" + connect + turn * 2 + line
    yield "control_socket", "in_time", b"\xF0" + connect + line + turn * 2
    yield "control_socket", "bad_name", b"\xE0" + b"\3a/b" + connect + line + turn
    yield "control_socket", "taken_name", b"\xE0" + b"\1a" + connect + line + turn
    hello = b"\x08\0\0\0" + b"\0\0"  # and a backend that says yes, at once
    yield "client_socket", "windows", connect + hello + b"\5\xF0"
    yield "client_socket", "peers", connect + hello + b"\5\xF1"


def full_ring():
    """For fuzz_clients.cpp: a program that asks and does not take what comes back; then it does;
    then it says that it has taken more than there was."""
    flood = bytes([0, 10, 255])  # of the first program
    some_time = bytes([0, 0, 255])
    take = bytes([0, 1])
    lie = bytes([0, 2, 0, 0xFF, 0xFF, 0, 0])
    return (flood + some_time) * 3 + (take + flood + some_time) * 3 + lie + (flood + some_time) * 2


def main():
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for target, name, data in seeds():
        folder = pathlib.Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.input").write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
