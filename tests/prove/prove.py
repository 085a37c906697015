#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Spends so many minutes on showing that the invariants hold, and writes down what came out.

usage: prove.py [--minutes N] [--mutants] [--json] [--only PART]... [--build DIR] [--work DIR]
                [--figures FILE] [--list]

  --minutes N    all of it, but for builds: models, vectors and sanitizers take as long as they take
                 (about ten minutes of two CPUs); simulator, fuzzers and soak share what is left,
                 and have at least 40 to 60 seconds each (60)
  --mutants      plant all bugs anew, which is not part of the minutes; else it is told what came
                 out when each was tried last
  --only PART    these alone; the figures are only written where --figures says
  --figures F    where the figures go (docs/reliability-figures.md, if all parts run); - for nowhere
  --work DIR     keep what the parts have written there

The exit code is 0 only if every part ran, was understood, and every invariant held.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time

import figures
import parts as proof

SAID = 40  # lines of a part that failed
LATE = 3600  # seconds that a part may take beyond twice its time


def say(text):
    print(text, file=sys.stderr, flush=True)


def tell(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=proof.ROOT)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine():
    """What the figures were seen on."""
    cpu = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    changed = tell("git", "status", "--porcelain", "--untracked-files=no")
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": (tell("git", "rev-parse", "--short=12", "HEAD") or "none")
                      + (" and uncommitted changes" if changed else ""),
            "cpu": cpu, "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release().split("-", maxsplit=1)[0],
            "compiler": (tell("c++", "--version").splitlines() or ["unknown"])[0]}


def attempt(part, build, work, seconds):
    """The figures of a part; what goes wrong with it is a figure, too."""
    folder = work / part.name
    folder.mkdir(parents=True)
    begin, code = time.monotonic(), 0
    try:
        commands, environment = part.command(build, folder, seconds)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return broken(f"cannot be begun: {error}", begin)
    said = folder / "output.txt"
    for argv in commands:
        try:
            code = execute(argv, said, environment, 2 * seconds + LATE) or code
        except OSError as error:
            return broken(f"{argv[0]} cannot be run: {error.strerror}", begin)
        except subprocess.TimeoutExpired as late:
            return broken(f"{argv[0]} had not ended after {late.timeout:.0f} s", begin)
    out = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
    run = proof.Run(folder, out, code, time.monotonic() - begin)
    try:
        found = part.read(run)
    except (proof.Malformed, KeyError, TypeError, AttributeError) as error:
        found = broken(f"exit code {code}; {type(error).__name__}: {error}", begin)
    if not found["ok"]:
        say("\n".join(out.splitlines()[-SAID:]))
        found["why"] = found["why"] or [f"exit code {code}"]
    found["took_seconds"] = round(run.seconds, 1)
    return found


def execute(argv, said, environment, limit):
    """Its exit code; stdout is added to the file. When time is over, or somebody does not want it
    any more, all that it has started goes with it."""
    with said.open("ab") as out, subprocess.Popen(
            argv, stdout=out, stdin=subprocess.DEVNULL, cwd=proof.ROOT, start_new_session=True,
            env={**os.environ, **environment}) as program:
        try:
            return program.wait(limit)
        except BaseException:
            end(program)
            raise


def end(program):
    """First it may tidy up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(program.pid, number)
            program.wait(20)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            pass


def make(chosen):
    """What parts build for themselves; whoever cannot be built says so when it is its turn."""
    begin = time.monotonic()
    for part in chosen:
        if part.builds:
            say(f"prove: building for the {part.name}")
            subprocess.run(part.builds, stdout=subprocess.DEVNULL, cwd=proof.ROOT, check=False)
    return time.monotonic() - begin


def broken(why, begin):
    return {"ok": False, "why": [why], "took_seconds": round(time.monotonic() - begin, 1)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--build", type=pathlib.Path, default=proof.ROOT / "build")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--figures")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.figures is None:
        options.figures = "-" if options.only else str(proof.ROOT / "docs/reliability-figures.md")
    return options


def chosen_parts(options):
    known = {part.name: part for part in proof.PARTS}
    unknown = set(options.only) - set(known)
    if unknown:
        raise SystemExit(f"there is no part {', '.join(sorted(unknown))}; there are: "
                         + ", ".join(known))
    return [part for part in proof.PARTS if not options.only or part.name in options.only]


def share_of(part, to_come, left):
    """Seconds of the part, of those that are left for it and all that come after it."""
    if not part.share:
        return 0
    return max(part.least, left * part.share / sum(each.share for each in to_come))


def prove(options, work):
    chosen = chosen_parts(options)
    result = {"minutes": options.minutes, "machine": machine(), "parts": {}}
    if options.mutants:
        say("prove: planting bugs, all of them")
        execute([*proof.MUTANTS, "--keep"], work / "mutants.txt", {}, 24 * LATE)
    result["build_seconds"] = round(make(chosen), 1)
    begin = time.monotonic()
    for number, part in enumerate(chosen):
        left = 60 * options.minutes - (time.monotonic() - begin)
        seconds = share_of(part, chosen[number:], left)
        say(f"prove: {part.name}" + (f", {seconds:.0f} s" if seconds else "") + f": {part.what}")
        found = attempt(part, options.build.resolve(), work, seconds)
        result["parts"][part.name] = found
        for why in found["why"]:
            say(f"prove: {part.name}: {why}")
    result["ok"] = all(found["ok"] for found in result["parts"].values())
    result["seconds"] = round(time.monotonic() - begin, 1)
    return result


def interrupted(number, _):
    raise SystemExit(f"prove: ended by signal {number}, with all that it had started")


def main():
    options = arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    if options.list:
        for part in proof.PARTS:
            print(f"{part.name:14} {part.what}")
        return 0
    with tempfile.TemporaryDirectory(prefix="ethlink-prove-") as scratch:
        work = (options.work or pathlib.Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        if any(work.iterdir()):
            raise SystemExit(f"{work} is not empty: --work wants a folder of its own")
        result = prove(options, work)
    text = figures.document(result)
    if options.figures != "-":
        pathlib.Path(options.figures).write_text(text, encoding="utf-8")
        say(f"prove: {options.figures} is written")
    print(json.dumps(result, indent=2) if options.json else text)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
