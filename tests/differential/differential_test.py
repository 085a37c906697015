#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do C++, Python and Wireshark's Lua read the same frames, and C++ and Python answer alike?

usage: differential_test.py --codec PROGRAM [--seed N] [--rounds N] [--json FILE]

Each vector is a case for each reader that can say something to it; then come frames, damage and
conversations that are drawn from a seed and not kept. --json writes the table of who agreed.
"""
import argparse
import collections
import json
import pathlib
import random
import shutil
import subprocess
import sys
from xml.sax.saxutils import quoteattr

import draw
import frames
import machines
import make_vectors
import meaning
import vectors
import wireshark
from meaning import Refused

CHUNK = 100  # random rounds that are one case
# Where the shipped code departs from docs/protocol.md, known and told: (reader, case): why.
KNOWN = {}
SHOWN = 20  # failures in full


def differ(left, left_text, right, right_text):
    """Both, from a little before where they differ."""
    at = next((i for i, (a, b) in enumerate(zip(left_text, right_text)) if a != b),
              min(len(left_text), len(right_text)))
    begin = max(at - 60, 0)
    dots = "..." if begin else ""
    return (f"\n  {left}: {dots}{left_text[begin:begin + 300]}"
            f"\n  {right}: {dots}{right_text[begin:begin + 300]}")


class Report:
    """Cases by (suite, name); a failure is a text, a skip too."""

    def __init__(self):
        self.cases = {}
        self.table = collections.defaultdict(dict)  # {kind: {reader: so many vectors agree}}
        self.disagreed = set()  # (kind, reader, vector)

    def add(self, suite, name, wrong="", skipped=None):
        if (suite, name) in self.cases:
            wrong = wrong or "two cases of this name"
        self.cases[suite, name] = (wrong, skipped)

    def agree(self, kind, reader, name, seen, expected):
        """One vector, one reader."""
        wrong = "" if seen == expected else differ(reader, seen, "vector", expected)
        vector = name.split("/")[0]
        if wrong:
            self.disagreed.add((kind, reader, vector))
        known = KNOWN.get((reader, f"{kind}/{name}"))
        if known:
            wrong, known = ("", known) if wrong else ("agrees: KNOWN is out of date", "")
        self.add(reader, f"{kind}/{name}", wrong, known)

    def tabulate(self, kind, reader, some):
        """After the last agree() of these vectors."""
        self.table[kind][reader] = sum((kind, reader, one.name) not in self.disagreed
                                       for one in some)

    def failures(self):
        return {name: wrong for name, (wrong, _) in self.cases.items() if wrong}

    def write_junit(self, path):
        """As GoogleTest's, so that tests/run.py counts the cases."""
        with open(path, "w", encoding="utf-8") as out:
            counts = f'tests="{len(self.cases)}" failures="{len(self.failures())}"'
            out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites {counts}>\n'
                      f'<testsuite name="differential" {counts}>\n')
            for (suite, name), (wrong, skipped) in self.cases.items():
                out.write(f'<testcase classname={quoteattr(suite)} name={quoteattr(name)} '
                          'status="run" time="0">')
                if wrong:
                    out.write(f"<failure message={quoteattr(wrong)}/>")
                if skipped:
                    out.write(f"<skipped message={quoteattr(skipped)}/>")
                out.write("</testcase>\n")
            out.write("</testsuite>\n</testsuites>\n")


class Codec:
    """The shipped C++ behind a pipe: all requests at once, because it answers each in turn."""

    def __init__(self, program):
        self.program = program

    def ask(self, requests):
        if not requests:
            return []
        run = subprocess.run([self.program], input="\n".join(requests) + "\n", text=True,
                             capture_output=True, check=False, timeout=100)
        answers = run.stdout.splitlines()
        if run.returncode != 0 or len(answers) != len(requests):
            at = requests[len(answers)] if len(answers) < len(requests) else "the end"
            sys.exit(f"the codec ended with {run.returncode} at: {at}\n{run.stderr}")
        return answers


