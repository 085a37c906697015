# SPDX-License-Identifier: BSD-3-Clause
"""The annotated frames of this folder, for the Python tests beside it."""
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent
CONTROL = 0x88B6
VLAN = 0x8100


def load(path):
    """The bytes of one .hex file: hexadecimal digits, '#' to the end of the line is a comment."""
    lines = path.read_text(encoding="ascii").splitlines()
    return bytes.fromhex("".join(line.split("#")[0] for line in lines))


def load_all():
    """{name: bytes} of every frame, in the order of the names."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.hex"))}


def ether_type(frame):
    return int.from_bytes(frame[12:14], "big")


def is_control(frame):
    return ether_type(frame) == CONTROL


def checksum_span(frame):
    """(offset of the ICRC or of the control frame's CRC, the bytes that it covers)."""
    cleared = frame[:8] + bytes(4) + frame[12:]  # The link word counts as zero.
    if is_control(frame):
        head, element = {1: (0, 8), 2: (0, 3), 3: (34, 32)}[frame[14] & 0xF]
        end = 20 + head + frame[15] * element
        return end, cleared[:end]
    tag = 4 if ether_type(frame) == VLAN else 0
    end = int.from_bytes(frame[2:4], "big") + tag - 4
    net = int.from_bytes(frame[14 + tag:16 + tag], "big") | 0x7FFF
    covered = cleared[:12] + frame[12 + tag:14 + tag] + net.to_bytes(2, "big")
    return end, covered + frame[16 + tag:end]
