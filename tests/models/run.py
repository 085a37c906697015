#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks the models of this folder with Spin: each as it is, and each known-bad variant of it.

usage: run.py [-j N] [--json FILE] [--keep DIR] [--list] [MODEL[:VARIANT] ...]

A known-bad variant is the same model with a rule taken away by a define. It has to fail, and in the
way that its row says; so no model can rot into one that forbids nothing. The exit code is 0 if all
rows came out as expected, 1 if one did not, 77 if Spin or a C compiler is missing.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import quoteattr

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MB = 1500
SECONDS = 90
DEPTH = 200_000
TRAIL_LINES = 40


@dataclasses.dataclass(frozen=True)
class Case:
    """One run. `expect`: "ok", or how it must fail: "assert TEXT" (part of the assertion that must
    be the one violated), "deadlock", "livelock". `live`: look for cycles, too."""
    model: str
    variant: str
    defines: str
    expect: str = "ok"
    live: bool = False
    why: str = ""

    @property
    def name(self):
        return f"{self.model}:{self.variant}"


def load_cases():
    """The table cases.txt: model | variant | expectation | defines, one a line, # for remarks."""
    cases = []
    why = []
    for line in (HERE / "cases.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            why.append(line[1:].strip())
            continue
        if not line.strip():
            why = []
            continue
        model, variant, expect, defines = (part.strip() for part in line.split("|"))
        live = expect in ("live", "livelock")
        cases.append(Case(model, variant, defines, "ok" if expect == "live" else expect, live,
                          " ".join(why)))
        why = []
    return cases


@dataclasses.dataclass
class Result:
    case: Case
    found: str = ""  # "ok", "assert ...", "deadlock", "livelock", or what went wrong
    states: int = 0
    depth: int = 0
    seconds: float = 0.0
    trail: str = ""

    @property
    def good(self):
        if self.case.expect.startswith("assert "):
            return self.found.startswith("assert ") and self.case.expect[7:] in self.found[7:]
        return self.found == self.case.expect

    @property
    def verdict(self):
        if not self.good:
            return f"UNEXPECTED: {self.found}, expected {self.case.expect}"
        return "holds" if self.found == "ok" else f"fails as it must: {self.found}"

    def as_dict(self):
        return {"model": self.case.model, "variant": self.case.variant,
                "defines": self.case.defines, "liveness": self.case.live,
                "expected": self.case.expect, "found": self.found, "as_expected": self.good,
                "states": self.states, "depth": self.depth, "seconds": round(self.seconds, 2)}


def what_pan_says(text):
    """The verdict of a verifier run, from its words."""
    first = re.search(r"^pan:1: (.*?) \(at depth", text, re.MULTILINE)
    if first is None:
        if re.search(r"max search depth too small|MEMLIM bound|out of memory", text):
            return "incomplete"
        return "ok" if re.search(r"errors: 0\b", text) else "no verdict"
    words = first.group(1)
    if words.startswith("assertion violated"):
        return "assert " + " ".join(words[len("assertion violated"):].split())
    known = {"invalid end state": "deadlock", "non-progress cycle": "livelock"}
    return known.get(words, words)


def number(pattern, text):
    match = re.search(pattern, text)
    return int(float(match.group(1))) if match else 0


def run(case, folder):
    """Generates, compiles and runs the verifier of one case in a folder of its own."""
    result = Result(case)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / f"{case.model}.pml", folder)
    defines = case.defines.split()
    source = f"{case.model}.pml"
    compiler = os.environ.get("CC", "cc").split()
    search = "-DNP" if case.live else "-DSAFETY"
    effort = "-O2" if case.expect == "ok" else "-O0"  # What fails does so soon.
    steps = (
        ["spin", "-a", *defines, source],
        [*compiler, effort, "-w", f"-DMEMLIM={MEMORY_MB}", search, "-o", "pan", "pan.c"],
        ["./pan", f"-m{DEPTH}", *(["-l"] if case.live else [])],
    )
    start = time.monotonic()
    out = ""
    for step in steps:
        try:
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True, check=False,
                                  timeout=SECONDS)
        except subprocess.TimeoutExpired:
            result.found = f"{step[0]}: no end after {SECONDS} s"
            return result
        out = done.stdout + done.stderr
        if done.returncode != 0 and step is not steps[-1]:
            result.found = f"{step[0]}: {out.strip()[-300:]}"
            return result
    result.seconds = time.monotonic() - start
    result.found = what_pan_says(out)
    result.states = number(r"([\d.e+]+) states, stored", out)
    result.depth = number(r"depth reached (\d+)", out)
    if not result.good and (folder / f"{source}.trail").exists():
        done = subprocess.run(["spin", "-t", "-p", *defines, source], cwd=folder, text=True,
                              capture_output=True, check=False, timeout=SECONDS)
        result.trail = shorten(done.stdout)
    return result