def decode_request(raw, with_fcs):
    return ("decode_fcs " if with_fcs else "decode ") + raw.hex()


def decoded(raw, with_fcs):
    """What the reference says, in the codec's words."""
    try:
        return "means " + meaning.to_line(frames.decode(raw, with_fcs))
    except Refused as why:
        return f"refused {why}"


def expectation(frame):
    if frame.refused:
        return f"refused {frame.refused}"
    return "means " + meaning.to_line(frame.groups)


def run_request(machine, steps):
    return f"run {machine} | " + " | ".join(steps)


def said(says):
    return "said " + " | ".join(says)


# Vectors ----------------------------------------------------------------------------------------

def check_frames(report, kind, some, codec):
    for reader, answers in (
            ("Python", [decoded(one.raw, one.with_fcs) for one in some]),
            ("Cpp", codec.ask([decode_request(one.raw, one.with_fcs) for one in some]))):
        for one, answer in zip(some, answers):
            report.agree(kind, reader, f"{one.name}/decode", answer, expectation(one))
    written = [one for one in some if one.groups and not one.receive_only]
    lines = [meaning.to_line(one.groups) for one in written]
    for reader, answers in (
            ("Python", ["hex " + frames.encode(meaning.from_line(line)).hex() for line in lines]),
            ("Cpp", codec.ask(["encode " + line for line in lines]))):
        for one, answer in zip(written, answers):
            report.agree(kind, reader, f"{one.name}/encode", answer, "hex " + one.raw.hex())
        report.tabulate(kind, reader, some)


def check_traces(report, kind, some, codec):
    answers = codec.ask([run_request(one.machine, one.steps) for one in some])
    for one, answer in zip(some, answers):
        report.agree(kind, "Python", one.name, said(machines.run(one.machine, one.steps)),
                     said(one.says))
        report.agree(kind, "Cpp", one.name, answer, said(one.says))
    for reader in ("Python", "Cpp"):
        report.tabulate(kind, reader, some)


def silence(expected):
    """What it means that the dissector leaves a frame to others: no EtherType of ours."""
    return expected if expected in ("refused runt", "refused unknown_ethertype") else "nothing"


def check_wireshark(report, kind, some):
    all_seen = wireshark.decode([one.raw for one in some])
    for one, seen in zip(some, all_seen):
        report.agree(kind, "Wireshark", one.name, seen or silence(expectation(one)),
                     expectation(one))
    report.tabulate(kind, "Wireshark", some)
    report.table[kind]["Wireshark silent"] = all_seen.count(None)


def check_generator(report, kept):
    for kind, (_, made) in make_vectors.make_all().items():
        report.add("Files", kind, "" if made == kept.get(kind) else
                   "make_vectors.py makes others than are kept")


# Drawn ------------------------------------------------------------------------------------------

def compare_all(report, name, requests, expected, answers):
    """Cases of CHUNK rounds each; the failure shows the first round that differs.

    `name`: what is drawn, and who answers unless it is C++."""
    reader = "Wireshark" if name.endswith("wireshark") else "Cpp"
    for at in range(0, len(requests), CHUNK):
        rounds = slice(at, at + CHUNK)
        wrong = next((f"\n  asked: {request}" + differ(reader, answer, "Python", reference)
                      for request, reference, answer
                      in zip(requests[rounds], expected[rounds], answers[rounds])
                      if reference != answer), "")
        report.add("Drawn", f"{name}/{at // CHUNK}", wrong)
    report.table[f"drawn {name}"]["rounds"] = len(requests)
    report.table[f"drawn {name}"][reader] = sum(
        reference == answer for reference, answer in zip(expected, answers))


