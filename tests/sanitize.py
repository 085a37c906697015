#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds tests with sanitizers and runs them; nothing is suppressed.

usage: sanitize.py [address|thread]... [--short] [--build DIR] [--build-only] [--only NAME]...
                   [--list]

  address   AddressSanitizer and UndefinedBehaviorSanitizer (clang): links, transactions, data
            plane, simulation, DPDK with the debug mempool, library, control, saved inputs of the
            fuzzers
  thread    ThreadSanitizer (gcc): what crosses threads (DPDK and oneTBB are not built with it, so
            what runs on their threads is left out: their own ordering would look like a race)
  --short   only what the fuzzers do not run anyway and the other programs do not repeat, with few
            seeds: part of each test run
  --only    of these tests, as `meson test --list` calls them
  --list    their names, without building them

Both, one after the other, if none is named. The last line counts; the exit code is 0 only if every
test passed and no sanitizer said anything.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

import trees

SKIPPED = 77
# Whole names of tests.
TESTS = {
    "address": re.compile(r"(wire|proto|link|acceptance|txn|dataplane|sim|dpdk|client|control"
                          r"|runtime|pktgen|deploy|golden|fuzz)(_\w+)?"),
    "thread": re.compile(r"dataplane_threads|runtime|pktgen|client|txn_clients"),
}
SHORT = {
    "address": ("control", "dpdk", "sim_link_storm", "sim_txn_storm", "txn_clients"),
    "thread": ("client", "dataplane_threads", "txn_clients"),
}
OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    # A forwarding table is large enough for TSan to map its shadow anew each time: the page faults
    # would cost 14 times what all the rest does.
    "TSAN_OPTIONS": "second_deadlock_stack=1:clear_shadow_mmap_threshold=16777216",
}
# Everything takes five to twenty times as long: of each simulation as many seeds as so many seconds
# allow, and fewer rounds of the same. Whoever sets one of them gets what they want.
LONG = {"ETHLINK_SECONDS": "30"}
FEW = {"ETHLINK_SEEDS": "10", "ETHLINK_TABLE_UPDATES": "20000"}
REPORT = re.compile(r"(?:ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer"
                    r"|runtime error|FATAL: ThreadSanitizer): .*")


def chosen_tests(folder, kind, options):
    """{name: what must be built for it}"""
    def is_wanted(name):
        return (TESTS[kind].fullmatch(name) and (not options.short or name in SHORT[kind])
                and (not options.only or name in options.only))
    return {name: files for name, files in trees.tests_of(folder).items() if is_wanted(name)}


def reports_of(folder):
    """What the sanitizers said, by test."""
    log = folder / "meson-logs/testlog.json"
    found = {}
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else []:
        test = json.loads(line)
        said = REPORT.findall((test.get("stdout") or "") + (test.get("stderr") or ""))
        if said:
            found[test["name"]] = sorted(set(said))
    return found


def environment(short):
    # Our own report of each test, not one among those of whoever runs this.
    own = {key: value for key, value in os.environ.items() if not key.startswith("GTEST_")}
    return {**(FEW if short else LONG), **own, **OPTIONS}


def sanitize(folder, kind, options):
    tests = chosen_tests(folder, kind, options)
    if not tests:
        raise SystemExit(f"no test of {kind} is called so; --list names them")
    trees.say(f"sanitize: {kind}: building {len(tests)} programs")
    trees.build(folder, sorted({file for files in tests.values() for file in files}))
    if options.build_only:
        return True
    done = subprocess.run(
        [sys.executable, str(trees.ROOT / "tests/run.py"), "--build", str(folder),
         "--timeout-multiplier", "10", *tests], check=False, env=environment(options.short))
    found = reports_of(folder)
    for name, reports in found.items():
        for report in reports:
            print(f"{kind}: {name}: {report}")
    print(f"{kind}: {len(tests)} programs, {sum(map(len, found.values()))} reports", flush=True)
    return done.returncode == 0 and not found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("kinds", nargs="*", metavar="address|thread")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default=trees.PLACE)
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    unknown = set(options.kinds) - set(TESTS)
    if unknown:
        raise SystemExit(f"there is no sanitizer {', '.join(sorted(unknown))}; there are: address, "
                         "thread")
    good = True
    for kind in options.kinds or TESTS:
        lacks = trees.missing(kind)
        if lacks:
            trees.say(f"sanitize: {kind}: {lacks}")
            return SKIPPED
        folder = trees.set_up(options.build, kind)
        if options.list:
            print("\n".join(f"{kind}: {name}" for name in chosen_tests(folder, kind, options)))
        else:
            good = sanitize(folder, kind, options) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