def shorten(trail):
    """The steps of a counterexample: its beginning and its end."""
    lines = [line for line in trail.splitlines() if re.match(r"\s*\d+:\s+proc|\s*<<<|spin:", line)]
    half = TRAIL_LINES // 2
    if len(lines) > TRAIL_LINES:
        lines = lines[:half] + [f"    ... {len(lines) - TRAIL_LINES} steps ..."] + lines[-half:]
    return "\n".join(lines)


def write_junit(path, results):
    """The report of a GoogleTest program, so that tests/run.py counts the cases."""
    with open(path, "w", encoding="utf-8") as out:
        failed = sum(not result.good for result in results)
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n'
                  f'<testsuites tests="{len(results)}" failures="{failed}" name="models">\n'
                  f'<testsuite name="models" tests="{len(results)}" failures="{failed}">\n')
        for result in results:
            out.write(f'<testcase classname={quoteattr(result.case.model)} status="run" '
                      f'name={quoteattr(result.case.variant)} time="{result.seconds:.2f}">')
            if not result.good:
                out.write(f'<failure message={quoteattr(result.verdict)}/>')
            out.write("</testcase>\n")
        out.write("</testsuite>\n</testsuites>\n")


def wanted(case, names):
    return not names or case.model in names or case.name in names


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="MODEL[:VARIANT]")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="so many at a time (2)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="verifiers and trails")
    parser.add_argument("--list", action="store_true", help="name the cases and what they show")
    parser.add_argument("--gtest_output", metavar="xml:FILE", help="a report as GoogleTest's")
    options = parser.parse_args()

    cases = [case for case in load_cases() if wanted(case, options.names)]
    if not cases:
        parser.error("no such case; see --list")
    if options.list:
        for case in cases:
            print(f"{case.name:42} {case.expect:28} {case.why}")
        return 0
    missing = [tool for tool in ("spin", os.environ.get("CC", "cc").split()[-1])
               if shutil.which(tool) is None]
    if missing:
        print(f"{' and '.join(missing)} not found; on Debian: apt-get install spin gcc")
        return 77

    begin = time.monotonic()
    print(f"{'model':14} {'variant':26} {'states':>10} {'depth':>6} {'s':>6}  verdict")
    with tempfile.TemporaryDirectory(prefix="ethlink-models-") as scratch:
        base = options.keep or pathlib.Path(scratch)
        with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
            results = []
            for result in pool.map(lambda c: run(c, base / c.model / c.variant), cases):
                results.append(result)
                print(f"{result.case.model:14} {result.case.variant:26} {result.states:>10} "
                      f"{result.depth:>6} {result.seconds:>6.1f}  {result.verdict}", flush=True)
                if result.trail:
                    print(result.trail)
    bad = [result for result in results if not result.good]
    print(f"{len(results)} cases, {sum(r.states for r in results):,} states, "
          f"{time.monotonic() - begin:.0f} s; {len(bad)} not as expected")
    if options.json:
        options.json.write_text(json.dumps([r.as_dict() for r in results], indent=1) + "\n",
                                encoding="utf-8")
    if options.gtest_output:
        write_junit(options.gtest_output.removeprefix("xml:"), results)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