def check_drawn(report, seed, rounds, codec, with_wireshark):
    source = random.Random(f"{seed} frames")
    drawn = [draw.frame(source) for _ in range(rounds)]
    encoded = [frames.encode(groups) for groups in drawn]
    requests = ["encode " + meaning.to_line(groups) for groups in drawn]
    compare_all(report, "encode", requests, ["hex " + raw.hex() for raw in encoded],
                codec.ask(requests))
    requests = [decode_request(raw, groups[-1][0] == "fcs") for raw, groups in zip(encoded, drawn)]
    expected = ["means " + meaning.to_line(groups) for groups in drawn]
    compare_all(report, "decode", requests, expected, codec.ask(requests))
    if with_wireshark:
        sample = slice(0, rounds // 4)
        seen = wireshark.decode(encoded[sample])
        compare_all(report, "decode wireshark", requests[sample], expected[sample],
                    [text or "nothing" for text in seen])

    source = random.Random(f"{seed} damage")
    damage = [draw.damaged(source) for _ in range(rounds)]
    requests = [decode_request(*one) for one in damage]
    compare_all(report, "damage", requests, [decoded(*one) for one in damage], codec.ask(requests))

    if with_wireshark:
        damage = [one for one in damage if not one[1] and not draw.may_be_fcs(one[0])]
        damage = damage[:rounds // 4]
        expected = [decoded(*one) for one in damage]
        seen = wireshark.decode([raw for raw, _ in damage])
        compare_all(report, "damage wireshark", [decode_request(*one) for one in damage], expected,
                    [text or silence(reference) for text, reference in zip(seen, expected)])

    source = random.Random(f"{seed} machines")
    talks = [("llr_receiver", draw.llr_steps(source)) for _ in range(rounds)]
    talks += [("cbfc_sender", draw.sender_steps(source, machines.CbfcSender()))
              for _ in range(rounds // 2)]
    talks += [("cbfc_receiver", draw.receiver_steps(source, machines.CbfcReceiver()))
              for _ in range(rounds // 2)]
    requests = [run_request(*talk) for talk in talks]
    compare_all(report, "machines", requests, [said(machines.run(*talk)) for talk in talks],
                codec.ask(requests))


# ------------------------------------------------------------------------------------------------

def print_table(report, kept):
    readers = ("Python", "Cpp", "Wireshark", "Wireshark silent")
    print(f"{'kind':24} {'vectors':>8} " + " ".join(f"{name:>16}" for name in readers))
    for kind, counts in report.table.items():
        number = len(kept[kind]) if kind in kept else counts["rounds"]
        print(f"{kind:24} {number:>8} "
              + " ".join(f"{counts.get(name, '-'):>16}" for name in readers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--codec", required=True, help="the program made of codec.cpp")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1000, help="of each kind that is drawn")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--gtest_output", metavar="xml:FILE", help="a report as GoogleTest's")
    options = parser.parse_args()

    report, codec, kept = Report(), Codec(options.codec), vectors.load()
    with_wireshark = shutil.which("tshark") is not None
    check_generator(report, kept)
    for kind, some in kept.items():
        if isinstance(some[0], vectors.Trace):
            check_traces(report, kind, some, codec)
            continue
        check_frames(report, kind, some, codec)
        if with_wireshark:
            check_wireshark(report, kind, some)
        else:
            report.add("Wireshark", kind, skipped="tshark is not installed: apt install tshark")
    check_drawn(report, options.seed, options.rounds, codec, with_wireshark)

    print_table(report, kept)
    failures = report.failures()
    for (suite, name), wrong in list(failures.items())[:SHOWN]:
        print(f"FAILED {suite}.{name}: {wrong}")
    print(f"{len(report.cases)} cases, {len(failures)} failed; seed {options.seed}")
    if options.json:
        table = {kind: dict(counts, vectors=len(kept.get(kind, ())))
                 for kind, counts in report.table.items()}
        options.json.write_text(json.dumps({"seed": options.seed, "kinds": table}, indent=1) + "\n",
                                encoding="utf-8")
    if options.gtest_output:
        report.write_junit(options.gtest_output.removeprefix("xml:"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
