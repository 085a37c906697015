#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Builds tests with a sanitizer of GCC and runs them; nothing is suppressed.

usage: sanitize.py [address|thread]... [--build DIR] [--only NAME]... [--list]

  address   AddressSanitizer and UndefinedBehaviorSanitizer: links, transactions, data plane,
            simulation, DPDK with the debug mempool, library, control, saved inputs of the fuzzers
  thread    ThreadSanitizer: what crosses threads (DPDK and oneTBB are not built with it, so what
            runs on their threads is left out: their own ordering would look like a race)
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETUP = {"address": "address,undefined", "thread": "thread"}
# Whole names of tests.
TESTS = {
    "address": re.compile(r"(wire|proto|acceptance|txn|dataplane|sim|dpdk|client|control|runtime"
                          r"|pktgen|golden|fuzz)(_\w+)?"),
    "thread": re.compile(r"dataplane|runtime|client|txn_clients"),
}
# Programs that are no part of ours, in Python, would not be looked at anyway.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
}
REPORT = re.compile(r"(?:ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer"
                    r"|runtime error|FATAL: ThreadSanitizer): .*")


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, what):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(done.stdout[-4000:] + done.stderr[-4000:])
        raise SystemExit(f"{what} failed: see above")
    return done.stdout


def set_up(folder, kind):
    if (folder / "build.ninja").exists():
        return
    # -O1: what the optimizer has folded away, no sanitizer sees.
    run(["meson", "setup", str(folder), str(ROOT), f"-Db_sanitize={SETUP[kind]}",
         "-Db_lundef=false", "-Dbench=disabled", "-Doptimization=1", "-Dwerror=false",
         "-Dcpp_args=['-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer']"],
        "meson setup")


def tests_of(folder, kind, only):
    """{name: ninja's target}"""
    chosen = {}
    for test in json.loads(run(["meson", "introspect", str(folder), "--tests"], "meson")):
        program = pathlib.Path(test["cmd"][0])
        if not TESTS[kind].fullmatch(test["name"]) or folder not in program.parents:
            continue
        if not only or test["name"] in only:
            chosen[test["name"]] = str(program.relative_to(folder))
    return chosen


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


def sanitize(folder, kind, only):
    tests = tests_of(folder, kind, only)
    if not tests:
        raise SystemExit(f"no test of {kind} is called so; --list names them")
    say(f"sanitize: {kind}: building {len(tests)} programs")
    run(["ninja", "-C", str(folder), *sorted(set(tests.values()))], "the build")
    # What tests run besides themselves (depends:) is built by meson.
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/run.py"), "--build", str(folder),
         "--timeout-multiplier", "10", *tests], check=False,
        env=dict(os.environ, **ENVIRONMENT))
    found = reports_of(folder)
    for name, reports in found.items():
        for report in reports:
            print(f"{kind}: {name}: {report}")
    print(f"{kind}: {len(tests)} programs, {sum(map(len, found.values()))} reports", flush=True)
    return done.returncode == 0 and not found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("kinds", nargs="*", metavar="address|thread")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-sanitize")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    unknown = set(options.kinds) - set(SETUP)
    if unknown:
        raise SystemExit(f"there is no sanitizer {', '.join(sorted(unknown))}; there are: address, "
                         "thread")
    good = True
    for kind in options.kinds or SETUP:
        folder = options.build.resolve() / kind
        set_up(folder, kind)
        if options.list:
            print("\n".join(f"{kind}: {name}" for name in tests_of(folder, kind, options.only)))
        else:
            good = sanitize(folder, kind, options.only) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
