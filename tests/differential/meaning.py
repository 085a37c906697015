# SPDX-License-Identifier: BSD-3-Clause
"""What a frame means, as text: groups of a word and key=value pairs, in the order of the wire.

    frame dst=520 src=641 entropy=7 | net ar=0 ttl=8 ... | request flags=0 ... | load length=64 ...

One line with " | " between the groups on a pipe, a line per group in a file. Numbers are decimal,
64-bit ones 0x and 16 digits, bytes are hexadecimal digits (maybe none).
"""

BYTES = ("data",)
WIDE = ("key", "address", "operand", "compare", "immediate", "nonce", "epoch64", "digest",
        "version", "dead", "drained")
WORDS = ("kind", "operation", "status")


class Refused(Exception):
    """A frame that is dropped, and the name of the counter that says so."""


def value_text(key, value):
    if key in BYTES:
        return value.hex()
    return f"0x{value:016x}" if key in WIDE else str(value)


def value_of(key, text):
    if key in BYTES:
        return bytes.fromhex(text)
    return text if key in WORDS else int(text, 0)


def group_text(group):
    word, values = group
    return " ".join([word, *(f"{key}={value_text(key, value)}" for key, value in values.items())])


def group_of(text):
    word, *pairs = text.split()
    split = (pair.split("=", 1) for pair in pairs)
    return word, {key: value_of(key, value) for key, value in split}


def to_line(groups):
    return " | ".join(group_text(group) for group in groups)


def from_line(line):
    return [group_of(part) for part in line.split(" | ")]
