# SPDX-License-Identifier: BSD-3-Clause
"""The files of vectors/: frames with what they mean or why they are refused, and traces.

    [name] a remark                        [name] a remark
    receive                                llr_receiver
    fcs                                      start -> started state=send_acks ...
    hex 0208...                              frame session=3 ... -> accept ...
    means
      frame dst=520 ...
    refused runt                    (instead of means)

`receive`: no sender makes it so, but receivers take it. `fcs`: from a medium with software FCS.
A line that begins with eight spaces goes on where the one before ended.
"""
import dataclasses
import pathlib

import meaning

FOLDER = pathlib.Path(__file__).resolve().parent / "vectors"
WIDTH = 100


@dataclasses.dataclass
class Frame:
    name: str
    remark: str
    raw: bytes
    groups: list = None
    refused: str = None
    with_fcs: bool = False
    receive_only: bool = False

    def lines(self):
        yield f"[{self.name}] {self.remark}"
        if self.receive_only:
            yield "receive"
        if self.with_fcs:
            yield "fcs"
        yield from wrapped(f"hex {self.raw.hex()}".strip())
        if self.refused:
            yield "refused " + self.refused
            return
        yield "means"
        for group in self.groups:
            yield from wrapped("  " + meaning.group_text(group))


@dataclasses.dataclass
class Trace:
    name: str
    remark: str
    machine: str
    steps: list
    says: list

    def lines(self):
        yield f"[{self.name}] {self.remark}"
        yield self.machine
        for step, said in zip(self.steps, self.says):
            yield from wrapped(f"  {step} -> {said}")


def wrapped(line):
    """The line in pieces, none of which ends with a space."""
    indent = ""
    while line:
        at = WIDTH - len(indent)
        while line[at - 1:at] == " " and len(line) > at:
            at -= 1
        yield indent + line[:at]
        line, indent = line[at:], " " * 8


def save(kind, remark, vectors):
    lines = ["# SPDX-License-Identifier: BSD-3-Clause", f"# {remark}",
             "# Made by make_vectors.py; the format is told in vectors.py."]
    for vector in vectors:
        lines += ["", *vector.lines()]
    (FOLDER / f"{kind}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


def blocks(path):
    """The lines of each vector, put together again."""
    block = []
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("#"):
            continue
        if line.startswith(" " * 8):
            block[-1] += line[8:]
        elif line:
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def parse(block):
    name, _, remark = block[0][1:].partition("] ")
    if not any(line.split(" ")[0] == "hex" for line in block):
        steps, says = zip(*(line.strip().split(" -> ") for line in block[2:]))
        return Trace(name, remark, block[1], list(steps), list(says))
    frame = Frame(name, remark, b"")
    for number, line in enumerate(block[1:], 1):
        word, _, rest = line.partition(" ")
        if word == "hex":
            frame.raw = bytes.fromhex(rest)
        elif word == "refused":
            frame.refused = rest
        elif word == "means":
            frame.groups = [meaning.group_of(text) for text in block[number + 1:]]
            break
        elif word == "fcs":
            frame.with_fcs = True
        elif word == "receive":
            frame.receive_only = True
        else:
            raise ValueError(f"{name}: what is '{line}'?")
    return frame


def load():
    """{kind: [vectors]} of all files."""
    return {path.stem: [parse(block) for block in blocks(path)]
            for path in sorted(FOLDER.glob("*.txt"))}
