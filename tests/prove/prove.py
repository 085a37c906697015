#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Spends so many minutes on showing that the invariants hold, and writes down what came out.

usage: prove.py [--minutes N] [--mutants] [--json] [--only PART]... [--build DIR] [--work DIR]
                [--figures FILE] [--list]

  --minutes N    shared by simulator, fuzzers and soak; models, sanitizers and vectors take as long
                 as they take (10)
  --mutants      plant bugs, too: each must be found
  --only PART    these alone; the figures of the document are not written then
  --figures F    where the figures go (docs/reliability-figures.md); - for nowhere
  --work DIR     keep what the parts have written there

The exit code is 0 only if every part ran, was understood, and every invariant held.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import figures
import parts as proof

SAID = 40  # lines of a part that failed


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
            "cpu": cpu, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "compiler": (tell("c++", "--version").splitlines() or ["unknown"])[0]}


def attempt(part, build, work, seconds):
    """The figures of a part; what goes wrong with it is a figure, too."""
    folder = work / part.name
    folder.mkdir(parents=True)
    begin, out, code = time.monotonic(), "", 0
    try:
        commands, environment = part.command(build, folder, seconds)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return broken(f"cannot be begun: {error}", begin)
    for argv in commands:
        try:
            done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False,
                                  stderr=subprocess.STDOUT if part.share == 0 else None,
                                  errors="replace", cwd=proof.ROOT,
                                  env={**os.environ, **environment})
        except OSError as error:
            return broken(f"{argv[0]} cannot be run: {error.strerror}", begin)
        out += done.stdout
        code = code or done.returncode
    (folder / "output.txt").write_text(out, encoding="utf-8")
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


def broken(why, begin):
    return {"ok": False, "why": [why], "took_seconds": round(time.monotonic() - begin, 1)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--build", type=pathlib.Path, default=proof.ROOT / "build")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--figures", default=str(proof.ROOT / "docs/reliability-figures.md"))
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def chosen_parts(options):
    known = {part.name: part for part in (*proof.PARTS, proof.MUTANTS)}
    unknown = set(options.only) - set(known)
    if unknown:
        raise SystemExit(f"there is no part {', '.join(sorted(unknown))}; there are: "
                         + ", ".join(known))
    if options.only:
        return [known[name] for name in options.only]
    return [*proof.PARTS, *([proof.MUTANTS] if options.mutants else [])]


def prove(options, work):
    chosen = chosen_parts(options)
    shares = sum(part.share for part in chosen) or 1
    result = {"minutes": options.minutes, "machine": machine(), "parts": {}}
    for part in chosen:
        seconds = 60 * options.minutes * part.share / shares
        say(f"prove: {part.name}" + (f", {seconds:.0f} s" if seconds else "") + f": {part.what}")
        found = attempt(part, options.build.resolve(), work, seconds)
        result["parts"][part.name] = found
        for why in found["why"]:
            say(f"prove: {part.name}: {why}")
    result["ok"] = all(found["ok"] for found in result["parts"].values())
    result["seconds"] = round(sum(found["took_seconds"] for found in result["parts"].values()), 1)
    return result


def main():
    options = arguments()
    if options.list:
        for part in (*proof.PARTS, proof.MUTANTS):
            print(f"{part.name:14} {part.what}")
        return 0
    with tempfile.TemporaryDirectory(prefix="ethlink-prove-") as scratch:
        result = prove(options, options.work or pathlib.Path(scratch))
    text = figures.document(result)
    if options.figures != "-" and not options.only:
        pathlib.Path(options.figures).write_text(text, encoding="utf-8")
        say(f"prove: {options.figures} is written")
    print(json.dumps(result, indent=2) if options.json else text)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
