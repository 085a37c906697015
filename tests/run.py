#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs `meson test` and counts test cases: each case of a GoogleTest program, else the program.

usage: run.py [--build DIR] [arguments of `meson test`, for example --suite fast, or test names]
The last line is "N passed, N failed, N skipped"; the exit code is 0 only if nothing failed.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Tally:
    """What became of each test case, by name."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def add_cases(self, program, report):
        """The cases of one GoogleTest report (xml:)."""
        for case in report.iter("testcase"):
            if case.get("status") == "notrun":
                continue  # DISABLED_ or filtered out: nobody asked for it.
            name = f"{program}: {case.get('classname')}.{case.get('name')}"
            skip = case.find("skipped")
            if case.find("failure") is not None:
                self.failed.append(name)
            elif skip is not None:
                self.skipped.append((name, one_line(skip.get("message") or "")))
            else:
                self.passed += 1

    def add_program(self, test):
        """One program that reports by its exit code (77 = skipped)."""
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            self.passed += 1
        elif test["result"] == "SKIP":
            said = (test.get("stdout") or "") + (test.get("stderr") or "")
            self.skipped.append((test["name"], one_line(said.strip().split("\n")[-1])))
        else:
            self.failed.append(f"{test['name']} ({test['result'].lower()})")

    def add(self, test, reports):
        """One line of meson's log, with the reports that its program wrote, if it wrote any."""
        if not reports:
            self.add_program(test)
            return
        failed_before = len(self.failed)
        for report in reports:
            self.add_cases(test["name"], report)
        if test["result"] not in ("OK", "SKIP") and len(self.failed) == failed_before:
            self.failed.append(f"{test['name']} ({test['result'].lower()})")  # After its cases.

    def print(self):
        for name, why in self.skipped:
            print(f"skipped  {name}: {why or 'no reason given'}")
        for name in self.failed:
            print(f"FAILED   {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped")


def one_line(text):
    return " ".join(text.split())


def own_reports(test, build, start):
    """The report that Meson itself asks for if the test says protocol : 'gtest'."""
    for folder in (build, ROOT):  # Where Meson runs it: some tests have the tree as their workdir.
        path = folder / (test["name"].rpartition(" / ")[2] + ".xml")
        if not path.is_file() or path.stat().st_mtime < start:
            continue
        try:
            return [xml.parse(path).getroot()]
        except xml.ParseError:
            continue
    return []


def gtest_reports(folder):
    """GoogleTest reports by the program's file name; a program that ran twice has two."""
    reports = {}
    for path in sorted(folder.glob("*.xml")):
        try:
            report = xml.parse(path).getroot()
        except xml.ParseError:
            continue  # The program died while it wrote: meson's result counts.
        program, _, number = path.stem.rpartition("_")
        # GoogleTest appends _1, _2 ... when the file is there already.
        reports.setdefault(path.stem, []).append(report)
        if program and number.isdigit() and program in reports:
            reports[program].append(reports.pop(path.stem)[0])
    return reports


def run_meson(build, arguments, folder):
    """Runs the tests; returns meson's exit code and its log, one dictionary per test."""
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--print-errorlogs"]
    environment = dict(os.environ, GTEST_OUTPUT=f"xml:{folder}/", GTEST_COLOR="no")
    status = subprocess.run(command + arguments, env=environment, check=False).returncode
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return status, [json.loads(line) for line in lines if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    options, arguments = parser.parse_known_args()

    start = time.time() - 1  # File systems round.
    with tempfile.TemporaryDirectory(prefix="ethlink-test-") as folder:
        status, tests = run_meson(options.build, arguments, folder)
        reports = gtest_reports(pathlib.Path(folder))

    tally = Tally()
    for test in tests:
        program = pathlib.Path(test["command"][0]).name
        tally.add(test, reports.pop(program, []) or own_reports(test, options.build, start))
    if not tests:
        print("no test was run: see meson's own words above", file=sys.stderr)
    print()
    sys.stdout.flush()
    tally.print()
    return 0 if status == 0 and tests and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main())
